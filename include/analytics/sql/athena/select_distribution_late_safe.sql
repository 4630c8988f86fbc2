-- Grain: one row a result code and way of delivery, of the requests queued within the day. Only lines that parse.
-- A request counts once, however often its event was published: the copies are the same.
-- 100e0, a double: the seed's 100.0 is a decimal, whose quotient has one digit after the point.
-- Inputs: participation_logs. Bind parameters: day, last_day, start_ms, end_ms.
SELECT
  resultCode,
  isDlq,
  count(*) AS total_count,
  round(count(*)*100e0/sum(count(*)) over(),2) AS ratio_percent
FROM (
  SELECT
    requestId,
    min(resultCode) AS resultCode,
    bool_or(delivery.isDlq) AS isDlq
  FROM participation_logs
  WHERE dt BETWEEN ? AND ?
  AND eventId IS NOT NULL
  AND requestId IS NOT NULL
  AND timestamps.queuedAt >= ?
  AND timestamps.queuedAt < ?
  GROUP BY requestId
) AS requests
GROUP BY 1,2
ORDER BY total_count DESC
