-- Grain: one row an hour of arrival and minute of finishedAt (UTC). A line that does not parse counts, without a minute.
-- Inputs: participation_logs. Bind parameters: day. Seed 003, 10.2.
SELECT
  dt,
  hour,
  date_trunc('minute', from_unixtime(timestamps.finishedAt/1000)) AS min_time,
  count(*) AS throughput_per_min
FROM participation_logs
WHERE dt=?
GROUP BY 1,2,3
ORDER BY min_time DESC
