"""ClickHouse over its native protocol, by clickhouse-driver."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from types import GeneratorType
from typing import Any

import numpy as np
import pyarrow as pa  # noqa: TID253
from clickhouse_driver import Client  # noqa: TID253
from clickhouse_driver.block import ColumnOrientedBlock  # noqa: TID253
from clickhouse_driver.errors import (  # noqa: TID253
    Error,
    NetworkError,
    ServerException,
    SocketTimeoutError,
)

from include.clients.warehouse.address import WarehouseAddress
from include.clients.warehouse.columns import answer_table
from include.clients.warehouse.failures import no_answer, statement_error
from include.clients.warehouse.interface import Warehouse

_PARAMETER = re.compile(r"\{(\w+):[^}]*\}")


class _StreamingClient(Client):  # type: ignore[misc]
    """Takes an INSERT's data as a generator of blocks: the server writes one while we encode the next."""

    def send_data(
        self, sample_block: Any, data: Any, types_check: bool = False, columnar: bool = False
    ) -> int:
        if not isinstance(data, GeneratorType):
            return int(super().send_data(sample_block, data, types_check=types_check, columnar=columnar))
        rows = 0
        for columns in chain(data, [None]):  # an empty block ends the data
            content = () if columns is None else (sample_block.columns_with_types, columns)
            block = ColumnOrientedBlock(*content)
            self.connection.send_data(block)
            rows += block.num_rows
            self.receive_profile_events()
        return rows


class NativeWarehouse(Warehouse):
    """One native connection; it connects with the first statement."""

    def __init__(self, address: WarehouseAddress) -> None:
        super().__init__(address)
        self._client = _connected(address, use_numpy=True)
        self._exact = _connected(address, use_numpy=False)

    def execute(
        self, sql: str, params: Mapping[str, Any] | None = None, *, settings: Mapping[str, Any] | None = None
    ) -> None:
        with self._errors():
            self._client.execute(_bound(sql), dict(params or {}) or None, settings=dict(settings or {}))

    def query(self, sql: str, params: Mapping[str, Any] | None = None) -> pa.Table:
        with self._errors():
            # not by numpy, which has no decimals, lists or days before 1970
            columns, types = self._exact.execute(
                _bound(sql), dict(params or {}) or None, columnar=True, with_column_types=True
            )
        return answer_table(
            [name for name, _ in types], [kind for _, kind in types], columns or [[]] * len(types)
        )

    def insert(
        self,
        table: str,
        batches: Iterable[pa.RecordBatch],
        *,
        settings: Mapping[str, Any] | None = None,
        exact: bool = False,
    ) -> int:
        del settings  # they are about reading formats and zones, which here is done on our side
        stream = iter(batches)
        first = next(stream, None)
        if first is None:
            return 0
        encode, client = (_objects, self._exact) if exact else (_numpy, self._client)
        blocks = ([encode(column) for column in batch.columns] for batch in chain([first], stream))
        names = ", ".join(f"`{name}`" for name in first.schema.names)
        with self._errors():
            return int(client.execute(f"INSERT INTO {table} ({names}) VALUES", blocks, columnar=True))

    def close(self) -> None:
        self._client.disconnect()
        self._exact.disconnect()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (NetworkError, SocketTimeoutError, EOFError, OSError) as error:
            raise no_answer(error, self.address) from error
        except ServerException as error:
            raise statement_error(error.message, self.address, error.code) from error
        except Error as error:
            raise statement_error(str(error), self.address, error.code) from error


def _connected(address: WarehouseAddress, *, use_numpy: bool) -> _StreamingClient:
    """Return a client; it connects with its first statement."""
    return _StreamingClient(
        address.host,
        port=address.port,
        user=address.user,
        password=address.password,
        secure=address.secure,
        connect_timeout=min(5, address.timeout),
        send_receive_timeout=address.timeout,
        settings={"use_numpy": use_numpy, **address.settings},
    )


def _bound(sql: str) -> str:
    """Return the statement with the driver's own placeholders: old servers bind nothing themselves."""
    return _PARAMETER.sub(r"%(\1)s", sql)


def _numpy(column: pa.Array) -> Any:
    """Return a column as the driver takes it fastest."""
    if pa.types.is_dictionary(column.type):
        # one Python string a word of the dictionary, not a row
        return np.asarray(column.dictionary.to_pylist(), dtype=object)[column.indices.to_numpy()]
    if pa.types.is_timestamp(column.type):
        return column.cast(pa.timestamp("s", column.type.tz)).to_numpy(zero_copy_only=False)
    values = np.asarray(column.to_numpy(zero_copy_only=False))
    if column.null_count and pa.types.is_floating(column.type):
        # the driver takes only None for NULL; a NaN stays a NaN, which readers would count as a price
        values = values.astype(object)
        values[np.asarray(column.is_null())] = None
    return values


def _objects(column: pa.Array) -> list[Any]:
    """Return a column as Python objects: slower, but every value of every type as it is."""
    if pa.types.is_timestamp(column.type):
        return list(column.cast(pa.int64()).to_pylist())  # the driver takes a time's own number too
    return list(column.to_pylist())
