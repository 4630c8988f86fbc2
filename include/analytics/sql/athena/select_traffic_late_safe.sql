-- Grain: one row a minute of queuedAt (UTC) within the day, whenever the event arrived. Only lines that parse.
-- Inputs: participation_logs. Bind parameters: day, last_day, start_ms, end_ms.
SELECT
  date_trunc('minute', from_unixtime(timestamps.queuedAt/1000)) AS min_time,
  count(*) AS traffic_per_min
FROM participation_logs
WHERE dt BETWEEN ? AND ?
AND eventId IS NOT NULL
AND timestamps.queuedAt >= ?
AND timestamps.queuedAt < ?
GROUP BY 1
ORDER BY min_time DESC
