"""docs/benchmarks.md: words are written by hand, figures between markers are replaced by `make bench`."""

from __future__ import annotations

import os
import platform
import re
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.harness import ROOT, Result, to_markdown

PAGE = ROOT / "docs" / "benchmarks.md"
LIBRARIES = (
    "apache-airflow", "boto3", "chdb", "clickhouse-connect", "clickhouse-driver", "dlt", "duckdb", "ministack",
    "obstore", "pandas", "polars", "pyarrow", "urllib3", "yfinance",
)  # fmt: skip


def write_figures(name: str, results: list[Result], *, repeat: int) -> None:
    """Put the figures of one benchmark, with the machine's state, between its markers."""
    text = PAGE.read_text() if PAGE.exists() else "# Benchmarks\n"
    begin, end = f"<!-- figures: {name} -->", f"<!-- end: {name} -->"
    block = f"{begin}\n\n{machine_state(repeat)}\n\n{to_markdown(results)}\n{end}"
    if begin in text:
        text = re.sub(f"{re.escape(begin)}.*?{re.escape(end)}", lambda _: block, text, flags=re.DOTALL)
    else:
        text = f"{text.rstrip()}\n\n## {name}\n\n{block}\n"
    PAGE.write_text(text)


def machine_state(repeat: int) -> str:
    """Return what the figures depend on: date, machine, load, versions."""
    now = datetime.now(timezone.utc)
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return (
        f"{now:%Y-%m-%d %H:%M} UTC · {_processor()}, {os.cpu_count()} cores, {_memory()} · "
        f"{platform.system()}, Python {platform.python_version()} · load average {load} "
        f"at the end · medians of {repeat}  \n{_versions()}"
    )


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    names = (
        re.findall(r"^model name\s*: (.*)$", cpuinfo.read_text(), re.MULTILINE) if cpuinfo.exists() else []
    )
    return names[0].strip() if names else platform.processor() or platform.machine()


def _memory() -> str:
    return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1e9:.0f} GB"


def _versions() -> str:
    return ", ".join(_version(library) for library in LIBRARIES)


def _version(library: str) -> str:
    try:
        return f"{library} {version(library)}"
    except PackageNotFoundError:
        return f"no {library}"
