"""JSON lines as Athena's OpenX SerDe takes them, where DuckDB's reader takes them otherwise.

The SerDe makes a row of every line: of NULLs where the line is blank or no object, of the first object where
several stand in it. And it finds keys without regard to their case, while DuckDB looks for one spelling.
"""

from __future__ import annotations

import copy
import gzip
import json
import os
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from devstack.aws.athena.errors import unsupported

_ODD = (b"}{", b"} {", b"\n\n", b"\n\r", b"\n ", b"\n\t", b"\n[")
_BLANK = frozenset(b" \t\r\n")
_SAMPLE = 8_192
"""Bytes at the beginning of each file in which the spelling of keys is looked for."""
_decoder = json.JSONDecoder()

Spelling = dict[str, tuple[str, "Spelling"]]
"""From the lower-case key to how the data spells it, and the keys of the object in it."""


def tidied(data: bytes) -> bytes | None:
    """Return lines that DuckDB reads as Athena reads `data`, or None where it reads `data` so."""
    if not any(odd in data for odd in _ODD) and data[:1] not in (b"\n", b" ", b"[", b"\t", b"\r"):
        return None
    lines = data.split(b"\n")
    if not lines[-1]:
        lines.pop()
    return b"".join(_tidied_line(line.strip()) + b"\n" for line in lines)


def _tidied_line(line: bytes) -> bytes:
    if line.startswith(b"["):
        raise unsupported("JSON lines that are arrays")
    if not line.startswith(b"{"):
        return b"null"
    if re.search(rb"\}\s*\{", line):
        text = line.decode("utf-8", "replace")
        try:
            _, end = _decoder.raw_decode(text)
        except ValueError:  # malformed: DuckDB says so too
            return line
        return text[:end].encode()
    return line


def sampled_spelling(path: str) -> Spelling:
    """Return how the first lines of a file spell their keys; nobody may change what is returned."""
    status = os.stat(path)
    return _sampled(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=20_000)
def _sampled(path: str, changed: int, size: int) -> Spelling:
    del changed, size  # another content is another sample
    with gzip.open(path) if path.endswith(".gz") else open(path, "rb") as file:
        head = file.read(_SAMPLE)
        line_end = head.rfind(b"\n")
        head = head[:line_end] if line_end > 0 else head + file.readline()
    found: Spelling = {}
    for line in head.splitlines():
        try:
            known = json.loads(line)
        except ValueError:
            continue
        if isinstance(known, dict):
            _learn(known, found)
    return found


def _learn(known: dict[str, Any], into: Spelling) -> None:
    for key, value in known.items():
        spelled, inside = into.setdefault(key.lower(), (key, {}))
        if spelled != key:
            raise unsupported(f"files whose lines spell a key both {spelled!r} and {key!r}")
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, dict):
                _learn(one, inside)


def by_spelling(paths: Iterable[str]) -> list[tuple[Spelling, list[str]]]:
    """Return the files in groups that spell their keys alike; a key that a file's sample lacks fits any."""
    groups: list[tuple[Spelling, list[str]]] = []
    for path in paths:
        mine = sampled_spelling(path)
        for spelling, members in groups:
            if _fits(mine, spelling):
                _merge(mine, spelling)
                members.append(path)
                break
        else:
            groups.append((copy.deepcopy(mine), [path]))  # it learns from files to come
    return groups


def _fits(mine: Spelling, spelling: Spelling) -> bool:
    return all(
        name not in spelling or (spelling[name][0] == key and _fits(inside, spelling[name][1]))
        for name, (key, inside) in mine.items()
    )


def _merge(mine: Spelling, into: Spelling) -> None:
    for name, (key, inside) in mine.items():
        _merge(inside, into.setdefault(name, (key, {}))[1])
