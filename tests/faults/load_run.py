"""One run of `load_<domain>` without Airflow: `python load_run.py DOMAIN REQUEST`, REQUEST as JSON."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterable

from include.clients.aws import Aws
from include.clients.queues import Message
from include.clients.warehouse import Warehouse, address_from, open_warehouse
from include.core.domains import domains
from include.core.settings import parse_settings
from include.load.config import LoadRequest
from include.load.drain import load_domain
from include.load.heartbeat import Heartbeat

HOLDS = "this loader holds messages"


def tell_when_it_holds_messages() -> None:
    """Have the first messages that are held written to the log."""
    hold = Heartbeat.hold

    def told(beat: Heartbeat, messages: Iterable[Message]) -> None:
        hold(beat, messages)
        print(HOLDS, flush=True)
        Heartbeat.hold = hold  # type: ignore[method-assign]

    Heartbeat.hold = told  # type: ignore[method-assign]


def main() -> None:
    """Do what the DAG's task does, with what the environment says of the deployment."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    tell_when_it_holds_messages()
    cloud, house = (
        json.loads(os.environ[f"AIRFLOW_CONN_{name}"]) for name in ("AWS_DEFAULT", "CLICKHOUSE_DEFAULT")
    )
    address = address_from(house["host"], house["port"], house["login"], house["password"], house["extra"])

    def opened() -> Warehouse:
        return open_warehouse(address)

    counts = load_domain(
        domains()[sys.argv[1]],
        aws=Aws(
            region=cloud["extra"]["region_name"],
            endpoint_url=cloud["extra"]["endpoint_url"],
            access_key_id=cloud["login"],
            secret_access_key=cloud["password"],
        ),
        settings=parse_settings(os.environ["AIRFLOW_VAR_TAPELINE_SETTINGS"]),
        open_warehouse=opened,
        request=LoadRequest.model_validate_json(sys.argv[2]),
    )
    print(counts)


if __name__ == "__main__":
    main()
