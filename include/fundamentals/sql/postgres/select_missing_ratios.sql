-- Grain: a symbol that has no ratios of the day.
-- Inputs: ratios. Bind: symbols (text[]), as_of.
SELECT s.symbol
FROM unnest(%(symbols)s::text[]) AS s (symbol)
WHERE NOT EXISTS (SELECT FROM ratios r WHERE r.symbol = s.symbol AND r.as_of = %(as_of)s::date)
