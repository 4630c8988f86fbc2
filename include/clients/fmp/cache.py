"""Answers that cannot change today, kept in the object store: asked again, they cost no request.

Prices are adjusted for splits, so even those of sessions long past change on the day of a split. That is why an
answer is good for its day only, and why nothing here is ever older than a day.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import logging
import zlib
from datetime import date
from typing import Any

from include.clients.object_store import ObjectStore
from include.core.errors import ObjectMissing, TapelineError
from include.core.keys import cached_answer_key

log = logging.getLogger(__name__)


class AnswerCache:
    """Right answers by what was asked, where, on which day; a store that fails costs requests, never a task."""

    def __init__(self, store: ObjectStore, source: str = "fmp") -> None:
        self._store = store
        self._source = source
        self._warned = False

    def read(self, asked_on: date, endpoint: str, name: str, question: dict[str, Any]) -> bytes | None:
        """Return the answer kept on that day, or None."""
        try:
            return gzip.decompress(self._store.read(self._key(asked_on, endpoint, name, question)))
        except ObjectMissing:
            return None
        except (TapelineError, OSError, EOFError, zlib.error) as error:
            self._warn(error)
            return None

    def write(self, asked_on: date, endpoint: str, name: str, question: dict[str, Any], body: bytes) -> None:
        """Keep an answer."""
        try:
            self._store.write(self._key(asked_on, endpoint, name, question), gzip.compress(body, 1, mtime=0))
        except TapelineError as error:
            self._warn(error)

    def _key(self, asked_on: date, endpoint: str, name: str, question: dict[str, Any]) -> str:
        text = json.dumps(question, sort_keys=True, default=str)
        digest = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
        return cached_answer_key(self._source, asked_on, endpoint, name, digest)

    def _warn(self, error: Exception) -> None:
        if not self._warned:
            log.warning("The cache of %s fails, so answers are asked for again: %s", self._source, error)
        self._warned = True
