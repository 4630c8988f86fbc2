-- Grain: one row a request queued within the day that has more than one event, at most 20; the totals of all such
-- requests stand in each row.
-- Inputs: participation_logs. Bind parameters: day, last_day, start_ms, end_ms.
SELECT
  requestId,
  event_count,
  count(*) OVER () AS doubled_count,
  sum(event_count - 1) OVER () AS extra_count
FROM (
  SELECT
    requestId,
    count(*) AS event_count
  FROM participation_logs
  WHERE dt BETWEEN ? AND ?
  AND eventId IS NOT NULL
  AND requestId IS NOT NULL
  AND timestamps.queuedAt >= ?
  AND timestamps.queuedAt < ?
  GROUP BY requestId
  HAVING count(*) > 1
) AS doubled
ORDER BY requestId
LIMIT 20
