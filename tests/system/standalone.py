"""A running Airflow: ``airflow standalone`` with scheduler, API server, triggerer and worker processes."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx


@dataclass(frozen=True)
class Standalone:
    """One that answers. ``client`` has a login; ``log`` holds what all its parts print."""

    client: httpx.Client
    process: subprocess.Popen[bytes]
    log: Path

    def wait_for(self, what: str, look: Callable[[], Any], seconds: float = 180) -> Any:
        """The first true answer of ``look``; fails with the log's end when Airflow stops or time is up."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            assert self.process.poll() is None, f"airflow standalone ended\n{self.tail()}"
            try:
                answer = look()
            except httpx.TransportError:
                answer = None
            if answer:
                return answer
            time.sleep(0.5)
        raise AssertionError(f"{what}: not within {seconds} seconds\n{self.tail()}")

    def tail(self) -> str:
        """The end of the log."""
        return self.log.read_text()[-6000:]

    def get(self, path: str) -> Any:
        """The JSON answer of ``/api/v2``."""
        return self.client.get(f"/api/v2/{path}").raise_for_status().json()

    def run_dag(
        self, dag_id: str, conf: Mapping[str, Any], seconds: float = 180
    ) -> tuple[str, dict[str, Any]]:
        """Trigger a Dag and wait for the end of its run.

        Returns:
            Its path under ``/api/v2``, and the run.
        """
        body = {"logical_date": None, "conf": dict(conf)}

        def begun() -> dict[str, Any] | None:
            # A Dag is listed a moment before it can be run, and Airflow's own SQLite database may be locked
            # by the process that reads the Dags: then nothing was begun.
            answer = self.client.post(f"/api/v2/dags/{dag_id}/dagRuns", json=body)
            is_locked = answer.status_code == 500 and "Database error" in answer.text
            assert answer.status_code in (200, 404) or is_locked, answer.text
            return answer.json() if answer.status_code == 200 else None

        answer = self.wait_for(f"the Dag {dag_id}", begun)
        path = f"dags/{dag_id}/dagRuns/{answer['dag_run_id']}"

        def ended() -> dict[str, Any] | None:
            run = self.get(path)
            return run if run["state"] in ("success", "failed") else None

        return path, self.wait_for("Dag run", ended, seconds)


@contextlib.contextmanager
def running_standalone(environment: Mapping[str, str], folder: Path) -> Iterator[Standalone]:
    """Start one on free ports and stop it with all its processes.

    Args:
        environment: of a migrated AIRFLOW_HOME.
        folder: where the log goes.
    """
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    log = folder / "standalone.log"
    settings = {
        **environment,
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(free_port()),
        "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(free_port()),
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "airflow", "standalone"],
            env=settings,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        with httpx.Client(base_url=url, timeout=30) as client:
            running = Standalone(client, process, log)
            running.wait_for("API server", lambda: client.get("/api/v2/version").status_code == 200)
            token = client.get("/auth/token").raise_for_status().json()["access_token"]
            client.headers["Authorization"] = f"Bearer {token}"
            yield running
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(30)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(30)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
