"""A real ``sqlflow server`` for tests: a process of its own on a free port, with its workers."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from airflow_provider_sqlflow.api.accounts import Accounts
from airflow_provider_sqlflow.jobs.service import utc_now
from airflow_provider_sqlflow.jobs.store.database import Database
from airflow_provider_sqlflow.jobs.store.schema import upgrade_schema

COMMAND = [sys.executable, "-c", "from airflow_provider_sqlflow.cli.main import main; main()"]
PATIENCE_SECONDS = 60.0
PREFIX = "/gspLive_backend"


def add_user(store_url: str, user_id: str) -> str:
    """Give somebody an account; the secret key."""
    database = Database(store_url)
    try:
        upgrade_schema(database)
        return Accounts(database, utc_now).add(user_id, f"{user_id}@example.org")
    finally:
        database.close()


@dataclass
class ServerProcess:
    """A server that runs.

    Attributes:
        origin: scheme, host and port.
        process: the server's own; those of its workers are below it.
        log: file of what it says.
    """

    origin: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def url(self) -> str:
        """Where its operations are."""
        return f"{self.origin}{PREFIX}"

    def descendants(self) -> list[psutil.Process]:
        """All processes that it started, and those that they did."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def stop(self) -> int:
        """Ask it to end; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_SECONDS)

    def login(self, user_id: str, secret_key: str) -> dict[str, str]:
        """The parameters that prove who is calling."""
        answer = httpx.post(
            f"{self.url}/user/generateToken", data={"userId": user_id, "secretKey": secret_key}
        ).json()
        return {"userId": user_id, "token": answer["token"]}


def wait_until(is_so: Callable[[], Any], told: Callable[[], object] = str) -> None:
    """Look again and again, for a while."""
    limit = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        if time.monotonic() > limit:
            raise AssertionError(f"waited in vain: {told()}")
        time.sleep(0.02)


@contextmanager
def server_on(
    store_url: str, log: Path, *arguments: str, settings: Mapping[str, object] | None = None
) -> Iterator[ServerProcess]:
    """A server over a store, ready to answer; it and all its processes are gone afterwards.

    Args:
        store_url: its store.
        log: file for what it says.
        arguments: more of the command line.
        settings: by the names of ``Settings``.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SQLFLOW_")}
    given = {"worker_poll_seconds": 1, "store_url": store_url, **(settings or {})}
    environment |= {f"SQLFLOW_{name.upper()}": str(value) for name, value in given.items()}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*COMMAND, "server", "--port", "0", *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        wait_until(lambda: "listening on" in log.read_text() or process.poll() is not None, log.read_text)
        found = re.search(r"listening on (\S+)/gspLive_backend", log.read_text())
        assert found, log.read_text()
        yield ServerProcess(found[1], process, log)
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask once, then insist, with all that it started."""
    try:
        below = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    except psutil.NoSuchProcess:
        below = []
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    for each in psutil.wait_procs(below, timeout=5)[1]:
        each.kill()
