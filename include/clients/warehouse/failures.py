"""ClickHouse's error codes as our errors (codes of seed 002, "Error Codes")."""

from __future__ import annotations

import re

from include.clients.warehouse.address import WarehouseAddress
from include.core.errors import (
    CredentialsMissing,
    ObjectChanged,
    ObjectMissing,
    ObjectStoreUnavailable,
    SchemaMismatch,
    StatementFailed,
    TapelineError,
    WarehouseOutOfMemory,
    WarehouseTimeout,
    WarehouseUnavailable,
)

_CODE = re.compile(r"[Cc]ode:? (\d+)")
# 473 and 517: another ALTER of the table was in the way for too long
_TIMEOUT = {159, 160, 209, 473, 517}
_UNAVAILABLE = {202, 210, 236, 242, 279, 425, 999}
_MEMORY = {173, 241}
_DENIED = {192, 193, 194, 497, 516}
_SCHEMA = {6, 8, 16, 26, 27, 33, 36, 41, 53, 70, 117, 321, 349, 636, 645, 1001}
_S3 = 499
_CHANGED = {395}
"""`throwIf`: our statements use it only for an object that is not the one that was announced."""
_KINDS: list[tuple[set[int], type[TapelineError]]] = [
    (_TIMEOUT, WarehouseTimeout),
    (_UNAVAILABLE, WarehouseUnavailable),
    (_MEMORY, WarehouseOutOfMemory),
    (_DENIED, CredentialsMissing),
    (_SCHEMA, SchemaMismatch),
    (_CHANGED, ObjectChanged),
]


def statement_error(message: str, address: WarehouseAddress, code: int | None = None) -> TapelineError:
    """Return our error for one that ClickHouse answered with; `code` is its number, else that of the text."""
    found = _CODE.search(message)
    number = code if code is not None else int(found.group(1)) if found else 0
    where = f"ClickHouse at {address.host}:{address.port}"
    text = message.strip().splitlines()[0][:600] if message.strip() else "no message"
    if number == _S3:
        return _s3_error(where, text, message)
    if number in _CHANGED and "fraction of a second" in message:
        return SchemaMismatch(f"{where}: a timestamp has a fraction of a second: {text}")
    for codes, kind in _KINDS:
        if number in codes:
            return kind(f"{where}: {text}")
    return StatementFailed(f"{where} refused a statement: {text}")


def _s3_error(where: str, text: str, message: str) -> TapelineError:
    if "404" in message:
        return ObjectMissing(f"{where} did not find an object that it was told to read: {text}")
    if "403" in message or "Access Denied" in message:
        return CredentialsMissing(
            f"{where} was refused by S3: {text}. Give the server credentials for the bucket, or set the "
            "connection's s3_access to stream."
        )
    return ObjectStoreUnavailable(f"{where} could not read S3: {text}")


def no_answer(error: Exception, address: WarehouseAddress) -> TapelineError:
    """Return our error where ClickHouse did not answer at all."""
    where = f"ClickHouse at {address.host}:{address.port}"
    if "timed out" in str(error).lower() or "timeout" in type(error).__name__.lower():
        return WarehouseTimeout(f"{where} did not answer in time ({error}); it is tried again")
    return WarehouseUnavailable(f"{where} cannot be reached ({error}); it is tried again")
