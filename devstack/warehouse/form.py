"""Parameters in a multipart form: clients send them so when they are too long for a URL, as ClickHouse allows."""

from __future__ import annotations

from collections.abc import Iterator
from email.message import Message
from email.parser import BytesParser
from typing import cast

from devstack.warehouse.errors import BAD_REQUEST, QueryFailed

_LIMIT = 16 << 20


def form_params(headers: Message, body: Iterator[bytes]) -> dict[str, str] | None:
    """Return the fields of a form, having read the body, or None (nothing read) where it is none."""
    kind = headers.get("Content-Type", "")
    if not kind.lower().startswith("multipart/form-data"):
        return None
    text = bytearray()
    for piece in body:
        text += piece
        if len(text) > _LIMIT:
            raise QueryFailed(BAD_REQUEST, f"A form of more than {_LIMIT} bytes. (TOO_LARGE_FORM)")
    form = BytesParser().parsebytes(f"Content-Type: {kind}\r\n\r\n".encode() + bytes(text))
    fields = {}
    for part in cast("list[Message]", form.get_payload()) if form.is_multipart() else []:
        if part.get_filename():
            raise QueryFailed(BAD_REQUEST, "External data in a form is not implemented. (NOT_IMPLEMENTED)")
        name = part.get_param("name", header="content-disposition")
        value = part.get_payload(decode=True)
        fields[str(name)] = value.decode() if isinstance(value, bytes) else ""
    return fields
