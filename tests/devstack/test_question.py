"""`tapeline sql`: the connection it asks, and the three ways it prints."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal

import pyarrow as pa
import pytest

from devstack.question import as_csv, as_json, parse_connection

ANSWER = pa.table(
    {"symbol": ["AAPL", None], "day": [date(2013, 3, 1), None], "close": [Decimal("1.50"), Decimal("2.25")]}
)


def test_a_connection_may_be_json_or_a_uri() -> None:
    by_json = parse_connection(
        '{"host": "h", "port": 1, "login": "u", "password": "p@", "extra": "{\\"interface\\": \\"http\\"}"}'
    )
    by_uri = parse_connection("generic://u:p%40@h:1/?interface=http")
    for key in ("host", "port", "login", "password", "extra"):
        assert by_json[key] == by_uri[key]


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="host"):
        parse_connection("nonsense")


def test_json_is_an_array_of_objects() -> None:
    assert json.loads(as_json(ANSWER)) == [
        {"symbol": "AAPL", "day": "2013-03-01", "close": "1.50"},
        {"symbol": None, "day": None, "close": "2.25"},
    ]


def test_csv_has_a_header_and_empty_nulls() -> None:
    assert as_csv(ANSWER).splitlines() == ["symbol,day,close", "AAPL,2013-03-01,1.50", ",,2.25"]
