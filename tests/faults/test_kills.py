"""A run killed with SIGKILL anywhere, and runs at once: what stands afterwards is what an undisturbed run leaves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from devstack.airflow_db import provide_database
from devstack.environment import airflow_environment
from devstack.home import Home
from tests.market import Market, Row, recorded_rows

pytestmark = pytest.mark.integration
SCRIPT = Path(__file__).parent / "killed_run.py"
SYMBOLS = ["AAPL", "IBM"]
START = "2013-02-20"
ASKED: dict[str, Any] = {"symbols": SYMBOLS, "start": START, "override_config": {"chunk_size": 1}}
BY_A_NEW_RUN = [
    "among the objects of a chunk", "between two manifests", "after the manifests", "among the curated files",
    "between claim and rows", "between rows and audit",
]  # fmt: skip
BY_A_RUN_OF_THE_SAME_ID = [
    "after the claim", "after the plan", "between receipt and count", "before the first manifest",
    "before the list of files", "before the run is settled",
]  # fmt: skip


@dataclass(frozen=True)
class Lake:
    """All that a run leaves, without names and times that differ from run to run."""

    rows: list[Row]
    audited: list[tuple[str, str]]
    curated: dict[str, bytes]
    raw: dict[str, str]
    manifests: dict[date, tuple[int, list[tuple[str, str, int]], list[Any]]]


def lake_of(market: Market) -> Lake:
    def bare(key: str) -> str:
        return key.replace(market.table_name, "t")

    return Lake(
        rows=market.rows(),
        audited=[(bare(key), etag) for key, etag in market.audit()],
        curated=market.curated_bytes(),
        raw={bare(key): etag for key, (etag, _) in market.raw_objects().items()},
        manifests={
            ds: (
                manifest.revision,
                [(entry.symbol, bare(entry.key), entry.records) for entry in manifest.objects],
                manifest.failed_symbols,
            )
            for ds, manifest in market.manifests().items()
        },
    )


@pytest.fixture(scope="module")
def undisturbed(make_market: Callable[..., Market]) -> Lake:
    market = make_market()
    market.forget_source_state()
    assert market.run(**ASKED).state == "success"
    lake = lake_of(market)
    assert lake.rows == recorded_rows(SYMBOLS, START)
    return lake


def begin(market: Market, folder: Path, point: str = "nowhere", **conf: Any) -> subprocess.Popen[str]:
    """Start a run in a process of its own, with a metadata database of its own."""
    home = Home(folder)
    home.prepare()
    assert provide_database(home.airflow)
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), point, json.dumps(market.conf(**{**ASKED, **conf}))],
        env=os.environ | airflow_environment(home), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def kill_a_run(market: Market, folder: Path, point: str, **conf: Any) -> None:
    run = begin(market, folder, point, **conf)
    output, _ = run.communicate(timeout=100)
    assert run.returncode == -signal.SIGKILL, output[-3000:]


@pytest.mark.parametrize("point", BY_A_NEW_RUN)
def test_a_new_run_makes_up_for_one_that_was_killed(
    market: Market, undisturbed: Lake, tmp_path: Path, point: str
) -> None:
    kill_a_run(market, tmp_path, point)
    assert market.run(**ASKED).state == "success"
    assert lake_of(market) == undisturbed


@pytest.mark.parametrize("point", BY_A_RUN_OF_THE_SAME_ID)
def test_a_run_of_the_same_correlation_id_follows_one_whose_lease_passed(
    market: Market, undisturbed: Lake, tmp_path: Path, point: str
) -> None:
    kill_a_run(market, tmp_path, point, correlation_id="one")
    let_the_lease_pass(market)
    assert market.run(**ASKED, correlation_id="one").state == "success"
    assert lake_of(market) == undisturbed


def test_a_killed_run_keeps_its_correlation_id_until_its_lease_passes(market: Market, tmp_path: Path) -> None:
    kill_a_run(market, tmp_path, "after the claim", correlation_id="one")
    run = market.run(**ASKED, correlation_id="one")
    assert (run.state, run.tasks["plan_chunks"]) == ("success", ["skipped"])
    assert market.raw_listing() == {}


def test_two_runs_of_one_day_at_once_leave_what_one_leaves(
    market: Market, undisturbed: Lake, tmp_path: Path
) -> None:
    runs = [begin(market, tmp_path / name) for name in ("one", "two")]
    outputs = [run.communicate(timeout=150)[0] for run in runs]
    assert [run.returncode for run in runs] == [0, 0], "\n".join(output[-3000:] for output in outputs)
    lake = lake_of(market)
    assert (lake.rows, lake.raw) == (undisturbed.rows, undisturbed.raw)
    assert {ds: objects for ds, (_, objects, _) in lake.manifests.items()} == {
        ds: objects for ds, (_, objects, _) in undisturbed.manifests.items()
    }


def let_the_lease_pass(market: Market) -> None:
    table = market.aws.table(market.settings.idempotency_table)
    table.update_item(
        Key={"id": f"market:{market.table_name}:2013-03-01:one"},
        UpdateExpression="SET lease_until = :past",
        ConditionExpression="attribute_exists(id)",
        ExpressionAttributeValues={":past": 0},
    )
