-- Grain: one row a bar that an earlier content of a file had and the present one has not: marked as deleted.
-- Binds: ids (Array(UInt64); of the files), versions (Array(UInt64); of their present contents, in the order of ids).
INSERT INTO <rows> (symbol, timestamp, open, high, low, close, adjusted_close, volume, file_id, version, is_deleted)
SELECT
    symbol, timestamp, open, high, low, close, adjusted_close, volume, file_id,
    transform(file_id, {ids:Array(UInt64)}, {versions:Array(UInt64)}, toUInt64(0)) AS present,
    1
FROM <rows> FINAL
WHERE has({ids:Array(UInt64)}, file_id) AND is_deleted = 0 AND version < present
