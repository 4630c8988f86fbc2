"""What differs between kinds of tables when their files are loaded: prices have one fixed shape, others any."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import pyarrow as pa  # noqa: TID253 - this module is imported inside tasks only

from include.clients.object_store import ObjectInfo, ObjectStore
from include.clients.warehouse.interface import Warehouse
from include.clients.warehouse.tables import WarehouseTable
from include.core.errors import StatementFailed

if TYPE_CHECKING:
    from include.clients.warehouse.ledger import Content, History


@dataclass(frozen=True)
class ReadPart:
    """What was read of a file before its rows are written."""

    info: ObjectInfo
    rows: int
    schema: pa.Schema
    by_server: bool = False
    data: bytes | None = None
    """The file as it is, where it is small and goes through us."""
    table: pa.Table | None = None
    """Its rows, where the form reads small files at once."""


@dataclass(frozen=True)
class TableForm(ABC):
    """How one table's files become its rows."""

    warehouse: Warehouse
    store: ObjectStore
    table: WarehouseTable

    columns: ClassVar[Sequence[str] | None] = None
    """Columns that are read of a file; None: all."""
    dictionaries: ClassVar[Sequence[str]] = ()
    """Columns that stay dictionaries when they are read."""
    reads_at_once: ClassVar[bool] = False
    """Whether small files are decoded before anything is written."""
    by_server: ClassVar[bool] = False
    """Whether the server may read such files itself."""
    exact: ClassVar[bool] = True
    """Whether values go as they are even where that is slow (see `Warehouse.insert`)."""

    @abstractmethod
    def migrate(self) -> None:
        """Make what is needed before the first file is known."""

    @abstractmethod
    def check_schema(self, schema: pa.Schema, uri: str) -> None:
        """Raise `SchemaMismatch` where no table of this form can take such a file."""

    @abstractmethod
    def check_values(self, batch: pa.RecordBatch, uri: str) -> None:
        """Raise `SchemaMismatch` where the table cannot take these values."""

    @abstractmethod
    def prepare(self, parts: Mapping[str, ReadPart]) -> dict[str, str]:
        """Make the table fit for these files (by key); return their columns and the warehouse's types."""

    @abstractmethod
    def rows_of(
        self, content: Content, batches: Iterable[pa.RecordBatch], columns: dict[str, str]
    ) -> Iterator[pa.RecordBatch]:
        """Yield a content's batches as the table's rows: with where they come from."""

    @abstractmethod
    def hide_removed(self, contents: Sequence[Content]) -> None:
        """Hide what earlier contents of these files had, if the view does not do so by itself."""

    def clean_up(self, contents: Sequence[Content], histories: Mapping[str, History]) -> None:  # noqa: B027
        """Delete what no reader sees any more; may be left out."""

    def write_by_server(self, contents: Sequence[Content]) -> None:
        """Let the server read the files itself; where it cannot, `StatementFailed`, and they are sent to it."""
        raise StatementFailed(f"{self.table.view}: the server cannot read these {len(contents)} files itself")
