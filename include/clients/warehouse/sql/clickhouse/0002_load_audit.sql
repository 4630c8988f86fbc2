-- Grain: one row a load of a file's content (file_path, etag). Readers ask the view.
-- Inputs: the loader. Names: <domain>.
CREATE TABLE IF NOT EXISTS <domain>.load_audit_rows
(
    domain         String,
    table_name     String,
    partition_date Date,
    file_path      String,
    etag           String,
    record_count   UInt64,
    file_size      UInt64,
    correlation_id String,
    processed_at   DateTime('UTC')
)
ENGINE = ReplacingMergeTree(processed_at)
ORDER BY (table_name, file_path, etag);

CREATE VIEW IF NOT EXISTS <domain>.load_audit AS
SELECT domain, table_name, partition_date, file_path, etag, record_count, file_size, correlation_id, processed_at
FROM <domain>.load_audit_rows FINAL
