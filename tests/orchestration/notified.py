"""A loopback Slack and mail server, and runs of a DAG that fails as it is told, in a process of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from aiosmtpd.controller import Controller

from devstack.airflow_db import provide_database
from devstack.environment import airflow_environment
from devstack.home import REPO, Home
from devstack.ports import free_port

TOKEN = "T000/B000/secret-of-the-webhook"
DAG = """
from datetime import timedelta

from airflow.sdk import dag, get_current_context, task

from include.core.errors import SchemaMismatch, SourceUnavailable
from include.orchestration.defaults import DEFAULT_ARGS, MAP_LABEL, NOTIFIED

ERRORS = {"gone": SourceUnavailable, "wrong": SchemaMismatch}


@dag(schedule=None, default_args=DEFAULT_ARGS | {"retries": 1, "retry_delay": timedelta(0)}, **NOTIFIED)
def troubled():
    @task(map_index_template=MAP_LABEL)
    def work(number):
        context = get_current_context()
        asked = context["dag_run"].conf
        context["map_label"] = f"chunk {number}"
        if number in asked.get("failing", []):
            raise ERRORS[asked.get("error", "gone")](asked.get("words", "no\\nanswer <b>{{ 7 * 6 }}</b>"))

    work.expand(number=[0, 1, 2, 3])


troubled()
"""
RUNS = """
import json, sys
from datetime import date, timedelta

from devstack.dagrun import run_dag

for number, conf in enumerate(json.loads(sys.argv[1])):
    run = run_dag("troubled", date(2026, 1, 1) + timedelta(number), conf)
    print("STATE", run.state)
"""


@dataclass
class Received:
    """What arrived, in order of arrival."""

    slack: list[str] = field(default_factory=list)
    mails: list[Any] = field(default_factory=list)
    slack_paths: list[str] = field(default_factory=list)

    def subjects(self) -> list[str]:
        return [str(mail["Subject"]) for mail in self.mails]


@contextmanager
def office(
    *, slack_status: int = 200, mail_answer: str = "250 OK"
) -> Iterator[tuple[Received, dict[str, str]]]:
    """Have both servers; give what they receive, and Airflow's connections to them."""
    received = Received()

    class Slack(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.slack_paths.append(self.path)
            received.slack.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["text"])
            self.send_response(slack_status)
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *args: Any) -> None: ...

    class Mails:
        async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
            received.mails.append(message_from_bytes(envelope.content, policy=policy.default))
            return mail_answer

    web = ThreadingHTTPServer(("127.0.0.1", 0), Slack)
    thread = Thread(target=web.serve_forever, daemon=True)
    thread.start()
    mail = Controller(Mails(), hostname="127.0.0.1", port=free_port())
    mail.start()
    try:
        yield received, connections(web.server_port, mail.port)
    finally:
        mail.stop()
        web.shutdown()
        web.server_close()
        thread.join(10)


def connections(slack_port: int, mail_port: int) -> dict[str, str]:
    """Return the two connections as Airflow reads them from the environment."""
    plain = {"disable_tls": True, "disable_ssl": True, "timeout": 10, "retry_limit": 0}
    smtp = {"from_email": "tapeline@example.com", "to": "first@example.com, second@example.com", **plain}
    return {
        "AIRFLOW_CONN_SLACK_DEFAULT": json.dumps(
            {
                "conn_type": "slackwebhook",
                "host": f"http://127.0.0.1:{slack_port}/services",
                "password": TOKEN,
            }
        ),
        "AIRFLOW_CONN_SMTP_DEFAULT": json.dumps(
            {"conn_type": "smtp", "host": "127.0.0.1", "port": mail_port, "extra": smtp}
        ),
    }


def run_troubled(
    folder: Path, confs: list[dict[str, Any]], environment: dict[str, str]
) -> tuple[list[str], str]:
    """Run the DAG once for each configuration, in one process; return the runs' states and the whole log."""
    home = Home(folder / "home")
    home.prepare()
    assert provide_database(home.airflow)
    (folder / "dags").mkdir(exist_ok=True)
    (folder / "dags" / "troubled.py").write_text(DAG)
    own = {"AIRFLOW__CORE__DAGS_FOLDER": str(folder / "dags"), "PYTHONPATH": str(REPO)}
    done = subprocess.run(
        [sys.executable, "-c", RUNS, json.dumps(confs)],
        env=os.environ | airflow_environment(home) | own | environment,
        cwd=folder, capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip
    output = done.stdout + done.stderr
    assert done.returncode == 0, output[-3000:]
    return [line.split()[1].lower() for line in done.stdout.splitlines() if line.startswith("STATE ")], output
