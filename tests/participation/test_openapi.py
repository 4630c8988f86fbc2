"""Whatever is sent, the API answers as its OpenAPI document says."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import jsonschema
import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.participation.api import client_of, of
from tests.participation.conftest import Service

pytestmark = pytest.mark.integration
TEXT = st.text(st.characters(codec="utf-8"), max_size=80)
IDS = st.one_of(
    st.just("e1"), st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", fullmatch=True), TEXT.filter(bool)
)
REQUESTS = st.one_of(st.from_regex(r"req-[0-9a-f]{32}", fullmatch=True), TEXT.filter(bool))
QUERIES = st.dictionaries(
    st.one_of(st.sampled_from(["limit", "cursor"]), TEXT),
    st.one_of(st.integers(-5, 200).map(str), TEXT),
    max_size=3,
)
HEADERS = st.sampled_from([of(), of("u2"), of(exp=1), {}, {"Authorization": "Bearer"}])
METHODS = st.sampled_from(["GET", "GET", "POST", "POST", "PUT", "DELETE", "PATCH"])
SETTINGS = settings(
    max_examples=150, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
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
    assert operations.keys() == {
        ("post", "/events/{eventId}/participations"),
        ("get", "/me/participations"),
        ("get", "/requests/{requestId}"),
        ("get", "/health"),
    }
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


def conforms(document: dict[str, Any], template: str, method: str, answer: Any) -> None:
    """Hold an answer against what the document says of the path and method."""
    assert answer.status_code < 500, answer.text
    operation = document["paths"].get(template, {}).get(method.lower())
    if operation is None:
        assert answer.status_code == 405 or (answer.status_code == 404 and not template)
        return
    described = operation["responses"].get(str(answer.status_code))
    assert described is not None, f"{method} {template}: {answer.status_code} is not described"
    ((media, content),) = described["content"].items()
    assert answer.headers["content-type"] == media
    schema = {**content["schema"], "components": document["components"]}
    jsonschema.validate(answer.json(), schema)


@SETTINGS
@given(method=METHODS, event=IDS, headers=HEADERS, body=st.binary(max_size=6000))
def test_participations_of_an_event(
    client: TestClient,
    document: dict[str, Any],
    method: str,
    event: str,
    headers: dict[str, str],
    body: bytes,
) -> None:
    if "/" in event or event in {".", ".."}:
        return  # another path
    path = f"/events/{quote(event, safe='')}/participations"
    answer = client.request(method, path, headers=headers, content=body)
    conforms(document, "/events/{eventId}/participations", method, answer)


@SETTINGS
@given(method=METHODS, query=QUERIES, headers=HEADERS)
def test_own_participations(
    client: TestClient, document: dict[str, Any], method: str, query: dict[str, str], headers: dict[str, str]
) -> None:
    answer = client.request(method, "/me/participations", headers=headers, params=query)
    conforms(document, "/me/participations", method, answer)


@SETTINGS
@given(method=METHODS, name=REQUESTS, headers=HEADERS)
def test_one_request(
    client: TestClient, document: dict[str, Any], method: str, name: str, headers: dict[str, str]
) -> None:
    if "/" in name or name in {".", ".."}:
        return
    answer = client.request(method, f"/requests/{quote(name, safe='')}", headers=headers)
    conforms(document, "/requests/{requestId}", method, answer)
