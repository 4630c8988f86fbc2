-- Grain: a job in a run (seed 004, "Data Quality Metrics").
-- Inputs: none. Bind: every column but id.
INSERT INTO data_quality_metrics (
    job_name, dag_id, run_id, measured_at, total_records, valid_records, invalid_records, missing_fields,
    duplicate_records, data_freshness
) VALUES (
    %(job_name)s, %(dag_id)s, %(run_id)s, %(measured_at)s, %(total_records)s, %(valid_records)s,
    %(invalid_records)s, %(missing_fields)s, %(duplicate_records)s, %(data_freshness)s
)
