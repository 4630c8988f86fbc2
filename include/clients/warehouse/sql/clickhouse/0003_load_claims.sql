-- Grain: one row a content of a file that a loader began to load. Names: <domain>.
CREATE TABLE IF NOT EXISTS <domain>.load_claims
(
    table_name String,
    file_path  String,
    etag       String,
    version    UInt64,
    settled    UInt8
)
ENGINE = ReplacingMergeTree(settled)
ORDER BY (table_name, file_path, etag, version)
