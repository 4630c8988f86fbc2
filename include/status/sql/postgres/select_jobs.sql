-- Grain: one job in one DAG. Every pair that the log has, found by jumps in an index and not by reading it all.
-- Bind: nothing.
WITH RECURSIVE pairs AS (
    (SELECT job_name, dag_id FROM etl_executions ORDER BY job_name, dag_id LIMIT 1)
    UNION ALL
    SELECT later.job_name, later.dag_id
    FROM pairs
    CROSS JOIN LATERAL (
        SELECT job_name, dag_id
        FROM etl_executions
        WHERE (job_name, dag_id) > (pairs.job_name, pairs.dag_id)
        ORDER BY job_name, dag_id
        LIMIT 1
    ) AS later
)

SELECT job_name, dag_id FROM pairs
