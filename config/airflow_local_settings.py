"""Airflow imports this file in each of its processes (folder `config` on its path).

The scheduler (LocalExecutor) and the Celery worker fork a process for every task. What they have
imported costs a task nothing, so the libraries that tasks need are imported here once, in the parent.
Any other process, and a DAG's parse, stays light.
"""

from __future__ import annotations

import gc
import importlib
import logging
import sys

FORKING_COMMANDS = {"scheduler", "celery"}
LIBRARIES = (
    "boto3",
    "clickhouse_driver",
    "exchange_calendars",
    "numpy",
    "obstore",
    "pandas",
    "polars",
    "psycopg",
    "pyarrow.json",
    "pyarrow.parquet",
    "yfinance",
)
"""Only imported, never used here: a thread pool that a library starts does not survive the fork."""


def preload(command: str) -> list[str]:
    """Import the libraries where the command forks tasks; return what was imported."""
    if command not in FORKING_COMMANDS:
        return []
    loaded = [name for name in LIBRARIES if _imported(name)]
    gc.collect()
    gc.freeze()  # or every child copies the pages that the collector marks
    return loaded


def _imported(name: str) -> bool:
    try:
        importlib.import_module(name)
    except ImportError as error:  # the task that needs it will say so; the scheduler must live
        logging.getLogger(__name__).warning("%s was not preloaded: %s", name, error)
        return False
    return True


preload(sys.argv[1] if len(sys.argv) > 1 else "")
