"""Metric alarms as CloudWatch evaluates them; MiniStack ignores dimensions, M of N, missing data and time."""
