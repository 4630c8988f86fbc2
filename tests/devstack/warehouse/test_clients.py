"""The local warehouse with binary formats, streams, packed bodies, many clients and the official one."""

from __future__ import annotations

import gzip
import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import clickhouse_connect
import pytest
import urllib3

pytestmark = pytest.mark.integration


@pytest.fixture
def table(warehouse: Any) -> str:
    name = f"t_{uuid.uuid4().hex[:8]}"
    warehouse.value(f"CREATE TABLE {name} (n Int64, s String) ENGINE = MergeTree ORDER BY n")
    return name


def post(warehouse: Any, body: Any, query: str = "", **headers: str) -> urllib3.BaseHTTPResponse:
    url = f"http://127.0.0.1:{warehouse.port}/?{query}"
    return urllib3.request("POST", url, body=body, headers=headers, retries=False)


@pytest.mark.parametrize("name", ["Native", "Parquet", "ArrowStream", "RowBinary"])
def test_binary_formats_go_out_and_in(warehouse: Any, table: str, name: str) -> None:
    sql = f"SELECT number AS n, toString(n) AS s FROM numbers(100000) FORMAT {name}"
    data = post(warehouse, sql.encode()).data
    answer = post(warehouse, f"INSERT INTO {table} (n, s) FORMAT {name}\n".encode() + data)
    assert json.loads(answer.headers["X-ClickHouse-Summary"])["written_rows"] == "100000"
    assert (
        warehouse.value(f"SELECT count(), sum(n), uniqExact(s) FROM {table}") == "100000\t4999950000\t100000"
    )


def test_an_insert_may_come_in_chunks_and_packed(warehouse: Any, table: str) -> None:
    data = gzip.compress(b"".join(b"%d\tx\n" % n for n in range(200_000)))
    pieces = (data[at : at + 1000] for at in range(0, len(data), 1000))
    answer = post(warehouse, pieces, f"query=INSERT+INTO+{table}+FORMAT+TSV", **{"Content-Encoding": "gzip"})
    assert answer.status == 200, answer.data
    assert warehouse.value(f"SELECT count(), sum(n) FROM {table}") == f"200000\t{sum(range(200_000))}"


def test_the_format_comes_from_the_query_else_the_header_else_the_default(warehouse: Any) -> None:
    header = {"X-ClickHouse-Format": "JSONEachRow"}
    assert warehouse.ask("SELECT 1 AS n", default_format="CSVWithNames").text == '"n"\n1\n'
    assert warehouse.ask("SELECT 1 AS n", headers=header, default_format="CSV").text == '{"n":1}\n'
    assert warehouse.ask("SELECT 1 AS n FORMAT TSVWithNames", headers=header).text == "n\n1\n"


def test_an_answer_is_packed_where_the_client_asks(warehouse: Any) -> None:
    packed = {"Accept-Encoding": "gzip"}
    answer = post(warehouse, b"SELECT number FROM numbers(100000)", "enable_http_compression=1", **packed)
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.data.count(b"\n") == 100_000
    plain = post(warehouse, b"SELECT 1", **packed)
    assert "Content-Encoding" not in plain.headers


def test_a_long_answer_is_streamed(warehouse: Any) -> None:
    answer = post(warehouse, b"SELECT number FROM numbers(2000000)")
    assert answer.headers["Transfer-Encoding"] == "chunked"
    assert answer.data.splitlines()[-1] == b"1999999"


def test_an_answer_that_fails_on_the_way_is_no_whole_answer(warehouse: Any) -> None:
    sql = b"SELECT throwIf(number = 5000000) FROM numbers(6000000) SETTINGS max_threads = 1"
    with pytest.raises(urllib3.exceptions.ProtocolError):
        post(warehouse, sql)


def test_a_setting_counts_for_its_request_only(warehouse: Any) -> None:
    assert warehouse.value("SELECT getSetting('max_threads')", max_threads="1") == "1"
    assert warehouse.value("SELECT getSetting('max_threads')") == "2"


def test_a_query_that_needs_too_much_memory_ends_alone(warehouse: Any) -> None:
    answer = warehouse.ask("SELECT length(groupArray(number)) FROM numbers(400000000)")
    assert answer.headers["X-ClickHouse-Exception-Code"] == "241"
    assert warehouse.value("SELECT 1") == "1"


def test_a_database_may_be_named(warehouse: Any) -> None:
    warehouse.value("CREATE DATABASE IF NOT EXISTS named")
    assert warehouse.value("SELECT currentDatabase()", database="named") == "named"


def test_many_clients_at_once_are_all_answered(warehouse: Any) -> None:
    with ThreadPoolExecutor(24) as pool:
        answers = list(
            pool.map(lambda n: warehouse.value(f"SELECT sum(number) + {n} FROM numbers(100000)"), range(48))
        )
    assert answers == [str(4_999_950_000 + n) for n in range(48)]


def test_the_official_client_works_as_it_comes(warehouse: Any, table: str) -> None:
    client = clickhouse_connect.get_client(host="127.0.0.1", port=warehouse.port)
    client.insert(table, [[n, f"s{n}"] for n in range(5000)], column_names=["n", "s"])
    found = client.query(f"SELECT count(), max(s) FROM {table} WHERE n < {{n:Int64}}", parameters={"n": 4000})
    assert found.result_rows == [(4000, "s999")]
    assert client.query_df(f"SELECT * FROM {table}").shape == (5000, 2)
