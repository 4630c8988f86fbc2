-- Grain: one partition an hour of the run's days; one that is known is left as it is.
-- Inputs: none is read. Names: <partitions>, each PARTITION (dt='…', hour='…') LOCATION '…'. No bind parameters.
ALTER TABLE participation_logs ADD IF NOT EXISTS
<partitions>
