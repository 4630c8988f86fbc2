-- Grain: one row a minute of queuedAt (UTC) within the day, whenever the event arrived. Only lines that parse.
-- A request counts once, however often its event was published: the copies are the same.
-- Inputs: participation_logs. Bind parameters: day, last_day, start_ms, end_ms.
SELECT
  date_trunc('minute', from_unixtime(queuedAt/1000)) AS min_time,
  count(*) AS traffic_per_min
FROM (
  SELECT
    requestId,
    min(timestamps.queuedAt) AS queuedAt
  FROM participation_logs
  WHERE dt BETWEEN ? AND ?
  AND eventId IS NOT NULL
  AND requestId IS NOT NULL
  AND timestamps.queuedAt >= ?
  AND timestamps.queuedAt < ?
  GROUP BY requestId
) AS requests
GROUP BY 1
ORDER BY min_time DESC
