"""Fundamentals: symbols, daily prices, moving averages and ratios from Financial Modeling Prep into PostgreSQL."""
