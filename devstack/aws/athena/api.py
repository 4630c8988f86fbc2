"""The query part of Athena's API: what starts, shows, stops and lists executions, and pages through results."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from devstack.aws.athena.errors import QueryFailed, RequestRefused
from devstack.aws.athena.executions import FINAL, Execution, History
from devstack.aws.athena.results import PAGE, read_columns, read_page
from devstack.aws.athena.runner import Runner
from devstack.aws.athena.select import Query
from devstack.aws.athena.statements import Statement, parse_statement
from include.clients.aws import Aws, error_code

Request = Mapping[str, Any]
Answer = dict[str, Any]
_MOST_LISTED = 50
_LONGEST_QUERY = 262_144


class Athena:
    """One account's queries in one region; each action takes and returns the API's own shapes."""

    def __init__(self, aws: Aws, state: Path, objects: Path) -> None:
        self._aws = aws
        self._history = History(state / "executions.jsonl")
        self._runner = Runner(aws, self._history, state, objects)

    def stop(self) -> None:
        """End every query; the process ends."""
        self._runner.stop()

    def handle(self, action: str, request: Request) -> Answer:
        """Answer one action; `RequestRefused` is its error."""
        name = re.sub(r"(?<=[a-z])([A-Z])", r"_\1", action).lower()
        answer: Answer = getattr(self, f"_{name}")(request)
        return answer

    def _start_query_execution(self, request: Request) -> Answer:
        sql = _required(request, "QueryString")
        if len(sql.encode()) > _LONGEST_QUERY:
            raise RequestRefused(f"Query string length exceeds {_LONGEST_QUERY} bytes")
        workgroup = request.get("WorkGroup") or "primary"
        settings = self._workgroup(workgroup)
        output = _output(request, settings)
        failure, statement = None, None
        try:
            statement = parse_statement(sql, request.get("ExecutionParameters") or ())
        except QueryFailed as error:  # Athena finds it as it plans
            failure = error
        execution = Execution(_record(request, workgroup, statement, output))
        known = self._history.add(execution, request.get("ClientRequestToken"))
        if known is not execution:
            return {"QueryExecutionId": known.id}
        if statement is None:
            execution.finish("FAILED", str(failure))
            self._history.save(execution)
        else:
            database = (request.get("QueryExecutionContext") or {}).get("Database") or "default"
            cutoff = int(settings.get("BytesScannedCutoffPerQuery") or 0)
            self._runner.submit(execution, Query(statement, database.lower(), cutoff))
        return {"QueryExecutionId": execution.id}

    def _workgroup(self, name: str) -> Mapping[str, Any]:
        """Return the work group's configuration; work groups are MiniStack's."""
        try:
            found = self._aws.client("athena").get_work_group(WorkGroup=name)["WorkGroup"]
        except ClientError as error:
            raise RequestRefused(f"WorkGroup {name} is not found. ({error_code(error)})") from None
        if found.get("State") == "DISABLED":
            raise RequestRefused(f"WorkGroup {name} is disabled.")
        configuration: Mapping[str, Any] = found.get("Configuration") or {}
        return configuration

    def _get_query_execution(self, request: Request) -> Answer:
        return {"QueryExecution": self._history.get(_required(request, "QueryExecutionId")).snapshot()}

    def _batch_get_query_execution(self, request: Request) -> Answer:
        asked = {
            query_id: self._history.find(query_id) for query_id in _required(request, "QueryExecutionIds")
        }
        return {
            "QueryExecutions": [one.snapshot() for one in asked.values() if one],
            "UnprocessedQueryExecutionIds": [
                {
                    "QueryExecutionId": query_id,
                    "ErrorCode": "INVALID_QUERY_EXECUTION_ID",
                    "ErrorMessage": f"QueryExecution {query_id} was not found",
                }
                for query_id, one in asked.items() if not one
            ],
        }  # fmt: skip

    def _list_query_executions(self, request: Request) -> Answer:
        ids = [one.id for one in self._history.newest_first(request.get("WorkGroup") or "primary")]
        start = _offset(request)
        end = start + min(int(request.get("MaxResults") or _MOST_LISTED), _MOST_LISTED)
        return {"QueryExecutionIds": ids[start:end]} | ({"NextToken": str(end)} if end < len(ids) else {})

    def _stop_query_execution(self, request: Request) -> Answer:
        execution = self._history.get(_required(request, "QueryExecutionId"))
        execution.cancel()
        self._history.save(execution)
        return {}

    def _get_query_runtime_statistics(self, request: Request) -> Answer:
        record = self._history.get(_required(request, "QueryExecutionId")).snapshot()
        return {"QueryRuntimeStatistics": {"Timeline": {
            name: value for name, value in record["Statistics"].items() if name.endswith("InMillis")
        }}}  # fmt: skip

    def _get_query_results(self, request: Request) -> Answer:
        execution = self._history.get(_required(request, "QueryExecutionId"))
        if execution.state not in FINAL:
            raise RequestRefused(f"Query has not yet finished. Current state: {execution.state}")
        if execution.state != "SUCCEEDED":
            raise RequestRefused(f"Query did not finish successfully. Final query state: {execution.state}")
        limit = int(request.get("MaxResults") or PAGE)
        if not 1 <= limit <= PAGE:
            raise RequestRefused(f"MaxResults is more than maximum allowed length {PAGE}.")
        s3 = self._aws.client("s3")
        try:
            columns = read_columns(s3, execution.output)
            rows, rest = read_page(s3, execution.output, _offset(request), limit)
        except ClientError as error:
            raise RequestRefused(
                f"Could not find results: {execution.output} ({error_code(error)})"
            ) from None
        shown = [{"Data": [{} if cell is None else {"VarCharValue": cell} for cell in row]} for row in rows]
        metadata = {"ColumnInfo": [one.info for one in columns]}
        answer: Answer = {"UpdateCount": 0, "ResultSet": {"Rows": shown, "ResultSetMetadata": metadata}}
        return answer | ({"NextToken": str(rest)} if rest is not None else {})


def _required(request: Request, name: str) -> Any:
    if not request.get(name):
        raise RequestRefused(
            f"1 validation error detected: Value at '{name}' failed to satisfy constraint: not null"
        )
    return request[name]


def _offset(request: Request) -> int:
    token = request.get("NextToken") or "0"
    if not token.isdigit():
        raise RequestRefused(f"Invalid NextToken: {token}")
    return int(token)


def _output(request: Request, settings: Mapping[str, Any]) -> str:
    """Return the folder of results: the work group's where it has one and enforces it, or the request has none."""
    own = (request.get("ResultConfiguration") or {}).get("OutputLocation")
    theirs = (settings.get("ResultConfiguration") or {}).get("OutputLocation")
    enforced = settings.get("EnforceWorkGroupConfiguration", True) and theirs
    output = theirs if enforced or not own else own
    if not output:
        raise RequestRefused(
            "No output location provided. An output location is required either through the Workgroup result "
            "configuration setting or as an API input."
        )
    if not re.match(r"s3://[^/]+", output):
        raise RequestRefused("outputLocation is not a valid S3 path.")
    return str(output).rstrip("/")


def _record(request: Request, workgroup: str, statement: Statement | None, output: str) -> dict[str, Any]:
    """Return the record of an execution that begins."""
    query_id, kind = str(uuid.uuid4()), statement.kind if statement else "DML"
    context = {name.lower(): value for name, value in (request.get("QueryExecutionContext") or {}).items()}
    record = {
        "QueryExecutionId": query_id,
        "Query": request["QueryString"],
        "StatementType": kind,
        "ResultConfiguration": {"OutputLocation": f"{output}/{query_id}.{'csv' if kind == 'DML' else 'txt'}"},
        "ResultReuseConfiguration": {"ResultReuseByAgeConfiguration": {"Enabled": False}},
        "QueryExecutionContext": {
            "Database": context.get("database") or "default",
            "Catalog": context.get("catalog") or "awsdatacatalog",
        },
        "Status": {"State": "QUEUED", "SubmissionDateTime": time.time()},
        "Statistics": {"DataScannedInBytes": 0, "EngineExecutionTimeInMillis": 0},
        "WorkGroup": workgroup,
        "EngineVersion": {
            "SelectedEngineVersion": "AUTO",
            "EffectiveEngineVersion": "Athena engine version 3",
        },
        "SubstatementType": (re.match(r"\W*(\w+)", request["QueryString"]) or ["", kind])[1].upper(),
    }
    if request.get("ExecutionParameters"):
        record["ExecutionParameters"] = list(request["ExecutionParameters"])
    return record
