"""Contracts, keys, settings and errors. No I/O, no Airflow."""
