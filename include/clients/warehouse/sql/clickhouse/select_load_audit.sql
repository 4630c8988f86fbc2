-- Grain: one row a load of one of the files. Binds: paths (Array(String)), table_name (String).
SELECT file_path, etag
FROM <domain>.load_audit
WHERE table_name = {table_name:String} AND has({paths:Array(String)}, file_path)
