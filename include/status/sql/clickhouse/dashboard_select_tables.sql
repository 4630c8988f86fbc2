-- Grain: a table that the dashboard asks and that is there. Input: system.tables.
-- Parameters: names (Array(String), `<database>.<table>`).
SELECT concat(database, '.', name) AS name
FROM system.tables
WHERE concat(database, '.', name) IN {names:Array(String)}
