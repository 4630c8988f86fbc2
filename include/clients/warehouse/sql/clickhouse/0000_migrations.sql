-- Grain: one row a migration that was applied for a table. Names: <domain>.
CREATE DATABASE IF NOT EXISTS <domain>;

CREATE TABLE IF NOT EXISTS <domain>.migrations
(
    table_name String,
    name       String,
    applied_at DateTime('UTC')
)
ENGINE = ReplacingMergeTree(applied_at)
ORDER BY (table_name, name)
