"""Executions and their history: the record that Athena shows of each query, and its way through the states."""

from __future__ import annotations

import copy
import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from devstack.aws.athena.errors import RequestRefused

FINAL = ("SUCCEEDED", "FAILED", "CANCELLED")
_BETWEEN_INTERRUPTS = 0.05
_LINES_PER_EXECUTION = 4
KEPT = 1_000
"""Executions that are remembered, the newest; Athena keeps 45 days."""


class Execution:
    """One query: the record of Athena's API, changed under a lock."""

    def __init__(self, record: dict[str, Any]) -> None:
        self.record = record
        self._lock = threading.Lock()
        self._interrupt: Callable[[], None] | None = None

    @property
    def id(self) -> str:
        return str(self.record["QueryExecutionId"])

    @property
    def state(self) -> str:
        return str(self.record["Status"]["State"])

    @property
    def output(self) -> str:
        """Where the result is, `s3://bucket/key`."""
        return str(self.record["ResultConfiguration"]["OutputLocation"])

    @property
    def is_dml(self) -> bool:
        return bool(self.record["StatementType"] == "DML")

    def begin(self) -> bool:
        """Go from QUEUED to RUNNING; return False where it was cancelled before."""
        with self._lock:
            if self.state != "QUEUED":
                return False
            self.record["Status"]["State"] = "RUNNING"
            waited = time.time() - self.record["Status"]["SubmissionDateTime"]
            self.record["Statistics"]["QueryQueueTimeInMillis"] = int(waited * 1000)
            return True

    def finish(self, state: str, reason: str | None = None, category: int = 2) -> None:
        """Go to a final state; the first one stays."""
        with self._lock:
            if self.state in FINAL:
                return
            status = self.record["Status"]
            status.update(State=state, CompletionDateTime=time.time())
            if reason:
                status["StateChangeReason"] = reason[:1024]
            if state == "FAILED":
                status["AthenaError"] = {
                    "ErrorCategory": category,
                    "ErrorType": 1,
                    "Retryable": False,
                    "ErrorMessage": (reason or "")[:1024],
                }
            total = status["CompletionDateTime"] - status["SubmissionDateTime"]
            self.record["Statistics"]["TotalExecutionTimeInMillis"] = int(total * 1000)

    def measure(self, **figures: int) -> None:
        """Note figures among its statistics."""
        with self._lock:
            self.record["Statistics"].update(figures)

    def snapshot(self) -> dict[str, Any]:
        """Return a copy of the record."""
        with self._lock:
            return copy.deepcopy(self.record)

    def on_cancel(self, interrupt: Callable[[], None] | None) -> None:
        """Say what stops the work that is under way now."""
        with self._lock:
            self._interrupt = interrupt

    def cancel(self) -> None:
        """End it as CANCELLED, unless it has ended; its work is interrupted until it stops."""
        self.finish("CANCELLED", "Query cancelled by user")
        if self.state == "CANCELLED":
            threading.Thread(target=self._keep_interrupting, daemon=True).start()

    def _keep_interrupting(self) -> None:
        """Interrupt again and again: DuckDB forgets an interruption that comes between two statements."""
        while True:
            with self._lock:
                if self._interrupt is None:
                    return
                self._interrupt()
            time.sleep(_BETWEEN_INTERRUPTS)


class History:
    """The newest executions, kept in a file of JSON lines: one as a query begins, one as it ends."""

    def __init__(self, path: Path, kept: int = KEPT) -> None:
        self._path, self._kept = path, kept
        self._lock = threading.Lock()
        self._known: OrderedDict[str, Execution] = OrderedDict()
        self._tokens: dict[str, str] = {}
        self._lines = 0
        self._load()

    def add(self, execution: Execution, token: str | None) -> Execution:
        """Remember it; return the execution that the same token began before, if there is one."""
        with self._lock:
            before = self._known.get(self._tokens.get(token or "", ""))
            if before is not None:
                if before.record["Query"] != execution.record["Query"]:
                    raise RequestRefused("Idempotent parameters do not match")
                return before
            if token:
                self._tokens[token] = execution.id
            self._known[execution.id] = execution
            while len(self._known) > self._kept:
                self._known.popitem(last=False)
            self._append(execution, token)
        return execution

    def save(self, execution: Execution) -> None:
        """Note how it stands."""
        with self._lock:
            self._append(execution, None)

    def get(self, query_id: str) -> Execution:
        """Return one; an id that is not known is refused."""
        if (found := self.find(query_id)) is None:
            raise RequestRefused(f"QueryExecution {query_id} was not found")
        return found

    def find(self, query_id: str) -> Execution | None:
        """Return one, or None."""
        return self._known.get(query_id)

    def newest_first(self, workgroup: str) -> Iterator[Execution]:
        """Yield the executions of a work group."""
        with self._lock:
            found = list(self._known.values())
        return (one for one in reversed(found) if one.record["WorkGroup"] == workgroup)

    def _append(self, execution: Execution, token: str | None) -> None:
        line = json.dumps({"record": execution.snapshot(), "token": token})
        with self._path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
        self._lines += 1
        if self._lines > _LINES_PER_EXECUTION * self._kept:
            self._rewrite()

    def _load(self) -> None:
        """Read what an earlier process left; a query that it did not end has failed."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        lines = self._path.read_text(encoding="utf-8").splitlines() if self._path.exists() else []
        for line in lines:
            try:
                kept = json.loads(line)
                execution = Execution(kept["record"])
            except (ValueError, KeyError):  # the line that a kill cut
                continue
            self._known[execution.id] = execution
            if kept["token"]:
                self._tokens[kept["token"]] = execution.id
        for execution in self._known.values():
            execution.finish("FAILED", "GENERIC_INTERNAL_ERROR: the local Athena was stopped", category=1)
        while len(self._known) > self._kept:
            self._known.popitem(last=False)
        self._rewrite()

    def _rewrite(self) -> None:
        """Have one line an execution in the file."""
        by_id = {query: token for token, query in self._tokens.items() if query in self._known}
        self._tokens = {token: query for query, token in by_id.items()}
        self._path.unlink(missing_ok=True)
        self._lines = 0
        for execution in self._known.values():
            self._append(execution, by_id.get(execution.id))
