-- Grain: one job. Inputs: the last try of each of its tasks in its newest run.
-- Bind: jobs and dags (two arrays of the same length: the pairs that the user may read).
WITH newest AS (
    SELECT DISTINCT ON (pair.job_name) pair.job_name, pair.dag_id, last.run_id
    FROM unnest(%(jobs)s::text [], %(dags)s::text []) AS pair (job_name, dag_id)
    CROSS JOIN LATERAL (
        SELECT run_id, start_time
        FROM etl_executions
        WHERE job_name = pair.job_name AND dag_id = pair.dag_id
        ORDER BY start_time DESC
        LIMIT 1
    ) AS last
    ORDER BY pair.job_name, last.start_time DESC
),

tries AS (
    SELECT DISTINCT ON (newest.job_name, run.task_id, run.map_index)
        newest.job_name, run.status, run.start_time
    FROM newest
    INNER JOIN etl_executions AS run
        ON run.dag_id = newest.dag_id AND run.run_id = newest.run_id AND run.job_name = newest.job_name
    ORDER BY newest.job_name, run.task_id, run.map_index, run.try_number DESC
)

SELECT
    job_name,
    min(start_time) AS last_run,
    CASE
        WHEN bool_or(status = 'failed') THEN 'failed'
        WHEN bool_or(status = 'running') THEN 'running'
        ELSE 'success'
    END AS status
FROM tries
GROUP BY job_name
ORDER BY job_name
