"""When Airflow will next start what: asked of Airflow's public API, in this process, with the caller's own rights."""

from __future__ import annotations

from datetime import datetime

from fastapi import HTTPException, Request

PAGE = 100
"""DAGs asked for at a time: the most that Airflow answers by default."""
CREDENTIALS = ("authorization", "cookie")


async def next_runs(request: Request) -> dict[str, datetime]:
    """Return the next run of each DAG that the caller may read and that is neither paused nor without schedule."""
    from airflow.api_fastapi.main import app
    from httpx import ASGITransport, AsyncClient

    headers = {name: request.headers[name] for name in CREDENTIALS if name in request.headers}
    found: dict[str, datetime] = {}
    async with AsyncClient(
        transport=ASGITransport(app=app), base_url=str(request.base_url.replace(path="/"))
    ) as client:
        offset, total = 0, 1
        while offset < total:
            answer = await client.get(
                f"{app.root_path}/api/v2/dags",
                params={"limit": PAGE, "offset": offset, "paused": False},
                headers=headers,
            )
            if answer.is_error:
                raise HTTPException(
                    503, f"Airflow's own API answered {answer.status_code} to the list of DAGs."
                )
            listed = answer.json()
            for dag in listed["dags"]:
                if dag["next_dagrun_run_after"] and not dag["is_paused"]:
                    found[dag["dag_id"]] = datetime.fromisoformat(
                        dag["next_dagrun_run_after"].replace("Z", "+00:00")
                    )
            offset, total = offset + PAGE, listed["total_entries"]
    return found
