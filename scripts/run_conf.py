"""Print a run's configuration as JSON: `run_conf.py DAG LINES [NAME=VALUE ...]`; empty values are left out.

A list is text with commas, a switch is true or false, an object is JSON; all else stays text, which the DAG judges.
"""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
LISTS = {"jobs", "symbols", "force_symbols"}
SWITCHES = {"true": True, "false": False}


def conf_of(pairs: list[str]) -> dict[str, Any]:
    """Return the configuration; raise `ValueError` where a pair is none."""
    found: dict[str, Any] = {}
    for pair in pairs:
        name, separator, value = (part.strip() for part in pair.partition("="))
        if not separator or not re.fullmatch(r"[a-z_]+", name):
            raise ValueError(f"{pair!r} is not NAME=VALUE")
        if value:
            found[name] = _value(name, value)
    return found


def _value(name: str, value: str) -> Any:
    if name in LISTS:
        return [part for part in re.split(r"[,\s]+", value) if part]
    if value.startswith(("{", "[")):
        return json.loads(value)
    return SWITCHES.get(value.lower(), value)


def main() -> int:
    """Print the JSON on one line."""
    _, dag, lines, *pairs = sys.argv
    if not any(dag.startswith(file.stem) for file in (REPOSITORY / "dags").glob("*.py")):
        sys.stderr.write(f"there is no DAG {dag}{os.linesep}")
        return 2
    try:
        conf = conf_of([line for line in lines.splitlines() if line.strip()] + pairs)
    except ValueError as error:
        sys.stderr.write(f"{error}{os.linesep}")
        return 2
    sys.stdout.write(json.dumps(conf) + os.linesep)
    return 0


if __name__ == "__main__":
    sys.exit(main())
