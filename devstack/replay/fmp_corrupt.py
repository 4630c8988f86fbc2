"""How each fault of content changes a right answer of FMP's: a list of rows, of listings or of one company's ratios."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Answer = list[dict[str, Any]]
_PRICES = ("open", "high", "low", "close", "price")


def corrupted(answer: Answer, kind: str) -> Answer | None:
    """Return the answer with a fault of content in it; a kind that is none of ours changes nothing."""
    if kind == "null_result":
        return None
    if kind == "empty":
        return []
    if kind in _CHANGES and answer:
        _CHANGES[kind](answer)
    return answer


def _null_prices(answer: Answer) -> None:
    for row in answer:
        row.update(dict.fromkeys(_numbers(row)))


def _null_volume(answer: Answer) -> None:
    _middle(answer)["volume"] = None


def _wrong_symbol(answer: Answer) -> None:
    for row in answer:
        row["symbol"] = "WRONG"


def _missing_days(answer: Answer) -> None:
    del answer[len(answer) // 2]


def _negative(answer: Answer) -> None:
    _scale(answer, -1)


def _x100(answer: Answer) -> None:
    _scale(answer, 100)


def _absurd(answer: Answer) -> None:
    _scale(answer, 10**12)


def _doubled(answer: Answer) -> None:
    answer.insert(len(answer) // 2, dict(_middle(answer)))


def _reversed(answer: Answer) -> None:
    answer.reverse()


def _nan(answer: Answer) -> None:
    """Put in what is no finite number, in each of the ways it has been seen."""
    row = _middle(answer)
    for name, value in zip(_numbers(row), (float("nan"), float("inf"), "NaN", "-"), strict=False):
        row[name] = value


def _middle(answer: Answer) -> dict[str, Any]:
    return answer[len(answer) // 2]


def _numbers(row: dict[str, Any]) -> list[str]:
    return [name for name in row if name in _PRICES or name.endswith("TTM")]


def _scale(answer: Answer, factor: int) -> None:
    row = _middle(answer)
    for name in _numbers(row):
        if isinstance(row[name], (int, float)):
            row[name] *= factor


_CHANGES: dict[str, Callable[[Answer], None]] = {
    "null_prices": _null_prices,
    "null_volume": _null_volume,
    "wrong_symbol": _wrong_symbol,
    "missing_days": _missing_days,
    "negative": _negative,
    "x100": _x100,
    "absurd": _absurd,
    "duplicate_timestamps": _doubled,
    "unsorted": _reversed,
    "nan": _nan,
}
