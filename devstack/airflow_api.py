"""The REST API of the full Airflow of a local default, for who drives it: tests and benchmarks."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from devstack.ui import Ui


class AirflowApi:
    """Calls as the user `admin`; raises `urllib.error.HTTPError` as Airflow answers."""

    def __init__(self, ui: Ui) -> None:
        self.ui = ui
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        self._token = ""
        login = {"username": "admin", "password": ui.password}
        self._token = self.call("POST", "/auth/token", login)["access_token"]

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Return the answer's JSON."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self._token}"}
        request = urllib.request.Request(  # noqa: S310 - our own loopback address
            self.ui.url + path, data=data, headers=headers, method=method
        )
        with self._opener.open(request, timeout=30) as answer:
            return json.load(answer)

    def unpause(self, dag_id: str, *, seconds: float = 60) -> None:
        """Switch a DAG on as soon as Airflow has parsed it."""
        for attempt in Retrying(
            retry=retry_if_exception_type(urllib.error.HTTPError),
            stop=stop_after_delay(seconds),
            wait=wait_fixed(0.3),
            reraise=True,
        ):
            with attempt:
                self.call("PATCH", f"/api/v2/dags/{dag_id}", {"is_paused": False})

    def start_run(self, dag_id: str, *, logical_date: str, conf: dict[str, Any]) -> str:
        """Start a run; return its path for `call`."""
        runs = f"/api/v2/dags/{dag_id}/dagRuns"
        run = self.call("POST", runs, {"logical_date": logical_date, "conf": conf})
        return f"{runs}/{urllib.parse.quote(run['dag_run_id'])}"

    def runs(self, dag_id: str) -> list[dict[str, Any]]:
        """Return a DAG's runs, the newest first."""
        found: list[dict[str, Any]] = self.call(
            "GET", f"/api/v2/dags/{dag_id}/dagRuns?limit=100&order_by=-start_date"
        )["dag_runs"]
        return found

    def tasks(self, run: str) -> list[dict[str, Any]]:
        """Return the task instances of a run, named by its path."""
        found: list[dict[str, Any]] = self.call("GET", f"{run}/taskInstances?limit=200")["task_instances"]
        return found
