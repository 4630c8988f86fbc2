"""What fails does so in Athena's words, at Athena's moment; what would be answered wrongly is refused."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from tests.devstack.aws.athena.conftest import Lake, event

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def logs(lake: Lake) -> str:
    lake.put("refused/dt=2026-01-04/hour=00/a", event(1))
    return lake.table("refused")


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("SELECT nope FROM refused", "COLUMN_NOT_FOUND: line 1:8: Column 'nope' cannot be resolved"),
        ("SELECT eventId\nFROM refused WHERE x.y = 1", "COLUMN_NOT_FOUND: line 2:20: Column 'x.y' cannot be resolved"),
        ("SELECT timestamps.nope FROM refused", "COLUMN_NOT_FOUND: line 1:8: Column"),
        ("SELECT * FROM gone", "TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.g1.gone' does not exist"),
        ("SELECT eventId AS e, count(*) FROM refused GROUP BY e", "COLUMN_NOT_FOUND: line 1:53: Column 'e'"),
        ("SELECT eventId, count(*) FROM refused", "EXPRESSION_NOT_AGGREGATE: line 1:8: 'eventId'"),
        ("SELECT foo(eventId) FROM refused", "FUNCTION_NOT_FOUND: line 1:8: Function 'foo' not registered"),
        ("SELECT 1 FROM refused WHERE dt = 20260104", "TYPE_MISMATCH: line 1:29: Cannot apply operator: varchar"),
        ("SELECT 1 FROM refused WHERE timestamps.queuedAt > '1'", "TYPE_MISMATCH: line 1:29:"),
        ("SELECT CAST('x' AS bigint)", "INVALID_CAST_ARGUMENT: Cannot cast 'x' to BIGINT"),
        ("SELECT 1 / (count(*) - 1) FROM refused", "DIVISION_BY_ZERO: Division by zero"),
        ("SELECT from_unixtime(1, 'Asia/Seoul')", "NOT_SUPPORTED: the local Athena has no from_unixtime with a time zone"),
        ("SELECT format_datetime(current_timestamp, 'y')", "NOT_SUPPORTED: the local Athena has no function format_datetime"),
        ("SELECT current_timestamp AT TIME ZONE 'Asia/Seoul'", "NOT_SUPPORTED: the local Athena has no "),
        ("SELECT CAST(from_unixtime(1) AS varchar)", "NOT_SUPPORTED: the local Athena has no text of an instant"),
        ("SELECT * FROM read_csv('/etc/passwd')", "NOT_SUPPORTED: the local Athena has no function read_csv"),
        ("SELECT * FROM \"/etc/passwd\"", "TABLE_NOT_FOUND"),
        ("SELECT ?", "INVALID_PARAMETER_USAGE: line 1:1: Incorrect number of parameters: expected 1 but found 0"),
    ],
)  # fmt: skip
def test_a_query_fails_with_athenas_reason(lake: Lake, logs: str, sql: str, reason: str) -> None:
    assert lake.failure(sql).startswith(reason)


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELEC 1", "line 1:1: mismatched input 'SELEC'. Expecting:"),
        ("SELECT 1 FROM refused WHERE", "mismatched input"),
        ("SELECT FROM WHERE", "line 1:13: mismatched input 'WHERE'"),
        ("SELECT 1; SELECT 2", "Only one sql statement is allowed"),
        ("INSERT INTO refused VALUES (1)", "NOT_SUPPORTED: the local Athena has no INSERT"),
        ("CREATE TABLE other AS SELECT 1", "NOT_SUPPORTED: the local Athena has no CREATE TABLE AS"),
        ("-- nothing", "mismatched input '<EOF>'"),
    ],
)
def test_a_text_that_is_no_query_is_refused_at_once(lake: Lake, sql: str, message: str) -> None:
    with pytest.raises(ClientError) as refused:
        lake.start(sql)
    assert refused.value.response["Error"]["Code"] == "InvalidRequestException"
    assert message in refused.value.response["Error"]["Message"]


def test_bind_parameters_are_literals_and_can_be_nothing_else(lake: Lake, logs: str) -> None:
    sql = "SELECT '?', ?, eventId -- ?\nFROM refused WHERE requestId = ? AND dt = ?"
    rows = lake.rows(sql, ExecutionParameters=["-7", "'req-1'", "'2026-01-04'"])
    assert rows == [["?", "-7", "event-1"]]
    for given in ("2026-01-04", "x", "1 OR 1=1", "'a' OR 'a'='a'", "(SELECT 1)"):
        with pytest.raises(ClientError, match="no literal"):
            lake.start("SELECT 1 FROM refused WHERE dt = ?", ExecutionParameters=[given])
    assert lake.rows("SELECT ?", ExecutionParameters=["'it''s'"]) == [["it's"]]
