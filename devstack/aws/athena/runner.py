"""Runs executions in threads beside the requests: queries two at a time, other statements not behind them."""

from __future__ import annotations

import logging
import shutil
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

import duckdb
from botocore.exceptions import BotoCoreError, ClientError
from sqlglot.errors import SqlglotError

from devstack.aws.athena.catalog import Catalog
from devstack.aws.athena.ddl import run_ddl
from devstack.aws.athena.errors import QueryCancelled, QueryFailed
from devstack.aws.athena.executions import Execution, History
from devstack.aws.athena.files import Files
from devstack.aws.athena.reasons import reason_of
from devstack.aws.athena.results import ResultColumn, store_result, write_text
from devstack.aws.athena.select import Engine, Query, run_select
from include.clients.aws import Aws

log = logging.getLogger("devstack.aws.athena")
QUERIES, STATEMENTS = 2, 2


class Runner:
    """Takes executions from QUEUED to their end."""

    def __init__(self, aws: Aws, history: History, state: Path, objects: Path) -> None:
        cache = state / "cache"
        shutil.rmtree(cache, ignore_errors=True)  # of an earlier process
        (cache / "spill").mkdir(parents=True)
        self._aws, self._history = aws, history
        self._catalog = Catalog(aws)
        self._files = Files(aws, objects, cache)
        self._engine = Engine(cache / "spill")
        self._queries = ThreadPoolExecutor(QUERIES, thread_name_prefix="athena-query")
        self._statements = ThreadPoolExecutor(STATEMENTS, thread_name_prefix="athena-ddl")
        self._running: set[Execution] = set()

    def submit(self, execution: Execution, query: Query) -> None:
        """Let it run when its turn comes."""
        pool = self._queries if query.statement.kind == "DML" else self._statements
        pool.submit(self._run, execution, query)

    def stop(self) -> None:
        """Cancel what runs and begin nothing more."""
        for pool in (self._queries, self._statements):
            pool.shutdown(wait=False, cancel_futures=True)
        for execution in list(self._running):
            execution.cancel()

    def _run(self, execution: Execution, query: Query) -> None:
        if not execution.begin():
            return
        self._running.add(execution)
        began = time.monotonic()
        try:
            with tempfile.TemporaryFile() as output:
                columns = self._answer(execution, query, output)
                execution.measure(EngineExecutionTimeInMillis=_millis(began))
                if execution.state == "RUNNING":
                    store_result(self._aws.client("s3"), execution.output, output, columns)
            execution.finish("SUCCEEDED")
        except QueryCancelled as cancelled:
            execution.finish("CANCELLED", str(cancelled))
        except QueryFailed as failed:
            execution.finish("FAILED", str(failed))
        except duckdb.Error as error:
            tree, sql = query.statement.tree, query.statement.sql
            execution.finish("FAILED", reason_of(error, tree, sql))
        except (ClientError, BotoCoreError, SqlglotError) as error:
            execution.finish("FAILED", f"GENERIC_INTERNAL_ERROR: {error}", category=1)
        except Exception as error:
            log.exception("query %s", execution.id)
            execution.finish("FAILED", f"GENERIC_INTERNAL_ERROR: {type(error).__name__}: {error}", category=1)
        finally:
            self._running.discard(execution)
            execution.measure(EngineExecutionTimeInMillis=_millis(began))
            self._history.save(execution)

    def _answer(self, execution: Execution, query: Query, output: IO[bytes]) -> list[ResultColumn]:
        if query.statement.kind == "DML":
            return run_select(query, execution, self._catalog, self._files, self._engine, output)
        columns, rows = run_ddl(query.statement, self._catalog, query.database)
        write_text(output, rows)
        return columns


def _millis(began: float) -> int:
    return int((time.monotonic() - began) * 1000)
