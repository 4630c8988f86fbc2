"""Values and types of DuckDB as Athena writes them."""

from __future__ import annotations

import math
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from devstack.aws.athena.errors import QueryFailed
from devstack.aws.athena.results import ResultColumn

_TYPES = {
    "BOOLEAN": ("boolean", 0),
    "TINYINT": ("tinyint", 3),
    "SMALLINT": ("smallint", 5),
    "INTEGER": ("integer", 10),
    "BIGINT": ("bigint", 19),
    "HUGEINT": ("bigint", 19),
    "UTINYINT": ("smallint", 5),
    "USMALLINT": ("integer", 10),
    "UINTEGER": ("bigint", 19),
    "UBIGINT": ("bigint", 19),
    "FLOAT": ("float", 17),
    "DOUBLE": ("double", 17),
    "VARCHAR": ("varchar", 2_147_483_647),
    "BLOB": ("varbinary", 1_073_741_824),
    "DATE": ("date", 0),
    "TIME": ("time", 3),
    "TIMESTAMP": ("timestamp", 3),
    "TIMESTAMP WITH TIME ZONE": ("timestamp with time zone", 3),
    "TIMESTAMP_NS": ("timestamp", 9),
    "INTERVAL": ("interval day to second", 0),
    "JSON": ("json", 0),
    '"NULL"': ("unknown", 0),
}


def column(name: str, duck_type: str) -> ResultColumn:
    """Return the result column for one of DuckDB's."""
    if duck_type.endswith("]"):
        return ResultColumn(name, "array")
    if duck_type.startswith("DECIMAL("):
        digits, scale = map(int, duck_type[8:-1].split(","))
        return ResultColumn(name, "decimal", digits, scale)
    word = duck_type.split("(", 1)[0]
    if word in ("STRUCT", "MAP"):
        return ResultColumn(name, {"STRUCT": "row", "MAP": "map"}[word])
    kind, precision = _TYPES.get(duck_type, (duck_type.lower(), 0))
    return ResultColumn(name, kind, precision)


def text(value: Any) -> str | None:
    """Return the text that Athena shows of a value; None for NULL."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return _integer(value)
    if isinstance(value, float):
        return _double(value)
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, (date, time, timedelta)):
        return _instant(value)
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).hex(" ")
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_inner(key)}={_inner(one)}" for key, one in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_inner, value)) + "]"
    return str(value)


def lowered_fields(value: Any) -> Any:
    """Return the value with the fields of its rows named as in the catalog, whatever the files spell."""
    if isinstance(value, dict):
        return {name.lower(): lowered_fields(one) for name, one in value.items()}
    return [lowered_fields(one) for one in value] if isinstance(value, list) else value


def _inner(value: Any) -> str:
    return "null" if value is None else str(text(value))


def _integer(value: int) -> str:
    if not -(2**63) <= value < 2**63:
        raise QueryFailed(f"NUMERIC_VALUE_OUT_OF_RANGE: bigint overflow: {value}")
    return str(value)


def _instant(value: date | time | timedelta) -> str:
    if isinstance(value, datetime):
        shown = value.strftime("%Y-%m-%d %H:%M:%S.") + f"{value.microsecond // 1000:03d}"
        return f"{shown} UTC" if value.tzinfo else shown
    if isinstance(value, timedelta):
        seconds, millis = divmod(round(value.total_seconds() * 1000), 1000)
        minutes, hours = seconds // 60, seconds // 3600
        return f"{hours // 24} {hours % 24:02d}:{minutes % 60:02d}:{seconds % 60:02d}.{millis:03d}"
    if isinstance(value, time):
        return value.strftime("%H:%M:%S.") + f"{value.microsecond // 1000:03d}"
    return value.isoformat()


def _double(value: float) -> str:
    """Return it as Java does: `0.5`, `1.0E7`, `NaN`."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return repr(value)
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    power = int(exponent) + len(digits) - 1
    rest = "".join(map(str, digits[1:])) or "0"
    return f"{'-' if sign else ''}{digits[0]}.{rest}E{power}"
