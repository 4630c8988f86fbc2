"""What a run may be asked, and which day it is for."""

from __future__ import annotations

from datetime import date, datetime, timezone

import pytest

from include.analytics.config import Day, MetricsRequest, day_of, participation_of, validate_metrics
from include.core.errors import InvalidRequest, InvalidSettings
from include.core.settings import ParticipationSettings, Settings

NOW = datetime(2026, 1, 5, 0, 15, tzinfo=timezone.utc)
NAMES = ParticipationSettings(
    requests_table="requests",
    events_bucket="tapeline-dev-events-1",
    database="participation_dev",
    workgroup="dev",
)


def settings(participation: ParticipationSettings | None) -> Settings:
    return Settings(
        environment="dev", raw_bucket="raw", curated_bucket="curated", idempotency_table="i", batch_table="b",
        source_table="s", extract_dlq="d", participation=participation,
    )  # fmt: skip


def test_a_scheduled_run_is_for_the_day_before() -> None:
    assert day_of(MetricsRequest(), NOW, NOW).dt == date(2026, 1, 4)


def test_a_logical_date_at_midnight_names_its_day() -> None:
    midnight = datetime(2026, 1, 4, tzinfo=timezone.utc)
    assert day_of(MetricsRequest(), midnight, NOW).dt == date(2026, 1, 4)


def test_a_day_that_is_asked_wins() -> None:
    assert day_of(validate_metrics({"dt": "2026-01-02"}), NOW, NOW).dt == date(2026, 1, 2)


def test_a_day_that_has_not_begun_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="2026-01-06 has not begun"):
        day_of(validate_metrics({"dt": "2026-01-06"}), NOW, NOW)


def test_a_day_is_from_midnight_to_midnight_utc() -> None:
    start, end = Day(date(2026, 1, 4), 1).bounds_ms
    assert datetime.fromtimestamp(start / 1000, timezone.utc) == datetime(2026, 1, 4, tzinfo=timezone.utc)
    assert end - start == 24 * 3600 * 1000


@pytest.mark.parametrize(
    ("conf", "fault"),
    [
        ({"dt": "yesterday"}, "dt: "),
        ({"late_days": 4}, "late_days: "),
        ({"event": "x"}, "did you mean 'event_id'"),
        (["dt"], "not a JSON object"),
    ],
)
def test_a_wrong_request_is_refused(conf: object, fault: str) -> None:
    with pytest.raises(InvalidRequest, match=fault):
        validate_metrics(conf)


def test_without_the_service_the_settings_say_what_to_deploy() -> None:
    with pytest.raises(InvalidSettings, match="deploy the stacks participation and lake"):
        participation_of(settings(None))


@pytest.mark.parametrize("change", [{"events_bucket": "a'; DROP"}, {"database": "a.b"}])
def test_names_that_become_part_of_statements_are_checked(change: dict[str, str]) -> None:
    assert participation_of(settings(NAMES)) == NAMES
    with pytest.raises(InvalidSettings, match="no valid name"):
        participation_of(settings(NAMES.model_copy(update=change)))
