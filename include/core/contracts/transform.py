"""The input of one transform (seed 000 §4, "Transform 실행 입력")."""

from __future__ import annotations

from datetime import date
from typing import Literal

from include.core.contracts.base import WireModel

CatalogUpdate = Literal["on_schema_change", "never", "force"]


class ManifestRef(WireModel):
    """One manifest to transform."""

    ds: date
    manifest_key: str
    source: Literal["dynamodb", "s3_event", "manual"] = "dynamodb"
    """Who named the manifest."""


class TransformInput(WireModel):
    """What one transform reads and how."""

    manifest_keys: list[ManifestRef]
    domain: str
    table_name: str
    file_type: Literal["json", "csv"] = "json"
    interval: str = "1d"
    data_source: str = "yahoo_finance"
    raw_bucket: str
    catalog_update: CatalogUpdate = "on_schema_change"
