"""ClickHouse over HTTP, by the official client; also what the local chDB process speaks."""

from __future__ import annotations

import io
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from typing import Any

import clickhouse_connect  # noqa: TID253 - this module is imported inside tasks only
import pyarrow as pa  # noqa: TID253
from clickhouse_connect.driver.exceptions import ClickHouseError, OperationalError  # noqa: TID253

from include.clients.warehouse.address import WarehouseAddress
from include.clients.warehouse.columns import answer_table
from include.clients.warehouse.failures import no_answer, statement_error
from include.clients.warehouse.interface import Warehouse


class HttpWarehouse(Warehouse):
    """One HTTP client."""

    def __init__(self, address: WarehouseAddress) -> None:
        super().__init__(address)
        with self._errors():
            self._client = clickhouse_connect.get_client(
                host=address.host,
                port=address.port,
                username=address.user,
                password=address.password,
                secure=address.secure,
                compress=False,
                connect_timeout=min(5, address.timeout),
                send_receive_timeout=address.timeout,
                autogenerate_session_id=False,
                query_retries=0,
                settings=address.settings,
            )

    def execute(
        self, sql: str, params: Mapping[str, Any] | None = None, *, settings: Mapping[str, Any] | None = None
    ) -> None:
        with self._errors():
            # not `command`: that puts parameters into the URL, however long they are
            self._client.raw_query(sql, parameters=dict(params or {}), settings=dict(settings or {}))

    def query(self, sql: str, params: Mapping[str, Any] | None = None) -> pa.Table:
        with self._errors():
            # not as Arrow: ClickHouse writes a DateTime there as a bare UInt32
            result = self._client.query(sql, parameters=dict(params or {}), column_oriented=True)
        columns = result.result_columns or [[] for _ in result.column_names]
        return answer_table(result.column_names, [kind.name for kind in result.column_types], columns)

    def insert(
        self,
        table: str,
        batches: Iterable[pa.RecordBatch],
        *,
        settings: Mapping[str, Any] | None = None,
        exact: bool = False,
    ) -> int:
        del exact  # Arrow has every value as it is
        stream = iter(batches)
        first = next(stream, None)
        if first is None:
            return 0
        counted = _Counted(chain([first], stream))
        with self._errors():
            # one INSERT for all batches: the server makes few large parts of them
            self._client.raw_insert(
                table,
                column_names=first.schema.names,
                insert_block=_arrow_stream(first.schema, counted),
                fmt="ArrowStream",
                settings=dict(settings or {}),
            )
        return counted.rows

    def close(self) -> None:
        self._client.close()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except OperationalError as error:
            raise no_answer(error, self.address) from error
        except ClickHouseError as error:
            raise statement_error(str(error), self.address) from error
        except OSError as error:
            raise no_answer(error, self.address) from error


class _Counted:
    """Batches on their way, and how many rows went."""

    def __init__(self, batches: Iterator[pa.RecordBatch]) -> None:
        self._batches = batches
        self.rows = 0

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        for batch in self._batches:
            self.rows += batch.num_rows
            yield batch


class _Pipe(io.RawIOBase):
    """A file whose writer's bytes are taken out as they come."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._pieces.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        taken = b"".join(self._pieces)
        self._pieces.clear()
        return taken


def _arrow_stream(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> Generator[bytes, None, None]:
    """Yield one Arrow stream, a batch at a time."""
    pipe = _Pipe()
    with pa.ipc.new_stream(pipe, schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
            yield pipe.take()
    yield pipe.take()
