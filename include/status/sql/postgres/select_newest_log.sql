-- Grain: one row. The highest id of a line, 0 where there is none. Bind: nothing.
SELECT coalesce(max(id), 0) AS newest FROM etl_logs
