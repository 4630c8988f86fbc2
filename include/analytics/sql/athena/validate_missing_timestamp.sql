-- Grain: one row. A line that does not parse has no timestamps and is counted.
-- Inputs: participation_logs. Bind parameters: day. Seed 003, 11.2.
SELECT
  count(*) AS missing_timestamp_count
FROM participation_logs
WHERE dt=?
AND (
  timestamps.queuedAt IS NULL
  OR timestamps.startedAt IS NULL
  OR timestamps.finishedAt IS NULL
)
