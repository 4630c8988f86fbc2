"""Which symbols a run fetches: SSM parameter → S3 object → payload → `["AAPL"]` (seed 000, "심볼 로딩 순서")."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError

from include.core.errors import InvalidRequest
from include.prices.config import DEFAULT_SYMBOLS, PricesRequest, Symbols

log = logging.getLogger(__name__)
_SYMBOLS = TypeAdapter(Symbols)


@dataclass(frozen=True)
class Universe:
    """The symbols, upper-cased and each once, and the source that won."""

    symbols: list[str]
    source: str


def load_universe(
    request: PricesRequest,
    *,
    read_parameter: Callable[[], str | None],
    read_object: Callable[[], str | None],
) -> Universe:
    """Return the universe of a request; `force_symbols` beats every source.

    :param read_parameter: returns the SSM parameter's text, or None where there is none.
    :param read_object: the same for the S3 object.
    """
    universe = _first_of(request, read_parameter, read_object)
    log.info("Symbol universe: %s symbol(s) from %s", len(universe.symbols), universe.source)
    return universe


def _first_of(
    request: PricesRequest, read_parameter: Callable[[], str | None], read_object: Callable[[], str | None]
) -> Universe:
    if request.force_symbols:
        return Universe(request.force_symbols, "force_symbols")
    for source, read in (("SSM parameter", read_parameter), ("S3 object", read_object)):
        text = read()
        symbols = parse_symbols(text, source) if text else []
        if symbols:
            return Universe(symbols, source)
    if request.symbols:
        return Universe(request.symbols, "payload")
    return Universe(list(DEFAULT_SYMBOLS), "default")


def parse_symbols(text: str, source: str) -> list[str]:
    """Return the symbols of a JSON list, or of text parted by commas, blanks or line ends.

    Raises `InvalidRequest` naming the source and each malformed symbol: fetching another universe than
    the one somebody wrote down would go unnoticed.
    """
    try:
        found = json.loads(text)
    except ValueError:
        found = [part for part in re.split(r"[\s,;]+", text) if part]
    try:
        return _SYMBOLS.validate_python(found)
    except ValidationError as error:
        raise InvalidRequest(
            [f"{source}: {e['msg'].removeprefix('Value error, ')}" for e in error.errors()]
        ) from error
