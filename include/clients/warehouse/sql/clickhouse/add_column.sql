-- Grain: one column that a file brought. Names: <rows>, <column>, <type>.
ALTER TABLE <rows> ADD COLUMN <column> <type>
