-- Grain: what an earlier attempt measured of a job in a run.
-- Inputs: data_quality_metrics. Bind: job_name, dag_id, run_id.
DELETE FROM data_quality_metrics
WHERE job_name = %(job_name)s AND dag_id = %(dag_id)s AND run_id = %(run_id)s
