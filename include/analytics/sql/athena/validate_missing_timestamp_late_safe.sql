-- Grain: one row. An event's day is that of any timestamp it has, else that of its arrival. Only lines that parse.
-- Inputs: participation_logs. Bind parameters: day, last_day, start_ms, end_ms, day.
SELECT
  count(*) AS missing_timestamp_count
FROM participation_logs
WHERE dt BETWEEN ? AND ?
AND eventId IS NOT NULL
AND (
  timestamps.queuedAt IS NULL
  OR timestamps.startedAt IS NULL
  OR timestamps.finishedAt IS NULL
)
AND (
  (
    coalesce(timestamps.queuedAt, timestamps.startedAt, timestamps.finishedAt) >= ?
    AND coalesce(timestamps.queuedAt, timestamps.startedAt, timestamps.finishedAt) < ?
  )
  OR (coalesce(timestamps.queuedAt, timestamps.startedAt, timestamps.finishedAt) IS NULL AND dt=?)
)
