"""airflow_settings.yaml (the Astro CLI's format) as connections, pools and Variables."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from devstack.home import REPO

FILE = REPO / "airflow_settings.yaml"
_FIELDS = {
    "conn_type": "conn_type",
    "host": "conn_host",
    "schema": "conn_schema",
    "login": "conn_login",
    "password": "conn_password",
    "port": "conn_port",
    "extra": "conn_extra",
}
"""From Airflow's names in a JSON connection to Astro's in the file."""


@dataclass(frozen=True)
class Pool:
    """A pool of the file."""

    name: str
    slots: int
    description: str


@dataclass(frozen=True)
class AirflowSettings:
    """What the file says."""

    connections: dict[str, dict[str, Any]]
    """By id; keys as in Airflow's JSON connections, empty ones left out."""
    variables: dict[str, str]
    pools: list[Pool]

    def environment(
        self, connections: dict[str, dict[str, Any]], variables: dict[str, str]
    ) -> dict[str, str]:
        """Return `AIRFLOW_CONN_…` and `AIRFLOW_VAR_…`, with the given values in place of the file's.

        A connection or Variable that the file does not name is refused: the file lists them all.
        """
        unknown = (connections.keys() - self.connections.keys()) | (variables.keys() - self.variables.keys())
        if unknown:
            raise KeyError(f"{FILE.name} does not list {', '.join(sorted(unknown))}")
        found = {}
        for conn_id, fields in self.connections.items():
            merged = {**fields, **connections.get(conn_id, {})}
            found[f"AIRFLOW_CONN_{conn_id.upper()}"] = json.dumps(merged)
        for name, value in {**self.variables, **variables}.items():
            found[f"AIRFLOW_VAR_{name.upper()}"] = value
        return found


def read_settings(path: Path = FILE) -> AirflowSettings:
    """Read the file."""
    content = yaml.safe_load(path.read_text())["airflow"]
    connections = {
        entry["conn_id"]: {ours: entry[astro] for ours, astro in _FIELDS.items() if entry.get(astro)}
        for entry in content.get("connections") or []
    }
    variables = {
        entry["variable_name"]: str(entry["variable_value"]) for entry in content.get("variables") or []
    }
    pools = [
        Pool(entry["pool_name"], int(entry["pool_slot"]), entry.get("pool_description") or "")
        for entry in content.get("pools") or []
    ]
    return AirflowSettings(connections=connections, variables=variables, pools=pools)
