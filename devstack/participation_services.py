"""Ingest and a worker as services of the local default, where they are asked for."""

from __future__ import annotations

import time

from devstack.home import Home
from devstack.participation_parts import variables_of
from devstack.services import Service, http_answers, http_url
from include.clients.aws import Aws

INGEST, WORKER = "participation-ingest", "participation-worker"
NAMES = (INGEST, WORKER)
ISSUER, AUDIENCE = "tapeline-local", "participation"


def participation_services(home: Home, aws: Aws | None = None, environment: str = "local") -> list[Service]:
    """Return both services; `aws`, where the local AWS is, is needed only to start them.

    Its address is in their commands, so that they are started again where it has moved: `-X` is for whom it may
    concern, Python itself reads only its own.
    """
    told: dict[str, str] = {}
    where = []
    if aws:
        # what a killed worker was just given is given to the next one soon
        soon = {"PARTICIPATION_WAIT_SECONDS": "1", "PARTICIPATION_VISIBILITY_SECONDS": "10"}
        told = variables_of(aws, environment, f"tapeline-{environment}-participation-requests") | soon
        where = ["-X", f"aws={aws.endpoint_url}"]
    key = {
        "PARTICIPATION_JWT_KEY": home.secret("participation"), "PARTICIPATION_JWT_ALGORITHM": "HS256",
        "PARTICIPATION_JWT_ISSUER": ISSUER, "PARTICIPATION_JWT_AUDIENCE": AUDIENCE,
    }  # fmt: skip
    command = [*where, "-m", "include.participation"]
    return [
        Service(
            name=INGEST,
            arguments=lambda port: [*command, "ingest", "--port", str(port)],
            answers=http_answers("/health"),
            address=http_url,
            environment=told | key,
        ),
        Service(
            name=WORKER,
            arguments=lambda _: [*command, "worker"],
            answers=lambda _: True,
            address=lambda _: "",
            environment=told,
            listens=False,
        ),
    ]


def make_token(home: Home, user: str, *, hours: int) -> str:
    """Return a token that the local ingest takes for the user."""
    import jwt

    claims = {"sub": user, "iss": ISSUER, "aud": AUDIENCE, "exp": time.time() + hours * 3_600}
    return jwt.encode(claims, home.secret("participation"))
