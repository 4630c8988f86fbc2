"""Daily market prices: Yahoo → RAW → manifest → curated → ClickHouse."""
