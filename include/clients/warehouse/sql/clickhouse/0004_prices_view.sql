-- Grain: one row a symbol and bar, of the newest content of its file. Names: <domain>, <table>, <rows>, <view>.
-- Rows of a content that is older than a settled one of the same file are left out, whenever they were written: a
-- loader that was overtaken and then killed can mark nothing any more.
CREATE VIEW IF NOT EXISTS <view> AS
SELECT symbol, timestamp, open, high, low, close, adjusted_close, volume
FROM <rows> FINAL
WHERE is_deleted = 0 AND (file_id, version) NOT IN
(
    SELECT reinterpretAsUInt64(substring(SHA256(file_path), 1, 8)), overtaken
    FROM
    (
        SELECT file_path, groupArray(version) AS versions, maxIf(version, settled = 1) AS newest
        FROM <domain>.load_claims
        WHERE table_name = '<table>'
        GROUP BY file_path
        HAVING min(version) < newest
    )
    ARRAY JOIN versions AS overtaken
    WHERE overtaken < newest
)
