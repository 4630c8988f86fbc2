-- Grain: an exchange. How many active symbols are known.
-- Inputs: symbols. Bind: none.
SELECT exchange, count(*) AS known
FROM symbols
WHERE is_active
GROUP BY exchange
