"""Issue: a thousand load messages, poisoned, sent twice, shuffled; loaders killed; the warehouse away twice."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from devstack.stack import Stack
from include.clients.warehouse import address_from, open_warehouse
from include.core.settings import Settings
from tests.faults.load_lake import TABLES, Lake, Row, Table
from tests.faults.load_trial import Trial

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]
SEED = 20261121
FAULTS = [
    (1_850, "kill a loader"),
    (1_600, "kill the warehouse"),
    (1_600, "kill a loader"),
    (1_200, "kill a loader"),
    (900, "stop the warehouse"),
    (600, "kill a loader"),
    (250, "kill a loader"),
]
"""At most so many of the 2,000 messages are left, and what happens then; the second kill is within an outage."""


@pytest.fixture
def own_stack(tmp_path: Path) -> Iterator[Stack]:
    """A local default of this test's own: its warehouse is killed."""
    stack = Stack(tmp_path / "home")
    try:
        stack.up()
        yield stack
    finally:
        stack.down()


def test_every_good_row_is_there_once_and_every_poisoned_message_is_a_letter(
    own_stack: Stack, tmp_path: Path
) -> None:
    settings = Settings.model_validate_json(own_stack.environment()["AIRFLOW_VAR_TAPELINE_SETTINGS"])
    lake = Lake(settings.curated_bucket, SEED)
    assert (len(lake.good_keys), len(lake.letters)) == (950, 50)
    trial = Trial(own_stack, tmp_path, random.Random(SEED))
    own_stack.aws().object_store(lake.bucket).write_many(lake.objects.items())
    for domain in lake.messages:
        trial.send(domain, lake.shuffled(domain))
    trial.run(FAULTS)

    assert trial.failed == [], trial.story("a loader failed")
    assert trial.kills.total() == 5
    assert sorted(trial.outages) == ["kill the warehouse", "stop the warehouse"]
    for table in TABLES:
        found = rows_of(own_stack, table)
        assert found.total() == lake.rows[table.view].total(), table.view
        assert found == lake.rows[table.view], table.view
    assert audited(own_stack) == lake.good_keys
    said = trial.letters()
    assert set(said) == lake.letters, trial.story("other letters than there should be")
    assert min(said.values()) >= 2  # one for each time it was sent
    assert {name: queue.depth().total for name, queue in trial.queues.items()} == dict.fromkeys(
        trial.queues, 0
    )


def ask(stack: Stack, sql: str) -> list[dict[str, Any]]:
    at = json.loads(stack.environment()["AIRFLOW_CONN_CLICKHOUSE_DEFAULT"])
    address = address_from(at["host"], at["port"], at["login"], at["password"], at["extra"])
    with open_warehouse(address) as warehouse:
        return list(warehouse.query(sql).to_pylist())


def rows_of(stack: Stack, table: Table) -> Counter[Row]:
    """Return the rows that readers see, and how often each."""
    names = table.schema.names
    found = ask(stack, f"SELECT {', '.join(names)} FROM {table.view}")
    return Counter(tuple(_aware(row[name]) for name in names) for row in found)


def _aware(value: Any) -> Any:
    naive = isinstance(value, datetime) and value.tzinfo is None
    return value.replace(tzinfo=timezone.utc) if naive else value


def audited(stack: Stack) -> set[str]:
    """Return the keys of the files that count as loaded."""
    return {
        row["file_path"]
        for domain in {table.domain for table in TABLES}
        for row in ask(stack, f"SELECT file_path FROM {domain}.load_audit")
    }
