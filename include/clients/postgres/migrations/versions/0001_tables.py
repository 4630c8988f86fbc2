"""The tables of docs/adr/0024; partitions come by `ensure_years`."""

from include.clients.postgres.migrations import run_sql_of

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make every table."""
    run_sql_of(__file__)
