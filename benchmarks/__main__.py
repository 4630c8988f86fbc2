"""All benchmarks side by side: progress, tables, and the figures in docs/benchmarks.md.

`python -m benchmarks [--only NAME …] [--repeat N] [--quick]`.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import sys
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from benchmarks import harness, report
from benchmarks.harness import Result

FOLDER = Path(__file__).parent


def main() -> int:
    """Run what is asked and write the figures; return 1 where a benchmark could not run."""
    names = sorted(file.stem.removeprefix("bench_") for file in FOLDER.glob("bench_*.py"))
    asked = _arguments(names)
    console = Console()
    if not console.is_terminal:
        console.width = 140
    failed = []
    for name in asked.only or names:
        try:
            results = _run(name, asked, console)
        except (harness.BenchmarkFailed, OSError, RuntimeError) as error:
            console.print(f"[red]{name}: {error}[/]")
            failed.append(name)
            continue
        _show(results, console)
        if not asked.quick:
            report.write_figures(name, results, repeat=asked.repeat)
            console.print(f"[green]✓[/] figures of {name} are in {report.PAGE.relative_to(harness.ROOT)}")
    if failed:
        console.print(f"[red]Could not run: {', '.join(failed)}[/]")
    return 1 if failed else 0


def _arguments(names: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", action="append", choices=names, metavar="NAME", help=", ".join(names))
    parser.add_argument("--repeat", type=int, default=3, help="runs of each way; the tables show medians")
    parser.add_argument(
        "--quick", action="store_true", help="each way once, small where there is a choice; writes no page"
    )
    return parser.parse_args()


def _run(name: str, asked: argparse.Namespace, console: Console) -> list[Result]:
    module = importlib.import_module(f"benchmarks.bench_{name}")
    settings: dict[str, object] = {"repeat": 1 if asked.quick else asked.repeat}
    sizes = inspect.signature(module.run).parameters.get("sizes")
    if asked.quick and sizes is not None:
        settings["sizes"] = sizes.default[:1]
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        line = progress.add_task(name)

        def announce(title: str, way: str) -> None:
            progress.update(line, description=f"{name}: {title}: [bold]{way}[/]")

        harness.announce.append(announce)
        try:
            found: list[Result] = module.run(**settings)
        finally:
            harness.announce.remove(announce)
    return found


def _show(results: list[Result], console: Console) -> None:
    for title in dict.fromkeys(result.name for result in results):
        table = Table(*harness.COLUMNS, title=title, title_justify="left")
        for result in results:
            if result.name == title:
                style = None if result.meets_aim else "red"
                table.add_row(*(text.replace("*", "") for text in harness.cells(result)), style=style)
        console.print(table)


if __name__ == "__main__":
    sys.exit(main())
