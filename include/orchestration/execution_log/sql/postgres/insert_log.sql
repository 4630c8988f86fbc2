-- Grain: one line of the log. Bind: execution_id, job_name, timestamp, level, message, metadata (JSON text).
INSERT INTO etl_logs (execution_id, job_name, timestamp, level, message, metadata)
VALUES (%(execution_id)s, %(job_name)s, %(timestamp)s, %(level)s, %(message)s, %(metadata)s::jsonb)
