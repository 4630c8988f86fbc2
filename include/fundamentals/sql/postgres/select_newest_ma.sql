-- Grain: the table. The newest session that has averages.
-- Inputs: daily_ma. Bind: none.
SELECT max(date) AS newest FROM daily_ma
