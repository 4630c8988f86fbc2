-- Grain: one row a bar of the files. Stops with error 395 where a file is not the content that was announced, or a
-- time would be cut to seconds; these checks are no WHERE, because ClickHouse would look for the column _etag in the
-- Parquet file then.
-- Binds: url (String; {a,b} names several files), paths ("bucket/key"), etags (Array(String)), ids, versions
-- (Array(UInt64)), each in the order of paths.
INSERT INTO <rows> (symbol, timestamp, open, high, low, close, adjusted_close, volume, file_id, version, is_deleted)
SELECT
    symbol, toDateTime(timestamp, 'UTC'), open, high, low, close, adjusted_close, volume,
    transform(_path, {paths:Array(String)}, {ids:Array(UInt64)}, toUInt64(0)),
    transform(_path, {paths:Array(String)}, {versions:Array(UInt64)}, toUInt64(0)),
    throwIf(
        transform(_path, {paths:Array(String)}, {etags:Array(String)}, '') != trim(BOTH '"' FROM _etag),
        'another content than announced'
    ) + throwIf(toUnixTimestamp64Milli(timestamp) % 1000 != 0, 'a fraction of a second')
FROM s3(
    {url:String}, 'Parquet',
    'symbol String, timestamp DateTime64(3, \'UTC\'), open Float64, high Float64, low Float64, close Float64, adjusted_close Nullable(Float64), volume Int64'
)
