"""Every DAG and every alarm has a runbook, and the on-call table leads to each."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from devstack import docs
from devstack.home import REPO
from include.core.domains import domains
from include.orchestration.notifications.callbacks import runbook_page

RUNBOOKS = REPO / "docs" / "runbooks"
ALARM = re.compile(r'AlarmName: !Sub "tapeline-\$\{Environment\}-(.+)"')


def alarms() -> list[str]:
    """Return the alarms' names as the templates have them, the domain written as people do."""
    templates = sorted((REPO / "infrastructure" / "cloudformation").glob("*.yaml"))
    found = [name for template in templates for name in ALARM.findall(template.read_text())]
    return [name.replace("${Domain}", "<domain>") for name in found]


def test_every_alarm_of_the_templates_is_named_in_the_runbook_of_alarms() -> None:
    text = (RUNBOOKS / "alarms.md").read_text()
    assert len(alarms()) > 20
    assert [name for name in alarms() if f"`{name}`" not in text] == []


def test_the_runbook_of_alarms_names_no_alarm_that_is_not_there() -> None:
    rows = [line for line in (RUNBOOKS / "alarms.md").read_text().splitlines() if line.startswith("| `")]
    named = [name for row in rows for name in re.findall(r"`([^`]+)`", row.split("|")[1])]
    assert sorted(named) == sorted(alarms())


def test_every_alarm_is_what_its_topic_says() -> None:
    """The priority beside an alarm's name is that of the topic that it speaks by."""
    text = (RUNBOOKS / "alarms.md").read_text()
    for template in sorted((REPO / "infrastructure" / "cloudformation").glob("*.yaml")):
        told = re.findall(ALARM.pattern + r"(?s:.*?)AlarmActions: \[!Ref Alerts(P\d)\]", template.read_text())
        for name, priority in told:
            row = next(
                row for row in text.splitlines() if f"`{name.replace('${Domain}', '<domain>')}`" in row
            )
            assert row.split("|")[2].strip() == priority, name


def test_every_dag_has_a_runbook_that_names_it_and_that_messages_link_to() -> None:
    dags = docs.parse_dags()
    assert {f"load_{name}" for name in domains()} <= set(dags)
    for dag_id, dag in dags.items():
        page = RUNBOOKS / runbook_page(dag)
        assert page.exists(), f"{dag_id}: no {page.name}"
        assert f"`{dag_id}`" in page.read_text(), f"{page.name} does not name {dag_id}"
        assert f"`{dag_id}`" in (REPO / "docs" / "operations.md").read_text(), dag_id


@pytest.mark.parametrize("page", sorted(RUNBOOKS.glob("*.md")), ids=lambda page: page.stem)
def test_the_on_call_table_leads_to_every_runbook(page: Path) -> None:
    assert f"(runbooks/{page.name})" in (REPO / "docs" / "operations.md").read_text()


@pytest.mark.parametrize(
    "page", [*sorted(RUNBOOKS.glob("*.md")), REPO / "docs" / "operations.md"], ids=lambda p: p.stem
)
def test_a_link_to_a_section_of_a_runbook_leads_there(page: Path) -> None:
    for target, anchor in re.findall(r"\]\(([^)#\s:]*)#([^)]+)\)", page.read_text()):
        other = page.parent / target if target else page
        headings = re.findall(r"^#+ (.+)$", other.read_text(), re.MULTILINE)
        slugs = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
        assert anchor in slugs, f"{page.name}: {target}#{anchor}"
