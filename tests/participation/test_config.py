"""What a part is told; a key never shows."""

from __future__ import annotations

import pytest

from include.core.errors import InvalidSettings
from include.participation.config import IngestConfig, WorkerConfig, read_config

INGEST = {
    "PARTICIPATION_ENVIRONMENT": "dev",
    "PARTICIPATION_REQUESTS_TABLE": "tapeline-dev-participation-requests",
    "PARTICIPATION_JWT_KEY": "k" * 32,
    "PARTICIPATION_JWT_ALGORITHM": "HS256",
    "PARTICIPATION_JWT_ISSUER": "https://issuer.example",
    "PARTICIPATION_JWT_AUDIENCE": "participation",
    "UNRELATED": "x",
}


def test_a_config_is_read_from_its_variables() -> None:
    config = read_config(IngestConfig, INGEST | {"AWS_REGION": "ap-northeast-2"})
    assert (config.environment, config.region, config.endpoint_url) == ("dev", "ap-northeast-2", None)
    assert config.queues.queue == "tapeline-dev-participation"


def test_every_fault_is_said_at_once() -> None:
    with pytest.raises(InvalidSettings) as caught:
        read_config(WorkerConfig, {"PARTICIPATION_PARALLELISM": "many"})
    for name in ("ENVIRONMENT", "REQUESTS_TABLE", "PARALLELISM"):
        assert f"PARTICIPATION_{name}: " in str(caught.value)


@pytest.mark.parametrize(
    "change", [{"JWT_KEY": "short-secret"}, {"JWT_ALGORITHM": "none"}, {"JWT_ISSUER": ""}]
)
def test_a_weak_check_of_tokens_is_refused_and_the_key_not_shown(change: dict[str, str]) -> None:
    with pytest.raises(InvalidSettings) as caught:
        read_config(IngestConfig, INGEST | {f"PARTICIPATION_{key}": value for key, value in change.items()})
    assert "short-secret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_config_that_is_shown_hides_its_key() -> None:
    assert "k" * 32 not in repr(read_config(IngestConfig, INGEST))
