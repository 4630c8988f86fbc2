"""The API key is in no URL, no log line and no error, whatever the source answers."""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pytest

from devstack.replay.server import running
from include.clients.fmp import FmpClient
from include.clients.fmp.transport import Transport
from include.core.errors import (
    CredentialsMissing,
    InvalidSettings,
    RateLimited,
    RequestRefused,
    TapelineError,
)
from tests.clients.fmp.conftest import KEY, Source

pytestmark = pytest.mark.integration
WEEK = (date(2013, 2, 25), date(2013, 3, 1))
FAULTS = ["400", "401", "402", "403", "404", "429", "500", "reset", "malformed", "truncated", "error_message",
          "null_result", "wrong_symbol", "timeout", "negative"]  # fmt: skip


class Teller:
    """A source that answers one thing, with the key it was given wherever `KEY` stands."""

    def __init__(self) -> None:
        self.status, self.text, self.headers = 200, "[]", {}
        self.requests = 0

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Answer."""
        self.requests += 1
        body = self.text.replace("KEY", dict(scope["headers"])[b"apikey"].decode()).encode()
        headers = [(name.encode(), value.encode()) for name, value in self.headers.items()]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


@pytest.fixture(scope="module")
def telling() -> Iterator[tuple[Teller, str]]:
    """A teller and its address."""
    teller = Teller()
    with running(teller) as url:
        yield teller, url


@pytest.fixture
def teller(telling: tuple[Teller, str], make_client: Callable[..., FmpClient]) -> tuple[Teller, FmpClient]:
    """A teller that was not asked anything yet, and its client."""
    telling[0].__init__()
    return telling[0], make_client(url=telling[1])


def told(error: BaseException) -> str:
    """Return all that a log would show of an error, its causes included."""
    return "".join(traceback.format_exception(error)) + repr(error)


def outcome(call: Callable[[], Any]) -> str:
    """Return what a call returns or raises, as text."""
    try:
        return repr(call())
    except TapelineError as error:
        return told(error)


@pytest.mark.parametrize("fault", FAULTS)
def test_no_fault_brings_the_key_into_a_url_a_log_or_an_error(
    make_client: Callable[..., FmpClient], source: Source, commit: Callable[..., None],
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, fault: str,
) -> None:  # fmt: skip
    caplog.set_level(logging.DEBUG)
    # Airflow's logging, where another test began it, switches off what was there before
    for name in ("urllib3", "urllib3.connectionpool"):
        monkeypatch.setattr(logging.getLogger(name), "disabled", False)
        monkeypatch.setattr(logging.getLogger(name), "propagate", True)
        caplog.set_level(logging.DEBUG, name)
    commit(f"symbol:IBM={fault}", f"symbol:NYSE={fault}")
    client = make_client(timeout=0.3 if fault == "timeout" else 20)
    texts = [repr(client), repr(client._transport)]
    calls = [lambda: client.fetch_prices("IBM", *WEEK), lambda: client.list_symbols("NYSE")]
    texts += [outcome(call) for call in calls]
    texts += [caplog.text, *(seen.url for seen in source.recorder.seen)]
    if fault not in ("reset", "timeout"):
        assert "GET /stable/historical-price-eod/full" in caplog.text, "urllib3's own log is not looked at"
    assert all(seen.headers[b"apikey"].decode() == KEY for seen in source.recorder.seen)
    assert KEY not in "\n".join(texts)


@pytest.mark.parametrize("status", [200, 400, 401, 402, 403, 404, 429, 500])
@pytest.mark.parametrize("text", [json.dumps({"Error Message": "Invalid KEY"}), "see https://fmp/x?apikey=KEY&y=1"])  # fmt: skip
def test_a_source_that_repeats_the_key_is_quoted_without_it(
    teller: tuple[Teller, FmpClient], caplog: pytest.LogCaptureFixture, status: int, text: str
) -> None:
    caplog.set_level(logging.DEBUG)
    teller[0].status, teller[0].text = status, text
    with pytest.raises(TapelineError) as caught:
        teller[1].fetch_ratios("IBM")
    assert KEY not in told(caught.value) + caplog.text
    assert "***" in str(caught.value) or status == 200


def test_a_wrong_key_is_named_as_such_and_what_to_do(make_client: Callable[..., FmpClient]) -> None:
    wrong = KEY.upper()
    with pytest.raises(CredentialsMissing, match="password of the connection fmp_default") as caught:
        make_client(key=wrong).fetch_ratios("IBM")
    assert wrong not in told(caught.value)


@pytest.mark.parametrize("key", ["", "  ", "two words", "line\nbreak", "schlüssel"])
def test_a_key_that_cannot_be_one_is_refused_before_any_request_and_not_shown(key: str) -> None:
    with pytest.raises(CredentialsMissing, match="fmp_default") as caught:
        Transport("https://financialmodelingprep.com", key)
    assert not key.strip() or key not in told(caught.value)


@pytest.mark.parametrize(
    "url", ["", "financialmodelingprep.com", "ftp://x", f"https://x/stable?apikey={KEY}", f"https://me:{KEY}@x"]
)  # fmt: skip
def test_a_base_url_that_is_none_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(InvalidSettings, match="fmp_default") as caught:
        Transport(url, KEY)
    assert KEY not in str(caught.value)


def test_a_redirect_is_not_followed_so_the_key_goes_nowhere_else(
    teller: tuple[Teller, FmpClient], source: Source
) -> None:
    teller[0].status, teller[0].headers = 302, {"location": f"{source.url}/stable/ratios-ttm?symbol=IBM"}
    with pytest.raises(RequestRefused, match="302"):
        teller[1].fetch_ratios("IBM")
    assert (teller[0].requests, source.recorder.seen) == (1, [])


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("Limit Reach . Please upgrade your plan", "RateLimited"),
        ("Invalid API KEY. Feel free to create a Free API Key", "CredentialsMissing"),
        ("Exclusive Endpoint : not available under your current subscription", "NotInPlan"),
        ("Something else", "MalformedAnswer"),
    ],
)
def test_an_error_that_comes_with_status_200_is_named_by_its_words(
    teller: tuple[Teller, FmpClient], text: str, status: str
) -> None:
    teller[0].text = json.dumps({"Error Message": text})
    with pytest.raises(TapelineError, match="IBM") as caught:
        teller[1].fetch_ratios("IBM")
    assert type(caught.value).__name__ == status


def test_a_source_that_wants_to_be_left_alone_for_long_is_not_waited_for(
    teller: tuple[Teller, FmpClient], sleeps: list[float]
) -> None:
    teller[0].status, teller[0].text, teller[0].headers = 429, "{}", {"retry-after": "3600"}
    with pytest.raises(RateLimited) as caught:
        teller[1].fetch_ratios("IBM")
    assert (caught.value.retry_after, teller[0].requests, sleeps) == (3600, 1, [])
