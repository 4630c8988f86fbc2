"""Small objects, many at a time: a thin layer over obstore that speaks our errors.

obstore spends about a tenth of boto3's CPU on an object (docs/benchmarks.md), so RAW and curated
objects go through here and boto3 stays for control planes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, BinaryIO, TypeVar

import obstore
from obstore.auth.boto3 import Boto3CredentialProvider
from obstore.exceptions import (
    AlreadyExistsError,
    NotFoundError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)
from obstore.store import S3Store

from include.core.errors import (
    CredentialsMissing,
    ObjectChanged,
    ObjectMissing,
    ObjectStoreUnavailable,
)

if TYPE_CHECKING:
    from obstore import ObjectMeta, PutMode

    from include.clients.aws import Aws

CREDENTIALS_KEPT = timedelta(minutes=9)
"""boto3 gives credentials that are good for ten minutes more at least; obstore would keep them for thirty."""
THREADS = 8
T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class ObjectInfo:
    """What the store knows of an object without reading it."""

    key: str
    etag: str
    """Without quotes."""
    size: int
    """Bytes."""
    modified: datetime | None = field(default=None, compare=False)
    """UTC, to the second; None where the store was not asked."""


class ObjectStore:
    """One bucket."""

    def __init__(self, bucket: str, aws: Aws) -> None:
        self.bucket = bucket
        self._aws = aws
        self._store = S3Store(
            bucket,
            region=aws.region,
            credential_provider=Boto3CredentialProvider(aws.session, ttl=CREDENTIALS_KEPT),
            client_options={"allow_http": True, "timeout": "60s", "connect_timeout": "5s"},
            retry_config={"max_retries": 4},
            config={"endpoint": aws.endpoint_url} if aws.endpoint_url else {},
        )

    def __repr__(self) -> str:
        return f"ObjectStore({self.bucket!r})"

    def uri(self, key: str) -> str:
        """Return `s3://bucket/key`."""
        return f"s3://{self.bucket}/{key}"

    def http_url(self, key: str) -> str:
        """Return the URL by which another server may read `key`."""
        base = self._aws.endpoint_url or f"https://s3.{self._aws.region}.amazonaws.com"
        return f"{base.rstrip('/')}/{self.bucket}/{key}"

    def create(self, key: str, data: bytes) -> bool:
        """Write a new object; return False, and change nothing, where it exists already."""
        try:
            with self._errors(key):
                obstore.put(self._store, key, data, mode="create", use_multipart=False)
        except AlreadyExistsError:
            return False
        return True

    def write(self, key: str, data: bytes, *, content_type: str | None = None) -> ObjectInfo:
        """Write an object, new or not, and return what the store now knows of it.

        `content_type`: of what a browser is to show; without it a browser saves the object as a file.
        """
        attributes = {"Content-Type": content_type} if content_type else None
        with self._errors(key):
            result = obstore.put(self._store, key, data, attributes=attributes)
        return ObjectInfo(key=key, etag=_bare(result["e_tag"]), size=len(data))

    def replace(self, key: str, data: bytes, *, etag: str | None) -> ObjectInfo:
        """Write an object only if it is still the one with `etag` (None: only if there is none).

        Raises `ObjectChanged` where somebody else was faster.
        """
        mode: PutMode = "create" if etag is None else {"e_tag": f'"{etag}"'}
        try:
            with self._errors(key):
                result = obstore.put(self._store, key, data, mode=mode, use_multipart=False)
        except (AlreadyExistsError, PreconditionError) as error:
            raise ObjectChanged(f"{self.uri(key)} was written by somebody else meanwhile") from error
        return ObjectInfo(key=key, etag=_bare(result["e_tag"]), size=len(data))

    def read(self, key: str) -> bytes:
        """Return an object's bytes; raise `ObjectMissing` where there is none."""
        return self.read_with_info(key)[0]

    def read_with_info(self, key: str) -> tuple[bytes, ObjectInfo]:
        """Return an object's bytes and what the store knows of exactly these bytes."""
        with self._errors(key):
            result = obstore.get(self._store, key)
            data = bytes(result.bytes())
        return data, _info(key, result.meta)

    def head(self, key: str) -> ObjectInfo | None:
        """Return what the store knows of an object, or None where there is none."""
        try:
            with self._errors(key):
                meta = obstore.head(self._store, key)
        except ObjectMissing:
            return None
        return _info(key, meta)

    def download(self, key: str, target: BinaryIO) -> ObjectInfo:
        """Copy an object into a file, some MB at a time, and return what the store knows of these bytes."""
        with self._errors(key):
            result = obstore.get(self._store, key)
            for piece in result.stream(min_chunk_size=8 << 20):
                target.write(piece)
        return _info(key, result.meta)

    def read_end(self, key: str, size: int) -> tuple[bytes, ObjectInfo]:
        """Return the last `size` bytes of an object, or all of a smaller one, and what the store knows of it."""
        with self._errors(key):
            result = obstore.get(self._store, key, options={"range": {"suffix": size}})
            return bytes(result.bytes()), _info(key, result.meta)

    def read_start(self, key: str, size: int) -> bytes:
        """Return the first `size` bytes of an object that has as many."""
        with self._errors(key):
            return bytes(obstore.get_range(self._store, key, start=0, length=size))

    def delete(self, key: str) -> None:
        """Delete an object; deleting one that is not there is no fault."""
        with self._errors(key):
            obstore.delete(self._store, key)

    def read_many(self, keys: Iterable[str], *, threads: int = THREADS) -> list[bytes]:
        """Return the bytes of many objects in the order of `keys`."""
        return self._in_threads(self.read, keys, threads)

    def create_many(self, objects: Iterable[tuple[str, bytes]], *, threads: int = THREADS) -> list[bool]:
        """`create` many objects; return for each, in order, whether it was new."""
        return self._in_threads(lambda item: self.create(*item), objects, threads)

    def write_many(self, objects: Iterable[tuple[str, bytes]], *, threads: int = THREADS) -> list[ObjectInfo]:
        """`write` many objects, in order."""
        return self._in_threads(lambda item: self.write(*item), objects, threads)

    def list_objects(self, prefix: str) -> Iterator[ObjectInfo]:
        """Yield the objects whose keys start with the folder `prefix`."""
        with self._errors(prefix):
            for page in obstore.list(self._store, prefix=prefix):
                for meta in page:
                    yield ObjectInfo(key=meta["path"], etag=_bare(meta["e_tag"]), size=meta["size"])

    def _in_threads(self, call: Callable[[T], R], items: Iterable[T], threads: int) -> list[R]:
        with ThreadPoolExecutor(threads, thread_name_prefix="object-store") as pool:
            return list(pool.map(call, items))

    @contextmanager
    def _errors(self, key: str) -> Iterator[None]:
        try:
            yield
        except (AlreadyExistsError, PreconditionError):
            raise
        except (NotFoundError, FileNotFoundError) as error:
            raise ObjectMissing(f"{self.uri(key)} does not exist") from error
        except (PermissionDeniedError, UnauthenticatedError, PermissionError) as error:
            raise CredentialsMissing(
                f"{self.uri(key)}: the object store refused us. Check the credentials of the connection "
                "aws_default and the policy of its role."
            ) from error
        except (obstore.exceptions.BaseError, OSError) as error:
            raise ObjectStoreUnavailable(f"{self.uri(key)}: {_first_line(error)}") from error


def _info(key: str, meta: ObjectMeta) -> ObjectInfo:
    return ObjectInfo(key=key, etag=_bare(meta["e_tag"]), size=meta["size"], modified=meta["last_modified"])


def _bare(etag: str | None) -> str:
    return (etag or "").strip('"')


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
