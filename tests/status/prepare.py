"""`python prepare.py`: two DAGs and, for FAB, four users in Airflow's database of this environment."""

from __future__ import annotations

from airflow.dag_processing.bundles.manager import DagBundlesManager
from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
from airflow.utils.db import initdb
from airflow.utils.session import create_session

ONE_DAG = [
    ("can_read", "DAG:status_loads"), ("can_read", "DAG Runs"), ("can_read", "Task Logs"), ("can_read", "Website"),
]  # fmt: skip


def make_users() -> None:
    """Have `admin` (all), `viewer` (reads all), `loader` (reads one DAG) and `nobody` (has no right)."""
    from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder

    with get_application_builder() as builder:
        manager = builder.sm
        manager.sync_roles()
        for role in ("Loader", "Nobody"):
            manager.add_role(role)
        loader = manager.find_role("Loader")
        for action, resource in ONE_DAG:
            manager.add_permission_to_role(loader, manager.create_permission(action, resource))
        for name, role in (
            ("admin", "Admin"),
            ("viewer", "Viewer"),
            ("loader", "Loader"),
            ("nobody", "Nobody"),
        ):
            found = manager.find_role(role)
            assert manager.add_user(name, name, name, f"{name}@example.com", found, f"{name}-password")


if __name__ == "__main__":
    initdb()
    DagBundlesManager().sync_bundles_to_db()
    bag = DagBag()
    assert not bag.import_errors, bag.import_errors
    with create_session() as session:
        sync_bag_to_db(bag, "dags-folder", None, session=session)
    make_users()
