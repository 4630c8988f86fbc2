"""Whatever is sent, the API answers as its OpenAPI document says (schemathesis)."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from schemathesis import Case

from include.participation.ingest.app import make_app
from tests.participation.api import client_of, config_of, of
from tests.participation.conftest import Service

pytestmark = pytest.mark.integration
OPERATIONS = [
    ("post", "/events/{eventId}/participations"),
    ("get", "/me/participations"),
    ("get", "/requests/{requestId}"),
    ("get", "/health"),
]
EXAMPLES = 25
"""Of each operation, each sent by a user, by nobody, and with a token that has ended."""
WHO = (of("u1"), {}, of(exp=1))
SETTINGS = settings(
    max_examples=EXAMPLES, deadline=None, derandomize=True, database=None,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip


@pytest.fixture
def client(service: Service) -> TestClient:
    return client_of(service)


@pytest.fixture
def document(client: TestClient) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/openapi.json").json()
    return found


def test_the_document_has_the_paths_of_the_seed_and_who_may_use_them(document: dict[str, Any]) -> None:
    operations = {
        (method, path): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    assert set(operations) == set(OPERATIONS)
    for (_, path), operation in operations.items():
        assert bool(operation.get("security")) == (path != "/health")
    limit, _ = operations["get", "/me/participations"]["parameters"]
    assert (limit["schema"]["minimum"], limit["schema"]["maximum"], limit["schema"]["default"]) == (
        1,
        100,
        20,
    )
    assert document["components"]["securitySchemes"]["HTTPBearer"]["scheme"] == "bearer"


def test_every_answer_that_is_no_success_is_described_as_a_problem(document: dict[str, Any]) -> None:
    for methods in document["paths"].values():
        for operation in methods.values():
            for status, answer in operation["responses"].items():
                media = "application/json" if status.startswith("2") else "application/problem+json"
                assert list(answer["content"]) == [media], (operation["operationId"], status)


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_every_answer_is_one_that_the_document_has(service: Service, method: str, path: str) -> None:
    """Against every check of schemathesis: status, type, schema, methods, what is refused and what is not."""
    app = make_app(config_of(service), service.ingest)
    operation = schemathesis.openapi.from_asgi("/openapi.json", app)[path][method]
    known = {"eventId": "e1", "requestId": service.asked("u1").request_id}

    @SETTINGS
    @given(case=operation.as_strategy())
    def answers(case: Case) -> None:
        for headers in WHO:
            case.call_and_validate(headers=headers)
        case.path_parameters = {name: known[name] for name in case.path_parameters or {}}
        case.call_and_validate(headers=of("u1"))

    answers()
