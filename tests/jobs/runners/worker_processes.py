"""Real ``sqlflow worker`` processes for tests, and jobs that take them a while."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from airflow_provider_sqlflow.client.embedded import EmbeddedClient
from airflow_provider_sqlflow.jobs.model import JobId, JobRequest, JobStatus, TextSource
from airflow_provider_sqlflow.settings import Settings
from tests.jobs.factories import make_request

COMMAND = [sys.executable, "-c", "from airflow_provider_sqlflow.cli.main import main; main()"]
PATIENCE_SECONDS = 60.0
FORMATS = ("json", "csv")


class WorkerProcess:
    """One ``sqlflow worker`` in a session of its own, with a lease of a second.

    Args:
        store_url: the store.
        log: file for what it says.
        arguments: more of the command line.
        settings: ``SQLFLOW_*`` variables, without the prefix and in lower case.
    """

    def __init__(self, store_url: str, log: Path, *arguments: str, **settings: object) -> None:
        values = {"worker_lease_seconds": 1, "worker_poll_seconds": 1, "max_attempts": 1000, **settings}
        self.log = log
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SQLFLOW_")}
        environment |= {f"SQLFLOW_{name.upper()}": str(value) for name, value in values.items()}
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [*COMMAND, "worker", *arguments],
                env={**environment, "SQLFLOW_STORE_URL": store_url},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The process, which is also its session and its group."""
        return self._process.pid

    @property
    def said(self) -> str:
        """Its log so far."""
        return self.log.read_text()

    def wait_for(self, text: str) -> None:
        """Wait until it has said something."""
        until(
            lambda: text in self.said or self._process.poll() is not None, lambda: f"{text!r} in {self.said}"
        )
        assert text in self.said, self.said

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def kill(self) -> None:
        """End it without a word."""
        self._process.kill()
        self._process.wait()

    def wait(self) -> int:
        """Its exit code, when it has ended."""
        return self._process.wait(PATIENCE_SECONDS)

    def session(self) -> list[int]:
        """All processes that are alive in its session."""
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                state, _parent, _group, session = stat.read_text().rpartition(")")[2].split()[:4]
            except OSError:
                continue  # it has just ended
            if int(session) == self.pid and state != "Z":
                found.append(int(stat.parent.name))
        return found


class Workers:
    """Starts workers on one store; none outlives the test."""

    def __init__(self, store_url: str, folder: Path) -> None:
        self._store_url = store_url
        self._folder = folder
        self.started: list[WorkerProcess] = []

    def start(self, *arguments: str, **settings: object) -> WorkerProcess:
        """Start one."""
        log = self._folder / f"worker-{len(self.started)}.log"
        self.started.append(WorkerProcess(self._store_url, log, *arguments, **settings))
        return self.started[-1]

    def said(self, pattern: str) -> list[str]:
        """What a pattern finds in the logs of all."""
        return [found for worker in self.started for found in re.findall(pattern, worker.said)]


@contextmanager
def workers_on(store_url: str, folder: Path) -> Iterator[Workers]:
    """Workers for the time of a block."""
    workers = Workers(store_url, folder)
    try:
        yield workers
    finally:
        for worker in workers.started:
            for pid in worker.session():
                os.kill(pid, signal.SIGKILL)
            worker.wait()


def until(is_so: Callable[[], object], what: Callable[[], object] = lambda: "") -> None:
    """Look again and again until something is so."""
    limit = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < limit, what()
        time.sleep(0.01)


def warehouse(number: int, files: int, statements: int = 4, width: int = 5) -> JobRequest:
    """A job whose files name tables that no other number's do; each reads a view of the file before."""
    return make_request(
        name=f"warehouse {number}",
        dialect="postgres",
        sources=tuple(
            TextSource(f"{file:03}.sql", _script(number, file, statements, width)) for file in range(files)
        ),
    )


def _script(number: int, file: int, statements: int, width: int) -> str:
    columns = [f"c{column}" for column in range(width)]
    source = f"w{number}_v{file - 1}" if file else f"w{number}_raw"
    parts = [f"CREATE VIEW w{number}_v{file} AS SELECT {', '.join(columns)} FROM {source};"]
    for statement in range(statements):
        values = ", ".join(f"CASE WHEN a.{name} > {statement} THEN b.{name} ELSE 0 END" for name in columns)
        parts.append(
            f"INSERT INTO w{number}_f{file}_t{statement} ({', '.join(columns)}) SELECT {values} "
            f"FROM w{number}_v{file} a JOIN w{number}_dim b ON a.c0 = b.c0 "
            f"WHERE a.c1 IN (SELECT c1 FROM {source});"
        )
    return "\n".join(parts)


def exports(client: EmbeddedClient, job_id: JobId, folder: Path) -> dict[str, bytes]:
    """A job's result in formats that name no time."""
    for format_name in FORMATS:
        client.export_job(job_id, format_name, str(folder / f"{job_id}.{format_name}"))
    return {name: (folder / f"{job_id}.{name}").read_bytes() for name in FORMATS}


def undisturbed(request: JobRequest, folder: Path) -> dict[str, bytes]:
    """The exports of a job that ran in this process without any disturbance."""
    folder.mkdir(parents=True, exist_ok=True)
    client = EmbeddedClient(Settings(home=str(folder)))
    try:
        job = client.submit_job(request)
        assert job.status is JobStatus.SUCCESS
        return exports(client, job.id, folder)
    finally:
        client.close()
