"""``sqlflow worker`` as a process. How workers die: ``tests/jobs/runners/test_worker_kills.py``."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.conftest import Run

COMMAND = [sys.executable, "-c", "from airflow_provider_sqlflow.cli.main import main; main()"]
SQL = "INSERT INTO t (a) SELECT a FROM s"


def worker(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run ``sqlflow worker`` on the store of the folder until it ends."""
    environment = {**os.environ, "SQLFLOW_STORE_URL": f"sqlite:///{folder}/.store/jobs.db", **variables}
    return subprocess.run(
        [*COMMAND, "worker", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture
def queue_job(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that waits for a worker."""
    monkeypatch.setenv("SQLFLOW_RUNNER", "worker")
    submitted = run("job", "submit", "-", "-d", "postgres", stdin=SQL)
    assert submitted.exit_code == 0, submitted.output
    assert "create" in submitted.output


def statuses(run: Run) -> list[str]:
    import json

    return [job["status"] for job in json.loads(run("job", "list", "--json").stdout)["jobs"]]


@pytest.mark.usefixtures("queue_job")
def test_queued_job_is_run(run: Run, tmp_path: Path) -> None:
    assert statuses(run) == ["create"]
    done = worker(tmp_path, "--until-idle")
    assert (done.returncode, done.stdout) == (0, "")
    assert "success in" in done.stderr
    assert statuses(run) == ["success"]


@pytest.mark.usefixtures("queue_job")
def test_queue_that_nobody_asked_for_is_not_served(run: Run, tmp_path: Path) -> None:
    assert worker(tmp_path, "--until-idle", "--queue", "large", "--queue", "small").returncode == 0
    assert statuses(run) == ["create"]


@pytest.mark.usefixtures("queue_job")
def test_one_job_of_several_by_several_workers(run: Run, tmp_path: Path) -> None:
    for number in range(2):
        assert run("job", "submit", "-", "-d", "postgres", stdin=f"{SQL}{number}").exit_code == 0
    assert worker(tmp_path, "--once").returncode == 0
    assert sorted(statuses(run)) == ["create", "create", "success"]
    done = worker(tmp_path, "--once", "--workers", "2")
    assert done.returncode == 0, done.stderr
    assert statuses(run) == ["success"] * 3


@pytest.mark.usefixtures("queue_job")
@pytest.mark.parametrize("arguments", [("--until-idle",), ("--until-idle", "--workers", "2")])
def test_store_of_a_newer_version_is_left_alone(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    with closing(sqlite3.connect(tmp_path / ".store" / "jobs.db")) as database, database:
        database.execute("UPDATE sqlflow_schema_version SET version_num = '9999'")
    done = worker(tmp_path, *arguments)
    assert done.returncode == 2
    assert "9999" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        (
            {"SQLFLOW_STORE_URL": "mysql://u:hush-hush@h/d"},
            "the store cannot be mysql: use SQLite or PostgreSQL",
        ),
        ({"SQLFLOW_RUNNER": "cloud"}, "runner = 'cloud' is not one of: inline, worker"),
        ({"SQLFLOW_WORKER_QUEUES": " , "}, "worker_queues = ' , ' names no queue"),
        (
            {"SQLFLOW_WORKER_LEASE_SECONDS": "0"},
            "SQLFLOW_WORKER_LEASE_SECONDS='0' is not a positive whole number",
        ),
    ],
)
def test_settings_that_cannot_be_used(tmp_path: Path, variables: dict[str, str], message: str) -> None:
    done = worker(tmp_path, "--until-idle", **variables)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (2, f"error: {message}")


def test_two_ends_exclude_each_other(run: Run) -> None:
    result = run("worker", "--once", "--until-idle")
    assert result.exit_code == 2
    assert "--once and --until-idle exclude each other" in result.output
