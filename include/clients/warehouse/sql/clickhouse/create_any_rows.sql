-- Grain: one row a row of a file's content: the natural key is the file, the content's version, and the row's number
-- in the file. A content stays whole until its successor is, so readers never see half of each.
-- file_id as in 0001_prices.sql. Names: <rows>, <columns> (name and type of each of the files' columns).
CREATE TABLE IF NOT EXISTS <rows>
(
    <columns>,
    `_file_id` UInt64,
    `_row`     UInt64,
    `_version` UInt64
)
ENGINE = ReplacingMergeTree(_version)
ORDER BY (_file_id, _version, _row)
