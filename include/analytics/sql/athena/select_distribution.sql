-- Grain: one row a result code and way of delivery. A line that does not parse counts, without a code.
-- The ratio has one digit only: of decimal(n,1) by bigint Athena makes decimal(m,1) before it rounds.
-- Inputs: participation_logs. Bind parameters: day. Seed 003, 10.3.
SELECT
  resultCode,
  delivery.isDlq,
  count(*) AS total_count,
  round(count(*)*100.0/sum(count(*)) over(),2) AS ratio_percent
FROM participation_logs
WHERE dt=?
GROUP BY 1,2
ORDER BY total_count DESC
