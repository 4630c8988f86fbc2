-- Grain: one row a symbol, bar and version. Readers ask the view (0004).
-- file_id = reinterpretAsUInt64(substring(SHA256(file_path), 1, 8)) names the file that a row came from.
-- Inputs: curated Parquet files. Names: <domain>, <rows>, <partition>.
CREATE DATABASE IF NOT EXISTS <domain>;

CREATE TABLE IF NOT EXISTS <rows>
(
    symbol         String,
    timestamp      DateTime('UTC'),
    open           Float64,
    high           Float64,
    low            Float64,
    close          Float64,
    adjusted_close Nullable(Float64),
    volume         Int64,
    file_id        UInt64,
    version        UInt64,
    is_deleted     UInt8
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY <partition>
ORDER BY (symbol, timestamp)
