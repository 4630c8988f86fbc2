"""One request to Financial Modeling Prep, and its failures by name.

The API key goes as the header `apikey`, never in a URL: URLs end in logs, in errors and in proxies. What the
source says is quoted in our errors without the key, should it ever repeat it.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urlencode, urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3

from include.core.errors import (
    CredentialsMissing,
    InvalidSettings,
    MalformedAnswer,
    NotInPlan,
    RateLimited,
    RequestRefused,
    SourceUnavailable,
    SymbolNotFound,
)

FMP_URL = "https://financialmodelingprep.com"
CONNECTIONS = 16
_QUOTED = 200
"""Characters of the source's own words that an error repeats."""
# How the source words a refusal that comes with status 200 (seen in the wild); the first that fits counts.
_WORDINGS = (
    (re.compile(r"limit reach|too many requests|exhausted", re.IGNORECASE), 429),
    (re.compile(r"invalid api key|create a free api key", re.IGNORECASE), 401),
    (re.compile(r"subscription|upgrade your plan|premium|exclusive endpoint", re.IGNORECASE), 402),
)


class Transport:
    """Sends requests over one pool of connections; safe to share between threads."""

    def __init__(self, base_url: str, api_key: str, *, timeout: float = 30) -> None:
        """`base_url`: FMP's, or that of a server that speaks its stable API. `timeout`: seconds.

        Raises `InvalidSettings` for a base URL that is none, `CredentialsMissing` for a missing or unusable
        key.
        """
        self.base_url = _checked_url(base_url)
        self._key = _checked_key(api_key)
        headers = {**urllib3.make_headers(accept_encoding=True), "apikey": self._key}
        self._pool = _pool(self.base_url)
        self._pool.headers = headers
        self._timeout = urllib3.Timeout(connect=min(5.0, timeout), read=timeout)

    def __repr__(self) -> str:
        return f"Transport({self.base_url!r})"

    def get(self, endpoint: str, params: dict[str, Any], about: str) -> bytes:
        """Return the body of a right answer to `/stable/{endpoint}`: a JSON list, unread.

        `about`: the symbol or exchange, for messages.
        Raises `CredentialsMissing`, `NotInPlan`, `SymbolNotFound`, `RequestRefused` (terminal),
        `RateLimited`, `SourceUnavailable`, `MalformedAnswer` (transient).
        """
        url = f"{self.base_url}/stable/{endpoint}?{urlencode(params)}"
        try:
            # a redirect would take the key to wherever it leads
            answer = self._pool.request("GET", url, retries=False, redirect=False, timeout=self._timeout)
        except urllib3.exceptions.HTTPError as error:
            raise SourceUnavailable(
                f"{about}: no answer to /stable/{endpoint} ({_reason(error)}); it is tried again."
            ) from error
        if answer.status == 200 and answer.data.lstrip()[:1] != b"{":
            return answer.data
        said = self._said(answer.data)
        place = f"{about}: FMP answered {answer.status} to /stable/{endpoint} ({said})"
        status = _status_in_words(said) if answer.status == 200 else answer.status
        raise refusal(
            place, status, symbol="symbol" in params, retry_after=_seconds(answer.headers.get("Retry-After"))
        )

    def _said(self, body: bytes) -> str:
        """Return what an answer says of its failure, short, in one line and without the key."""
        text = body.decode("utf-8", "replace").strip()
        if text.startswith("<"):
            return "a page of HTML"
        try:
            content = json.loads(text)
            text = next(
                str(content[name]) for name in ("Error Message", "error", "message") if content.get(name)
            )
        except (ValueError, AttributeError, StopIteration, RecursionError):
            pass
        text = re.sub(r"apikey=[^&\s\"']*", "apikey=***", text.replace(self._key, "***"))
        return " ".join(text.split())[:_QUOTED] or "no reason given"


def refusal(place: str, status: int, *, symbol: bool, retry_after: float | None) -> Exception:
    """Return our error for an HTTP status; 200: an object came where a list should be."""
    if status in (401, 403):
        return CredentialsMissing(
            f"{place}; asking again cannot help. Check the API key: the password of the connection fmp_default."
        )
    if status == 402:
        return NotInPlan(
            f"{place}; asking again cannot help. Leave it out, or get a plan at FMP that covers it."
        )
    if status == 404 and symbol:
        return SymbolNotFound(f"{place}; asking again cannot help. It may be delisted or renamed.")
    if status == 429:
        error = RateLimited(f"{place}; requests slow down and it is tried again.")
        error.retry_after = retry_after
        return error
    if status >= 500 or status == 408:
        return SourceUnavailable(f"{place}; it is tried again.")
    if status == 200:
        return MalformedAnswer(f"{place}: that is no list; it is tried again.")
    return RequestRefused(
        f"{place}; asking again cannot help. Check the host of the connection fmp_default and what was asked."
    )


def _status_in_words(said: str) -> int:
    return next((status for wording, status in _WORDINGS if wording.search(said)), 200)


def _checked_url(base_url: str) -> str:
    parts = urlsplit(base_url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
        raise InvalidSettings(
            "The base URL of Financial Modeling Prep is no plain http(s) URL (it may have a user, a password or "
            f"a key in it, so it is not shown). Set the host of the connection fmp_default to {FMP_URL} or to a "
            "replay server's address, and its password to the API key."
        )
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}".removesuffix("/stable")


def _checked_key(api_key: str) -> str:
    key = api_key.strip()
    if not key:
        raise CredentialsMissing(
            "There is no API key for Financial Modeling Prep, so nothing was asked. Set the password of the "
            "connection fmp_default to it."
        )
    if not re.fullmatch(r"[\x21-\x7e]+", key):
        raise CredentialsMissing(
            "The API key for Financial Modeling Prep has characters that no key has (it is not shown). Set the "
            "password of the connection fmp_default again."
        )
    return key


def _pool(base_url: str) -> urllib3.PoolManager:
    """Return the connections to the base URL, through the environment's proxy where there is one for it."""
    parts = urlsplit(base_url)
    proxy = getproxies().get(parts.scheme)
    if not proxy or proxy_bypass(parts.netloc):
        return urllib3.PoolManager(maxsize=CONNECTIONS, block=True)
    return urllib3.ProxyManager(proxy, maxsize=CONNECTIONS, block=True)


def _reason(error: urllib3.exceptions.HTTPError) -> str:
    """Return what went wrong on the way, in one line without the URL."""
    kinds = {
        urllib3.exceptions.ConnectTimeoutError: "no connection in time",
        urllib3.exceptions.TimeoutError: "time-out",
        urllib3.exceptions.NewConnectionError: "no connection",
        urllib3.exceptions.ProtocolError: "the connection was cut",
        urllib3.exceptions.SSLError: "TLS failed",
        urllib3.exceptions.ProxyError: "the proxy failed",
    }
    said = next((text for kind, text in kinds.items() if isinstance(error, kind)), "")
    return f"{said}, {type(error).__name__}" if said else type(error).__name__


def _seconds(retry_after: str | None) -> float | None:
    """Return a Retry-After of seconds; a date is not understood and counts as none."""
    try:
        return max(0.0, float(retry_after or ""))
    except ValueError:
        return None
