"""Registers the status API (and the dashboard's endpoints) with Airflow's web server."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin


class EtlApiPlugin(AirflowPlugin):
    """A property: this module is imported in every task process, FastAPI only where it is asked for."""

    name = "tapeline_etl_api"

    @property
    def fastapi_apps(self):  # type: ignore[no-untyped-def, override]
        """The app and where it is mounted."""
        from include.status.app import PREFIX, status_app

        return [{"app": status_app(), "url_prefix": PREFIX, "name": "tapeline_etl_api"}]
