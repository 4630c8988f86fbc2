"""Triggers of ours, for Airflow's triggerer."""
