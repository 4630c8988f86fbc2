"""What `make docs` makes is committed as it makes it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from devstack import docs
from devstack.home import REPO

REMEDY = "run `make docs` and commit what it writes"


@pytest.mark.parametrize("file", docs.schema_pages(), ids=lambda file: file.name)
def test_a_contract_page_says_what_its_model_says(file: Path) -> None:
    assert file.exists(), REMEDY
    assert file.read_text() == docs.schema_pages()[file], REMEDY


def test_no_contract_page_is_left_of_a_model_that_is_gone() -> None:
    assert set((REPO / "docs" / "contracts").iterdir()) == set(docs.schema_pages())


@pytest.mark.parametrize("file", docs.schema_pages(), ids=lambda file: file.name)
def test_every_contract_says_what_it_is_and_refuses_unknown_fields(file: Path) -> None:
    schema = json.loads(file.read_text())
    assert schema["additionalProperties"] is False
    assert schema["description"]


def test_the_readme_has_the_settings_of_the_model() -> None:
    for file, text in docs.readme_page().items():
        assert file.read_text() == text, REMEDY


def test_the_page_of_dags_says_what_the_dags_say() -> None:
    for file, text in docs.dags_page(docs.parse_dags()).items():
        assert file.read_text() == text, REMEDY


def test_relative_links_lead_somewhere() -> None:
    pages = [*REPO.glob("*.md"), *(REPO / "docs").rglob("*.md")]
    assert len(pages) > 3
    broken = [
        f"{page.relative_to(REPO)}: {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text())
        if "://" not in target and not (page.parent / target).exists()
    ]
    assert broken == []
