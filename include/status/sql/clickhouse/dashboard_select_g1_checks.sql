-- Grain: a check of the day. Input: analytics.g1_checks.
-- Parameters: ds (Date).
SELECT name, value, outcome, note
FROM analytics.g1_checks
WHERE ds = {ds:Date}
ORDER BY outcome = 'ok', name
