-- Grain: one row, of the lines that arrived on the day. ahead_count: requests queued after the day's end by their
-- own clock. duplicate_count: lines beyond the first of their request.
-- Inputs: participation_logs. Bind parameters: end_ms, day.
SELECT
  count(*) AS line_count,
  count(eventId) AS event_count,
  count(*) - count(requestId) AS malformed_count,
  count(DISTINCT requestId) AS request_count,
  count(requestId) - count(DISTINCT requestId) AS duplicate_count,
  coalesce(sum(CASE WHEN delivery.isDlq THEN 1 ELSE 0 END),0) AS dlq_count,
  coalesce(sum(CASE WHEN timestamps.queuedAt >= ? THEN 1 ELSE 0 END),0) AS ahead_count
FROM participation_logs
WHERE dt=?
