"""Run `prices_daily` in a process that dies by SIGKILL at one point: `python killed_run.py POINT CONF`."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from datetime import date
from importlib import import_module
from typing import Any


def die(*_: Any, **__: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def instead(target: str) -> None:
    """Die where `module:name` is called."""
    _replace(target, lambda _: die)


def after(target: str, calls: int = 1) -> None:
    """Die once `module:name` has returned so many times."""

    def make(whole: Callable[..., Any]) -> Callable[..., Any]:
        left = [calls]

        def wrapped(*args: Any, **kwargs: Any) -> Any:
            result = whole(*args, **kwargs)
            left[0] -= 1
            if not left[0]:
                die()
            return result

        return wrapped

    _replace(target, make)


def _replace(target: str, make: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    module, _, path = target.partition(":")
    owner: Any = import_module(module)
    *parents, name = path.split(".")
    for parent in parents:
        owner = getattr(owner, parent)
    setattr(owner, name, make(getattr(owner, name)))


CONNECTIONS = ("aws_default", "clickhouse_default", "yahoo_default")
POINTS: dict[str, Callable[[], None]] = {
    "after the claim": lambda: after("include.clients.idempotency:IdempotencyLedger.claim"),
    "after the plan": lambda: instead("include.prices.start:BatchTracker"),
    "among the objects of a chunk": lambda: after("include.clients.object_store:ObjectStore.create", calls=8),
    "between receipt and count": lambda: instead("include.prices.tracker:BatchTracker.record_chunk"),
    "before the first manifest": lambda: after("include.prices.tracker:BatchTracker.begin_finalizing"),
    "between two manifests": lambda: after("include.prices.manifest:_write_day", calls=4),
    "after the manifests": lambda: instead("include.prices.tracker:BatchTracker.complete"),
    "among the curated files": lambda: after("include.prices.curated_files:publish_file", calls=4),
    "before the list of files": lambda: after("include.prices.transform:curate_group"),
    "between claim and rows": lambda: after("include.clients.warehouse.load:write_claims"),
    "between rows and audit": lambda: instead("include.clients.warehouse.load:write_audit"),
    "before the run is settled": lambda: instead("include.prices.start:settle_run"),
}


def run_plainly(conf: dict[str, Any]) -> None:
    """Call the steps that the DAG's tasks call, in their order: a kill leaves the same, in a fifth of the time."""
    from include.clients.aws import Aws
    from include.clients.warehouse import address_from, open_warehouse
    from include.clients.warehouse.load import load_files
    from include.clients.yahoo import YahooClient
    from include.core.clock import utc_now
    from include.core.contracts import CuratedFileList
    from include.core.keys import key_of
    from include.core.settings import parse_settings
    from include.prices import chunks, finalize, start, transform
    from include.prices.validate import validate_request

    found = {name: json.loads(os.environ[f"AIRFLOW_CONN_{name.upper()}"]) for name in CONNECTIONS}
    settings = parse_settings(os.environ["AIRFLOW_VAR_TAPELINE_SETTINGS"])
    aws = Aws(
        region=found["aws_default"]["extra"]["region_name"],
        endpoint_url=found["aws_default"]["extra"]["endpoint_url"],
        access_key_id=found["aws_default"]["login"],
        secret_access_key=found["aws_default"]["password"],
    )
    run: dict[str, Any] = {"aws": aws, "settings": settings, "owner": "the killed run"}
    raw, session = aws.object_store(settings.raw_bucket), date(2013, 3, 1)
    request, _ = validate_request(conf, session=session)
    correlation_id = request.correlation_id or "the killed run"
    resolved = {
        "request": request.model_dump(mode="json"), "session": str(session), "correlation_id": correlation_id,
    }  # fmt: skip
    plan = start.make_plan(resolved, aws=aws, settings=settings, max_map_length=1024)
    start.open_run(plan, request, **run)
    for ref in start.chunk_refs(plan, raw):
        source = YahooClient(found["yahoo_default"]["host"])
        chunks.run_chunk(ref, source=source, attempt=1, last_attempt=True, **run)
    for index, uri in enumerate(finalize.finalize_batch(plan, now=utc_now(), **run)):
        job = transform.read_job(raw, uri)
        files_uri = transform.curate_job(plan, job, index=index, now=utc_now(), **run)
        files = CuratedFileList.model_validate_json(raw.read(key_of(files_uri)))
        at = found["clickhouse_default"]
        address = address_from(at["host"], at["port"], at["login"], at["password"], at["extra"])
        with open_warehouse(address) as warehouse:
            load_files(
                warehouse, aws.object_store(settings.curated_bucket), files, correlation_id=correlation_id
            )
    start.settle_run(plan, failed=False, **run)


def main() -> None:
    """Run plainly and die on the way, or, where the point is none, by Airflow to the end."""
    point, conf = sys.argv[1], json.loads(sys.argv[2])
    if point in POINTS:
        POINTS[point]()
        run_plainly(conf)
        return
    from devstack.dagrun import run_dag

    sys.exit(run_dag("prices_daily", date(2013, 3, 1), conf).state != "success")


if __name__ == "__main__":
    main()
