"""The local warehouse answers ClickHouse's HTTP interface as curl and any client expect it."""

from __future__ import annotations

import gzip
import uuid

import pytest
import urllib3

pytestmark = pytest.mark.integration


@pytest.fixture
def table(warehouse):
    name = f"t_{uuid.uuid4().hex[:8]}"
    warehouse.value(f"CREATE TABLE {name} (a Int64, b Nullable(String)) ENGINE = MergeTree ORDER BY a")
    return name


def test_ping_is_answered(warehouse):
    got = urllib3.request("GET", f"http://127.0.0.1:{warehouse.port}/ping")
    assert (got.status, got.data) == (200, b"Ok.\n")


def test_a_statement_may_be_the_body_or_in_the_url(warehouse):
    assert warehouse.value("SELECT 1 + 1") == "2"
    assert warehouse.ask("SELECT 1 + 1", method="GET").text == "2\n"


def test_parameters_of_the_url_are_bound_as_values(warehouse):
    sql = "SELECT {text:String}, {number:Int64}, {list:Array(String)}[2]"
    got = warehouse.value(sql, param_text="O'Neil; DROP", param_number="-7", param_list="['x','y']")
    assert got == "O\\'Neil; DROP\t-7\ty"


def test_parameters_of_a_form_are_bound_however_long(warehouse):
    keys = [f"market/prices/ds=2013-03-01/part-{number:06d}.parquet" for number in range(3000)]
    listed = "['" + "','".join(keys) + "']"
    got = warehouse.ask("", fields={"query": "SELECT length({k:Array(String)}), {k:Array(String)}[3000]",
                                    "param_k": listed})  # fmt: skip
    assert got.text.rstrip("\n").split("\t") == ["3000", keys[-1]]


def test_a_missing_parameter_is_the_clients_fault(warehouse):
    got = warehouse.ask("SELECT {absent:Int64}")
    assert got.status >= 400
    assert "absent" in got.text


@pytest.mark.parametrize(
    ("statement", "status", "code", "said"),
    [
        ("SELEC 1", 400, "62", "SYNTAX_ERROR"),
        ("", 400, "62", "SYNTAX_ERROR"),
        ("SELECT * FROM no_such_table", 404, "60", "no_such_table"),
        ("SELECT no_such_column", 404, "47", "no_such_column"),
        ("SELECT throwIf(1, 'on purpose')", 500, "395", "on purpose"),
    ],
)
def test_a_refused_statement_has_clickhouses_status_code_and_text(warehouse, statement, status, code, said):
    got = warehouse.ask(statement)
    assert (got.status, got.headers["X-ClickHouse-Exception-Code"]) == (status, code)
    assert got.text.startswith(f"Code: {code}.")
    assert said in got.text


def test_an_unknown_setting_is_refused_and_a_known_one_applies(warehouse):
    assert warehouse.value("SELECT getSetting('max_block_size')", max_block_size="77") == "77"
    got = warehouse.ask("SELECT 1", no_such_setting="1")
    assert (got.status, got.headers["X-ClickHouse-Exception-Code"]) == (404, "115")


def test_an_unknown_path_is_not_found(warehouse):
    assert urllib3.request("GET", f"http://127.0.0.1:{warehouse.port}/elsewhere").status == 404


def test_a_get_changes_nothing(warehouse, table):
    got = warehouse.ask(f"INSERT INTO {table} SELECT 1, 'x'", method="GET")
    assert got.headers["X-ClickHouse-Exception-Code"] == "164"
    assert warehouse.value(f"SELECT count() FROM {table}") == "0"


@pytest.mark.parametrize("header", ["Host", "Origin"])
def test_a_web_page_is_refused(warehouse, header):
    got = warehouse.ask("SELECT 1", headers={header: "http://rebound.example"})
    assert (got.status, got.headers["X-ClickHouse-Exception-Code"]) == (403, "497")


@pytest.mark.parametrize(
    ("form", "body"),
    [
        ("CSV", b'1,"one"\n2,\\N\n'),
        ("JSONEachRow", b'{"a":1,"b":"one"}\n{"a":2,"b":null}\n'),
        ("TabSeparated", b"1\tone\n2\t\\N\n"),
        ("Values", b"(1,'one'),(2,NULL)"),
    ],
)
def test_an_inserts_rows_are_the_body(warehouse, table, form, body):
    got = warehouse.ask(f"INSERT INTO {table} FORMAT {form}", body=body)
    assert got.status == 200, got.text
    assert warehouse.value(f"SELECT a, b FROM {table} ORDER BY a") == "1\tone\n2\t\\N"


def test_an_inserts_statement_and_rows_may_both_be_the_body(warehouse, table):
    assert warehouse.value(f"INSERT INTO {table} VALUES (5, 'five; FORMAT CSV')") == ""
    assert warehouse.value(f"SELECT b FROM {table}") == "five; FORMAT CSV"


def test_a_compressed_body_is_unpacked_and_a_cut_one_changes_nothing(warehouse, table):
    packed = gzip.compress(b"".join(b"%d,x\n" % number for number in range(50_000)))
    headers = {"Content-Encoding": "gzip"}
    insert = f"INSERT INTO {table} FORMAT CSV"
    cut = warehouse.ask(insert, body=packed[: len(packed) // 2], headers=headers)
    assert cut.status == 400
    assert "cut off" in cut.text
    assert warehouse.value(f"SELECT count() FROM {table}") == "0"
    assert warehouse.ask(insert, body=packed, headers=headers).status == 200
    assert warehouse.value(f"SELECT count(), sum(a) FROM {table}") == f"50000\t{sum(range(50_000))}"


def test_rows_that_cannot_be_read_are_refused_by_their_reason(warehouse, table):
    got = warehouse.ask(f"INSERT INTO {table} FORMAT CSV", body=b"one,x\n")
    assert got.status >= 400
    assert int(got.headers["X-ClickHouse-Exception-Code"]) in (6, 27, 72)
    assert warehouse.value(f"SELECT count() FROM {table}") == "0"


def test_a_long_answer_comes_whole(warehouse):
    lines = warehouse.value("SELECT number FROM numbers(400000) FORMAT CSV").split("\n")
    assert [int(line) for line in lines] == list(range(400_000))


def test_an_empty_answer_keeps_its_columns(warehouse):
    assert warehouse.value("SELECT 1 AS a WHERE 0 FORMAT CSVWithNames") == '"a"'
