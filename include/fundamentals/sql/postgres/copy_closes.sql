-- Grain: a close of a symbol whose averages are to be computed, from as many sessions before the first changed day as
-- the longest average reaches back.
-- Inputs: daily_prices. Bind: symbols (text[]), changed (date[], of the same length), reach.
COPY (
    SELECT p.symbol, p.date, p.close
    FROM unnest(%(symbols)s::text[], %(changed)s::date[]) AS c (symbol, changed_from)
    CROSS JOIN LATERAL (
        SELECT coalesce(min(b.date), c.changed_from) AS since
        FROM (
            SELECT q.date
            FROM daily_prices q
            WHERE q.symbol = c.symbol AND q.date < c.changed_from
            ORDER BY q.date DESC
            LIMIT %(reach)s
        ) b
    ) w
    JOIN daily_prices p ON p.symbol = c.symbol AND p.date >= w.since
    ORDER BY p.symbol, p.date
) TO STDOUT (FORMAT csv, HEADER)
