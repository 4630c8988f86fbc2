"""Who asks: the subject of a JSON Web Token, checked by one algorithm, key, issuer and audience."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import jwt
from fastapi import Depends, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from include.participation.config import IngestConfig

LONGEST_USER = 256
bearer = HTTPBearer(auto_error=False, bearerFormat="JWT", description="A JSON Web Token; `sub` is the user.")
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]


def user_reader(config: IngestConfig) -> Callable[[Credentials], str]:
    """Return the dependency that gives a request's user id, or answers 401 without saying what was wrong."""
    key = config.jwt_key.get_secret_value()

    def user(credentials: Credentials) -> str:
        if credentials is None:
            raise unauthorized("A bearer token is needed.")
        try:
            claims = jwt.decode(
                credentials.credentials,
                key,
                algorithms=[config.jwt_algorithm],
                issuer=config.jwt_issuer,
                audience=config.jwt_audience,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.PyJWTError as error:
            raise unauthorized("The token is not valid, or no longer.") from error
        subject = claims["sub"]
        if not (isinstance(subject, str) and 0 < len(subject) <= LONGEST_USER and subject.isprintable()):
            raise unauthorized("The token's subject is no user.")
        return subject

    return user


def unauthorized(detail: str) -> HTTPException:
    """Return the answer to a request without a valid token."""
    return HTTPException(401, detail, headers={"WWW-Authenticate": "Bearer"})
