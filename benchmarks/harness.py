"""Measure ways of doing one job side by side, each run in a fresh process, and compare them to a limit.

A way is `"module:function"`. The function gets `args` as keywords. What it does is timed, unless it
returns a callable: then it was the preparation (imports, connections) and only the callable is timed.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any, Literal

ROOT = Path(__file__).resolve().parent.parent
_MARK = "benchmark-result:"
_MAXRSS_BYTES = 1 if sys.platform == "darwin" else 1024

announce: list[Callable[[str, str], None]] = []
"""Called with the job and the way before each measured process."""


@dataclass(frozen=True)
class Aim:
    """An upper bound that a way should keep."""

    figure: Literal["seconds", "peak_mb", "ratio"]
    at_most: float

    @property
    def text(self) -> str:
        """Return it as the tables show it."""
        bound = f"{self.at_most:g}"
        return {"seconds": f"≤ {bound} s", "peak_mb": f"≤ {bound} MB", "ratio": f"≤ ×{bound}"}[self.figure]


@dataclass(frozen=True)
class Result:
    """One way's figures (medians, where it ran more than once)."""

    name: str
    """The job, e.g. `fetch, 505 symbols × 1 month`."""
    way: str
    seconds: float
    """Wall time."""
    cpu_seconds: float
    """User and system time of the process and of the children it waited for."""
    peak_mb: float
    """Largest resident memory of the process, MB of 10^6 bytes."""
    ratio: float = 1.0
    """Wall time by the limit's wall time."""
    fastest: float = 0.0
    """Wall time of the fastest run."""
    slowest: float = 0.0
    """Wall time of the slowest run."""
    aim: Aim | None = None
    amount: str = ""
    """Shown instead of the wall time, where what was measured is no time."""

    @property
    def meets_aim(self) -> bool:
        """Return whether the aim, if there is one, is kept."""
        return self.aim is None or getattr(self, self.aim.figure) <= self.aim.at_most


class BenchmarkFailed(RuntimeError):
    """A measured process ended with an error; the message has its last lines."""


def measure(
    way: str, code: str | Callable[..., Any], args: Mapping[str, Any] | None = None, *, name: str = ""
) -> Result:
    """Run `code` once in a fresh process and return its figures. `args` must be JSON."""
    for listener in announce:
        listener(name, way)
    target = code if isinstance(code, str) else f"{code.__module__}:{code.__qualname__}"
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.harness", target, json.dumps(dict(args or {}))],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    found = [line for line in done.stdout.splitlines() if line.startswith(_MARK)]
    if done.returncode or not found:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
        raise BenchmarkFailed(f"{way} ({target}) ended with {done.returncode}:\n{tail}")
    figures = json.loads(found[-1].removeprefix(_MARK))
    return Result(name=name, way=way, fastest=figures["seconds"], slowest=figures["seconds"], **figures)


def compare(
    title: str,
    ways: Mapping[str, str],
    args: Mapping[str, Any] | None = None,
    *,
    limit: str,
    repeat: int = 5,
    aims: Mapping[str, Aim] | None = None,
    once: Collection[str] = (),
) -> list[Result]:
    """Run all ways in turn (A B C A B C …) `repeat` times; return medians with ratios to way `limit`.

    Ways in `once` are too slow to be repeated: they run one time.
    """
    if limit not in ways:
        raise ValueError(f"the limit {limit!r} is not among the ways {sorted(ways)}")
    runs: dict[str, list[Result]] = {way: [] for way in ways}
    for turn in range(repeat):
        for way, code in ways.items():
            if not turn or way not in once:
                runs[way].append(measure(way, code, args, name=title))
    middles = [middle(results) for results in runs.values()]
    base = next(result.seconds for result in middles if result.way == limit)
    return [replace(r, ratio=r.seconds / base, aim=(aims or {}).get(r.way)) for r in middles]


def to_markdown(results: list[Result]) -> str:
    """Return the results as one Markdown table a job."""
    tables = []
    for name in dict.fromkeys(result.name for result in results):
        rows = [f"| {' | '.join(cells(r))} |" for r in results if r.name == name]
        head = [f"### {name}", "", f"| {' | '.join(COLUMNS)} |", "| --- " * len(COLUMNS) + "|"]
        tables.append("\n".join(head + rows))
    return "\n\n".join(tables) + "\n"


COLUMNS = ("way", "wall (min–max)", "CPU", "peak memory", "to the limit", "aim")


def cells(result: Result) -> tuple[str, ...]:
    """Return one row of a table, as text, in the order of `COLUMNS`."""
    aim = f"{result.aim.text} {'met' if result.meets_aim else '**missed**'}" if result.aim else ""
    return (
        result.way,
        result.amount or f"{result.seconds:.3f} s ({result.fastest:.3f}–{result.slowest:.3f})",
        f"{result.cpu_seconds:.3f} s" if result.cpu_seconds else "",
        f"{result.peak_mb:.0f} MB" if result.peak_mb else "",
        f"×{result.ratio:.2f}" if result.ratio else "",
        aim,
    )


def middle(results: list[Result]) -> Result:
    """Return the medians of one way's runs, its fastest and slowest run, and its largest peak."""
    return replace(
        results[0],
        seconds=median(r.seconds for r in results),
        cpu_seconds=median(r.cpu_seconds for r in results),
        peak_mb=max(r.peak_mb for r in results),
        fastest=min(r.seconds for r in results),
        slowest=max(r.seconds for r in results),
    )


def peak_mb() -> float:
    """Return this process's largest resident memory so far, in MB of 10^6 bytes."""
    status = Path("/proc/self/status")
    if status.exists():  # `ru_maxrss` begins with the memory of the parent that started us
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(lines["VmHWM"].split()[0]) * 1024 / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _MAXRSS_BYTES / 1e6


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def _child(target: str, args: str) -> None:
    module, _, function = target.partition(":")
    work = getattr(importlib.import_module(module), function)
    cpu, wall = _cpu(), time.perf_counter()
    prepared = work(**json.loads(args))
    if callable(prepared):
        cpu, wall = _cpu(), time.perf_counter()
        prepared()
    figures = {"seconds": time.perf_counter() - wall, "cpu_seconds": _cpu() - cpu}
    print(_MARK + json.dumps({**figures, "peak_mb": peak_mb()}), flush=True)


if __name__ == "__main__":
    _child(*sys.argv[1:])
