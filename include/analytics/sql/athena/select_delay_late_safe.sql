-- Grain: one row an event, of its requests queued within the day; milliseconds. Only lines that parse.
-- A request counts once, however often its event was published: the copies are the same.
-- Inputs: participation_logs. Bind parameters: day, last_day, start_ms, end_ms.
SELECT
  eventId,
  approx_percentile(startedAt - queuedAt,0.50) AS p50_queue_delay_ms,
  approx_percentile(startedAt - queuedAt,0.95) AS p95_queue_delay_ms,
  approx_percentile(startedAt - queuedAt,0.99) AS p99_queue_delay_ms,
  approx_percentile(finishedAt - queuedAt,0.50) AS p50_e2e_delay_ms,
  approx_percentile(finishedAt - queuedAt,0.95) AS p95_e2e_delay_ms,
  approx_percentile(finishedAt - queuedAt,0.99) AS p99_e2e_delay_ms,
  count(*) AS total_count
FROM (
  SELECT
    requestId,
    min(eventId) AS eventId,
    min(timestamps.queuedAt) AS queuedAt,
    min(timestamps.startedAt) AS startedAt,
    min(timestamps.finishedAt) AS finishedAt
  FROM participation_logs
  WHERE dt BETWEEN ? AND ?
  AND eventId IS NOT NULL
  AND requestId IS NOT NULL
  AND timestamps.queuedAt >= ?
  AND timestamps.queuedAt < ?
  GROUP BY requestId
) AS requests
GROUP BY 1
ORDER BY total_count DESC, eventId
