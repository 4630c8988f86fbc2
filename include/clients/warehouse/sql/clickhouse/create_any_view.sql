-- Grain: one row a row of the newest content of each file that was loaded whole. Names: <domain>, <table>, <rows>,
-- <view>, <columns>, <create> (CREATE OR REPLACE VIEW, or CREATE VIEW IF NOT EXISTS where that is not known yet).
<create> <view> AS
SELECT <columns>
FROM <rows> FINAL
WHERE (_file_id, _version) IN
(
    SELECT reinterpretAsUInt64(substring(SHA256(file_path), 1, 8)), maxIf(version, settled = 1)
    FROM <domain>.load_claims
    WHERE table_name = '<table>'
    GROUP BY file_path
    HAVING max(settled) = 1
)
