-- Grain: a stretch of `step` minutes (UTC) of the day. Input: analytics.g1_delay_by_minute, milliseconds.
-- Parameters: ds (Date), step (UInt32). Each is the worst minute of the stretch: percentiles cannot be averaged.
SELECT
    toStartOfInterval(min_time, toIntervalMinute({step:UInt32})) AS at,
    max(p50_e2e_delay_ms) AS p50_ms,
    max(p95_e2e_delay_ms) AS p95_ms,
    max(p99_e2e_delay_ms) AS p99_ms
FROM analytics.g1_delay_by_minute
WHERE ds = {ds:Date}
GROUP BY at
ORDER BY at
