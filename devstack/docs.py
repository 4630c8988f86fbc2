"""`make docs`: the pages that are made from the code, so that they cannot say anything else.

docs/contracts/*.schema.json from the wire models, docs/dags.md from the DAGs, and the table of settings in
README.md between its two marks.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from devstack.environment import airflow_environment
from devstack.home import REPO, Home
from include.core import contracts
from include.core.settings import Settings
from include.prices.config import Overrides, PricesRequest

CONTRACTS: tuple[type[BaseModel], ...] = (
    contracts.CuratedFileList,
    contracts.DeadLetter,
    contracts.LoadMessage,
    contracts.Manifest,
    contracts.ManifestEvent,
    contracts.ParticipationProcessed,
    contracts.ParticipationRequested,
    contracts.RequestFailed,
    contracts.PriceEvent,
    PricesRequest,
    Settings,
    contracts.TransformInput,
)
BEGIN, END = "<!-- made by `make docs`: begin -->", "<!-- made by `make docs`: end -->"
_HEAD = "<!-- Made by `make docs` from the DAGs' docstrings and params. Change those instead. -->\n# DAGs\n"


def schema_pages() -> dict[Path, str]:
    """Return the JSON Schema of every wire model, by the file it belongs in."""
    folder = REPO / "docs" / "contracts"
    return {
        folder / f"{_snake(model.__name__)}.schema.json": _as_json(model.model_json_schema())
        for model in CONTRACTS
    }


def readme_page() -> dict[Path, str]:
    """Return README.md with its table of settings made anew."""
    file = REPO / "README.md"
    before, rest = file.read_text().split(BEGIN)
    after = rest.split(END)[1]
    tables = f"{_field_table(PricesRequest)}\n\n`override_config`:\n\n{_field_table(Overrides)}"
    return {file: f"{before}{BEGIN}\n\n{tables}\n\n{END}{after}"}


def dags_page(dags: Mapping[str, Any]) -> dict[Path, str]:
    """Return docs/dags.md for parsed DAGs by id."""
    sections = [_dag_section(dags[dag_id]) for dag_id in sorted(dags)]
    return {REPO / "docs" / "dags.md": "\n".join([_HEAD, *sections])}


def parse_dags() -> dict[str, Any]:
    """Return the DAGs of this repository by id; Airflow's environment must be set."""
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(dag_folder=str(REPO / "dags"))
    if bag.import_errors:
        raise RuntimeError(f"DAG files that cannot be parsed: {bag.import_errors}")
    return dict(bag.dags)


def _dag_section(dag: Any) -> str:
    """Return a DAG's docstring a level deeper, its tasks and its params."""
    text = re.sub(r"^#", "##", dag.doc_md.strip(), flags=re.MULTILINE).removeprefix("### ")
    order = [task for task in dag.topological_sort() if task]
    tasks = [f"| `{task.task_id}` | {_names(task.upstream_task_ids)} | {task.retries} |" for task in order]
    params = [
        f"| `{name}` | {_shown(param.value)} | {param.description or ''} |"
        for name, param in ((name, dag.params.get_param(name)) for name in dag.params)
    ]
    return "\n".join(
        [
            f"## `{dag.dag_id}`\n",
            f"Schedule: {_schedule(dag.timetable)}\n",
            f"**{text.replace(chr(10), '**' + chr(10), 1)}",
            "\n| task | after | retries |\n| --- | --- | --- |",
            *tasks,
            *(["\n| param | default | what |\n| --- | --- | --- |", *params] if params else []),
            "",
        ]
    )


def _schedule(timetable: Any) -> str:
    """Return when a DAG runs: by its timetable, as messages wait, or by hand only."""
    if not hasattr(timetable, "timetable"):
        return str(getattr(timetable, "summary", "by hand"))
    watched = timetable.asset_condition
    queues = [f"`{asset.uri.rpartition('/')[2]}`" for asset in getattr(watched, "objects", [watched])]
    return f"as messages wait in {' or '.join(queues)}, and by the cron `{timetable.timetable.expression}`"


def _field_table(model: type[BaseModel]) -> str:
    """Return a Markdown table of a model's fields; what a nested model has is not shown."""
    schema = model.model_json_schema()
    rows = [
        f"| `{name}` | {_kind(field)} | {_shown(field.get('default'))} | {field.get('description', '')} |"
        for name, field in schema["properties"].items()
    ]
    return "\n".join(["| name | value | default | what |", "| --- | --- | --- | --- |", *rows])


def _kind(field: dict[str, Any]) -> str:
    field = next(s for s in field.get("anyOf", [field]) if s.get("type") != "null")
    if "const" in field:
        return f"`{field['const']}`"
    if "enum" in field:
        return ", ".join(f"`{choice}`" for choice in field["enum"])
    if "$ref" in field:
        return "object, see below"
    if "minimum" in field:
        return f"{field['minimum']:g} to {field['maximum']:g}"
    names = {"array": "list of symbols", "boolean": "true or false", "string": "text"}
    return "date" if field.get("format") == "date" else names[field["type"]]


def _shown(value: object) -> str:
    return "" if value in (None, [], {}) or isinstance(value, dict) else f"`{json.dumps(value)}`"


def _names(names: set[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def _as_json(schema: dict[str, Any]) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def main() -> int:
    """Write the pages, or with --check only name those that differ; return 1 where one does."""
    parser = argparse.ArgumentParser(prog="python -m devstack.docs", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tapeline-docs-") as folder:
        home = Home(folder)
        home.prepare()
        os.environ |= airflow_environment(home)
        pages = schema_pages() | readme_page() | dags_page(parse_dags())
    differing = [file for file, text in pages.items() if not file.exists() or file.read_text() != text]
    for file in differing:
        sys.stdout.write(f"{'differs' if asked.check else 'written'}: {file.relative_to(REPO)}\n")
        if not asked.check:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(pages[file])
    return 1 if asked.check and differing else 0


if __name__ == "__main__":
    sys.exit(main())
