"""Writing an answer: whole where it is small, else chunked, so that memory stays bounded."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

from devstack.warehouse.errors import QueryFailed
from devstack.warehouse.query import Answer

_WHOLE = 1 << 20
_TYPES = {
    "TabSeparated": "text/tab-separated-values; charset=UTF-8",
    "TSV": "text/tab-separated-values; charset=UTF-8",
    "CSV": "text/csv; charset=UTF-8",
    "JSON": "application/json; charset=UTF-8",
    "JSONCompact": "application/json; charset=UTF-8",
    "JSONEachRow": "application/x-ndjson; charset=UTF-8",
}


def write_answer(handler: BaseHTTPRequestHandler, answer: Answer, query_id: str) -> None:
    """Send status 200 and the answer; a query that fails before the first MB still gets its own status."""
    pieces = _gzipped(answer.pieces) if answer.gzip else answer.pieces
    held: list[bytes] = []
    size = 0
    for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size >= _WHOLE:
            break
    chunked = size >= _WHOLE
    handler.send_response(200)
    handler.send_header("Content-Type", _TYPES.get(answer.format, "application/octet-stream"))
    handler.send_header("X-ClickHouse-Format", answer.format)
    handler.send_header("X-ClickHouse-Query-Id", query_id)
    handler.send_header("X-ClickHouse-Timezone", "UTC")
    handler.send_header("X-ClickHouse-Server-Display-Name", "tapeline")
    if answer.summary:
        handler.send_header("X-ClickHouse-Summary", json.dumps(answer.summary))
    if answer.gzip:
        handler.send_header("Content-Encoding", "gzip")
    if not chunked:
        handler.send_header("Content-Length", str(size))
    elif handler.request_version == "HTTP/1.1":
        handler.send_header("Transfer-Encoding", "chunked")
    else:
        handler.close_connection = True
    handler.end_headers()
    if not chunked:
        for piece in held:
            handler.wfile.write(piece)
        return
    _write_chunks(handler, held, pieces)


def _write_chunks(handler: BaseHTTPRequestHandler, held: list[bytes], rest: Iterator[bytes]) -> None:
    framed = handler.request_version == "HTTP/1.1"

    def write(piece: bytes) -> None:
        if framed:
            handler.wfile.write(f"{len(piece):x}\r\n".encode())
        handler.wfile.write(piece)
        if framed:
            handler.wfile.write(b"\r\n")

    write(b"".join(held))
    try:
        for piece in rest:
            if piece:
                write(piece)
    except QueryFailed as failure:
        # Too late for a status: the text goes last, as in ClickHouse, and the missing end chunk makes
        # every client fail instead of taking the part for the whole.
        write(failure.text.encode() + b"\n")
        handler.close_connection = True
        return
    if framed:
        handler.wfile.write(b"0\r\n\r\n")


def _gzipped(pieces: Iterator[bytes]) -> Iterator[bytes]:
    deflate = zlib.compressobj(1, wbits=31)
    for piece in pieces:
        yield deflate.compress(piece)
    yield deflate.flush()
