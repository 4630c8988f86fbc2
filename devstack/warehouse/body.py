"""Reading a request's body in bounded pieces: by length or chunked, plain or compressed."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from email.message import Message
from typing import BinaryIO

from devstack.warehouse.errors import BAD_REQUEST, NOT_IMPLEMENTED, QueryFailed

PIECE = 1 << 20


def body_pieces(stream: BinaryIO, headers: Message, *, limit: int) -> Iterator[bytes]:
    """Yield the decoded body, at most `PIECE` raw bytes at a time; over `limit` bytes is refused."""
    raw = _chunked(stream) if _is_chunked(headers) else _sized(stream, _length(headers))
    pieces = _decoded(raw, headers.get("Content-Encoding", "identity").strip().lower())
    total = 0
    for piece in pieces:
        total += len(piece)
        if total > limit:
            raise QueryFailed(229, f"The request's body is larger than {limit} bytes. (QUERY_IS_TOO_LARGE)")
        if piece:
            yield piece


def _is_chunked(headers: Message) -> bool:
    return "chunked" in headers.get("Transfer-Encoding", "").lower()


def _length(headers: Message) -> int:
    text = headers.get("Content-Length", "0")
    if not text.isdigit():
        raise QueryFailed(BAD_REQUEST, f"Content-Length {text!r} is not a number. (BAD_ARGUMENTS)")
    return int(text)


def _sized(stream: BinaryIO, length: int) -> Iterator[bytes]:
    while length:
        piece = stream.read(min(length, PIECE))
        if not piece:
            raise ConnectionError("the client went away in the middle of the body")
        length -= len(piece)
        yield piece


def _chunked(stream: BinaryIO) -> Iterator[bytes]:
    while True:
        line = stream.readline(1024)
        try:
            size = int(line.split(b";")[0], 16)
        except ValueError:
            raise ConnectionError("the client went away in the middle of the body") from None
        if size == 0:
            while stream.readline(1024) not in (b"\r\n", b"\n", b""):
                pass
            return
        yield from _sized(stream, size)
        stream.readline(8)


def _decoded(raw: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    if encoding in ("identity", ""):
        yield from raw
    elif encoding in ("gzip", "deflate"):
        yield from _inflated(raw, encoding)
    elif encoding == "lz4":
        yield from _unpacked(raw)
    else:
        raise QueryFailed(
            NOT_IMPLEMENTED, f"Content-Encoding {encoding!r}: send gzip or lz4. (NOT_IMPLEMENTED)"
        )


def _inflated(raw: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    inflate = zlib.decompressobj(wbits=47)  # gzip or zlib, told apart by the header
    try:
        for packed in raw:
            piece = packed
            while piece:
                yield inflate.decompress(piece, PIECE)
                piece = inflate.unconsumed_tail
    except zlib.error as error:
        raise QueryFailed(BAD_REQUEST, f"The body is not {encoding}: {error}. (BAD_ARGUMENTS)") from error
    if not inflate.eof:
        raise QueryFailed(BAD_REQUEST, f"The {encoding} body is cut off. (BAD_ARGUMENTS)")


def _unpacked(raw: Iterator[bytes]) -> Iterator[bytes]:
    """LZ4 frames, clickhouse-connect's default; one block of it may follow another."""
    import lz4.frame

    frame = lz4.frame.LZ4FrameDecompressor()
    begun = False
    try:
        for packed in raw:
            piece = packed
            while piece or not (frame.needs_input or frame.eof):
                if frame.eof:
                    frame = lz4.frame.LZ4FrameDecompressor()
                begun = True
                yield frame.decompress(piece, max_length=PIECE)
                piece = frame.unused_data or b""
    except RuntimeError as error:
        raise QueryFailed(BAD_REQUEST, f"The body is not lz4: {error}. (BAD_ARGUMENTS)") from error
    if begun and not frame.eof:
        raise QueryFailed(BAD_REQUEST, "The lz4 body is cut off. (BAD_ARGUMENTS)")
