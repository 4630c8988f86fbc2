-- Grain: one row, of the asked event; milliseconds. A line that does not parse belongs to no event.
-- Inputs: participation_logs. Bind parameters: day, event. Seed 003, 10.4.
SELECT
  eventId,
  approx_percentile(CAST(timestamps.startedAt - timestamps.queuedAt AS BIGINT),0.95) AS p95_queue_delay_ms,
  approx_percentile(CAST(timestamps.finishedAt - timestamps.queuedAt AS BIGINT),0.95) AS p95_e2e_delay_ms
FROM participation_logs
WHERE dt=?
AND eventId=?
GROUP BY eventId
