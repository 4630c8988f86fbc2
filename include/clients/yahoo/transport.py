"""One request to Yahoo's chart API through the yfinance client's own session, and its failures by name.

yfinance does the browser-like TLS, proxies, consent pages, cookie and crumb. Left as it is, it asks for a
cookie and a crumb before the first answer and asks again after a failure (up to 17 requests). The chart
API needs no crumb, so here one is fetched only once Yahoo refuses to answer without (401), at most once a
process; and an error answer is raised at once instead of being tried again behind our back.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

# this package is imported inside tasks, never at DAG parse
import yfinance  # noqa: TID253
from curl_cffi import requests as curl
from yfinance.const import _BASE_URL_ as YAHOO_URL  # noqa: TID253
from yfinance.data import YfData  # noqa: TID253
from yfinance.exceptions import YFRateLimitError  # noqa: TID253

from include.core.errors import InvalidSettings, RateLimited, RequestRefused, SourceUnavailable

CHART_PATH = "/v8/finance/chart/"
_YAHOO = "yahoo.com"


class ErrorAnswer(Exception):
    """The source answered with an HTTP error; the caller names it."""

    def __init__(self, status: int, body: bytes) -> None:
        self.status = status
        self.body = body
        super().__init__(f"HTTP {status}")


class Transport:
    """Sends chart requests; safe to share between threads (each has its own connection)."""

    def __init__(self, base_url: str, *, cache_dir: Path | None = None, timeout: float = 30) -> None:
        """`base_url`: Yahoo's own, or a server that speaks its API. `timeout`: seconds for one answer."""
        if cache_dir is not None:
            yfinance.set_tz_cache_location(str(cache_dir))
        self._timeout = timeout
        # not the singleton that YfData's metaclass would give: two base URLs must not share a session
        self._data: _ChartData = type.__call__(_ChartData, _Session(_checked(base_url)))

    def chart(self, symbol: str, params: dict[str, Any]) -> bytes:
        """Return the body of a 200 answer.

        Raises `ErrorAnswer` for an HTTP error, `SourceUnavailable` where no answer came, `RateLimited`.
        """
        try:
            return self._get(symbol, params)
        except ErrorAnswer as error:
            if error.status != 401 or self._data.with_crumb:
                raise
        self._data.with_crumb = True
        return self._get(symbol, params)

    def _get(self, symbol: str, params: dict[str, Any]) -> bytes:
        path = CHART_PATH + quote(symbol, safe="^=")
        try:
            return self._data.get(YAHOO_URL + path, params, self._timeout).content
        except YFRateLimitError as error:
            raise RateLimited(f"{symbol}: Yahoo answered 429 to {path}.") from error
        except curl.exceptions.RequestException as error:
            reason = str(error).partition(". See http")[0]
            raise SourceUnavailable(
                f"{symbol}: no answer to {path} ({type(error).__name__}: {reason}); it is tried again."
            ) from error


def refusal(symbol: str, error: ErrorAnswer, reason: str) -> Exception:
    """Return our error for an HTTP error that says nothing about the symbol itself."""
    said = f"{symbol}: Yahoo answered {error.status} to {CHART_PATH}{symbol} ({reason})"
    if error.status == 429:
        return RateLimited(f"{said}; requests slow down and it is tried again.")
    if error.status >= 500 or error.status == 408:
        return SourceUnavailable(f"{said}; it is tried again.")
    return RequestRefused(
        f"{said}; asking again cannot help. Check the dates, the interval and the base URL."
    )


def _checked(base_url: str) -> str:
    parts = urlsplit(base_url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidSettings(
            f"The base URL {base_url!r} of the market data source is no http(s) URL. Set the host of the "
            f"connection yahoo_default to {YAHOO_URL} or to a replay server's address."
        )
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


class _Session(curl.Session):
    """yfinance's session, which sends what is meant for Yahoo to the base URL."""

    def __init__(self, base: str) -> None:
        super().__init__(impersonate="chrome")
        host = urlsplit(base).hostname or ""
        self._target = None if host == _YAHOO or host.endswith("." + _YAHOO) else base

    def request(self, method: Any, url: str, *args: Any, **kwargs: Any) -> Any:
        """Send one request; raise `ErrorAnswer` for an error answer to a chart request."""
        response = super().request(method, self._directed(url), *args, **kwargs)
        if response.status_code >= 400 and CHART_PATH in url:
            raise ErrorAnswer(response.status_code, response.content)
        return response

    def _directed(self, url: str) -> str:
        if self._target is None:
            return url
        parts = urlsplit(url)
        base = urlsplit(self._target)
        return urlunsplit((base.scheme, base.netloc, base.path + (parts.path or "/"), parts.query, ""))


class _ChartData(YfData):
    """yfinance's data access without a cookie and crumb until they are wanted, and then only once."""

    with_crumb = False

    def __init__(self, session: _Session) -> None:
        super().__init__(session)
        self._first_crumb = threading.Lock()
        self._fetched: tuple[str | None, str] | None = None

    def _get_cookie_and_crumb(self, timeout: float = 30) -> tuple[str | None, str]:
        if not self.with_crumb:
            return None, "basic"
        with self._first_crumb:
            if self._fetched is None:
                try:
                    self._fetched = super()._get_cookie_and_crumb(timeout)
                except YFRateLimitError:
                    self._fetched = None, "basic"
            return self._fetched
