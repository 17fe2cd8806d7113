"""The flagship Dag under ``airflow standalone``: scheduler, API server, triggerer and worker processes."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

pytestmark = [pytest.mark.airflow, pytest.mark.slow, pytest.mark.timeout(420)]

DAG_ID = "example_sqlflow_lineage_job"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(what: str, look, process: subprocess.Popen, log: Path, seconds: float = 180):
    """The first true answer of ``look``; fails with the log's end when Airflow stops or time is up."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert process.poll() is None, f"airflow standalone ended\n{log.read_text()[-6000:]}"
        try:
            answer = look()
        except httpx.TransportError:
            answer = None
        if answer:
            return answer
        time.sleep(0.5)
    raise AssertionError(f"{what}: not within {seconds} seconds\n{log.read_text()[-6000:]}")


@pytest.fixture
def standalone(airflow_home, environment, tmp_path):
    """A running Airflow: an HTTP client with a login, the process and its log."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    log = tmp_path / "standalone.log"
    settings = {
        **environment(airflow_home),
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__CORE__PARALLELISM": "4",
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
            wait_for("API server", lambda: client.get("/api/v2/version").status_code == 200, process, log)
            token = client.get("/auth/token").raise_for_status().json()["access_token"]
            client.headers["Authorization"] = f"Bearer {token}"
            yield client, process, log
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(30)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(30)


def test_the_scheduler_runs_the_flagship(standalone, check_exports, tmp_path):
    client, process, log = standalone
    wait_for("Dag", lambda: client.get(f"/api/v2/dags/{DAG_ID}").status_code == 200, process, log)

    [meta] = [
        meta
        for meta in client.get("/ui/connections/hook_meta").raise_for_status().json()
        if meta["connection_type"] == "sqlflow"
    ]
    assert meta["hook_name"] == "SQLFlow"
    assert set(meta["extra_fields"]) == {"store_url"}
    assert client.get("/api/v2/importErrors").raise_for_status().json()["total_entries"] == 0

    body = {"logical_date": None, "conf": {"output": str(tmp_path / "out")}}
    run = client.post(f"/api/v2/dags/{DAG_ID}/dagRuns", json=body).raise_for_status().json()
    path = f"/api/v2/dags/{DAG_ID}/dagRuns/{run['dag_run_id']}"

    def ended() -> str | None:
        state = client.get(path).raise_for_status().json()["state"]
        return state if state in ("success", "failed") else None

    state = wait_for("Dag run", ended, process, log)
    tasks = client.get(f"{path}/taskInstances").raise_for_status().json()["task_instances"]
    states = sorted((task["task_id"], task["map_index"], task["state"]) for task in tasks)
    assert state == "success", f"{states}\n{log.read_text()[-6000:]}"
    assert [state for task, _, state in states if task == "submit"] == ["success"] * 3
    check_exports(tmp_path / "out")
