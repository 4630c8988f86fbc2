-- Grain: a job, its newest measurement. Input: data_quality_metrics.
-- Parameters: since (timestamptz), dags (text[]).
SELECT DISTINCT ON (job_name)
    job_name, dag_id, measured_at, total_records, valid_records, invalid_records, missing_fields, duplicate_records,
    data_freshness
FROM data_quality_metrics
WHERE measured_at >= %(since)s AND dag_id = ANY(%(dags)s)
ORDER BY job_name, measured_at DESC
