"""Which letters a redrive is about, and the table that says so."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from include.redrive.config import RedriveRequest
from include.redrive.letters import Letter

REDRIVE = "redrive"
SHOWN = 500
"""Rows of the table."""
_WIDTH = 180


@dataclass(frozen=True)
class Choice:
    """What becomes of one letter."""

    letter: Letter
    age: timedelta
    action: str
    """`redrive`, or why the letter stays."""

    @property
    def chosen(self) -> bool:
        """Whether the letter is redriven."""
        return self.action == REDRIVE


def choose(letters: Iterable[Letter], request: RedriveRequest, now: datetime) -> list[Choice]:
    """Return what becomes of each letter, the oldest first."""
    choices: list[Choice] = []
    left = request.limit
    for letter in sorted(letters, key=lambda letter: letter.failed_at):
        age = now - letter.failed_at
        why = _why_not(letter, age, request)
        if not why and left is not None:
            why, left = ("stays: over the limit", 0) if not left else (None, left - 1)
        choices.append(Choice(letter, age, why or REDRIVE))
    return choices


def _why_not(letter: Letter, age: timedelta, request: RedriveRequest) -> str | None:
    if request.code and request.code.upper() not in {code.upper() for code in letter.codes}:
        return "stays: another code"
    if request.key and not any(request.wants_key(key) for key in letter.keys):
        return "stays: another key"
    if request.min_age is not None and age < request.min_age:
        return "stays: too young"
    if request.max_age is not None and age > request.max_age:
        return "stays: too old"
    if letter.parcel is None:
        return "stays: nowhere to send it to"
    return None


def table_of(choices: Sequence[Choice], title: str) -> str:
    """Return the letters as a table for the log: code, key, message, attempts, age, action."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table()
    for name in ("code", "key", "message", "attempts", "age", "action"):
        table.add_column(name, overflow="fold", no_wrap=name in {"code", "attempts", "age"})
    for choice in choices[:SHOWN]:
        letter = choice.letter
        cells = (
            ", ".join(letter.codes),
            ", ".join(letter.keys),
            letter.reason[:200],
            "?" if letter.attempts is None else str(letter.attempts),
            age_text(choice.age),
            choice.action,
        )
        table.add_row(*(Text(_printable(cell)) for cell in cells))  # Text: a bracket is no markup
    if len(choices) > SHOWN:
        table.caption = f"and {len(choices) - SHOWN} more"
    text = io.StringIO()
    Console(file=text, width=_WIDTH, color_system=None).print(table)
    return f"{title}\n{text.getvalue()}"


def _printable(text: str) -> str:
    """Return a text without what would break the table or steer a terminal: a message is a stranger's."""
    return "".join(character if character.isprintable() else " " for character in text)


def age_text(age: timedelta) -> str:
    """Return an age in its largest two units, for instance `2 d 3 h`."""
    minutes = max(int(age.total_seconds()), 0) // 60
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
