-- Grain: one view that is made again with other columns. Names: <view>.
DROP TABLE IF EXISTS <view>
