-- Grain: adds every partition under events/ that the table does not know; takes longer with each day of history.
-- Inputs: the folders of s3://<bucket>/events/. No bind parameters. Seed 003, 9.2.
MSCK REPAIR TABLE participation_logs
