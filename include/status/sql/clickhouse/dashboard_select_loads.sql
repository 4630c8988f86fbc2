-- Grain: a table of the domain that had a load. Input: <domain>.load_audit_rows (a repeated load changes no maximum).
-- No parameters. Names: <domain>.
SELECT table_name, max(partition_date) AS newest, max(processed_at) AS loaded_at
FROM <domain>.load_audit_rows
GROUP BY table_name
ORDER BY table_name
