-- Grain: one row, the event with the most requests of the day's partitions; the delay query's target by default.
-- Inputs: participation_logs. Bind parameters: day.
SELECT
  eventId,
  count(*) AS total_count
FROM participation_logs
WHERE dt=?
AND eventId IS NOT NULL
GROUP BY eventId
ORDER BY total_count DESC, eventId
LIMIT 1
