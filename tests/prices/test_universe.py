"""SSM parameter → S3 object → payload → ["AAPL"], and `force_symbols` before all of them."""

from __future__ import annotations

import pytest

from include.core.errors import InvalidRequest
from include.prices.config import PricesRequest
from include.prices.universe import Universe, load_universe, parse_symbols


def universe(parameter: str | None = None, stored: str | None = None, **request: object) -> Universe:
    return load_universe(
        PricesRequest.model_validate(request), read_parameter=lambda: parameter, read_object=lambda: stored
    )


def test_the_sources_are_asked_in_the_seeds_order() -> None:
    payload = {"symbols": ["IBM"]}
    assert universe('["MSFT"]', '["GOOG"]', **payload) == Universe(["MSFT"], "SSM parameter")
    assert universe(None, '["GOOG"]', **payload) == Universe(["GOOG"], "S3 object")
    assert universe(None, None, **payload) == Universe(["IBM"], "payload")
    assert universe() == Universe(["AAPL"], "default")


def test_force_symbols_beats_every_source() -> None:
    assert universe('["MSFT"]', '["GOOG"]', symbols=["IBM"], force_symbols=["fb"]) == Universe(
        ["FB"], "force_symbols"
    )


@pytest.mark.parametrize("text", ['["aapl", "IBM", "AAPL"]', "AAPL, IBM", "aapl\nibm\nAAPL\n", "AAPL;IBM"])
def test_a_universe_is_json_or_plain_text(text: str) -> None:
    assert parse_symbols(text, "here") == ["AAPL", "IBM"]


def test_an_empty_source_leaves_the_choice_to_the_next() -> None:
    assert universe("[]", " ", symbols=["IBM"]).source == "payload"


def test_a_malformed_source_is_named() -> None:
    with pytest.raises(InvalidRequest, match="S3 object: '<html>'"):
        universe(None, "<html>")
