"""`tapeline participation …`: a simulated contest, and tokens for the local ingest."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Annotated

import typer
from rich.console import Console

FAULTS = (
    "What goes wrong, with commas between: worker-crash=N (workers are killed), duplicates=N (each n-th request is "
    "asked for twice; 10), events-broken=P (EventBridge fails until P percent of the events are lost; 10), redrive=N "
    "(requests become dead letters and are sent back; 10)."
)


def add_to(
    app: typer.Typer, people: Console, one_line_errors: Callable[[], AbstractContextManager[None]]
) -> None:
    """Add the commands to `tapeline`; `people`: the console for what no program reads."""
    commands = typer.Typer(help="The participation service on the local default.", no_args_is_help=True)
    app.add_typer(commands, name="participation")

    @commands.command()
    def simulate(
        users: Annotated[int, typer.Option(min=1, help="Users; each asks once for each event.")] = 100,
        events: Annotated[int, typer.Option(min=1, help="Events.")] = 1,
        capacity: Annotated[int, typer.Option(min=1, help="Places of each event.")] = 10,
        faults: Annotated[str, typer.Option(metavar="FAULT,FAULT,…", help=FAULTS)] = "",
    ) -> None:
        """Let users ask for places at once, through the real API and workers, and show what became of it."""
        with one_line_errors(), people.status("The contest begins") as shown:
            from devstack.participation import simulate as run
            from devstack.participation_faults import read_faults
            from devstack.stack import ENVIRONMENT, Stack

            contest = run(
                Stack().aws(), environment=ENVIRONMENT,
                requests_table=f"tapeline-{ENVIRONMENT}-participation-requests", users=users, events=events,
                capacity=capacity, faults=read_faults(faults), tell=shown.update,
            )  # fmt: skip
        typer.echo("\n".join(contest.lines()))

    @commands.command(name="open")
    def open_event(
        event_id: Annotated[str, typer.Argument(help="Letters, digits and ._- (64 at most).")],
        capacity: Annotated[int, typer.Option(min=1, help="Places it has.")],
    ) -> None:
        """Open an event, so that users can ask for places of it."""
        with one_line_errors():
            from devstack.participation import open_event as run
            from devstack.stack import ENVIRONMENT, Stack

            run(Stack().aws(), f"tapeline-{ENVIRONMENT}-participation-requests", event_id, capacity)

    @commands.command()
    def token(
        user: Annotated[str, typer.Argument(help="Whose requests it is for.")] = "user-1",
        hours: Annotated[int, typer.Option(min=1, max=24, help="How long it is good.")] = 1,
    ) -> None:
        """Print a token for the ingest that `tapeline up --participation` started."""
        with one_line_errors():
            from devstack.home import Home, default_home
            from devstack.participation_services import make_token

            text = make_token(Home(default_home()), user, hours=hours)
        typer.echo(text)
