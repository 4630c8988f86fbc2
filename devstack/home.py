"""The state folder of one local default: what runs on which port, secrets, logs, and the lock."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from include.core.errors import TransientError

REPO = Path(__file__).resolve().parents[1]


class StackBusy(TransientError):
    """Another command is starting or stopping the same local default."""


@dataclass
class ServiceRecord:
    """What is remembered of one service; it outlives the service, so that the port stays the same."""

    port: int = 0
    """On 127.0.0.1; 0: none chosen yet."""
    pid: int = 0
    """0: it was not started, or was stopped."""
    started: float = 0.0
    """The process's start time by the operating system: with `pid`, it names one process for ever."""
    command: list[str] = field(default_factory=list)


def default_home() -> Path:
    """Return the state folder: `TAPELINE_HOME`, else `.tapeline` in the repository."""
    return Path(os.environ.get("TAPELINE_HOME") or REPO / ".tapeline").expanduser().resolve()


def _locked(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class Home:
    """One state folder. Files that hold a secret are for their owner only."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path).expanduser().resolve()
        self.logs = self.path / "logs"
        self.airflow = self.path / "airflow"
        self._writing = threading.Lock()
        self._state = self.path / "stack.json"
        self._deployment = self.path / "deployment.json"
        self._secrets = self.path / "secrets.json"

    def prepare(self) -> None:
        """Make the folders."""
        for folder in (self.path, self.logs, self.airflow):
            folder.mkdir(parents=True, exist_ok=True)

    def data(self, service: str) -> Path:
        """Return the data folder of one service."""
        return self.path / "data" / service

    def log(self, service: str) -> Path:
        """Return the log file of one service."""
        return self.logs / f"{service}.log"

    def records(self) -> dict[str, ServiceRecord]:
        """Return what is remembered of every service."""
        return {name: ServiceRecord(**record) for name, record in self._read(self._state).items()}

    def remember(self, name: str, record: ServiceRecord) -> None:
        """Keep what is known of one service; the caller holds the lock."""
        with self._writing:
            state = self._read(self._state)
            state[name] = vars(record)
            self._write(self._state, state)

    def deployment(self) -> dict[str, str]:
        """Return the outputs of the stacks deployed last."""
        return self._read(self._deployment)

    def remember_deployment(self, outputs: dict[str, str]) -> None:
        """Keep the outputs of the deployed stacks."""
        self._write(self._deployment, outputs)

    def secret(self, name: str) -> str:
        """Return a secret of this folder, made on first use."""
        known = self._read(self._secrets)
        if name not in known:
            known[name] = secrets.token_urlsafe(32)
            self._write(self._secrets, known)
        return str(known[name])

    @contextmanager
    def lock(self, *, wait_seconds: float = 60) -> Iterator[None]:
        """Hold the folder for one command, after the command that has it; `StackBusy` where that lasts."""
        self.path.mkdir(parents=True, exist_ok=True)
        deadline = time.monotonic() + wait_seconds
        with (self.path / "lock").open("w") as file:
            while not _locked(file):
                if time.monotonic() > deadline:
                    raise StackBusy(
                        f"Another tapeline command is starting or stopping {self.path}; wait for it to end, "
                        "or set TAPELINE_HOME to use another folder."
                    )
                time.sleep(0.1)
            yield

    @staticmethod
    def _read(path: Path) -> dict[str, Any]:
        try:
            content: dict[str, Any] = json.loads(path.read_text())
        except (FileNotFoundError, json.JSONDecodeError):  # absent, or emptied by a full disk
            return {}
        return content

    @staticmethod
    def _write(path: Path, content: dict[str, Any]) -> None:
        draft = path.with_suffix(f".{os.getpid()}.tmp")
        with os.fdopen(os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:
            json.dump(content, file, indent=2)
        draft.replace(path)
