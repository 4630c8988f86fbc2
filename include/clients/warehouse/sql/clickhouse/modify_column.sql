-- Grain: one column whose files now have a wider type. Names: <rows>, <column>, <type>.
ALTER TABLE <rows> MODIFY COLUMN <column> <type>
