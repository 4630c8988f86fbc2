-- Grain: a symbol, in the order of its bytes, whatever the database's collation.
-- Inputs: symbols. Bind: symbols (text[] or null: all), active_only, first and last (of a chunk, or null: all).
SELECT symbol
FROM symbols
WHERE (%(symbols)s::text[] IS NULL OR symbol = ANY(%(symbols)s::text[]))
  AND (is_active OR NOT %(active_only)s::boolean)
  AND (%(first)s::text IS NULL OR symbol COLLATE "C" BETWEEN %(first)s::text AND %(last)s::text)
ORDER BY symbol COLLATE "C"
