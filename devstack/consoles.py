"""Where results are printed."""

from __future__ import annotations

from typing import IO

from rich.console import Console


def wide(stream: IO[str]) -> Console:
    """Return a console that never cuts a value: as wide as needed where nobody looks at a terminal."""
    console = Console(file=stream, highlight=False)
    return console if console.is_terminal else Console(file=stream, highlight=False, width=10_000)
