-- Grain: one row a column of the table's rows, and of its view. Binds: domain, names (Array(String)).
SELECT table, name, type
FROM system.columns
WHERE database = {domain:String} AND has({names:Array(String)}, table)
