"""Lines of JSON as the SerDe of Athena takes them: bad lines, joined objects, other spellings, compressed files."""

from __future__ import annotations

import json

import pytest

from tests.devstack.aws.athena.conftest import BUCKET, Lake, event

pytestmark = pytest.mark.integration


def test_a_line_is_a_row_whatever_stands_in_it(lake: Lake) -> None:
    lake.put(
        "lines/dt=2026-01-04/hour=00/a",
        event(1), "\n", "   \n", "plain text\n", '{"requestId": "cut', "\n", "null\n", "5\n", event(2), "{}\n",
    )  # fmt: skip
    table = lake.table("lines")
    assert lake.rows(f"SELECT count(*), count(requestId) FROM {table}") == [["9", "2"]]


def test_of_objects_joined_in_a_line_athena_sees_the_first(lake: Lake) -> None:
    lake.put("joined/dt=2026-01-04/hour=00/a", *(json.dumps(event(number)) for number in range(3)))
    lake.put("joined/dt=2026-01-04/hour=00/b", event(5, resultCode="}{"), event(6))
    table = lake.table("joined")
    assert lake.rows(f"SELECT requestId, resultCode FROM {table} ORDER BY 1") == [
        ["req-0", "SUCCESS"], ["req-5", "}{"], ["req-6", "SUCCESS"],
    ]  # fmt: skip


def test_keys_are_found_in_any_case_file_by_file(lake: Lake) -> None:
    small = json.loads(json.dumps(event(1)).replace("queuedAt", "queuedat").replace("requestId", "requestid"))
    lake.put("cases/dt=2026-01-04/hour=00/small", small)
    lake.put("cases/dt=2026-01-04/hour=00/camel", event(2))
    table = lake.table("cases")
    sql = f"SELECT REQUESTID, timestamps.QUEUEDAT FROM {table} ORDER BY 1"
    assert lake.rows(sql) == [["req-1", "1767484800000"], ["req-2", "1767484800000"]]
    lake.put("cases/dt=2026-01-04/hour=00/both", event(3), small)
    assert "spell a key both" in lake.failure(sql)


def test_compressed_files_and_unknown_fields_are_read_and_hidden_files_are_not(lake: Lake) -> None:
    lake.put("mixed/dt=2026-01-04/hour=00/a.gz", event(1, added={"by": "somebody"}), compress=True)
    lake.put("mixed/dt=2026-01-04/hour=00/b.gz", "\n", event(2), compress=True)
    lake.put("mixed/dt=2026-01-04/hour=00/_SUCCESS", event(3))
    table = lake.table("mixed")
    assert lake.rows(f"SELECT requestId FROM {table} ORDER BY 1") == [["req-1"], ["req-2"], [None]]


def test_a_missing_or_null_object_is_null_all_through(lake: Lake) -> None:
    lake.put("nulls/dt=2026-01-04/hour=00/a", event(1, timestamps=None), {"requestId": "alone"})
    table = lake.table("nulls")
    sql = f"SELECT requestId, timestamps, timestamps.queuedAt, delivery.isDlq FROM {table} ORDER BY 1"
    assert lake.rows(sql) == [["alone", None, None, None], ["req-1", None, None, "false"]]


def test_a_malformed_line_fails_a_table_that_does_not_ignore_it(lake: Lake) -> None:
    lake.put("strict/dt=2026-01-04/hour=00/a", event(1), '{"broken\n', event(2))
    table = lake.table("strict", ignored="false")
    reason = lake.failure(f"SELECT count(requestId) FROM {table}")
    assert reason.startswith("HIVE_CURSOR_ERROR: Row is not a valid JSON Object"), reason
    assert "/" not in reason, "a path of this machine is shown"


def test_parquet_is_read_by_name(lake: Lake, tmp_path: object) -> None:
    import polars

    frame = polars.DataFrame({"requestId": ["a", None], "amount": [1, 2]})
    frame.write_parquet(f"{tmp_path}/p.parquet")
    with open(f"{tmp_path}/p.parquet", "rb") as file:
        lake.aws.client("s3").put_object(Bucket=BUCKET, Key="parquet/p.parquet", Body=file.read())
    lake.run(
        f"CREATE EXTERNAL TABLE flat (amount bigint, requestId string) STORED AS PARQUET "
        f"LOCATION 's3://{BUCKET}/parquet/'"
    )
    assert lake.rows("SELECT * FROM flat ORDER BY amount") == [["1", "a"], ["2", None]]
