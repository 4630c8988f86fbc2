-- Grain: a table of the fundamentals database. Inputs: the four tables of fundamentals, each by an index or small.
-- No parameters. newest: the youngest day (UTC) that the table has; null while it is empty.
SELECT 'symbols' AS name, (SELECT max(updated_at)::timestamptz FROM symbols) AS newest
UNION ALL SELECT 'daily_prices', (SELECT max(date)::timestamp AT TIME ZONE 'UTC' FROM daily_prices)
UNION ALL SELECT 'daily_ma', (SELECT max(date)::timestamp AT TIME ZONE 'UTC' FROM daily_ma)
UNION ALL SELECT 'ratios', (SELECT max(as_of)::timestamp AT TIME ZONE 'UTC' FROM ratios)
