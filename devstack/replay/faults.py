"""Faults the replay server can commit, by symbol or by rate: seeded, so that a test can be repeated.

A spec is `rate:KIND=SHARE` (`rate:429=0.1`), `symbol:SYMBOL=KIND` (`symbol:XYZ=delisted`),
`symbol:SYMBOL=KIND*N` (its first N requests only) or `seed:NUMBER`. The n-th request for a symbol at an
endpoint has the same fault in every run with the same specs. `SYMBOL@ENDPOINT` means one endpoint only
(`symbol:XYZ@ratios-ttm=nan`); at `company-screener` the symbol is the exchange.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from include.core.errors import TerminalError

STATUSES = ("400", "401", "402", "403", "404", "422", "429", "500", "502", "503")
ENDPOINTS = ("chart", "company-screener", "historical-price-eod", "ratios-ttm")
REFUSALS = ("delisted", "retry_after", "error_message")
"""Answers of a source that has no data: unknown symbol, 429 with a time to come back, an error with status 200."""
KINDS = frozenset({
    *STATUSES, *REFUSALS, "timeout", "reset", "slow", "empty", "null_result", "malformed", "truncated",
    "null_prices", "null_volume", "wrong_symbol", "wrong_currency", "missing_days", "negative", "x100",
    "duplicate_timestamps", "unsorted", "no_adjclose", "absurd", "nan",
})  # fmt: skip


class InvalidFault(TerminalError):
    """A fault spec cannot be read; the message says what one looks like."""


@dataclass(frozen=True)
class _OfSymbol:
    kind: str
    first: int | None
    """Only this many first requests; None: every request."""


class Faults:
    """Decides which fault the next request for a symbol gets."""

    def __init__(self, specs: Iterable[str] = ()) -> None:
        self.specs = list(specs)
        self._seed = "0"
        self._rates: list[tuple[str, float]] = []
        self._symbols: dict[str, _OfSymbol] = {}
        self._attempts: Counter[str] = Counter()
        for spec in self.specs:
            self._add(spec)
        if sum(share for _, share in self._rates) > 1:
            raise InvalidFault("The rates of all faults together are more than 1; lower them.")

    def next_for(self, symbol: str, endpoint: str = "chart") -> str | None:
        """Count one more request for the symbol there and return the kind of its fault, or None."""
        counted = symbol if endpoint == "chart" else f"{symbol}@{endpoint}"
        self._attempts[counted] += 1
        attempt = self._attempts[counted]
        own = self._symbols.get(f"{symbol}@{endpoint}") or self._symbols.get(symbol)
        if own is not None and (own.first is None or attempt <= own.first):
            return own.kind
        draw = self._draw(counted, attempt)
        for kind, share in self._rates:
            if draw < share:
                return kind
            draw -= share
        return None

    def _draw(self, symbol: str, attempt: int) -> float:
        """Return a number of [0, 1) that only the seed, the symbol and the attempt decide."""
        text = f"{self._seed}/{symbol}/{attempt}".encode()
        return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") / 2**64

    def _add(self, spec: str) -> None:
        scope, _, rest = spec.partition(":")
        name, _, value = rest.rpartition("=")
        if scope == "seed" and rest:
            self._seed = rest
        elif scope == "rate" and name:
            self._rates.append((_kind(name, spec), _share(value, spec)))
        elif scope == "symbol" and name:
            kind, star, first = value.partition("*")
            if star and not (first.isdecimal() and int(first) > 0):
                raise _invalid(spec, f"{first!r} after the star is not a number of requests")
            self._symbols[_place(name, spec)] = _OfSymbol(_kind(kind, spec), int(first) if star else None)
        else:
            raise _invalid(spec, "it is of no known form")


def _place(name: str, spec: str) -> str:
    symbol, at, endpoint = name.partition("@")
    if at and endpoint not in ENDPOINTS:
        raise _invalid(spec, f"there is no endpoint {endpoint!r} (there are: {', '.join(ENDPOINTS)})")
    return f"{symbol.upper()}{at}{endpoint}"


def _kind(text: str, spec: str) -> str:
    if text not in KINDS:
        raise _invalid(spec, f"there is no fault {text!r} (there are: {', '.join(sorted(KINDS))})")
    return text


def _share(text: str, spec: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise _invalid(spec, f"{text!r} is not a share between 0 and 1")
    return share


def _invalid(spec: str, reason: str) -> InvalidFault:
    return InvalidFault(
        f"The fault {spec!r} cannot be used: {reason}. Write rate:429=0.1, symbol:XYZ=delisted, "
        "symbol:ABC=429*2 (its first two requests) or seed:7."
    )
