"""Airflow-shaped, pipeline-neutral: connections to clients, params, timetables, operators."""
