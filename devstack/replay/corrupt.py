"""How each fault of content changes a right chart answer (a dict as Yahoo's JSON has it)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Answer = dict[str, Any]


def corrupted(answer: Answer, kind: str) -> Answer:
    """Return the answer with a fault of content in it; a kind that is none of ours changes nothing."""
    change = _CHANGES.get(kind)
    if change is not None and answer["chart"]["result"]:
        change(answer)
    return answer


def _result(answer: Answer) -> Answer:
    return answer["chart"]["result"][0]


def _quote(answer: Answer) -> dict[str, list[Any]]:
    return _result(answer)["indicators"]["quote"][0]


def _columns(answer: Answer) -> list[list[Any]]:
    """Return every list that has one entry a bar, so that they can be changed together."""
    result = _result(answer)
    if "timestamp" not in result:
        return []
    adjusted = result["indicators"]["adjclose"][0]
    return [result["timestamp"], *_quote(answer).values(), *adjusted.values()]


def _null_result(answer: Answer) -> None:
    answer["chart"]["result"] = None


def _empty(answer: Answer) -> None:
    result = _result(answer)
    result.pop("timestamp", None)
    result["indicators"] = {"quote": [{}], "adjclose": [{}]}


def _null_prices(answer: Answer) -> None:
    for values in _columns(answer)[1:]:
        values[:] = [None] * len(values)


def _null_volume(answer: Answer) -> None:
    for volume in [_quote(answer)["volume"]] if _columns(answer) else []:
        volume[len(volume) // 2] = None


def _wrong_symbol(answer: Answer) -> None:
    _result(answer)["meta"]["symbol"] = "WRONG"


def _wrong_currency(answer: Answer) -> None:
    _result(answer)["meta"]["currency"] = "XTS"


def _missing_days(answer: Answer) -> None:
    for values in _columns(answer):
        del values[len(values) // 2]


def _negative(answer: Answer) -> None:
    _scale_one(answer, -1)


def _x100(answer: Answer) -> None:
    _scale_one(answer, 100)


def _scale_one(answer: Answer, factor: int) -> None:
    for values in _columns(answer)[1:]:
        if values is not _quote(answer)["volume"]:
            middle = len(values) // 2
            values[middle] = values[middle] * factor


def _duplicate_timestamps(answer: Answer) -> None:
    for values in _columns(answer):
        values.insert(len(values) // 2, values[len(values) // 2])


def _unsorted(answer: Answer) -> None:
    for values in _columns(answer):
        values.reverse()


def _no_adjclose(answer: Answer) -> None:
    _result(answer)["indicators"].pop("adjclose", None)


_CHANGES: dict[str, Callable[[Answer], None]] = {
    "null_result": _null_result,
    "empty": _empty,
    "null_prices": _null_prices,
    "null_volume": _null_volume,
    "wrong_symbol": _wrong_symbol,
    "wrong_currency": _wrong_currency,
    "missing_days": _missing_days,
    "negative": _negative,
    "x100": _x100,
    "duplicate_timestamps": _duplicate_timestamps,
    "unsorted": _unsorted,
    "no_adjclose": _no_adjclose,
}
