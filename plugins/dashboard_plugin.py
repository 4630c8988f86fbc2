"""Puts the dashboard into the menu of Airflow's UI; its page is served by `etl_api_plugin.py`."""

from __future__ import annotations

from typing import Any, ClassVar

from airflow.plugins_manager import AirflowPlugin


class DashboardPlugin(AirflowPlugin):
    """A page of Airflow's own origin in a frame: the reader's login serves for it too."""

    name = "tapeline_dashboard"
    external_views: ClassVar[list[dict[str, Any]]] = [
        {
            "name": "Tapeline",
            # without a slash in front: below any base URL
            "href": "api/etl/dashboard/",
            "icon": "api/etl/dashboard/icon.svg",
            "url_route": "tapeline",
            "destination": "nav",
            "nav_top_level": True,
        }
    ]
