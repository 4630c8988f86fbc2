-- Grain: one row a minute of finishedAt (UTC) within the day, whenever the event arrived. Only lines that parse.
-- Inputs: participation_logs. Bind parameters: day, last_day, start_ms, end_ms.
SELECT
  date_trunc('minute', from_unixtime(timestamps.finishedAt/1000)) AS min_time,
  count(*) AS throughput_per_min
FROM participation_logs
WHERE dt BETWEEN ? AND ?
AND eventId IS NOT NULL
AND timestamps.finishedAt >= ?
AND timestamps.finishedAt < ?
GROUP BY 1
ORDER BY min_time DESC
