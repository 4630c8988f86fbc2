"""The objects of partitions as local files: those of the local S3's folder, or a copy of what is not there."""

from __future__ import annotations

import gzip
import hashlib
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from devstack.aws.athena.catalog import Partition, Table
from devstack.aws.athena.results import split_s3
from include.clients.aws import Aws

Tidy = Callable[[bytes], "bytes | None"]
_THREADS = 8
_ONE_LISTING = 20
"""Partitions from which on the whole table is listed, not each of them."""


@dataclass(frozen=True)
class DataFile:
    """One object that a query reads."""

    values: tuple[str, ...]
    """Of its partition."""
    path: str
    size: int
    """Bytes in S3."""


class Files:
    """Finds and fetches."""

    def __init__(self, aws: Aws, objects: Path, cache: Path) -> None:
        self._aws, self._objects, self._cache = aws, objects, cache
        self._known: dict[tuple[str, int, int], str] = {}
        self._lock = threading.Lock()

    def of(self, table: Table, partitions: Sequence[Partition]) -> list[DataFile]:
        """Return the files of the partitions; hidden and empty ones are not read, as in Athena."""
        jobs = [
            (one.values, bucket, entry["Key"], entry["ETag"].strip('"'), entry["Size"])
            for one, bucket, entry in self._list(table, partitions)
        ]
        with ThreadPoolExecutor(_THREADS) as pool:
            paths = pool.map(lambda job: self._local(*job[1:]), jobs)
            return [DataFile(job[0], path, job[4]) for job, path in zip(jobs, paths, strict=True)]

    def _list(
        self, table: Table, partitions: Sequence[Partition]
    ) -> Iterator[tuple[Partition, str, dict[str, Any]]]:
        owners: dict[tuple[str, str], list[Partition]] = {}
        for one in partitions:
            owners.setdefault(split_s3(one.location), []).append(one)
        bucket, prefix = split_s3(table.location)
        scopes = list(owners)
        if len(scopes) > _ONE_LISTING and all(b == bucket and p.startswith(prefix) for b, p in scopes):
            scopes = [(bucket, prefix)]
        for scope, start in scopes:
            pages = (
                self._aws.client("s3").get_paginator("list_objects_v2").paginate(Bucket=scope, Prefix=start)
            )
            for page in pages:
                for entry in page.get("Contents") or []:
                    if entry["Size"] and not _hidden(entry["Key"][len(start) :]):
                        for one in _owners(owners, scope, entry["Key"]):
                            yield one, scope, entry

    def _local(self, bucket: str, key: str, etag: str, size: int) -> str:
        path = self._objects / bucket / key
        if path.is_file() and path.stat().st_size == size:
            return str(path)
        copy = self._cache / f"{_digest(bucket, key, etag)}{Path(key).suffix}"
        if not copy.exists():
            body = self._aws.client("s3").get_object(Bucket=bucket, Key=key)["Body"]
            _write(copy, body.read())
        return str(copy)

    def tidied(self, data: Sequence[DataFile], tidy: Tidy) -> list[DataFile]:
        """Return the files with a copy in place of each whose lines `tidy` finds odd."""
        return [replace(one, path=self._tidied(one.path, tidy)) for one in data]

    def _tidied(self, path: str, tidy: Tidy) -> str:
        status = os.stat(path)
        key = (path, status.st_mtime_ns, status.st_size)
        with self._lock:
            known = self._known.get(key)
        if known is None:
            data = Path(path).read_bytes()
            better = tidy(gzip.decompress(data) if path.endswith(".gz") else data)
            known = path
            if better is not None:
                copy = self._cache / f"{_digest(*key)}.json"
                _write(copy, better)
                known = str(copy)
            with self._lock:
                self._known[key] = known
        return known

    def placed(self, data: Sequence[DataFile], keys: Sequence[tuple[str, Any]]) -> list[str]:
        """Return paths whose folders say the partition, `key=value/`: the files' own, or links to them."""
        names = [name for name, _ in keys]
        folders = [
            "".join(f"/{n}={quote(v, safe='')}" for n, v in zip(names, one.values, strict=True))
            for one in data
        ]
        if all(_says(one.path, folder, len(names)) for one, folder in zip(data, folders, strict=True)):
            return [one.path for one in data]
        return [self._link(one.path, folder) for one, folder in zip(data, folders, strict=True)]

    def _link(self, path: str, folder: str) -> str:
        link = Path(f"{self._cache}/links{folder}/{_digest(path)}{Path(path).suffix}")
        link.parent.mkdir(parents=True, exist_ok=True)
        if not link.is_symlink():
            draft = link.with_name(f"{link.name}.{threading.get_ident()}.part")
            draft.symlink_to(path)
            draft.replace(link)
        return str(link)


def _says(path: str, folder: str, keys: int) -> bool:
    """Whether the path says this partition and no other key."""
    return f"{folder}/" in path and path.rsplit("/", 1)[0].count("=") == keys


def _digest(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{threading.get_ident()}.part")
    draft.write_bytes(data)
    draft.replace(path)


def _hidden(key: str) -> bool:
    return any(part.startswith(("_", ".")) for part in key.split("/"))


def _owners(owners: dict[tuple[str, str], list[Partition]], bucket: str, key: str) -> list[Partition]:
    """Return the partitions whose location is the nearest folder above the key."""
    folder = key
    while "/" in folder:
        folder = folder.rsplit("/", 1)[0]
        if found := owners.get((bucket, f"{folder}/")):
            return found
    return owners.get((bucket, ""), [])
