-- Grain: a symbol. What is held of it: first and last day, its newest closes (oldest first), and the days within a
-- window.
-- Inputs: daily_prices. Bind: symbols (text[]), window_start, window_end.
SELECT s.symbol, f.first_date, n.last_date, n.closes, w.dates
FROM unnest(%(symbols)s::text[]) AS s (symbol)
LEFT JOIN LATERAL (
    SELECT p.date AS first_date FROM daily_prices p WHERE p.symbol = s.symbol ORDER BY p.date LIMIT 1
) f ON true
LEFT JOIN LATERAL (
    SELECT max(newest.date) AS last_date, array_agg(newest.close ORDER BY newest.date) AS closes
    FROM (
        SELECT p.date, p.close FROM daily_prices p WHERE p.symbol = s.symbol ORDER BY p.date DESC LIMIT 10
    ) newest
) n ON true
LEFT JOIN LATERAL (
    SELECT array_agg(p.date ORDER BY p.date) AS dates
    FROM daily_prices p
    WHERE p.symbol = s.symbol AND p.date BETWEEN %(window_start)s::date AND %(window_end)s::date
) w ON true
