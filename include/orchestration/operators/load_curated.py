"""Load curated files into the warehouse."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from include.core.keys import key_of
from include.orchestration import connections
from include.orchestration.execution_log.records import report_records

if TYPE_CHECKING:
    from airflow.sdk import Context


class LoadCuratedOperator(BaseOperator):
    """Loads the files of a list that are not loaded yet; returns counts of files and rows.

    :param files_uri: `s3://bucket/key` in the RAW bucket of a `CuratedFileList`.
    :param correlation_id: goes into `load_audit`.
    """

    template_fields: Sequence[str] = ("files_uri", "correlation_id")

    def __init__(
        self,
        *,
        files_uri: str,
        correlation_id: str,
        clickhouse_conn_id: str = connections.CLICKHOUSE,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.files_uri = files_uri
        self.correlation_id = correlation_id
        self.clickhouse_conn_id = clickhouse_conn_id

    def execute(self, context: Context) -> dict[str, int]:
        """Load and return `{"loaded": files, "skipped": files, "rows": rows}`."""
        from include.clients.warehouse.load import load_files
        from include.core.contracts import CuratedFileList

        asked = CuratedFileList.model_validate_json(connections.raw_store().read(key_of(self.files_uri)))
        context["map_label"] = f"{asked.domain}.{asked.table_name} ({len(asked.files)} files)"  # type: ignore[typeddict-unknown-key]
        with connections.warehouse(self.clickhouse_conn_id) as warehouse:
            result = load_files(
                warehouse,
                connections.curated_store(),
                asked,
                correlation_id=self.correlation_id,
                kind="prices",
            )
        self.log.info("%s: %s", self.files_uri, result)
        report_records(processed=result.rows, loaded=result.loaded, skipped=result.skipped)
        return {"loaded": result.loaded, "skipped": result.skipped, "rows": result.rows}
