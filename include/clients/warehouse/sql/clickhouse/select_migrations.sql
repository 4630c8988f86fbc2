-- Grain: one row a migration that was applied. Binds: table_name (String).
SELECT name
FROM <domain>.migrations FINAL
WHERE table_name = {table_name:String}
