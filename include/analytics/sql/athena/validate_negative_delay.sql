-- Grain: one row. A line that does not parse, or lacks a timestamp, is not counted here but in the other validation.
-- Inputs: participation_logs. Bind parameters: day. Seed 003, 11.1.
SELECT
  count(*) AS negative_delay_count
FROM participation_logs
WHERE dt=?
AND (
  timestamps.finishedAt < timestamps.startedAt
  OR timestamps.startedAt < timestamps.queuedAt
  OR timestamps.finishedAt < timestamps.queuedAt
)
