-- Grain: one row an event (a line of NDJSON); a line that does not parse is a row of NULLs.
-- Inputs: s3://<bucket>/events/dt=YYYY-MM-DD/hour=HH/ (UTC hour of arrival). Names: <bucket>. No bind parameters.
-- The same table with projected partitions: Athena computes them, none is ever added (seed 003, 9.2, G2).
CREATE EXTERNAL TABLE IF NOT EXISTS participation_logs (
  schemaVersion int,
  env string,
  eventId string,
  requestId string,
  eventType string,
  finalStatus string,
  resultCode string,
  timestamps struct<
    queuedAt:bigint,
    startedAt:bigint,
    finishedAt:bigint
  >,
  delivery struct<
    attempt:int,
    isDlq:boolean
  >,
  failure struct<
    failureClass:string,
    errorCode:string,
    errorMessage:string
  >,
  meta struct<
    workerId:string
  >
)
PARTITIONED BY (dt string, hour string)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
WITH SERDEPROPERTIES (
  'ignore.malformed.json'='true'
)
LOCATION 's3://<bucket>/events/'
TBLPROPERTIES (
  'projection.enabled'='true',
  'projection.dt.type'='date',
  'projection.dt.format'='yyyy-MM-dd',
  'projection.dt.range'='2026-01-01,NOW',
  'projection.dt.interval'='1',
  'projection.dt.interval.unit'='DAYS',
  'projection.hour.type'='integer',
  'projection.hour.range'='0,23',
  'projection.hour.digits'='2'
)
