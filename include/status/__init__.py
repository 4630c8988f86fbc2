"""The API and the dashboard in Airflow's web server: how every pipeline is, and what it said. They only read."""
