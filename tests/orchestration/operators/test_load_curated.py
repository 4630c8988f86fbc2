"""The load operator against the local default: its connections are Airflow's, named by the environment."""

from __future__ import annotations

import io
import uuid
from datetime import datetime, timezone

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from airflow.sdk import RetryAction

from include.core.contracts import CuratedFile, CuratedFileList
from include.core.errors import (
    ObjectMissing,
    SchemaMismatch,
    TerminalError,
    TransientError,
    UnsupportedFormat,
)
from include.orchestration import connections
from include.orchestration.defaults import RETRY_BY_TYPE
from include.orchestration.operators.load_curated import LoadCuratedOperator

pytestmark = pytest.mark.integration
DAY = datetime(2013, 3, 1, tzinfo=timezone.utc)


def bars(symbols, **other):
    price = pa.array([1.25] * len(symbols))
    columns = {
        "symbol": pa.array(symbols), "timestamp": pa.array([DAY] * len(symbols), pa.timestamp("ms", "UTC")),
        "open": price, "high": price, "low": price, "close": price, "adjusted_close": price,
        "volume": pa.array([7] * len(symbols), pa.int64()), **other,
    }  # fmt: skip
    sink = io.BytesIO()
    pq.write_table(pa.table({name: column for name, column in columns.items() if column is not None}), sink)
    return sink.getvalue()


@pytest.fixture
def load(market):
    """Return a function that writes a file and a list naming it, runs the operator, returns (answer, context)."""

    def run(data, *, key=None, rows=2):
        key = key or f"market/{market.table_name}/ds=2013-03-01/part-000.parquet"
        size, etag = 4000, "0" * 32
        if data is not None:
            info = market.curated.write(key, data)
            size, etag = info.size, info.etag
        asked = CuratedFileList(
            domain="market",
            table_name=market.table_name,
            files=[CuratedFile(key=key, etag=etag, size=size, rows=rows)],
        )
        listed = f"_lists/{uuid.uuid4().hex}.json"
        market.raw.write(listed, asked.model_dump_json().encode())
        operator = LoadCuratedOperator(
            task_id="load_files", files_uri=market.raw.uri(listed), correlation_id="c-77"
        )
        context: dict[str, str] = {}
        return operator.execute(context), context

    return run


def test_a_list_is_loaded_and_a_second_time_skipped(load, market):
    first, context = load(bars(["AAPL", "IBM"]))
    again, _ = load(bars(["AAPL", "IBM"]))
    assert first == {"loaded": 1, "skipped": 0, "rows": 2}
    assert again == {"loaded": 0, "skipped": 1, "rows": 0}
    assert context["map_label"] == f"market.{market.table_name} (1 files)"
    with connections.warehouse() as warehouse:
        found = warehouse.query(
            f"SELECT symbol, close, volume FROM market.{market.table_name} ORDER BY symbol"
        )
    assert found.to_pylist() == [
        {"symbol": "AAPL", "close": 1.25, "volume": 7},
        {"symbol": "IBM", "close": 1.25, "volume": 7},
    ]


def test_the_correlation_id_is_in_the_audit(load, market):
    load(bars(["AAPL", "IBM"]))
    with connections.warehouse() as warehouse:
        found = warehouse.query(
            "SELECT correlation_id, record_count, toString(partition_date) AS day FROM market.load_audit "
            "WHERE table_name = {name:String}",
            {"name": market.table_name},
        )
    assert found.to_pylist() == [{"correlation_id": "c-77", "record_count": 2, "day": "2013-03-01"}]


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (None, ObjectMissing),
        (b"no Parquet" * 500, UnsupportedFormat),
        (bars(["AAPL", "IBM"], adjusted_close=None), SchemaMismatch),
        (bars(["AAPL", "IBM"], volume=pa.array([1.5, 2.5])), SchemaMismatch),
    ],
    ids=["missing", "no Parquet", "column missing", "type"],
)
def test_a_file_that_cannot_be_loaded_ends_the_task_at_once_and_is_named(load, market, data, error):
    with pytest.raises(error, match=r"part-000\.parquet") as caught:
        load(data)
    assert isinstance(caught.value, TerminalError)
    assert RETRY_BY_TYPE.evaluate(caught.value, 1, 3).action == RetryAction.FAIL
    with connections.warehouse() as warehouse:
        found = warehouse.query(f"SELECT count() AS n FROM market.{market.table_name}")
    assert found.to_pylist() == [{"n": 0}]


def test_a_warehouse_that_is_away_is_tried_again(load, monkeypatch):
    monkeypatch.setenv(
        "AIRFLOW_CONN_CLICKHOUSE_DEFAULT",
        '{"conn_type": "generic", "host": "127.0.0.1", "port": 9, "extra": {"interface": "http"}}',
    )
    with pytest.raises(TransientError) as caught:
        load(bars(["AAPL", "IBM"]))
    assert RETRY_BY_TYPE.evaluate(caught.value, 1, 3).action != RetryAction.FAIL
