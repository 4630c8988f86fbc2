"""The wire contracts accept the seeds' own examples and nothing they do not know."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from include.core.contracts import CuratedFileList, LoadMessage, Manifest, TransformInput

TRANSFORM_OF_SEED_000 = {
    "manifest_keys": [
        {
            "ds": "2025-09-09",
            "manifest_key": "market/prices/interval=1d/data_source=yahoo_finance/year=2025/month=09/day=09/_batch.manifest.json",
            "source": "dynamodb",
        }
    ],
    "domain": "market",
    "table_name": "prices",
    "file_type": "json",
    "interval": "1d",
    "data_source": "yahoo_finance",
    "raw_bucket": "data-pipeline-raw-dev-123456789012",
    "catalog_update": "on_schema_change",
}
LOAD_OF_SEED_002 = {
    "bucket": "data-pipeline-curated-dev",
    "key": "market/prices/ds=2025-09-10/part-001.parquet",
    "domain": "market",
    "table_name": "prices",
    "partition": "ds=2025-09-10",
    "file_size": 1048576,
    "correlation_id": "550e8400-e29b-41d4-a716-446655440000",
}
MANIFEST = {
    "environment": "dev",
    "domain": "market",
    "table_name": "prices",
    "data_source": "yahoo_finance",
    "interval": "1d",
    "ds": "2025-09-09",
    "generated_at": "2025-09-09T22:05:00Z",
    "batch_id": "market:prices:2025-09-09:one",
    "objects": [{"symbol": "AAPL", "key": "market/prices/AAPL.json", "records": 1}],
    "failed_symbols": [{"symbol": "XYZ", "error": "SymbolNotFound", "message": "unknown"}],
}
FILES = {
    "domain": "market",
    "table_name": "prices",
    "files": [{"key": "market/prices/ds=2025-09-09/part-000.parquet", "etag": "0a", "size": 9, "rows": 1}],
}
EXAMPLES = [
    (TransformInput, TRANSFORM_OF_SEED_000),
    (LoadMessage, LOAD_OF_SEED_002),
    (Manifest, MANIFEST),
    (CuratedFileList, FILES),
]
MODELS = pytest.mark.parametrize(
    ("model", "example"), EXAMPLES, ids=lambda value: getattr(value, "__name__", "")
)


@MODELS
def test_an_example_is_read_and_written_as_it_was(model: Any, example: dict[str, Any]) -> None:
    written = model.model_validate(example).model_dump(mode="json")
    assert {name: written[name] for name in example} == example
    assert model.model_validate(written) == model.model_validate(example)


@MODELS
def test_an_unknown_field_is_refused(model: Any, example: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="extra_forbidden"):
        model.model_validate({**example, "bukcet": "x"})


def test_an_unknown_field_deep_inside_is_refused_too() -> None:
    broken = {**MANIFEST, "objects": [{**MANIFEST["objects"][0], "recrods": 1}]}  # type: ignore[dict-item]
    with pytest.raises(ValidationError, match="extra_forbidden"):
        Manifest.model_validate(broken)


@pytest.mark.parametrize("field", ["bucket", "correlation_id", "domain", "key"])
def test_only_what_the_key_says_and_the_size_may_be_left_out_of_a_load_message(field: str) -> None:
    assert LoadMessage.model_validate({**LOAD_OF_SEED_002, "file_size": None})
    with pytest.raises(ValidationError, match="missing"):
        LoadMessage.model_validate({name: v for name, v in LOAD_OF_SEED_002.items() if name != field})


@pytest.mark.parametrize("field", ["partition", "table_name"])
def test_a_load_message_says_what_its_key_says(field: str) -> None:
    whole = LoadMessage.model_validate(LOAD_OF_SEED_002)
    left_out = {name: value for name, value in LOAD_OF_SEED_002.items() if name != field}
    assert LoadMessage.model_validate(left_out) == whole
    with pytest.raises(ValidationError, match=f"{field} is 'other', but the key"):
        LoadMessage.model_validate({**LOAD_OF_SEED_002, field: "other"})


def test_the_manifest_of_a_holiday_has_no_objects() -> None:
    holiday = Manifest.model_validate(
        {name: value for name, value in MANIFEST.items() if name not in ("objects", "failed_symbols")}
    )
    assert (holiday.objects, holiday.failed_symbols, holiday.revision) == ([], [], 1)
    assert holiday.ds == date(2025, 9, 9)


def test_a_message_cannot_be_changed() -> None:
    message = LoadMessage.model_validate(LOAD_OF_SEED_002)
    with pytest.raises(ValidationError, match="frozen"):
        message.key = "other"  # type: ignore[misc]
