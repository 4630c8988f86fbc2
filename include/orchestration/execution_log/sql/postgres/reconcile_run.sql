-- Grain: one try of one task of a run that has ended. Inputs: Airflow's own states of the run's last tries.
-- Bind: rows (JSON text: a list of objects named as the columns), dag_id, run_id, now.
-- Airflow's state is the truth; what a task said of itself (counts, error, times) is kept. Tries of before that are
-- still "running" were killed. One line of the log for each row that had to be corrected to "failed".
WITH told AS (
    SELECT *
    FROM jsonb_to_recordset(%(rows)s::jsonb) AS told (
        task_id text, map_index integer, try_number integer, job_name text, start_time timestamptz,
        end_time timestamptz, status text, error text, metadata jsonb
    )
),

corrected AS (
    INSERT INTO etl_executions AS kept (
        dag_id, run_id, task_id, map_index, try_number, job_name, start_time, end_time, status, error_message,
        metadata
    )
    SELECT
        %(dag_id)s, %(run_id)s, task_id, map_index, try_number, job_name,
        coalesce(start_time, end_time, %(now)s), coalesce(end_time, %(now)s), status, error, metadata
    FROM told
    ON CONFLICT (dag_id, run_id, task_id, map_index, try_number) DO UPDATE SET
        status = excluded.status,
        end_time = coalesce(kept.end_time, excluded.end_time),
        error_message = CASE
            WHEN excluded.status = 'failed' THEN coalesce(kept.error_message, excluded.error_message)
        END,
        metadata = kept.metadata || excluded.metadata
    WHERE kept.status <> excluded.status
    RETURNING id, job_name, task_id, map_index, try_number, end_time, status, error_message
),

killed AS (
    UPDATE etl_executions AS lost SET
        status = 'failed',
        end_time = coalesce((
            SELECT min(later.start_time)
            FROM etl_executions AS later
            WHERE later.dag_id = lost.dag_id AND later.run_id = lost.run_id AND later.task_id = lost.task_id
                AND later.map_index = lost.map_index AND later.try_number > lost.try_number
        ), %(now)s),
        error_message = coalesce(lost.error_message, %(lost)s),
        metadata = lost.metadata || '{"reconciled": true}'
    WHERE lost.dag_id = %(dag_id)s AND lost.run_id = %(run_id)s AND lost.status = 'running'
        AND NOT EXISTS (
            SELECT 1 FROM told
            WHERE told.task_id = lost.task_id AND told.map_index = lost.map_index
                AND told.try_number = lost.try_number
        )
    RETURNING id, job_name, task_id, map_index, try_number, end_time, status, error_message
)

INSERT INTO etl_logs (execution_id, job_name, timestamp, level, message)
SELECT
    id, job_name, end_time, 'error',
    task_id || CASE WHEN map_index >= 0 THEN '[' || map_index || ']' ELSE '' END || ' failed: ' || error_message
FROM (SELECT * FROM corrected UNION ALL SELECT * FROM killed) AS found
WHERE status = 'failed'
