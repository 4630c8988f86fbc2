-- Grain: one row a request that has an event on the days that are read, whatever the event says of its day. Its
-- result is read as a file: it is as long as the days have requests.
-- Inputs: participation_logs. Bind parameters: day, last_day.
SELECT DISTINCT
  requestId
FROM participation_logs
WHERE dt BETWEEN ? AND ?
AND requestId IS NOT NULL
