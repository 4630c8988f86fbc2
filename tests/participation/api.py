"""The HTTP API of a test's own service, and tokens for it."""

from __future__ import annotations

import time
from typing import Any

import jwt
from fastapi.testclient import TestClient
from pydantic import SecretStr

from include.participation.config import IngestConfig
from include.participation.ingest.app import make_app
from tests.participation.conftest import Service

KEY = "a-key-of-the-tests-alone-long-enough"
ISSUER, AUDIENCE = "https://issuer.example", "participation"


def config_of(service: Service) -> IngestConfig:
    return IngestConfig(
        environment=service.environment,
        requests_table=service.config.requests_table,
        endpoint_url=service.aws.endpoint_url,
        jwt_key=SecretStr(KEY),
        jwt_algorithm="HS256",
        jwt_issuer=ISSUER,
        jwt_audience=AUDIENCE,
    )


def client_of(service: Service) -> TestClient:
    return TestClient(make_app(config_of(service), service.ingest), raise_server_exceptions=False)


def token(user: str = "u1", *, key: str = KEY, algorithm: str | None = "HS256", **claims: Any) -> str:
    """Return a token; a claim that is None is left out."""
    said = {"sub": user, "iss": ISSUER, "aud": AUDIENCE, "exp": time.time() + 600} | claims
    said = {name: value for name, value in said.items() if value is not None}
    return jwt.encode(said, key, algorithm=algorithm)


def of(user: str = "u1", **changes: Any) -> dict[str, str]:
    """Return the headers of a user's request."""
    return {"Authorization": f"Bearer {token(user, **changes)}"}
