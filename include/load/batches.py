"""Loads files in batches; where a batch fails its files are tried one by one, so none suffers from another."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from include.clients.object_store import ObjectStore
from include.clients.warehouse import Warehouse
from include.clients.warehouse.load import LoadResult, load_files
from include.core.errors import ObjectStoreUnavailable, TerminalError
from include.load.files import Found, as_list, by_table
from include.load.outage import Patience, store_answers, warehouse_answers
from include.load.policy import Failure, in_rounds, rule_of

log = logging.getLogger(__name__)
FEWER_ROWS = 8_192
"""Rows a batch of the second attempt after the warehouse ran out of memory."""
OnLoaded = Callable[[Sequence[Found], LoadResult], None]


@dataclass(frozen=True)
class Batches:
    """Loads files by the function that the prices pipeline's `LoadCuratedOperator` calls too."""

    warehouse: Warehouse
    store: ObjectStore
    batch_size: int
    patience: Patience
    on_loaded: OnLoaded
    """Called as soon as files' rows are visible."""

    def load(self, files: Sequence[Found]) -> dict[Found, Failure]:
        """Load files of any tables; return those that are given up, each with its own error."""
        failed_once: dict[Found, Exception] = {}
        alone: list[Found] = []
        waiting = deque(batch for group in by_table(files) for batch in _split(group, self.batch_size))
        while waiting:
            batch = waiting.popleft()
            error = self._try(batch)
            if error is None:
                continue
            guilty = _guilty(batch, error)
            if guilty:
                failed_once[guilty] = error
                alone.append(guilty)
                if rest := [file for file in batch if file != guilty]:
                    waiting.appendleft(rest)
            else:
                log.warning("%d files together failed, so each is tried alone: %s", len(batch), error)
                alone += batch
        return self._load_alone(alone, failed_once)

    def _load_alone(
        self, files: Sequence[Found], failed_once: dict[Found, Exception]
    ) -> dict[Found, Failure]:
        def attempt(pending: Sequence[Found], last: Mapping[Found, Exception]) -> dict[Found, Exception]:
            failed: dict[Found, Exception] = {}
            for file in pending:
                error = failed_once.pop(file, None) or self._try([file], after=last.get(file))
                if error:
                    failed[file] = error
            return failed

        return in_rounds(files, attempt, self.patience.sleep)

    def _try(self, files: Sequence[Found], *, after: Exception | None = None) -> Exception | None:
        """Load files of one table once; return the error. What fails for an outage is done again after it."""
        fewer = after is not None and rule_of(after).code == "E006"
        while True:
            try:
                result = load_files(
                    self.warehouse,
                    self.store,
                    as_list(files),
                    correlation_id={file.info.key: file.correlation_id for file in files},
                    batch_rows=FEWER_ROWS if fewer else None,
                )
            except Exception as error:
                if rule_of(error).code == "E009":
                    log.exception("%s", [file.info.key for file in files])
                if self._was_outage(error, files[0]):
                    continue
                return error
            self.on_loaded(files, result)
            return None

    def _was_outage(self, error: Exception, file: Found) -> bool:
        if rule_of(error).code not in {"E004", "E005"}:
            return False
        if isinstance(error, ObjectStoreUnavailable):
            return self.patience.was_outage(lambda: store_answers(self.store, file.info.key), error)
        return self.patience.was_outage(lambda: warehouse_answers(self.warehouse), error)


def _guilty(batch: Sequence[Found], error: Exception) -> Found | None:
    """Return the file that a failed batch is known to have failed for."""
    if len(batch) == 1:
        return batch[0]
    if not isinstance(error, TerminalError):
        return None
    return next((file for file in batch if file.info.key == error.key), None)


def _split(files: Sequence[Found], size: int) -> list[Sequence[Found]]:
    return [files[first : first + size] for first in range(0, len(files), size)]
