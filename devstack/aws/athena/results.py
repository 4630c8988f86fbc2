"""Result files as Athena writes them, and pages read from them: `<id>.csv`, `<id>.txt` and `.metadata`.

Of a CSV every value is quoted and NULL is nothing at all, so that it differs from an empty text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import IO, Any
from urllib.parse import urlparse

PAGE = 1_000
_CHUNK = 1 << 18
_FIELD = re.compile(rb'(?:"([^"]*(?:""[^"]*)*)"|([^",\n]*))([,\n])')
Row = Sequence["str | None"]


@dataclass(frozen=True)
class ResultColumn:
    """One column of a result, by Athena's type name."""

    name: str
    type: str
    precision: int = 0
    scale: int = 0

    @property
    def info(self) -> dict[str, Any]:
        """Return its `ColumnInfo`."""
        return {
            "CatalogName": "hive",
            "SchemaName": "",
            "TableName": "",
            "Name": self.name,
            "Label": self.name,
            "Type": self.type,
            "Precision": self.precision,
            "Scale": self.scale,
            "Nullable": "UNKNOWN",
            "CaseSensitive": self.type in ("varchar", "char", "string"),
        }


def split_s3(uri: str) -> tuple[str, str]:
    """Return bucket and key of `s3://bucket/key`."""
    parsed = urlparse(uri)
    return parsed.netloc, parsed.path.lstrip("/")


def write_csv(file: IO[bytes], rows: Iterable[Row]) -> None:
    """Write rows as Athena's CSV."""
    for row in rows:
        cells = ("" if cell is None else '"' + cell.replace('"', '""') + '"' for cell in row)
        file.write((",".join(cells) + "\n").encode())


def write_text(file: IO[bytes], rows: Iterable[Row]) -> None:
    """Write rows as the text file of a statement that is no query."""
    for row in rows:
        file.write(("\t".join(cell or "" for cell in row) + "\n").encode())


def store_result(s3: Any, output: str, file: IO[bytes], columns: Sequence[ResultColumn]) -> None:
    """Put the result file and its metadata; the result last, so that who sees it sees both."""
    bucket, key = split_s3(output)
    described = json.dumps([asdict(column) for column in columns])
    s3.put_object(Bucket=bucket, Key=f"{key}.metadata", Body=described.encode())
    file.seek(0)
    s3.put_object(Bucket=bucket, Key=key, Body=file)


def read_columns(s3: Any, output: str) -> list[ResultColumn]:
    """Return the columns of a stored result."""
    bucket, key = split_s3(output)
    described = json.loads(s3.get_object(Bucket=bucket, Key=f"{key}.metadata")["Body"].read())
    return [ResultColumn(**one) for one in described]


def read_page(s3: Any, output: str, start: int, limit: int) -> tuple[list[Row], int | None]:
    """Return up to `limit` rows from a byte of the result on, and the byte of the next page if there is one."""
    bucket, key = split_s3(output)
    size = s3.head_object(Bucket=bucket, Key=key)["ContentLength"]
    if start >= size:
        return [], None
    body = s3.get_object(Bucket=bucket, Key=key, Range=f"bytes={start}-")["Body"]
    take = _take_csv if key.endswith(".csv") else _take_text
    rows: list[Row] = []
    rest = b""
    taken = 0
    while len(rows) < limit and (chunk := body.read(_CHUNK)):
        found, used = take(rest + chunk, limit - len(rows))
        rows += found
        rest = (rest + chunk)[used:]
        taken += used
    body.close()
    return rows, (start + taken if start + taken < size else None)


def _take_csv(data: bytes, limit: int) -> tuple[list[Row], int]:
    """Return whole rows from the beginning, and how many bytes they are."""
    rows: list[Row] = []
    row: list[str | None] = []
    place = used = 0
    while len(rows) < limit and (field := _FIELD.match(data, place)):
        quoted, bare, end = field.groups()
        text = bare if quoted is None else quoted.replace(b'""', b'"')
        row.append(None if quoted is None and not bare else text.decode())
        place = field.end()
        if end == b"\n":
            rows.append(row)
            row, used = [], place
    return rows, used


def _take_text(data: bytes, limit: int) -> tuple[list[Row], int]:
    lines = data.split(b"\n")[:-1][:limit]
    return [[line.decode()] for line in lines], sum(len(line) + 1 for line in lines)
