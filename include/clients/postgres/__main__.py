"""`python -m include.clients.postgres migrate`: what a deployment runs before Airflow starts.

The database is that of the Airflow connection `fundamentals_db`, as the environment variable
AIRFLOW_CONN_FUNDAMENTALS_DB has it, in Airflow's JSON or URI form.
"""

from __future__ import annotations

import argparse
import os
import sys

from include.clients.postgres.address import VARIABLE, parse_address
from include.core.errors import TapelineError


def main() -> int:
    """Do what is asked; return 1 with one line on stderr where it could not be done."""
    parser = argparse.ArgumentParser(prog="python -m include.clients.postgres", description=__doc__)
    parser.add_subparsers(dest="command", required=True).add_parser(
        "migrate", help="make the schema the newest"
    )
    parser.parse_args()
    try:
        from include.clients.postgres.migrate import migrate

        address = parse_address(os.environ.get(VARIABLE))
        revision = migrate(address)
    except TapelineError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{address} is at revision {revision}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
