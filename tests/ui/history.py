"""A year of executions and quality metrics in the fundamentals database, the same for the same seed and day."""

from __future__ import annotations

from include.clients.postgres import Postgres

_EXECUTIONS = """
INSERT INTO etl_executions (dag_id, run_id, task_id, job_name, start_time, end_time, status, records_processed,
                            records_failed, error_message)
SELECT dag_id, 'year__' || to_char(at, 'YYYY-MM-DD"T"HH24:MI'), 'task_' || task, dag_id, at, at + tasks * '7 s'::interval,
       CASE WHEN bad THEN 'failed' ELSE 'completed' END,
       CASE WHEN bad THEN 0 ELSE floor(records * (0.5 + luck)) END,
       CASE WHEN luck < 0.02 THEN 1 + floor(100 * luck) ELSE 0 END,
       CASE WHEN bad THEN 'WarehouseUnavailable: ClickHouse did not answer within 30 s. Clear the task once it is back.' END
FROM (
    SELECT plan.*, task, at, random() AS luck, random() < plan.failing AS bad
    FROM (VALUES
        ('prices_daily', '1 day'::interval, 60, 21000, 0.004), ('prices_on_event', '6 hours', 4, 400, 0.002),
        ('load_market', '15 minutes', 2, 180, 0.001), ('load_customer', '15 minutes', 3, 950, 0.001),
        ('load_product', '15 minutes', 2, 90, 0.001), ('load_analytics', '15 minutes', 3, 60, 0.0005),
        ('g1_metrics', '1 day', 8, 12000, 0.01), ('fundamentals_daily', '1 day', 40, 8000, 0.006),
        ('fundamentals_weekly', '7 days', 90, 9000, 0.01)
    ) AS plan (dag_id, every, tasks, records, failing),
    generate_series(date_trunc('day', now()) - '364 days'::interval, now(), plan.every) AS at,
    generate_series(1, plan.tasks) AS task
) AS tries
ON CONFLICT DO NOTHING
"""
_QUALITY = """
INSERT INTO data_quality_metrics (job_name, dag_id, run_id, measured_at, total_records, valid_records, invalid_records,
                                  missing_fields, duplicate_records, data_freshness)
SELECT job, dag_id, 'year__' || at, at, 8000, 8000 - bad, bad, CASE WHEN bad > 9 THEN '{volume,open}'::text[] ELSE '{}' END,
       bad / 5, at - '3 hours'::interval
FROM (
    SELECT job, dag_id, at, floor(random() * random() * 14)::int AS bad
    FROM (VALUES ('load_symbols', 'fundamentals_weekly'), ('load_daily_prices', 'fundamentals_daily'),
                 ('build_daily_ma', 'fundamentals_daily'), ('load_ratios', 'fundamentals_weekly')) AS jobs (job, dag_id),
    generate_series(now() - '364 days'::interval, now(), '1 day'::interval) AS at
) AS measured
"""


def write_year(postgres: Postgres) -> int:
    """Write the year; return how many executions it has."""
    with postgres.connection() as connection:
        connection.execute("SELECT setseed(0.2026)")
        written = connection.execute(_EXECUTIONS).rowcount
        connection.execute(_QUALITY)
    with postgres.connection() as connection:
        connection.execute("ANALYZE etl_executions")
    return written
