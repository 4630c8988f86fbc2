"""Alembic's revisions of the fundamentals database: `versions/NNNN_<what>.py`, each with its SQL beside it."""

from __future__ import annotations

from pathlib import Path

VERSION_TABLE = "fundamentals_version"
"""Not Alembic's usual name: Airflow's own database has that one, and the two must never be mistaken."""
FOLDER = Path(__file__).parent


def newest_revision(folder: Path = FOLDER) -> str:
    """Return the newest revision; a file's name begins with its number."""
    return max(file.name[:4] for file in (folder / "versions").glob("[0-9]*.py"))


def run_sql_of(revision: str) -> None:
    """Run the statements in the file beside a revision (`__file__`), in the migration's transaction."""
    from alembic import op

    # SQLAlchemy would take a % in it for a parameter, and one statement at a time
    connection = op.get_bind().connection.driver_connection
    if connection is None:
        raise RuntimeError("a migration runs on a connection only, not offline")
    connection.execute(Path(revision).with_suffix(".sql").read_text())
