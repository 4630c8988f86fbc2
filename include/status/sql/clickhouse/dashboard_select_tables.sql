-- Grain: a table that is there, of those that are asked for. Input: system.tables.
-- Parameters: names (Array(String), `<database>.<table>`).
SELECT concat(database, '.', name) AS full_name
FROM system.tables
WHERE concat(database, '.', name) IN {names:Array(String)}
