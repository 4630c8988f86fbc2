-- Grain: one measurement of a job. Bind: job_name, dag_id, run_id, measured_at, total, valid, missing_fields, duplicates,
--   freshness.
INSERT INTO data_quality_metrics (
    job_name, dag_id, run_id, measured_at, total_records, valid_records, invalid_records, missing_fields,
    duplicate_records, data_freshness
)
VALUES (
    %(job_name)s, %(dag_id)s, %(run_id)s, %(measured_at)s, %(total)s, %(valid)s, %(total)s - %(valid)s,
    %(missing_fields)s, %(duplicates)s, %(freshness)s
)
