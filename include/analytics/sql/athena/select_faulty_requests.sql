-- Grain: one row an event of the day (of its arrival, or of any of its timestamps) that a validation refuses,
-- at most 20 a fault.
-- Inputs: participation_logs. Bind parameters: day, last_day, day, start_ms, end_ms.
SELECT
  fault,
  requestId,
  queuedAt,
  startedAt,
  finishedAt
FROM (
  SELECT
    fault,
    requestId,
    queuedAt,
    startedAt,
    finishedAt,
    row_number() OVER (PARTITION BY fault ORDER BY requestId) AS place
  FROM (
    SELECT
      CASE
        WHEN timestamps.queuedAt IS NULL
          OR timestamps.startedAt IS NULL
          OR timestamps.finishedAt IS NULL THEN 'missing_timestamp'
        WHEN timestamps.finishedAt < timestamps.startedAt
          OR timestamps.startedAt < timestamps.queuedAt
          OR timestamps.finishedAt < timestamps.queuedAt THEN 'negative_delay'
      END AS fault,
      requestId,
      timestamps.queuedAt AS queuedAt,
      timestamps.startedAt AS startedAt,
      timestamps.finishedAt AS finishedAt
    FROM participation_logs
    WHERE dt BETWEEN ? AND ?
    AND requestId IS NOT NULL
    AND (
      dt=?
      OR (
        coalesce(timestamps.queuedAt, timestamps.startedAt, timestamps.finishedAt) >= ?
        AND coalesce(timestamps.queuedAt, timestamps.startedAt, timestamps.finishedAt) < ?
      )
    )
  ) AS judged
  WHERE fault IS NOT NULL
) AS placed
WHERE place <= 20
ORDER BY fault, requestId
