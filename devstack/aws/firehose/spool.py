"""Records of one stream on disk until they are in S3.

A record is in its file before its sender hears so: a killed process loses none. The files are not synced to
the medium: a machine that loses its power may lose the last seconds, as it may of MiniStack's objects.
"""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_LENGTH = 4
"""Bytes before a record that say how long it is."""


@dataclass(frozen=True)
class Buffer:
    """Records that become one object; its name, and so its object's key, stays the same over a restart."""

    path: Path

    @classmethod
    def begin(cls, folder: Path, arrival: float) -> Buffer:
        """Return a new buffer whose first record came at that Unix second."""
        return cls(folder / f"{int(arrival * 1_000_000):020d}_{uuid.uuid4()}")

    @property
    def arrival(self) -> float:
        """When the first record came, in Unix seconds."""
        return int(self.path.name.partition("_")[0]) / 1_000_000

    @property
    def id(self) -> str:
        """The end of the object's key."""
        return self.path.name.partition("_")[2]

    def records(self) -> Iterator[bytes]:
        """Yield the records; one that a kill cut short was never acknowledged and is left out."""
        content = self.path.read_bytes()
        start = 0
        while start + _LENGTH <= len(content):
            end = start + _LENGTH + int.from_bytes(content[start : start + _LENGTH], "big")
            if end > len(content):
                return
            yield content[start + _LENGTH : end]
            start = end


class Spool:
    """The buffers of one stream; safe to share between threads."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._lock = threading.Lock()
        self._growing: Buffer | None = None
        self._file = -1
        self._size = 0
        # what a process left behind is not added to, but delivered
        self._sealed = [Buffer(path) for path in sorted(folder.iterdir())]

    def append(self, records: Sequence[bytes], now: float, size: int) -> None:
        """Keep the records; a buffer that has reached `size` bytes is sealed, and the next one begun.

        Raises OSError where the disk does not take them; those before may stay.
        """
        with self._lock:
            for record in records:
                if self._growing is None:
                    self._begin(now)
                self._write(len(record).to_bytes(_LENGTH, "big") + record)
                if self._size >= size:
                    self._seal()

    def seal(self, before: float) -> None:
        """Seal the growing buffer if its first record came by that Unix second."""
        with self._lock:
            if self._growing and self._growing.arrival <= before:
                self._seal()

    @property
    def sealed(self) -> list[Buffer]:
        """Buffers to be delivered, oldest first."""
        with self._lock:
            return list(self._sealed)

    @property
    def oldest(self) -> float | None:
        """When the oldest record came that is not delivered, in Unix seconds."""
        with self._lock:
            waiting = [*self._sealed, *([self._growing] if self._growing else [])]
            return min((buffer.arrival for buffer in waiting), default=None)

    def forget(self, buffer: Buffer) -> None:
        """Drop a buffer that was delivered."""
        with self._lock:
            self._sealed.remove(buffer)
            buffer.path.unlink()

    def _begin(self, now: float) -> None:
        buffer = Buffer.begin(self._folder, now)
        self._file = os.open(buffer.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._growing, self._size = buffer, 0

    def _write(self, frame: bytes) -> None:
        start = os.lseek(self._file, 0, os.SEEK_CUR)
        try:
            rest = memoryview(frame)
            while rest:
                rest = rest[os.write(self._file, rest) :]
        except OSError:
            os.ftruncate(self._file, start)
            os.lseek(self._file, start, os.SEEK_SET)
            raise
        self._size += len(frame) - _LENGTH

    def _seal(self) -> None:
        if self._growing:
            os.close(self._file)
            self._sealed.append(self._growing)
            self._growing, self._file = None, -1
