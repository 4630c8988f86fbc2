"""What every job's module has, what it is given, and what it says it did.

A job's module has

- `Options`: a pydantic model of the job's `environment`,
- `plan_chunks(run) -> list[Chunk]`: what to do, as parts that may run at once; nothing is written,
- `load_chunk(run, chunk) -> ChunkResult`: does one part. All it writes is one transaction, and writing it again changes
  no row. It raises `SymbolsLeft` where another attempt may mend what failed and `run.last_attempt` is false.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from include.core.errors import InvalidSettings, TransientError
from include.fundamentals.config import FundamentalsRequest
from include.fundamentals.jobs import Job

if TYPE_CHECKING:
    from include.clients.fmp import FmpClient
    from include.clients.postgres import Postgres

NAMED = 20
"""So many failed symbols are named in results and messages; all are counted."""
_MIN_CHUNK, _MAX_CHUNK, _CHUNKS_AIM = 5, 200, 100
Model = TypeVar("Model", bound=BaseModel)


class SymbolsLeft(TransientError):
    """Some symbols of a chunk failed in a way that another attempt may mend; the others are written."""


@dataclass(frozen=True)
class JobRun:
    """One job in one run."""

    job: Job
    request: FundamentalsRequest
    day: date
    """The run's session; nothing after it is asked for or kept."""
    database: Postgres
    open_source: Callable[[], FmpClient]
    last_attempt: bool = True
    """Whether a symbol that fails now is to be counted as failed."""
    max_chunks: int = 1024
    """Airflow's `max_map_length`."""

    def options(self, model: type[Model]) -> Model:
        """Return the job's own settings; raise `InvalidSettings` with every fault."""
        try:
            return model.model_validate(self.job.environment)
        except ValidationError as error:
            faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
            raise InvalidSettings(f"The environment of the job {self.job.name} is wrong: {faults}") from error


class Chunk(BaseModel):
    """Symbols from `first` to `last`, both included, in the order of their bytes: small, however many they are."""

    model_config = ConfigDict(frozen=True)

    index: int = 0
    first: str = ""
    last: str = ""
    count: int = 0

    @property
    def label(self) -> str:
        """What the UI shows for the task: `0003 AAPL…MSFT (80)`."""
        ends = self.first if self.first == self.last else f"{self.first}…{self.last}"
        return f"{self.index:04d} {ends} ({self.count})"


class ChunkResult(BaseModel):
    """What a chunk came to; those of all chunks are added up."""

    symbols: int = 0
    """Symbols that were looked at."""
    failed_symbols: int = 0
    failures: dict[str, str] = {}
    """The first of them, each with the name of its error."""
    empty_symbols: int = 0
    """Symbols for which the source had nothing new that could be used, although something was expected."""
    total: int = 0
    """Records that the source gave, or that were computed."""
    invalid: int = 0
    """Records refused."""
    reasons: dict[str, int] = {}
    """Why records were refused, or left out on purpose."""
    missing_fields: dict[str, int] = {}
    duplicates: int = 0
    freshness: date | None = None
    """The newest day among the records."""
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0

    @property
    def valid(self) -> int:
        """Records that were kept."""
        return self.total - self.invalid - self.duplicates

    def add(self, other: ChunkResult) -> ChunkResult:
        """Return both together."""
        mine, theirs = self.model_dump(), other.model_dump()
        both: dict[str, Any] = {}
        for name, value in mine.items():
            if isinstance(value, dict):
                both[name] = _added(value, theirs[name])
            elif name == "freshness":
                both[name] = max(filter(None, (value, theirs[name])), default=None)
            else:
                both[name] = value + theirs[name]
        both["failures"] = dict(list({**self.failures, **other.failures}.items())[:NAMED])
        return ChunkResult(**both)


class JobModule(Protocol):
    """What `import_job` returns."""

    Options: type[BaseModel]

    def plan_chunks(self, run: JobRun) -> list[Chunk]:
        """Return the parts of the job."""

    def load_chunk(self, run: JobRun, chunk: Chunk) -> ChunkResult:
        """Do one part and return what it came to."""


def import_job(job: Job) -> JobModule:
    """Return the job's module; raise `InvalidSettings` where it is none."""
    try:
        module: Any = import_module(job.module)
    except ModuleNotFoundError as error:
        raise InvalidSettings(f"The job {job.name} has no module {job.module}: {error}") from error
    missing = [name for name in ("Options", "plan_chunks", "load_chunk") if not hasattr(module, name)]
    if missing:
        raise InvalidSettings(f"{job.module} of the job {job.name} has no {', '.join(missing)}")
    return module  # type: ignore[no-any-return]


def chunk_symbols(symbols: list[str], max_chunks: int = 1024) -> list[Chunk]:
    """Return the symbols in chunks: `clamp(ceil(N / 100), 5, 200)` each, and never more chunks than may be mapped."""
    ordered = sorted(symbols)
    size = min(max(math.ceil(len(ordered) / _CHUNKS_AIM), _MIN_CHUNK), _MAX_CHUNK)
    size = max(size, math.ceil(len(ordered) / max_chunks))
    parts = [ordered[at : at + size] for at in range(0, len(ordered), size)]
    return [
        Chunk(index=index, first=part[0], last=part[-1], count=len(part)) for index, part in enumerate(parts)
    ]


def _added(mine: dict[str, Any], theirs: dict[str, Any]) -> dict[str, Any]:
    names = [*mine, *(name for name in theirs if name not in mine)]
    if any(isinstance(value, str) for value in (*mine.values(), *theirs.values())):
        return {}
    return {name: mine.get(name, 0) + theirs.get(name, 0) for name in names}
