"""Writes a day's evidence: tables for the warehouse, then the report."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence

from include.analytics.checks import Check
from include.analytics.report import Facts, render_report
from include.analytics.results import Results, check_whole
from include.analytics.tables import day_tables, encode_parquet
from include.clients.object_store import ObjectStore
from include.core.keys import CuratedTable, report_key, run_report_key

log = logging.getLogger(__name__)
DOMAIN = "analytics"
HTML = "text/html; charset=utf-8"


def write_day(
    results: Results, checks: Sequence[Check], facts: Facts, *, curated: ObjectStore, events: ObjectStore
) -> str:
    """Write tables and report of the day and return the report's URI; `DayMoved`: nothing was written.

    Each object replaces its predecessor whole, under the run's id. The report is last: where it names a run, all
    of that run's tables are there.
    """
    check_whole(results)
    html = render_report(facts, results, checks).encode()
    write_tables(results, checks, facts, curated)
    for report in (run_report_key(facts.day.dt, facts.run_id), report_key(facts.day.dt)):
        events.write(report, html, content_type=HTML)
    summary = {check.name: check.value for check in checks}
    log.info("%s of run %s: %s", events.uri(report_key(facts.day.dt)), facts.run_id, json.dumps(summary))
    return events.uri(report_key(facts.day.dt))


def write_tables(results: Results, checks: Sequence[Check], facts: Facts, curated: ObjectStore) -> None:
    """Write each table's day as CSV and Parquet; a table without rows gets no Parquet, unless it had one."""
    ds = facts.day.dt
    about = {"tapeline.run_id": facts.run_id, "tapeline.source": "g1_metrics"}
    for name, frame in day_tables(results, checks, ds=ds, run_id=facts.run_id).items():
        key = CuratedTable(DOMAIN, name).part_key(ds)
        curated.write(key.replace(".parquet", ".csv"), frame.write_csv().encode())
        if frame.height or curated.head(key):
            curated.write(key, encode_parquet(frame, about))
