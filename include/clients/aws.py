"""Access to one AWS account, real or local: clients, tables and object stores from one set of credentials.

Sessions, clients and object stores are made once a process: a boto3 session reads some megabytes of service
descriptions before its first call, which costs more than all calls of a small task.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from include.core.errors import CallRefused, CredentialsMissing, ServiceUnavailable, TapelineError

if TYPE_CHECKING:
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    from include.clients.object_store import ObjectStore

_DENIED = {
    "AccessDenied", "AccessDeniedException", "UnrecognizedClientException", "InvalidClientTokenId",
    "ExpiredToken", "ExpiredTokenException", "SignatureDoesNotMatch", "InvalidAccessKeyId",
}  # fmt: skip
_THROTTLED = {"ThrottlingException", "Throttling", "ProvisionedThroughputExceededException", "SlowDown"}


@dataclass(frozen=True)
class Aws:
    """Where AWS is and who we are there. Credentials left out: boto3's own chain finds them."""

    region: str
    endpoint_url: str | None = None
    access_key_id: str | None = field(default=None, repr=False)
    secret_access_key: str | None = field(default=None, repr=False)
    session_token: str | None = field(default=None, repr=False)
    role_arn: str | None = None
    """Role to act as; its credentials are renewed as they end. None: as we are."""

    @property
    def session(self) -> boto3.Session:
        """The boto3 session behind every client."""
        with _making:
            return _session(self)

    def client(self, service: str) -> Any:
        """Return the boto3 client of the service; clients may be shared between threads."""
        with _making:
            return _client(self, service)

    def table(self, name: str) -> Any:
        """Return a boto3 DynamoDB `Table`, for one thread."""
        with _making:
            return _tables(self).Table(name)

    def object_store(self, bucket: str) -> ObjectStore:
        """Return the object store of one bucket; it may be shared between threads."""
        with _making:
            return _object_store(self, bucket)

    def browse_url(self, bucket: str, key: str) -> str:
        """Return where a person's browser shows an object: at the endpoint, or in AWS's console."""
        if self.endpoint_url:
            return f"{self.endpoint_url.rstrip('/')}/{bucket}/{quote(key)}"
        at = f"https://s3.console.aws.amazon.com/s3/object/{bucket}"
        return f"{at}?region={self.region}&prefix={quote(key, safe='')}"


_making = threading.RLock()
"""Sessions are not safe to share between threads while they make something."""


@lru_cache(maxsize=16)
def _session(aws: Aws) -> boto3.Session:
    import boto3

    own = boto3.Session(
        aws_access_key_id=aws.access_key_id,
        aws_secret_access_key=aws.secret_access_key,
        aws_session_token=aws.session_token,
        region_name=aws.region,
    )
    return own if aws.role_arn is None else _as_role(own, aws.role_arn, aws.endpoint_url)


def _as_role(own: boto3.Session, role_arn: str, endpoint_url: str | None) -> boto3.Session:
    """Return a session that acts as the role; nothing is asked of STS before its first call."""
    import boto3
    from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials
    from botocore.session import get_session

    fetcher = AssumeRoleCredentialFetcher(
        client_creator=partial(own.client, endpoint_url=endpoint_url, config=_config()),
        source_credentials=own.get_credentials(),
        role_arn=role_arn,
        extra_args={"RoleSessionName": "tapeline"},
    )
    session = get_session()
    # where botocore keeps what it found; its own finders know roles from files only
    session._credentials = DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")
    return boto3.Session(botocore_session=session, region_name=own.region_name)


@lru_cache(maxsize=64)
def _client(aws: Aws, service: str) -> Any:
    return _session(aws).client(service, endpoint_url=aws.endpoint_url, config=_config())


@lru_cache(maxsize=16)
def _tables(aws: Aws) -> Any:
    return _session(aws).resource("dynamodb", endpoint_url=aws.endpoint_url, config=_config())


@lru_cache(maxsize=64)
def _object_store(aws: Aws, bucket: str) -> ObjectStore:
    from include.clients.object_store import ObjectStore

    return ObjectStore(bucket, aws)


def _forget() -> None:
    """Begin anew in a forked child: connections and threads belong to the parent."""
    global _making  # the parent may have held it as it forked
    _making = threading.RLock()
    for made in (_session, _client, _tables, _object_store):
        made.cache_clear()


os.register_at_fork(after_in_child=_forget)


def _config() -> Any:
    from botocore.config import Config

    return Config(
        retries={"mode": "standard", "max_attempts": 4},
        connect_timeout=5,
        read_timeout=30,
        s3={"addressing_style": "path"},
    )


def error_code(error: Exception) -> str:
    """Return the service's code of a botocore `ClientError`, or an empty string."""
    return getattr(error, "response", {}).get("Error", {}).get("Code", "")


def aws_error(error: BotoCoreError | ClientError, doing: str) -> TapelineError:
    """Return our error for a failed AWS call that no caller expects; `doing` says what was tried."""
    code = error_code(error)
    if code in _DENIED or type(error).__name__ in {"NoCredentialsError", "PartialCredentialsError"}:
        return CredentialsMissing(
            f"{doing}: AWS refused us ({code or error}). Check the credentials of the connection "
            "aws_default and the policy of its role."
        )
    if code and code not in _THROTTLED and not code.startswith(("Internal", "ServiceUnavailable", "5")):
        return CallRefused(f"{doing}: {error}")
    return ServiceUnavailable(f"{doing}: AWS did not answer as it should ({error}); it is tried again.")
