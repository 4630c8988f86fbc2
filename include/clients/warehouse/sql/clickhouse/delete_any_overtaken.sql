-- Grain: one row of a content whose file has had two newer ones since. Readers do not see it; it only takes space.
-- Names: <rows>, <ids>, <versions> (lists of numbers, in the same order): mutations bind nothing.
ALTER TABLE <rows>
DELETE WHERE has([<ids>], _file_id) AND _version < transform(_file_id, [<ids>], [<versions>], toUInt64(0))
