-- Grain: one row an hour of arrival and minute of queuedAt (UTC). A line that does not parse counts, without a minute.
-- Inputs: participation_logs. Bind parameters: day. Seed 003, 10.1.
SELECT
  dt,
  hour,
  date_trunc('minute', from_unixtime(timestamps.queuedAt/1000)) AS min_time,
  count(*) AS traffic_per_min
FROM participation_logs
WHERE dt=?
GROUP BY 1,2,3
ORDER BY min_time DESC
