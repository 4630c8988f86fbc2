-- Grain: one job and level. Bind: after, upto (ids; the first is not counted, the second is).
SELECT job_name, level, count(*) AS lines
FROM etl_logs
WHERE id > %(after)s AND id <= %(upto)s
GROUP BY job_name, level
