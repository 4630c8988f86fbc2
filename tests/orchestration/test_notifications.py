"""One message a problem, by Slack and mail, from real runs that fail."""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from include.clients.aws import Aws
from include.core.errors import SourceUnavailable
from include.orchestration.notifications import keep_failure, notify_failure, notify_success
from include.orchestration.notifications.problems import Problems, Trouble
from tests.market import applied
from tests.orchestration.notified import TOKEN, office, run_troubled

pytestmark = pytest.mark.integration
FAILING = {"failing": [1, 2, 3]}


@pytest.fixture
def remembering(aws: Aws, make_table: Callable[..., Any]) -> dict[str, str]:
    """A deployment's settings and AWS, for problems to be remembered in."""
    names = ("raw_bucket", "curated_bucket", "batch_table", "source_table", "extract_dlq")
    settings = {
        "environment": "test",
        "idempotency_table": make_table("id").name,
        **dict.fromkeys(names, "none"),
    }
    connection = {
        "conn_type": "aws", "login": "test", "password": "test",
        "extra": {"region_name": "us-east-1", "endpoint_url": aws.endpoint_url},
    }  # fmt: skip
    return {
        "AIRFLOW_VAR_TAPELINE_SETTINGS": json.dumps(settings),
        "AIRFLOW_CONN_AWS_DEFAULT": json.dumps(connection),
    }


def test_a_problem_is_told_of_once_and_its_end_once(tmp_path: Path, remembering: dict[str, str]) -> None:
    wrong = {"failing": [2], "error": "wrong", "words": f"the column of {TOKEN} is text"}
    with office() as (received, connections):
        links = {"AIRFLOW_VAR_TAPELINE_RUNBOOKS_URL": "https://example.com/runbooks/"}
        states, log = run_troubled(
            tmp_path, [{}, FAILING, FAILING, wrong, wrong, {}, {}, FAILING], remembering | connections | links
        )
    assert states == ["success", "failed", "failed", "failed", "failed", "success", "success", "failed"]
    expected = ["failed: work", "failed: work", "works again", "failed: work"]
    assert received.subjects() == [f"[tapeline test] troubled {what}" for what in expected], log[-4000:]
    assert len(received.slack) == len(expected)
    assert set(received.slack_paths) == {f"/services/{TOKEN}"}

    first, second, again, _ = received.slack
    assert "*Failed tasks:* 3" in first
    assert "*Task:* work [chunk " in first
    assert "*Error:* SourceUnavailable: no answer &lt;b&gt;{{ 7 * 6 }}&lt;/b&gt;" in first
    assert "/dags/troubled/runs/manual__" in first
    assert "*Runbook:* https://example.com/runbooks/troubled.md" in first
    assert "*Failed tasks:* 1" in second
    assert "SchemaMismatch: the column of *** is text" in second
    assert "4 failed runs since 20" in again

    mail = received.mails[0]
    assert str(mail["To"]) == "first@example.com, second@example.com"
    page = mail.get_body(("html",)).get_content()
    assert "no answer &lt;b&gt;{{ 7 * 6 }}&lt;/b&gt;" in page
    assert '<a href="https://example.com/runbooks/troubled.md">' in page


@pytest.fixture
def warnings() -> Iterator[list[str]]:
    """What is logged as a warning or worse (Airflow's logging takes the root's handlers away)."""
    found: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: found.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("include.orchestration.notifications")
    logger.addHandler(handler)
    yield found
    logger.removeHandler(handler)


def context_of(error: Exception, *, reason: str = "task_failure") -> dict[str, Any]:
    """Return what Airflow gives to the callbacks of a run whose one task failed."""
    ti = SimpleNamespace(
        dag_id="prices_daily", run_id=uuid.uuid4().hex, task_id="load_files", map_index=-1,
        log_url="http://localhost:8080/log", xcom_push=lambda **_: None,
    )  # fmt: skip
    dag = SimpleNamespace(dag_id=ti.dag_id, fileloc="/somewhere/dags/prices_daily.py", doc_md=None)
    return {"dag": dag, "run_id": ti.run_id, "ti": ti, "exception": error, "reason": reason}


def fail(times: int = 1, **more: Any) -> None:
    """Have that many runs fail, each with the same error."""
    for _ in range(times):
        context = context_of(SourceUnavailable("no answer"), **more)
        keep_failure(context)
        notify_failure(context)


def test_a_channel_that_fails_is_one_warning_and_the_other_goes(
    remembering: dict[str, str], warnings: list[str]
) -> None:
    with office(slack_status=500) as (received, connections), applied(remembering | connections):
        fail(times=2)
    assert received.subjects() == ["[tapeline test] prices_daily failed: load_files"]
    assert len(received.slack) == 1
    assert len(warnings) == 1
    assert "could not be sent by Slack" in warnings[0]
    assert TOKEN not in warnings[0]


def test_a_message_that_nobody_took_is_sent_again_after_the_next_failure(remembering: dict[str, str]) -> None:
    nobody = office(slack_status=503, mail_answer="554 refused")
    with nobody as (received, connections), applied(remembering | connections):
        fail(times=2)
    assert (len(received.slack), len(received.mails)) == (2, 2)


def test_without_settings_every_failed_run_is_told_of() -> None:
    """As in a workflow that runs one DAG with a database and no AWS."""
    with office() as (received, connections), applied(connections | {"AIRFLOW_VAR_TAPELINE_SETTINGS": ""}):
        fail(times=2)
        notify_success(context_of(SourceUnavailable("no more")))
    assert received.subjects() == ["[tapeline] prices_daily failed: load_files"] * 2


def test_a_run_that_took_too_long_is_a_problem_of_its_own(remembering: dict[str, str]) -> None:
    with office() as (received, connections), applied(remembering | connections):
        fail()
        fail(times=2, reason="timed_out")
    assert received.subjects()[1:] == ["[tapeline test] prices_daily took too long"]
    assert "took longer than its dagrun_timeout" in received.slack[1]


def test_of_failures_at_once_one_is_told_of(remembering: dict[str, str]) -> None:
    with (
        office() as (received, connections),
        applied(remembering | connections),
        ThreadPoolExecutor(8) as pool,
    ):
        for each in [pool.submit(fail) for _ in range(8)]:
            each.result()
    assert (len(received.slack), len(received.mails)) == (1, 1)


def test_channels_that_are_not_filled_in_are_off_without_a_word(
    remembering: dict[str, str], warnings: list[str]
) -> None:
    empty = {f"AIRFLOW_CONN_{name}_DEFAULT": json.dumps({"conn_type": "http"}) for name in ("SLACK", "SMTP")}
    with office() as (received, _), applied(remembering | empty):
        fail()
        notify_success(context_of(SourceUnavailable("no more")))
    assert (received.slack, received.mails) == ([], [])
    assert warnings == []


def test_a_problem_whose_teller_died_is_told_of_by_a_later_run(make_table: Callable[..., Any]) -> None:
    now = datetime(2026, 1, 1, tzinfo=timezone.utc)
    problems = Problems(make_table("id"), "prices_daily", clock=lambda: now)
    assert problems.begin("load_files:Gone")
    assert problems.begin("load_files:Wrong")
    assert not problems.begin("load_files:Gone")  # somebody is about to tell
    now += timedelta(minutes=6)
    assert problems.begin("load_files:Gone")
    problems.told("load_files:Gone")
    now += timedelta(days=1)
    assert not problems.begin("load_files:Gone")
    assert problems.end() == Trouble("2026-01-01T00:00:00Z", 5)
    assert problems.end() is None
    assert problems.begin("load_files:Gone")
