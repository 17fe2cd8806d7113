"""An Airflow whose parts are processes of their own, so that a test can kill and restart each of them.

``airflow standalone`` starts the same four (API server, scheduler with LocalExecutor, Dag processor and
triggerer) and stops them all when one ends. Tests talk to it over the REST API only.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psutil

Answer = TypeVar("Answer")

PARTS = ("api-server", "scheduler", "dag-processor", "triggerer")
WAIT_SECONDS = 400.0
"""Long enough for a machine that does something else beside; nothing waits for it where all is well."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(what: str, look: Callable[[], Answer], seconds: float = WAIT_SECONDS) -> Answer:
    """The first true answer of ``look``.

    Raises:
        AssertionError: time is up.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.TransportError):
            answer = look()
            if answer:
                return answer
        time.sleep(0.5)
    raise AssertionError(f"{what}: not within {seconds} seconds")


class RunningAirflow:
    """The processes, their logs and a client of the API.

    Args:
        environment: what the processes get; it names AIRFLOW_HOME and the metadata database.
        folder: where the processes' output goes, one file a part.
        parts: which to start.
        base_path: under which the API server serves everything.
        login: user name and password of the client; without one nobody needs to log in.

    Attributes:
        url: of the API server, with the base path.
    """

    def __init__(
        self,
        environment: dict[str, str],
        folder: Path,
        *,
        parts: Sequence[str] = PARTS,
        base_path: str = "",
        login: tuple[str, str] | None = None,
    ) -> None:
        port = free_port()
        self.url = url = f"http://127.0.0.1:{port}{base_path}"
        self.folder = folder
        self._parts = parts
        self._login = login
        self.environment = {
            **environment,
            "AIRFLOW__API__PORT": str(port),
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__API__BASE_URL": url,
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
            "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(free_port()),
            "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(free_port()),
        }
        self._client = httpx.Client(base_url=url, timeout=60)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        """Start all parts; returns when the API answers."""
        for part in self._parts:
            self.start_part(part)
        wait_for("API server", lambda: self._client.get("/api/v2/version").status_code == 200)
        if self._login is None:
            token = self._client.get("/auth/token").raise_for_status().json()["access_token"]
        else:
            token = self.token(*self._login)
        self._client.headers["Authorization"] = f"Bearer {token}"

    def token(self, name: str, password: str) -> str:
        """A token of Airflow for a user."""
        body = {"username": name, "password": password}
        return self._client.post("/auth/token", json=body).raise_for_status().json()["access_token"]

    def pid(self, part: str) -> int:
        """The process of a part."""
        return self._processes[part].pid

    def stop(self) -> None:
        """Stop all parts and whatever they started."""
        for process in self._processes.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
        for process in self._processes.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(20)
        self._client.close()

    def start_part(self, part: str) -> None:
        with (self.folder / f"{part}.log").open("ab") as output:
            self._processes[part] = subprocess.Popen(
                [sys.executable, "-m", "airflow", part],
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def kill_part(self, part: str) -> None:
        """End a part as a lost machine does: at once, with all of its processes."""
        process = self._processes.pop(part)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(20)

    def kill_worker_of(self, task: dict[str, Any]) -> None:
        """Kill the process that runs a task, and the executor's process that watches over it."""
        runner = psutil.Process(task["pid"])
        watcher = runner.parent()
        assert watcher is not None
        assert watcher.pid != self._processes["scheduler"].pid
        for process in (watcher, runner):
            process.kill()

    # -- the REST API

    def get(self, path: str, **parameters: Any) -> Any:
        return self._client.get(f"/api/v2/{path}", params=parameters).raise_for_status().json()

    def post(self, path: str, body: dict[str, Any]) -> Any:
        return self._client.post(f"/api/v2/{path}", json=body).raise_for_status().json()

    def patch(self, path: str, body: dict[str, Any]) -> Any:
        return self._client.patch(f"/api/v2/{path}", json=body).raise_for_status().json()

    def has_dag(self, dag_id: str) -> bool:
        return self._client.get(f"/api/v2/dags/{dag_id}").status_code == 200

    def trigger(self, dag_id: str, **conf: Any) -> DagRun:
        """Start a run of a Dag once Airflow has read that."""
        wait_for(f"Dag {dag_id}", lambda: self.has_dag(dag_id))
        body = {"logical_date": None, "conf": conf}
        return DagRun(self, dag_id, self.post(f"dags/{dag_id}/dagRuns", body)["dag_run_id"])

    def text(self, path: str) -> str:
        """What the API answers, as it goes over the wire."""
        return self._client.get(f"/api/v2/{path}").raise_for_status().text


class DagRun:
    """One run of a Dag, seen over the REST API."""

    def __init__(self, airflow: RunningAirflow, dag_id: str, run_id: str) -> None:
        self._airflow = airflow
        self.dag_id = dag_id
        self.run_id = run_id
        self.path = f"dags/{dag_id}/dagRuns/{run_id}"

    def tasks(self, task_id: str) -> list[dict[str, Any]]:
        """The instances of a task, by map index."""
        found = self._airflow.get(f"{self.path}/taskInstances", limit=1000)["task_instances"]
        return sorted(
            (task for task in found if task["task_id"] == task_id), key=lambda task: task["map_index"]
        )

    def task(self, task_id: str) -> dict[str, Any]:
        return self._airflow.get(f"{self.path}/taskInstances/{task_id}")

    def wait_for_task(self, task_id: str, state: str, try_number: int = 1) -> dict[str, Any]:
        """The task once a try of it is in a state; fails when it ends otherwise."""

        def look() -> dict[str, Any] | None:
            task = self.task(task_id)
            if task["try_number"] >= try_number and task["state"] == state:
                return task
            assert task["state"] not in {"success", "failed"} - {state} or task["try_number"] < try_number, (
                f"{task}\n{self.log(task_id, task['try_number'])}"
            )
            return None

        return wait_for(f"{task_id} {state}", look)

    def wait_for_tasks(self, task_id: str, state: str, count: int) -> list[dict[str, Any]]:
        """All instances of a mapped task once they are in a state."""

        def look() -> list[dict[str, Any]] | None:
            tasks = self.tasks(task_id)
            lost = [task["map_index"] for task in tasks if task["state"] in ("failed", "upstream_failed")]
            assert state == "failed" or not lost, f"failed: {lost}"
            return tasks if sum(task["state"] == state for task in tasks) == count else None

        return wait_for(f"{count} of {task_id} {state}", look)

    def log(self, task_id: str, try_number: int, map_index: int = -1) -> str:
        return self._airflow.text(
            f"{self.path}/taskInstances/{task_id}/logs/{try_number}?map_index={map_index}"
        )

    def result(self, task_id: str, map_index: int = -1, key: str = "return_value") -> Any:
        """What the task pushed to XCom."""
        path = f"{self.path}/taskInstances/{task_id}/xcomEntries/{key}"
        return self._airflow.get(path, map_index=map_index, deserialize=True)["value"]

    def mark_failed(self, task_id: str) -> None:
        """What a person does with *Mark as failed*."""
        self._airflow.patch(f"{self.path}/taskInstances/{task_id}", {"new_state": "failed"})

    def clear(self, task_id: str) -> None:
        """What a person does with *Clear*."""
        body = {
            "dry_run": False,
            "only_failed": False,
            "dag_run_id": self.run_id,
            "task_ids": [task_id],
        }
        self._airflow.post(f"dags/{self.dag_id}/clearTaskInstances", body)
