"""Which kind of table some files are for: prices, or a table that follows its files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from include.clients.object_store import ObjectStore
from include.clients.warehouse.form import TableForm
from include.clients.warehouse.generic import GenericForm
from include.clients.warehouse.interface import Warehouse
from include.clients.warehouse.prices import PriceForm
from include.clients.warehouse.rows import read_schema
from include.clients.warehouse.tables import WarehouseTable, read_sql
from include.core.contracts import CuratedFile
from include.core.errors import SchemaMismatch

Kind = Literal["auto", "prices"]


def form_of(
    warehouse: Warehouse, store: ObjectStore, table: WarehouseTable, files: Sequence[CuratedFile], kind: Kind
) -> TableForm:
    """Return how the table's files are loaded.

    By its name, where that is one of the price tables'; else, in a domain that has prices, by what the
    warehouse holds already, and by the first file where it holds nothing yet: a run may give its prices a
    table of another name.
    """
    prices, generic = PriceForm(warehouse, store, table), GenericForm(warehouse, store, table)
    if kind == "prices" or table.is_named_prices:
        return prices
    if not table.domain_has_prices:
        return generic
    bound = {"domain": table.domain, "names": [f"{table.name}_rows"]}
    present = {row["name"] for row in warehouse.query(read_sql("select_columns", table), bound).to_pylist()}
    if present:
        return prices if {"file_id", "is_deleted"} <= present else generic
    if not files:
        return generic
    try:
        prices.check_schema(read_schema(generic, files[0]), store.uri(files[0].key))
    except SchemaMismatch:
        return generic
    return prices
