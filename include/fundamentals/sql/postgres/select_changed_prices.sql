-- Grain: a symbol that has a price without averages, or one that is newer than its averages; and from which day on its
-- averages are to be computed.
-- Inputs: daily_prices, daily_ma. Bind: symbols (text[]), force.
SELECT p.symbol, min(p.date) AS date
FROM daily_prices p
LEFT JOIN daily_ma m ON m.symbol = p.symbol AND m.date = p.date
WHERE p.symbol = ANY(%(symbols)s::text[])
  AND (%(force)s::boolean OR m.symbol IS NULL OR p.updated_at > m.updated_at)
GROUP BY p.symbol
