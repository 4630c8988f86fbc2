"""What the API answers: requests, pages, problems, limits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.client import BaseClient
from fastapi.testclient import TestClient

from include.core.errors import ServiceUnavailable
from tests.participation.api import client_of, of, token
from tests.participation.conftest import Service

pytestmark = pytest.mark.integration
PATH = "/events/e1/participations"


@pytest.fixture
def client(service: Service) -> TestClient:
    return client_of(service)


def is_problem(answer: Any, status: int) -> bool:
    body = answer.json()
    return (
        answer.status_code == body["status"] == status
        and answer.headers["content-type"] == "application/problem+json"
        and body.keys() == {"type", "title", "status", "detail"}
    )


def test_asking_for_a_place_is_accepted_and_queued(client: TestClient, service: Service) -> None:
    answer = client.post(PATH, headers=of())
    assert answer.status_code == 202
    body = answer.json()
    assert (body["status"], body["eventId"], body["resultCode"]) == ("QUEUED", "e1", None)
    assert client.post(PATH, headers=of()).json() == body
    assert service.queue.depth().total == 1


def test_the_owner_sees_what_became_of_it(client: TestClient, service: Service) -> None:
    name = client.post(PATH, headers=of()).json()["requestId"]
    service.work()
    body = client.get(f"/requests/{name}", headers=of()).json()
    assert (body["status"], body["resultCode"]) == ("SUCCEEDED", "SUCCESS")
    assert body["finishedAt"] >= body["queuedAt"]


def test_another_users_request_is_not_found(client: TestClient) -> None:
    name = client.post(PATH, headers=of()).json()["requestId"]
    other = client.get(f"/requests/{name}", headers=of("u2"))
    assert is_problem(other, 404)
    nobody = client.get("/requests/req-" + "0" * 32, headers=of("u2"))
    assert other.json()["detail"].replace(name, "") == nobody.json()["detail"].replace("req-" + "0" * 32, "")


def test_an_event_that_nobody_opened_is_not_found(client: TestClient) -> None:
    assert is_problem(client.post("/events/none/participations", headers=of()), 404)


REFUSED: dict[str, Callable[[], dict[str, str]]] = {
    "no token": dict,
    "no bearer": lambda: {"Authorization": "Basic dTpw"},
    "no token at all": lambda: {"Authorization": "Bearer x.y.z"},
    "another key": lambda: of(key="another-key-that-is-long-enough-too"),
    "expired": lambda: of(exp=1),
    "no expiry": lambda: of(exp=None),
    "another issuer": lambda: of(iss="https://evil.example"),
    "another audience": lambda: of(aud="other"),
    "no subject": lambda: of(sub=None),
    "empty subject": lambda: of(""),
    "long subject": lambda: of("u" * 257),
    "not yet": lambda: of(nbf=9_999_999_999),
    "no signature": lambda: {"Authorization": f"Bearer {token(key='', algorithm='none')}"},
    "another algorithm": lambda: of(algorithm="HS512"),
}


@pytest.mark.parametrize("why", REFUSED)
def test_without_a_valid_token_nothing_is_answered(client: TestClient, service: Service, why: str) -> None:
    headers = REFUSED[why]()
    for answer in (
        client.post(PATH, headers=headers),
        client.get("/me/participations", headers=headers),
        client.get("/requests/req-" + "0" * 32, headers=headers),
    ):
        assert is_problem(answer, 401)
        assert answer.headers["www-authenticate"] == "Bearer"
    assert service.queue.depth().total == 0


def test_own_requests_come_newest_first_in_pages(client: TestClient, service: Service) -> None:
    names = []
    for number in range(7):
        service.capacity.open(f"p{number}", 1)
        request = service.requests.receive("u1", f"p{number}", "FIRST_COME", now=1)
        names.append(service.requests.queue(request, queued_at=1_700_000_000_000 + number).request_id)
    service.requests.receive("u1", "e1", "FIRST_COME", now=1)  # RECEIVED only
    service.asked("u2")
    found: list[str] = []
    cursor: str | None = None
    sizes = []
    while True:
        query = {"limit": "3"} | ({"cursor": cursor} if cursor else {})
        page = client.get("/me/participations", params=query, headers=of()).json()
        found += [item["requestId"] for item in page["items"]]
        sizes.append(len(page["items"]))
        cursor = page["nextCursor"]
        if cursor is None:
            break
    assert (found, sizes) == (names[::-1], [3, 3, 1])


def test_a_cursor_of_another_user_shows_no_request_of_theirs(client: TestClient, service: Service) -> None:
    for number in range(3):
        service.capacity.open(f"p{number}", 1)
        service.asked("victim", f"p{number}")
    cursor = client.get("/me/participations", params={"limit": 1}, headers=of("victim")).json()["nextCursor"]
    page = client.get("/me/participations", params={"cursor": cursor}, headers=of("thief")).json()
    assert page == {"items": [], "nextCursor": None}


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=101",
        "limit=x",
        "cursor=x",
        "cursor=",
        "cursor=AAAA",
        f"cursor={'A' * 300}",
        "cursor=%00",
    ],
)
def test_a_page_that_cannot_be_is_a_problem(client: TestClient, query: str) -> None:
    assert is_problem(client.get(f"/me/participations?{query}", headers=of()), 422)


@pytest.mark.parametrize("event", ["a" * 65, "-a", "a%20b", "%E2%82%AC", "a%0A"])
def test_an_event_id_that_cannot_be_is_a_problem(client: TestClient, event: str) -> None:
    assert is_problem(client.post(f"/events/{event}/participations", headers=of()), 422)


def test_a_long_body_is_refused_however_it_is_sent(client: TestClient, service: Service) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(50):
            yield b"x" * 100

    assert is_problem(client.post(PATH, headers=of(), content=b"x" * 4097), 413)
    assert is_problem(client.post(PATH, headers=of(), content=chunks()), 413)
    assert is_problem(client.post(PATH, headers=of() | {"Content-Length": "-1"}, content=b"x"), 413)
    assert service.queue.depth().total == 0
    assert client.post(PATH, headers=of(), content=b"x" * 4096).status_code == 202


def test_unknown_paths_and_methods_are_problems(client: TestClient) -> None:
    assert is_problem(client.get("/nothing"), 404)
    refused = client.delete(PATH, headers=of())
    assert is_problem(refused, 405)
    assert refused.headers["allow"] == "POST"


def test_a_service_that_does_not_answer_is_said_without_its_name(
    client: TestClient, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ServiceUnavailable("put_item of the-secret-table: no answer")

    monkeypatch.setattr(service.ingest.requests, "get", broken)
    answer = client.get("/requests/req-" + "0" * 32, headers=of())
    assert is_problem(answer, 503)
    assert "secret" not in answer.text
    assert answer.headers["retry-after"] == "1"


def test_no_request_ever_scans_the_table(
    client: TestClient, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[tuple[str, dict[str, Any]]] = []
    before = BaseClient._make_api_call

    def record(self: Any, name: str, arguments: Any) -> Any:
        made.append((name, arguments))
        return before(self, name, arguments)

    monkeypatch.setattr(BaseClient, "_make_api_call", record)
    name = client.post(PATH, headers=of()).json()["requestId"]
    for path in ("/me/participations?limit=20", f"/requests/{name}", "/health"):
        assert client.get(path, headers=of()).status_code == 200
    service.work()
    calls = Counter(operation for operation, _ in made)
    assert not {"Scan", "ExecuteStatement", "BatchExecuteStatement"} & calls.keys()
    (query,) = [arguments for operation, arguments in made if operation == "Query"]
    assert (query["IndexName"], query["ScanIndexForward"]) == ("GSI1", False)
    assert query["KeyConditionExpression"] == "GSI1PK = :user"
    assert "USER#u1" in str(query["ExpressionAttributeValues"])
    assert query["Limit"] == 21
