-- Grain: a failed try, the newest first, at most `count`. Input: etl_executions.
-- Parameters: since (timestamptz), dags (text[]), count (int).
SELECT dag_id, run_id, task_id, map_index, try_number, coalesce(end_time, start_time) AS ended_at, error_message
FROM etl_executions
WHERE status = 'failed' AND start_time >= %(since)s AND dag_id = ANY(%(dags)s)
ORDER BY start_time DESC
LIMIT %(count)s
