"""Takes records, and writes them to S3 by the stream's own buffering hints."""

from __future__ import annotations

import asyncio
import logging
import re
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from devstack.aws.firehose import store
from devstack.aws.firehose.destination import Destination
from devstack.aws.firehose.spool import Buffer, Spool
from devstack.aws.firehose.store import StreamKey

log = logging.getLogger("devstack.aws")
INTERVAL = 0.25
"""Seconds between two looks at which buffers are due."""
RETRY = 5.0
"""Seconds until a delivery that failed is tried again."""
KEPT = 86_400.0
"""Seconds that a buffer is kept which cannot be delivered, as in AWS."""
_PUBLISH_EVERY = 60.0
_FOLDER = re.compile(r"(?!\.+$)[\w.-]{1,64}", re.ASCII)
"""Accounts, regions and names of streams, which become folders."""


class Deliveries:
    """Every stream's spool, in one folder."""

    def __init__(self, folder: Path, interval: float = INTERVAL) -> None:
        self._folder = folder
        self._interval = interval
        self._making = threading.Lock()
        self._delivering = asyncio.Lock()
        self._spools: dict[StreamKey, Spool] = {}
        self._retry_at: dict[StreamKey, float] = {}
        self._published_at = 0.0
        for left in folder.glob("*/*/*") if folder.exists() else ():
            self._spool(StreamKey(*left.relative_to(folder).parts))

    def put(self, key: StreamKey, to: Destination, records: Sequence[bytes]) -> None:
        """Keep records for delivery; they are on disk as this returns. May be called by any thread."""
        self._spool(key).append([record + to.delimiter for record in records], time.time(), to.size)

    async def run(self) -> None:
        """Deliver what is due until cancelled, and then everything."""
        try:
            while True:
                await self._deliver(everything=False)
                await asyncio.sleep(self._interval)
        finally:
            await self._deliver(everything=True)

    async def flush(self) -> int:
        """Deliver everything now; return how many objects were written."""
        return await self._deliver(everything=True)

    def _spool(self, key: StreamKey) -> Spool:
        with self._making:
            if key not in self._spools:
                if not all(_FOLDER.fullmatch(part) for part in key):
                    raise ValueError(f"AWS has no delivery stream of this name: {key}")
                self._spools[key] = Spool(self._folder.joinpath(*key))
            return self._spools[key]

    async def _deliver(self, *, everything: bool) -> int:
        async with self._delivering:
            now = time.time()
            written = 0
            for key, spool in list(self._spools.items()):
                if everything or now >= self._retry_at.get(key, 0.0):
                    written += await self._deliver_stream(key, spool, now, everything)
            try:
                self._publish(now)
            except Exception as error:  # a metric never stops deliveries
                log.warning("publishing how fresh deliveries are failed: %s", error)
            return written

    async def _deliver_stream(self, key: StreamKey, spool: Spool, now: float, everything: bool) -> int:
        written = 0
        try:
            to = store.destination(key)
            if to:
                spool.seal(now if everything else now - to.interval)
            for buffer in spool.sealed:
                if to is None:
                    raise LookupError("the stream is not there")
                await self._write(key, to, buffer)
                spool.forget(buffer)
                written += 1
            self._retry_at.pop(key, None)
        except Exception as error:
            if key not in self._retry_at:
                log.warning(
                    "Firehose %s cannot deliver (%s); it is tried again, and said only once", key.name, error
                )
            self._retry_at[key] = now + RETRY
            _give_up_old(key, spool, now)
        return written

    async def _write(self, key: StreamKey, to: Destination, buffer: Buffer) -> None:
        body = await asyncio.to_thread(lambda: to.encode(b"".join(buffer.records())))
        if body:
            await store.put_object(key, to.bucket, store.object_key(to, buffer), body)

    def _publish(self, now: float) -> None:
        """Publish how old the oldest record of each stream is, once a minute."""
        if now - self._published_at < _PUBLISH_EVERY:
            return
        self._published_at = now
        for key, spool in list(self._spools.items()):
            if (oldest := spool.oldest) is not None:
                store.publish_freshness(key, now - oldest)


def _give_up_old(key: StreamKey, spool: Spool, now: float) -> None:
    for buffer in spool.sealed:
        if now - buffer.arrival > KEPT:
            count = sum(1 for _ in buffer.records())
            log.warning("Firehose %s drops %d records that could not be delivered for a day", key.name, count)
            spool.forget(buffer)
