-- Grain: one row, of the requests queued within the day, whenever their events arrived. Asked last: it differs from
-- the late-safe traffic where events arrived while the day was read. late_count: events that arrived on a later day.
-- total_count: events; request_count: requests.
-- Inputs: participation_logs. Bind parameters: day, day, last_day, start_ms, end_ms.
SELECT
  count(*) AS total_count,
  count(DISTINCT requestId) AS request_count,
  coalesce(sum(CASE WHEN dt > ? THEN 1 ELSE 0 END),0) AS late_count
FROM participation_logs
WHERE dt BETWEEN ? AND ?
AND eventId IS NOT NULL
AND requestId IS NOT NULL
AND timestamps.queuedAt >= ?
AND timestamps.queuedAt < ?
