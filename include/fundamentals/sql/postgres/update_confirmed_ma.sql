-- Grain: averages that are older than their price, and were just computed again with the same result: the price changed
-- in what no average shows (its volume). They are marked, so that they are not computed at each run from now on.
-- Inputs: daily_ma, daily_prices. Bind: symbols (text[]).
UPDATE daily_ma m
SET updated_at = now()
FROM daily_prices p
WHERE m.symbol = ANY(%(symbols)s::text[])
  AND p.symbol = m.symbol AND p.date = m.date AND p.updated_at > m.updated_at
