-- Grain: one line of the log, the newest first. Each job's lines come from an index in that order.
-- Bind: jobs (array: those asked for that the user may read), level (or null), first (lines before the page), count.
WITH page AS (
    SELECT line.id, line.timestamp
    FROM unnest(%(jobs)s::text []) AS wanted (job_name)
    CROSS JOIN LATERAL (
        SELECT id, timestamp
        FROM etl_logs
        WHERE job_name = wanted.job_name AND (%(level)s::text IS NULL OR level = %(level)s)
        ORDER BY timestamp DESC, id DESC
        LIMIT %(first)s::bigint + %(count)s::bigint
    ) AS line
    ORDER BY line.timestamp DESC, line.id DESC
    LIMIT %(count)s OFFSET %(first)s
)

SELECT
    line.timestamp,
    line.level,
    line.message,
    line.job_name,
    line.metadata,
    run.dag_id,
    run.run_id,
    run.task_id,
    run.map_index,
    run.try_number
FROM page
INNER JOIN etl_logs AS line ON line.id = page.id
LEFT JOIN etl_executions AS run ON run.id = line.execution_id
ORDER BY line.timestamp DESC, line.id DESC
