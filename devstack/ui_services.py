"""The four processes of the local Airflow."""

from __future__ import annotations

from devstack.services import Service, http_answers, http_url

API, SCHEDULER, DAGS, TRIGGERER = "ui-api", "ui-scheduler", "ui-dag-processor", "ui-triggerer"
NAMES = (API, SCHEDULER, DAGS, TRIGGERER)
HEALTH = "/api/v2/monitor/health"


def ui_services(environment: dict[str, str] | None = None) -> list[Service]:
    """Return Airflow's four parts; the environment is needed only to start them.

    Only the API server listens. Airflow's log servers listen on every address of the machine, so they
    are left out: the API server reads the logs of tasks on the same machine from their files.
    """
    arguments = {
        SCHEDULER: ["scheduler", "--skip-serve-logs"],
        DAGS: ["dag-processor"],
        TRIGGERER: ["triggerer", "--skip-serve-logs"],
    }
    parts = [
        Service(
            name=API,
            arguments=lambda port: [
                "-m", "airflow", "api-server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
            ],
            answers=http_answers(HEALTH, seconds=5),
            address=http_url,
            environment=environment or {},
            start_seconds=120,
        )
    ]  # fmt: skip
    for name, command in arguments.items():
        parts.append(_silent(name, command, environment or {}))
    return parts


def _silent(name: str, command: list[str], environment: dict[str, str]) -> Service:
    return Service(
        name=name,
        arguments=lambda _: ["-m", "airflow", *command],
        answers=lambda _: True,
        address=lambda _: "",
        environment=environment,
        listens=False,
    )
