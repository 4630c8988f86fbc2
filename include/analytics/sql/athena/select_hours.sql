-- Grain: one row an hour of arrival that has lines.
-- Inputs: participation_logs. Bind parameters: day.
SELECT
  hour,
  count(*) AS line_count
FROM participation_logs
WHERE dt=?
GROUP BY hour
ORDER BY hour
