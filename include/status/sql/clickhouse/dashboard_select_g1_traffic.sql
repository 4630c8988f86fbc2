-- Grain: a stretch of `step` minutes (UTC) of the day. Inputs: analytics.g1_traffic, analytics.g1_throughput.
-- Parameters: ds (Date), step (UInt32). Both are a mean by minute of the stretch; a minute without rows is 0.
SELECT
    toStartOfInterval(min_time, toIntervalMinute({step:UInt32})) AS at,
    sum(traffic) / {step:UInt32} AS traffic_per_min,
    sum(throughput) / {step:UInt32} AS throughput_per_min
FROM
(
    SELECT min_time, traffic_per_min AS traffic, 0 AS throughput FROM analytics.g1_traffic
    WHERE ds = {ds:Date} AND form = 'late_safe'
    UNION ALL
    SELECT min_time, 0 AS traffic, throughput_per_min AS throughput FROM analytics.g1_throughput
    WHERE ds = {ds:Date} AND form = 'late_safe'
)
GROUP BY at
ORDER BY at
