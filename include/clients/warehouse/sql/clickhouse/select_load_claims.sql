-- Grain: one row a content of one of the files. Binds: paths (Array(String)), table_name (String).
SELECT file_path, etag, version, settled
FROM <domain>.load_claims FINAL
WHERE table_name = {table_name:String} AND has({paths:Array(String)}, file_path)
