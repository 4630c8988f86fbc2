-- Grain: a bucket of time (UTC) and DAG with at least one execution. Input: etl_executions.
-- Parameters: since (timestamptz), bucket (interval), dags (text[]). Buckets are counted from `since`.
SELECT
    date_bin(%(bucket)s, start_time, %(since)s) AS bucket,
    dag_id,
    count(*) FILTER (WHERE status IN ('completed', 'failed')) AS tries,
    count(*) FILTER (WHERE status = 'failed') AS failed_tries,
    sum(records_processed)::bigint AS records_processed,
    sum(records_failed)::bigint AS records_failed
FROM etl_executions
WHERE start_time >= %(since)s AND dag_id = ANY(%(dags)s)
GROUP BY 1, 2
ORDER BY 1, 2
