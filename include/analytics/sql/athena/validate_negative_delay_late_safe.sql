-- Grain: one row, of the requests queued within the day. Only lines that parse.
-- Inputs: participation_logs. Bind parameters: day, last_day, start_ms, end_ms.
SELECT
  count(*) AS negative_delay_count
FROM participation_logs
WHERE dt BETWEEN ? AND ?
AND eventId IS NOT NULL
AND timestamps.queuedAt >= ?
AND timestamps.queuedAt < ?
AND (
  timestamps.finishedAt < timestamps.startedAt
  OR timestamps.startedAt < timestamps.queuedAt
  OR timestamps.finishedAt < timestamps.queuedAt
)
