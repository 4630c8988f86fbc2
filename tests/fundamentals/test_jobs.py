"""The registry: every entry can be run, and what does not fit together is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from include.core.errors import InvalidSettings
from include.fundamentals.config import FundamentalsRequest
from include.fundamentals.jobs import load_registry, registry
from include.fundamentals.run import import_job

ENTRY = "{schedule: daily, module: m, timeout: 5, retries: 1"


def written(tmp_path: Path, jobs: str) -> Path:
    file = tmp_path / "jobs.yaml"
    file.write_text(f'schedules: {{daily: "0 1 * * *"}}\njobs:\n{jobs}')
    return file


@pytest.mark.parametrize("name", list(registry().jobs))
def test_a_job_of_the_registry_has_its_module_and_an_environment_that_it_takes(name: str) -> None:
    job = registry().jobs[name]
    import_job(job).Options.model_validate(job.environment)


def test_a_job_comes_after_those_that_it_depends_on() -> None:
    order = [job.name for job in registry().of()]
    for job in registry().of():
        assert all(order.index(name) < order.index(job.name) for name in job.dependencies)


def test_a_schedule_has_its_own_jobs_only() -> None:
    assert {job.name for job in registry().of("daily")} == {"load_daily_prices", "build_daily_ma"}
    assert {job.name for job in registry().of("weekly")} == {"load_symbols", "load_ratios"}


def test_the_form_names_every_job() -> None:
    text = FundamentalsRequest.model_fields["jobs"].description or ""
    assert [name for name in registry().jobs if name not in text] == []


@pytest.mark.parametrize(
    ("jobs", "fault"),
    [
        (f"  one_job: {ENTRY}, dependencies: [gone]}}", "depends on gone, which is no job"),
        (f"  one_job: {ENTRY}, cron: x}}", "jobs.one_job.cron: Extra inputs are not permitted"),
        ("  one_job: {schedule: hourly, module: m, timeout: 5, retries: 1}", "there is no schedule 'hourly'"),
        (
            f"  one_job: {ENTRY}, dependencies: [two_job]}}\n  two_job: {ENTRY}, dependencies: [one_job]}}",
            "jobs depend on each other: one_job → two_job → one_job",
        ),
    ],
    ids=["unknown dependency", "unknown key", "unknown schedule", "circle"],
)
def test_entries_that_do_not_fit_together_are_refused(tmp_path: Path, jobs: str, fault: str) -> None:
    with pytest.raises(InvalidSettings) as error:
        load_registry(written(tmp_path, jobs))
    assert fault in str(error.value)


@pytest.mark.parametrize("module", ["include.no_such_module", "include.core.clock"])
def test_a_module_that_is_no_job_is_a_named_error(tmp_path: Path, module: str) -> None:
    entry = f"  one_job: {{schedule: daily, module: {module}, timeout: 5, retries: 1}}"
    job = load_registry(written(tmp_path, entry)).jobs["one_job"]
    with pytest.raises(InvalidSettings, match=r"one_job"):
        import_job(job)
