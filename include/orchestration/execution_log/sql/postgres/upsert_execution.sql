-- Grain: one try of one task. Inputs: what its process (or the API, for a state set by hand) says of it.
-- Bind: dag_id, run_id, task_id, map_index, try_number, job_name, start_time, end_time, status, processed, failed
--   (both null where nothing was reported), error, metadata (JSON text).
-- A late "running" never reopens a row that has ended; counts and times that are not said again are kept.
INSERT INTO etl_executions AS kept (
    dag_id, run_id, task_id, map_index, try_number, job_name, start_time, end_time, status,
    records_processed, records_failed, error_message, metadata
)
VALUES (
    %(dag_id)s, %(run_id)s, %(task_id)s, %(map_index)s, %(try_number)s, %(job_name)s, %(start_time)s,
    %(end_time)s, %(status)s, coalesce(%(processed)s::bigint, 0), coalesce(%(failed)s::bigint, 0),
    %(error)s, %(metadata)s::jsonb
)
ON CONFLICT (dag_id, run_id, task_id, map_index, try_number) DO UPDATE SET
    start_time = CASE
        WHEN excluded.status = 'running' OR kept.status = 'running' THEN least(kept.start_time, excluded.start_time)
        ELSE kept.start_time
    END,
    end_time = CASE WHEN excluded.status = 'running' THEN kept.end_time ELSE excluded.end_time END,
    status = CASE WHEN excluded.status = 'running' THEN kept.status ELSE excluded.status END,
    records_processed = coalesce(%(processed)s::bigint, kept.records_processed),
    records_failed = coalesce(%(failed)s::bigint, kept.records_failed),
    error_message = CASE
        WHEN excluded.status = 'running' THEN kept.error_message
        WHEN excluded.status = 'failed' THEN coalesce(excluded.error_message, kept.error_message)
    END,
    metadata = kept.metadata || excluded.metadata
RETURNING id, (xmax = 0) AS is_new
