"""The tasks of `g1_metrics`."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperatorLink, XComArg, get_current_context, task

from include.analytics.config import TABLE, Day
from include.analytics.statements import BUSIEST, FOLDER, FURTHER, LATE_SAFE, PUBLISHED, SEED, TOTAL, Query
from include.core.clock import utc_now
from include.orchestration import connections
from include.orchestration.execution_log.records import report_records
from include.orchestration.operators.athena_query import AthenaQueryOperator

if TYPE_CHECKING:
    from include.analytics.results import Results

AFTER_DAY = timedelta(minutes=5)
"""How long after midnight Firehose may still deliver what happened before it (it buffers for one minute)."""
POLL_SECONDS = 1
REPORT_URL = "report_url"


class ReportLink(BaseOperatorLink):
    """The button "Report" beside `write_evidence`."""

    name = "Report"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:  # noqa: ARG002 - Airflow's name
        """Return the URL that the task left."""
        from airflow.sdk.bases.xcom import BaseXCom

        return str(BaseXCom.get_value(ti_key=ti_key, key=REPORT_URL) or "")


@task(multiple_outputs=True)
def plan_day() -> dict[str, Any]:
    """Check what is asked; return the day, where to ask, the statements of the table and what is bound."""
    from include.analytics import config, statements
    from include.clients.athena import table_projection
    from include.core.errors import InvalidRequest

    context = get_current_context()
    conf = {**context["params"], **(context["dag_run"].conf or {})}
    request = config.validate_metrics(conf)
    now = utc_now()
    day = config.day_of(request, context.get("logical_date") or now, now)
    where = config.participation_of(connections.settings())
    projected = table_projection(connections.aws(), where.database, TABLE)
    if projected is not None and projected != request.use_projection:
        raise InvalidRequest(
            [
                f"use_projection: the table {where.database}.{TABLE} {'has' if projected else 'has no'} projected "
                f"partitions. Ask for what it has, or `DROP TABLE {TABLE}` first; no data is lost by it"
            ]
        )
    return {
        "dt": day.dt.isoformat(),
        "late_days": day.late_days,
        "database": where.database,
        "workgroup": where.workgroup,
        "create": statements.render_create(where.events_bucket, projected=request.use_projection),
        "partitions": statements.render_partitions(where.events_bucket, day.arrivals),
        "wants_partitions": not request.use_projection,
        "repair": request.repair,
        "event_id": request.event_id or "",
        **statements.bound_values(day),
    }


def prepare_table(plan: Any) -> list[Any]:
    """Make the table and its partitions; return the tasks, in order."""
    from include.analytics.statements import render_repair

    return [
        _ask(plan, "ensure_table", plan["create"]),
        _ask(plan, "add_partitions", plan["partitions"], wanted=plan["wants_partitions"]),
        _ask(plan, "repair_table", render_repair(), wanted=plan["repair"], trigger_rule="none_failed"),
    ]


def find_event(plan: Any) -> Any:
    """Ask which event had most requests."""
    return _ask_query(plan, BUSIEST, trigger_rule="none_failed")


@task
def choose_event(plan_event: str, query_id: str) -> str:
    """Return the event whose delay the seed's query asks: the one of the form, or the busiest; a literal."""
    from include.analytics.statements import quoted
    from include.clients.athena import fetch_result

    rows = fetch_result(connections.aws(), query_id).dicts()
    return quoted(plan_event or (rows[0]["eventid"] if rows else ""))


def query_day(plan: Any, event: Any) -> list[Any]:
    """Ask everything that becomes evidence but the total; return the tasks, named like their files."""
    return [_ask_query(plan, query, event=event) for query in (*SEED, *LATE_SAFE, *FURTHER)]


def query_total(plan: Any) -> Any:
    """Ask the day's total."""
    return _ask_query(plan, TOTAL)


def query_published(plan: Any) -> Any:
    """Ask which requests have an event."""
    return _ask_query(plan, PUBLISHED)


@task
def write_evidence(dt: str, late_days: int, event: str, query_ids: dict[str, str], published: str) -> str:
    """Write tables and report of the day, and return the report's URI."""
    from datetime import date, datetime, time, timezone

    from include.analytics.checks import judge_day
    from include.analytics.evidence import write_day
    from include.analytics.missing import find_missing
    from include.analytics.report import Facts
    from include.clients.athena import iter_text_column
    from include.core.keys import report_key

    context, now, day = get_current_context(), utc_now(), Day(date.fromisoformat(dt), late_days)
    results, settings, aws = _results(query_ids), connections.settings(), connections.aws()
    ends = datetime.combine(day.dt + timedelta(days=1), time(0), tzinfo=timezone.utc)
    where = settings.participation
    assert where is not None  # noqa: S101 - the plan has refused that
    report_records(processed=results.one("select_quality")["line_count"], dt=dt)
    checks = judge_day(
        results,
        is_over=now >= ends + AFTER_DAY,
        missing=find_missing(aws, where.requests_table, day, iter_text_column(aws, published)),
    )
    facts = Facts(day, str(context["run_id"]), now, event[1:-1].replace("''", "'"))
    events = aws.object_store(where.events_bucket)
    uri = write_day(results, checks, facts, curated=connections.curated_store(), events=events)
    context["ti"].xcom_push(key=REPORT_URL, value=aws.browse_url(where.events_bucket, report_key(day.dt)))
    return uri


def link_report(evidence: XComArg) -> None:
    """Show the button beside the task."""
    evidence.operator.operator_extra_links = (ReportLink(),)  # type: ignore[attr-defined]


@task
def validate_delays(query_ids: dict[str, str]) -> int:
    """Fail, naming requests, where a delay is negative (seed 003, 11.1); return 0."""
    from include.analytics.checks import validate_count

    return validate_count("negative_delay", _results(query_ids))


@task
def validate_timestamps(query_ids: dict[str, str]) -> int:
    """Fail, naming requests, where a timestamp is missing (seed 003, 11.2); return 0."""
    from include.analytics.checks import validate_count

    return validate_count("missing_timestamp", _results(query_ids))


def _results(query_ids: dict[str, str]) -> Results:
    """Return the answers by query; every one of them succeeded, or this raises."""
    from include.analytics.results import Results
    from include.clients.athena import fetch_result

    aws = connections.aws()
    return Results({name: fetch_result(aws, query_id).dicts() for name, query_id in query_ids.items()})


def _ask_query(plan: Any, query: Query, *, event: Any = None, **named: Any) -> Any:
    bound = [event if name == "event" else plan[name] for name in query.parameters]
    return _ask(plan, query.name, (FOLDER / query.file).read_text(), execution_parameters=bound, **named)


def _ask(plan: Any, task_id: str, statement: Any, **named: Any) -> Any:
    return AthenaQueryOperator(
        task_id=task_id, query=statement, database=plan["database"], workgroup=plan["workgroup"],
        aws_conn_id=connections.AWS, sleep_time=POLL_SECONDS, deferrable=False, **named,
    )  # fmt: skip
