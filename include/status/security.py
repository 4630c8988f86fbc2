"""Who may see what: Airflow's own users and rights, whichever auth manager the deployment has.

Anonymous is answered 401, a user without the right 403, and rows of DAGs that the user may not read are left out.
"""

from __future__ import annotations

from typing import Annotated

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.core_api.security import GetUserDep, get_user, requires_access_dag
from fastapi import Depends

SIGNED_IN = Depends(get_user)
"""On the whole app: no route without a user."""
MAY_READ_RUNS = Depends(requires_access_dag("GET", DagAccessEntity.RUN))
"""For what tells how runs went."""
MAY_READ_LOGS = Depends(requires_access_dag("GET", DagAccessEntity.TASK_LOGS))
"""For what a task said."""


def readable_dags(user: GetUserDep) -> list[str]:
    """Return the ids of the DAGs that the user may read, sorted."""
    return sorted(get_auth_manager().get_authorized_dag_ids(user=user, method="GET"))


ReadableDags = Annotated[list[str], Depends(readable_dags)]
