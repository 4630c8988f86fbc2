-- Grain: a bucket of time (UTC) and job with a measurement. Input: data_quality_metrics.
-- Parameters: since (timestamptz), bucket (interval), dags (text[]). Buckets are counted from `since`.
SELECT
    date_bin(%(bucket)s, measured_at, %(since)s) AS bucket,
    job_name,
    sum(total_records)::bigint AS total_records,
    sum(valid_records)::bigint AS valid_records
FROM data_quality_metrics
WHERE measured_at >= %(since)s AND dag_id = ANY(%(dags)s)
GROUP BY 1, 2
ORDER BY 1, 2
