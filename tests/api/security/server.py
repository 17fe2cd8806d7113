"""A real ``sqlflow server`` in a process, with users, for tests that attack it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from airflow_provider_sqlflow.api.state import ServerState
from airflow_provider_sqlflow.settings import Settings

PREFIX = "/gspLive_backend"
ENDED = ("success", "partial_success", "fail", "delete")
COMMAND = [sys.executable, "-c", "from airflow_provider_sqlflow.cli.main import main; main()"]


@dataclass
class RunningServer:
    """A server and how to talk to it."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path
    state: ServerState
    client: httpx.Client

    @property
    def port(self) -> int:
        return httpx.URL(self.url).port or 80

    def post(self, path: str, data: Mapping[str, Any] | None = None, **more: Any) -> httpx.Response:
        return self.client.post(f"{PREFIX}{path}", data=data, **more)

    def add_user(self, name: str) -> dict[str, str]:
        """A user, as the parameters that prove it."""
        key = self.state.accounts.add(name)
        return {"userId": name, "token": self.token_for(name, key)}

    def token_for(self, name: str, key: str) -> str:
        answer = self.post("/user/generateToken", {"userId": name, "secretKey": key}).json()
        assert answer["code"] == "200", answer
        return answer["token"]

    def submit(self, user: Mapping[str, str], files: Any, **more: Any) -> dict[str, Any]:
        """Submit a job and wait for its end."""
        data = {**user, "jobName": "job", "dbvendor": "dbvpostgresql", **more}
        answer = self.post("/sqlflow/job/submitUserJob", data, files=files)
        assert answer.status_code == 200, answer.text
        return self.wait(user, answer.json()["data"]["jobId"])

    def wait(self, user: Mapping[str, str], job_id: str) -> dict[str, Any]:
        for _ in range(600):
            job = self.post("/sqlflow/job/displayUserJobSummary", {**user, "jobId": job_id}).json()["data"]
            if job["status"] in ENDED:
                return job
            time.sleep(0.1)
        raise AssertionError(f"job {job_id} does not end: {self.log.read_text()}")

    def sent_raw(self, request: bytes, seconds: float = 10) -> bytes:
        """What comes back for these bytes until the server closes or says nothing for so long."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=seconds) as connection:
            with suppress(OSError):  # refused before all of it was sent
                connection.sendall(request)
            return received(connection)

    def tree(self) -> list[psutil.Process]:
        """The server's process and all that it started."""
        top = psutil.Process(self.process.pid)
        return [top, *top.children(recursive=True)]

    def is_alive(self) -> bool:
        return self.process.poll() is None and self.client.get(f"{PREFIX}/version").status_code == 200


def received(connection: socket.socket) -> bytes:
    """All that comes until the other side closes or falls silent."""
    found = b""
    with suppress(OSError):
        while piece := connection.recv(65536):
            found += piece
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(
    folder: Path, *options: str, scheme: str = "http", verify: Any = True, **settings: object
) -> Iterator[RunningServer]:
    """A server over a store in a folder, until the context ends; settings as ``server_parallel=1``."""
    port = free_port()
    store = str(settings.pop("store_url", f"sqlite:///{folder}/store.db"))
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("SQLFLOW_")},
        "SQLFLOW_STORE_URL": store,
        "SQLFLOW_HOME": str(folder),
        "TMPDIR": str(folder),
        "PYTHONPATH": str(Path(__file__).parents[3]),
        **{f"SQLFLOW_{name.upper()}": str(value) for name, value in settings.items()},
    }
    state = ServerState.open(Settings(store_url=store))
    log = folder / "server.log"
    command = [*COMMAND, "server", "--port", str(port)]
    with log.open("ab") as output:
        process = subprocess.Popen([*command, *options], env=environment, stdout=output, stderr=output)
    url = f"{scheme}://127.0.0.1:{port}"
    try:
        with httpx.Client(base_url=url, timeout=120, verify=verify) as client:
            _await_answer(client, process, log)
            yield RunningServer(url, process, log, state, client)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        state.close()


def _await_answer(client: httpx.Client, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(300):
        assert process.poll() is None, log.read_text()
        try:
            client.get(f"{PREFIX}/version")
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(log.read_text())
