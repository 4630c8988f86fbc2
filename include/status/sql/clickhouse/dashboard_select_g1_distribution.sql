-- Grain: a result of requests of the day. Input: analytics.g1_distribution, by day of the event.
-- Parameters: ds (Date).
SELECT result_code, is_dlq, total_count, ratio_percent
FROM analytics.g1_distribution
WHERE ds = {ds:Date} AND form = 'late_safe'
ORDER BY total_count DESC, result_code
LIMIT 12
