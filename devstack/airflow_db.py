"""`python -m devstack.airflow_db`: makes or migrates the Airflow metadata database, and its pools.

Which database is in the environment, as for every Airflow command. A fresh SQLite database is a copy
of one made earlier by the same Airflow in the same virtual environment: that takes no time.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import sys
from importlib.metadata import version
from pathlib import Path

from devstack.settings_file import read_settings

SQLITE = "sqlite:///"
PACKAGES = ("apache-airflow", "apache-airflow-providers-fab")
"""Those with migrations of their own."""


def contents_key() -> str:
    """Return what a ready database depends on: Airflow's versions and the pools."""
    pools = hashlib.sha256(repr(read_settings().pools).encode()).hexdigest()[:10]
    return "-".join([*(version(package) for package in PACKAGES), pools])


def provide_database(folder: Path) -> bool:
    """Return whether the one-shot database `airflow.db` in the folder is ready, copying one if it can be."""
    file, marker = folder / "airflow.db", folder / "migrated"
    if file.exists():
        return marker.exists() and marker.read_text() == contents_key()
    if not _template().exists():
        return False
    draft = folder / "airflow.draft"
    shutil.copyfile(_template(), draft)
    draft.replace(file)
    marker.write_text(contents_key())
    return True


def main() -> int:
    """Migrate, then create or update the pools; return 0."""
    from airflow.models.pool import Pool
    from airflow.utils.db import initdb

    url = os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]
    file = Path(url[len(SQLITE) :]) if url.startswith(SQLITE) else None
    is_new = file is not None and not file.exists()
    initdb()
    for pool in read_settings().pools:
        Pool.create_or_update_pool(
            name=pool.name, slots=pool.slots, description=pool.description, include_deferred=False
        )
    if file:
        if is_new:  # one that was used may hold triggers, encrypted with the key of its own folder
            _keep_as_template(file)
        (file.parent / "migrated").write_text(contents_key())
    return 0


def _template() -> Path:
    return Path(sys.prefix) / "share" / "tapeline" / f"airflow-{contents_key()}.db"


def _keep_as_template(file: Path) -> None:
    """Keep a copy of a database that was just made."""
    import sqlite3

    if _template().exists():
        return
    with contextlib.suppress(OSError, sqlite3.Error):  # a virtual environment we may not write to
        _template().parent.mkdir(parents=True, exist_ok=True)
        draft = _template().with_suffix(f".{os.getpid()}")
        with (
            contextlib.closing(sqlite3.connect(file)) as database,
            contextlib.closing(sqlite3.connect(draft)) as copy,
        ):
            database.backup(copy)
        draft.replace(_template())


if __name__ == "__main__":
    sys.exit(main())
