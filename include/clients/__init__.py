"""Clients of outside services: they do the I/O, know no pipeline and no Airflow."""
