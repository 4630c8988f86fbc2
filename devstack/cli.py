"""The command `tapeline`: the local default in the background, and questions to the warehouse."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from devstack import database_commands, participation_commands
from devstack.consoles import wide
from include.core.errors import TapelineError

if TYPE_CHECKING:
    from devstack.stack import Report

app = typer.Typer(
    help="The local default of Tapeline: AWS, PostgreSQL, warehouse and market data on this machine.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
people = Console(stderr=True, highlight=False, soft_wrap=True)
"""What is for people goes to stderr; stdout is for what another program may read."""

# Optional[…]: typer reads the annotations at run time, and Python 3.10 must evaluate them.
DataOption = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option("--data", help="CSV or Parquet of prices to replay; left out: recorded demo prices."),
]
FaultOption = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option("--fault", metavar="SPEC", help="A fault to inject, e.g. rate:429=0.1; may be repeated."),
]
LatencyOption = Annotated[float, typer.Option("--latency-ms", help="Delay of every market data answer.")]


class StatusFormat(str, Enum):
    """How `tapeline status` is printed."""

    table = "table"
    json = "json"


@app.command()
def up(
    data: DataOption = None,
    fault: FaultOption = None,
    latency_ms: LatencyOption = 0,
    participation: Annotated[
        bool, typer.Option("--participation", help="With ingest and a worker of the participation service.")
    ] = False,
) -> None:
    """Start the local default in the background; what runs already stays. State: TAPELINE_HOME."""
    with _one_line_errors(), _progress() as report:
        from devstack.services import ReplayOptions
        from devstack.stack import Stack

        stack = Stack()
        options = ReplayOptions(data, tuple(fault or ()), latency_ms)
        notes = stack.up(options, report, participation=participation)
    for note in notes:
        people.print(f"[yellow]note:[/] {note}")
    people.print(f"The local default is up in {stack.home.path}. Next, in your shell:")
    people.print('  eval "$(.venv/bin/tapeline env)"', markup=False)


@app.command()
def down() -> None:
    """Stop the local default and the UI. Data stays."""
    with _one_line_errors(), _progress() as report:
        from devstack.stack import Stack

        stopped = Stack().down(report)
    people.print(f"Stopped: {', '.join(stopped)}." if stopped else "Nothing was running.")


@app.command()
def status(
    status_format: Annotated[StatusFormat, typer.Option("--format")] = StatusFormat.table,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """Show what is up and where, what waits in the queues, and alarms. Exit code 1 if something is down."""
    with _one_line_errors():
        from devstack import status as shown
        from devstack.stack import ENVIRONMENT, Stack

        found = shown.look_at(Stack(), ENVIRONMENT)
    if as_json or status_format is StatusFormat.json:
        sys.stdout.write(shown.as_json(found))
    else:
        wide(sys.stdout).print(shown.as_tables(found))
    if not found.all_running:
        raise typer.Exit(1)


@app.command()
def env() -> None:
    """Print shell exports: eval "$(.venv/bin/tapeline env)" points airflow, aws and boto3 at the local default."""
    with _one_line_errors():
        from devstack.environment import shell_exports
        from devstack.stack import Stack

        text = shell_exports(Stack().environment())
    typer.echo(text)


@app.command()
def demo() -> None:
    """Run the main job on real recorded prices and show what landed where."""
    with _one_line_errors():
        from devstack.demo import run_demo
        from devstack.stack import Stack

        right = run_demo(Stack(), Console(highlight=False))
    if not right:
        raise typer.Exit(1)


@app.command()
def replay(
    port: Annotated[int, typer.Option(help="On 127.0.0.1; 0: a free one.")] = 0,
    data: DataOption = None,
    fault: FaultOption = None,
    latency_ms: LatencyOption = 0,
) -> None:
    """Run the market data replay in the foreground, until Ctrl-C."""
    with _one_line_errors():
        from devstack.replay.server import serve

        serve("127.0.0.1", port, str(data) if data else None, fault or [], latency_ms)


@app.command()
def ui(
    port: Annotated[int, typer.Option(help="Where the browser finds it; another one if it is taken.")] = 8080,
    detach: Annotated[
        bool, typer.Option("--detach", help="Return once it answers; end it by `down`.")
    ] = False,
) -> None:
    """Run the full Airflow on the local default, until Ctrl-C."""
    with _one_line_errors(), _progress() as report:
        from devstack.ui import Ui

        airflow = Ui()

        def announce(notes: list[str]) -> None:
            for note in notes:
                people.print(f"[yellow]note:[/] {note}")
            people.print(
                f"Airflow: [bold]{airflow.url}[/]   user [bold]admin[/]   password {airflow.password}"
            )
            people.print("`tapeline down` ends it." if detach else "Ctrl-C ends it.")

        if detach:
            announce(airflow.start(port, report))
            return
        died = airflow.run(port, announce, report)
        if died:
            people.print(f"[red]{died} ended by itself;[/] its log is in {airflow.stack.home.logs}")
            raise typer.Exit(1)


@contextmanager
def _progress() -> Iterator[Report]:
    """Show each part of the work, its state and its time; yields what is called with both."""
    if not people.is_terminal:
        yield lambda part, state: people.print(f"{part}: {state}", markup=False)
        return
    columns = (
        SpinnerColumn(finished_text="[green]✓[/]"),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=people) as bar:
        tasks: dict[str, int] = {}

        def report(part: str, state: str) -> None:
            if part not in tasks:
                tasks[part] = bar.add_task(part, total=1)
            done = state not in ("starting", "deploying", "migrating", "stopping")
            bar.update(tasks[part], description=f"{part:<18}{state}", completed=int(done))  # type: ignore[arg-type]

        yield report


@contextmanager
def _one_line_errors() -> Iterator[None]:
    """Turn our errors and a full disk into one message and exit code 1."""
    try:
        yield
    except (TapelineError, OSError) as error:
        people.print(f"tapeline: {error}", style="red", markup=False, soft_wrap=True)
        raise typer.Exit(1) from error


database_commands.add_to(app, people, _one_line_errors)
participation_commands.add_to(app, people, _one_line_errors)

if __name__ == "__main__":
    app()
