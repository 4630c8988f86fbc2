"""One request to one answer: which statement it is, how its data goes in and how its result comes out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from typing import Any

from devstack.warehouse.engine import Engine
from devstack.warehouse.errors import BAD_REQUEST, NOT_IMPLEMENTED, QueryFailed, query_failed
from devstack.warehouse.statement import HEAD_BYTES, InsertHead, insert_head, output_format

# Parameters of the interface itself; every other one is a setting.
_RESERVED = {
    "query", "database", "default_format", "user", "password", "quota_key", "session_id", "session_timeout",
    "session_check", "query_id", "compress", "decompress", "client_protocol_version", "stacktrace", "role",
}  # fmt: skip
# Meant for the interface or without a meaning for an embedded engine.
_OUR_SETTINGS = {
    "enable_http_compression", "http_zlib_compression_level", "wait_end_of_query", "buffer_size",
    "send_progress_in_http_headers", "http_headers_progress_interval_ms", "cancel_http_readonly_queries_on_client_close",
}  # fmt: skip
# Formats whose blocks can be sent one after the other; the others are built whole.
_STREAMED = {"Native", "TabSeparated", "TSV", "CSV", "RowBinary", "JSONEachRow"}
_SELECT = re.compile(r"(?:\s+|--[^\n]*\n|/\*.*?\*/|\()*(?:select|with)\b", re.IGNORECASE | re.DOTALL)
_STATEMENT_LIMIT = 16 << 20


@dataclass(frozen=True)
class Request:
    """What a client asked for."""

    text: bytes
    """The statement, or as much of it as precedes `body`."""
    body: Iterator[bytes]
    database: str | None
    settings: Mapping[str, str]
    bound: Mapping[str, str]
    """Values of `{name:Type}` placeholders."""
    format: str
    gzip: bool
    readonly: bool

    @classmethod
    def of(
        cls, params: dict[str, str], headers: Message, body: Iterator[bytes], *, readonly: bool
    ) -> Request:
        """Return the request that URL parameters and headers spell."""
        for name in ("compress", "decompress"):
            if params.get(name, "0") not in ("0", ""):
                raise QueryFailed(
                    NOT_IMPLEMENTED,
                    f"{name}=1 (ClickHouse's own block compression): use gzip. (NOT_IMPLEMENTED)",
                )
        wants_gzip = (
            "gzip" in headers.get("Accept-Encoding", "") and params.get("enable_http_compression") == "1"
        )
        return cls(
            text=params.get("query", "").encode(),
            body=body,
            database=headers.get("X-ClickHouse-Database") or params.get("database"),
            settings={
                name: value
                for name, value in params.items()
                if name not in _RESERVED | _OUR_SETTINGS and not name.startswith("param_")
            },
            bound={n.removeprefix("param_"): v for n, v in params.items() if n.startswith("param_")},
            format=headers.get("X-ClickHouse-Format") or params.get("default_format") or "TabSeparated",
            gzip=wants_gzip,
            readonly=readonly,
        )


@dataclass(frozen=True)
class Answer:
    """What goes back."""

    format: str
    pieces: Iterator[bytes]
    summary: Mapping[str, str]
    gzip: bool = False


@contextmanager
def run(engine: Engine, request: Request) -> Iterator[Answer]:
    """Run a request and yield its answer; the connection lives until the answer is sent."""
    settings = dict(request.settings)
    if request.readonly:
        # As in ClickHouse: a GET changes nothing, so no link on a web page can.
        settings.setdefault("readonly", "2")
    with engine.connection(settings, request.database) as connection:
        text = request.text
        head = insert_head(text)
        if head is None:
            text = _joined(text, request.body, HEAD_BYTES)
            head = insert_head(text)
        if head is not None:
            yield _insert(connection, head, request.body)
            return
        text = _joined(text, request.body, _STATEMENT_LIMIT, glue=b"")
        yield _select(engine, connection, text, request)


def _joined(text: bytes, body: Iterator[bytes], limit: int, glue: bytes = b"\n") -> bytes:
    parts = [text]
    size = len(text)
    for piece in body:
        if glue and text and len(parts) == 1:
            parts.append(glue)
        parts.append(piece)
        size += len(piece)
        if size >= limit:
            break
    return b"".join(parts)


def _insert(connection: Any, head: InsertHead, body: Iterator[bytes]) -> Answer:
    try:
        inserter = connection.send_insert(head.sql, head.format)
        try:
            if head.data:
                inserter.append(head.data)
            for piece in body:
                inserter.append(piece)
            result = inserter.finish()
        except BaseException:
            inserter.cancel()
            raise
    except RuntimeError as error:
        raise query_failed(error) from error
    summary = {"written_rows": str(result.rows_written), "written_bytes": str(result.bytes_written)}
    return Answer(head.format, iter(()), summary)


def _select(engine: Engine, connection: Any, text: bytes, request: Request) -> Answer:
    try:
        sql = text.decode()
    except UnicodeDecodeError as error:
        raise QueryFailed(BAD_REQUEST, f"The statement is not UTF-8: {error}. (BAD_ARGUMENTS)") from error
    if not sql.strip(" \t\r\n;"):
        raise QueryFailed(62, "Empty query. (SYNTAX_ERROR)")
    name = output_format(sql) or request.format
    if name in _STREAMED and _SELECT.match(sql):
        pieces = _streamed(connection, sql, name, request.bound)
        first = next(pieces, None)
        if first is not None:
            return Answer(name, _chained(first, pieces), {}, request.gzip)
        # An empty Native or CSV answer still has its header, which a stream leaves out.
    try:
        result = connection.query(sql, name, params=dict(request.bound))
    except RuntimeError as error:
        raise query_failed(error) from error
    if result.size() > engine.limits.result_bytes:
        raise QueryFailed(
            396, f"The result is larger than {engine.limits.result_bytes} bytes in a format that is built whole: "
            "ask for Native, CSV or JSONEachRow, which are streamed. (TOO_MANY_ROWS_OR_BYTES)"
        )  # fmt: skip
    summary = {
        "read_rows": str(result.rows_read()),
        "read_bytes": str(result.bytes_read()),
        "written_rows": str(result.rows_written()),
        "written_bytes": str(result.bytes_written()),
    }
    data = result.bytes()
    return Answer(name, iter((data,) if data else ()), summary, request.gzip)


def _streamed(connection: Any, sql: str, name: str, bound: Mapping[str, str]) -> Iterator[bytes]:
    try:
        with connection.send_query(sql, name, params=dict(bound)) as stream:
            for piece in stream:
                yield piece.bytes()
    except RuntimeError as error:
        raise query_failed(error) from error


def _chained(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest
