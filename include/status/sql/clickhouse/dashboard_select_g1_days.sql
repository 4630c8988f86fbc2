-- Grain: a day with a report, the newest first, at most 30. Input: analytics.g1_distribution, by day of the event.
-- No parameters.
SELECT ds, sum(total_count) AS total, sumIf(total_count, is_dlq) AS dead
FROM analytics.g1_distribution
WHERE form = 'late_safe'
GROUP BY ds
ORDER BY ds DESC
LIMIT 30
