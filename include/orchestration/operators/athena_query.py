"""Athena's operator with bind parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.hooks.athena import AthenaHook
from airflow.providers.amazon.aws.operators.athena import AthenaOperator
from airflow.sdk.exceptions import AirflowSkipException

if TYPE_CHECKING:
    from airflow.sdk import Context


class BoundAthenaHook(AthenaHook):
    """Sends `ExecutionParameters` too, which the provider's hook has no argument for."""

    def __init__(self, *args: Any, execution_parameters: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.execution_parameters = list(execution_parameters)

    def run_query(
        self,
        query: str,
        query_context: dict[str, str],
        result_configuration: dict[str, Any],
        client_request_token: str | None = None,
        workgroup: str = "primary",
    ) -> str:
        """Start the query and return its id."""
        params: dict[str, Any] = {
            "QueryString": query,
            "QueryExecutionContext": query_context,
            "ResultConfiguration": result_configuration,
            "WorkGroup": workgroup,
        }
        if client_request_token:
            params["ClientRequestToken"] = client_request_token
        if self.execution_parameters:
            params["ExecutionParameters"] = self.execution_parameters
        query_id: str = self.get_conn().start_query_execution(**params)["QueryExecutionId"]
        self.log.info("Query %s with %s:\n%s", query_id, self.execution_parameters, query)
        return query_id


class AthenaQueryOperator(AthenaOperator):
    """Runs one statement and returns its query id.

    :param execution_parameters: SQL literals for the statement's question marks, in order. (templated)
    :param wanted: false: the task is skipped. (templated)
    """

    aws_hook_class = BoundAthenaHook
    template_fields: Sequence[str] = (*AthenaOperator.template_fields, "execution_parameters", "wanted")

    def __init__(
        self, *, execution_parameters: Sequence[str] = (), wanted: bool = True, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.execution_parameters = execution_parameters
        self.wanted = wanted

    @property
    def _hook_parameters(self) -> dict[str, Any]:
        return {**super()._hook_parameters, "execution_parameters": self.execution_parameters}

    def execute(self, context: Context) -> str | None:
        """Run the statement, unless it is not wanted."""
        if not self.wanted:
            raise AirflowSkipException("not asked for")
        return super().execute(context)
