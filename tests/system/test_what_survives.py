"""What breaks while lineage jobs run under a real Airflow, and what becomes of task and job.

Airflow's four parts are processes; jobs are kept in PostgreSQL and wait there until a test lets ``sqlflow
worker`` run them. ``docs/explanation/what-survives.md`` tells users what is proved here.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from airflow_provider_sqlflow.client.embedded import EmbeddedClient
from airflow_provider_sqlflow.jobs.model import Job, JobFilter, JobRequest, JobStatus, TextSource
from airflow_provider_sqlflow.settings import Settings
from tests.postgres_server import PostgresServer
from tests.system.running_airflow import RunningAirflow, wait_for

pytestmark = [pytest.mark.airflow, pytest.mark.postgres, pytest.mark.slow, pytest.mark.timeout(600)]

PASSWORD = f"right-{uuid.uuid4().hex}"
WRONG_PASSWORD = f"wrong-{uuid.uuid4().hex}"


class Store:
    """The job store: a PostgreSQL that asks for a password, and can be stopped."""

    def __init__(self, server: PostgresServer) -> None:
        self.server = server
        with psycopg.connect(host=server.host, user="postgres", autocommit=True) as connection:
            connection.execute(f"CREATE ROLE keeper LOGIN PASSWORD '{PASSWORD}'".encode())
            connection.execute("CREATE DATABASE jobs OWNER keeper")
        server.ask_for_password("keeper")
        self.client = EmbeddedClient(Settings(store_url=self.url(), runner="worker"))

    def url(self, password: str = PASSWORD) -> str:
        return f"postgresql://keeper:{password}@/jobs?host={self.server.host}"

    def jobs(self, run_id: str) -> list[Job]:
        """The jobs that a Dag run submitted, oldest first."""
        page = self.client.list_jobs(JobFilter(), 1000)
        return [job for job in reversed(page.jobs) if any(f"/{run_id}/" in tag for tag in job.tags)]

    def job(self, run_id: str) -> Job:
        [job] = self.jobs(run_id)
        return job

    def work(self, queue: str, workers: int = 1) -> None:
        """Run what waits in a queue, with ``sqlflow worker``."""
        command = [Path(sys.executable).with_name("sqlflow"), "worker", "--until-idle", "--queue", queue]
        run = subprocess.run(
            [*command, "--workers", str(workers)],
            env={**os.environ, "SQLFLOW_STORE_URL": self.url()},
            capture_output=True,
            text=True,
            timeout=240,
        )
        assert run.returncode == 0, run.stderr


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    with PostgresServer() as server:
        store = Store(server)
        yield store
        store.client.close()


@pytest.fixture(scope="module")
def airflow(
    store: Store, postgres: str, environment: Callable[[Path], dict[str, str]], tmp_path_factory
) -> Iterator[RunningAirflow]:
    home = tmp_path_factory.mktemp("survival")
    with psycopg.connect(host=postgres, user="postgres", autocommit=True) as connection:
        connection.execute("CREATE DATABASE survival")
    metadata = f"postgres@/survival?host={postgres}"
    settings = {
        **environment(home),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"postgresql+psycopg://{metadata}",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": f"postgresql+psycopg_async://{metadata}",
        "AIRFLOW__CORE__DAGS_FOLDER": str(Path(__file__).parent / "survival_dags"),
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "8",
        "AIRFLOW__API_AUTH__JWT_SECRET": uuid.uuid4().hex,
        # A lost worker or triggerer is noticed after seconds here, after minutes by default.
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
        "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "2",
        "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "2",
        "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "10",
        "AIRFLOW__API__MAXIMUM_PAGE_LIMIT": "1000",
        "AIRFLOW__SQLFLOW__RUNNER": "worker",
    }
    subprocess.run(
        [sys.executable, "-m", "airflow", "db", "migrate"],
        env=settings,
        check=True,
        capture_output=True,
        timeout=240,
    )
    running = RunningAirflow(settings, home)
    try:
        running.start()
        for name, password in (("sqlflow_default", PASSWORD), ("sqlflow_wrong_password", WRONG_PASSWORD)):
            extra = json.dumps({"store_url": store.url(password)})
            running.post("connections", {"connection_id": name, "conn_type": "sqlflow", "extra": extra})
        yield running
    finally:
        running.stop()


@pytest.fixture
def queue() -> str:
    """A queue that no worker serves until the test starts one."""
    return f"held-{uuid.uuid4().hex}"


def test_a_killed_worker_costs_a_try_and_no_job(airflow, store, queue):
    run = airflow.trigger("waits", queue=queue)
    task = run.wait_for_task("analyse", "running")
    job = wait_for("the job", lambda: store.jobs(run.run_id))[0]
    airflow.kill_worker_of(run.task("analyse"))

    run.wait_for_task("analyse", "running", try_number=2)
    assert task["try_number"] == 1
    wait_for("the second try", lambda: "An earlier try submitted" in run.log("analyse", 2))
    assert store.job(run.run_id).id == job.id
    assert store.job(run.run_id).status is JobStatus.CREATE

    store.work(queue)
    run.wait_for_task("analyse", "success", try_number=2)
    assert run.result("analyse")["job_id"] == job.id
    assert store.job(run.run_id).status is JobStatus.SUCCESS


def test_marking_a_deferred_task_failed_cancels_its_job(airflow, store, queue):
    run = airflow.trigger("defers", queue=queue)
    run.wait_for_task("analyse", "deferred")
    wait_for("a triggerer", lambda: (run.task("analyse")["trigger"] or {}).get("triggerer_id"))
    assert store.job(run.run_id).status is JobStatus.CREATE
    run.mark_failed("analyse")
    wait_for("the cancel", lambda: store.job(run.run_id).status is JobStatus.CANCEL)
    assert run.task("analyse")["state"] == "failed"


def test_clearing_a_finished_task_runs_a_new_job(airflow, store, queue):
    run = airflow.trigger("defers", queue=queue)
    run.wait_for_task("analyse", "deferred")
    store.work(queue)
    run.wait_for_task("analyse", "success")
    first = run.result("analyse")["job_id"]

    run.clear("analyse")
    wait_for("a second job", lambda: len(store.jobs(run.run_id)) == 2)
    store.work(queue)
    run.wait_for_task("analyse", "success", try_number=2)
    jobs = store.jobs(run.run_id)
    assert [job.status for job in jobs] == [JobStatus.SUCCESS] * 2
    assert run.result("analyse")["job_id"] == jobs[1].id != first == jobs[0].id


def test_a_wrong_password_fails_the_task_and_stays_unsaid(airflow, queue):
    run = airflow.trigger("has_wrong_password", queue=queue)
    run.wait_for_task("analyse", "failed")
    wait_for("the reason", lambda: "password authentication failed" in run.log("analyse", 1))
    assert run.task("analyse")["try_number"] == 1


def test_a_restarted_triggerer_goes_on_with_fifty_sensors(airflow, store, queue):
    jobs = [
        store.client.submit_job(
            JobRequest(
                name=f"sensed-{number}",
                dialect="postgres",
                sources=(TextSource(f"{number}.sql", f"create table t{number} as select a from s{number}"),),
                queue=queue,
            )
        )
        for number in range(50)
    ]
    run = airflow.trigger("many_sensors", job_ids=[str(job.id) for job in jobs])
    run.wait_for_tasks("wait", "deferred", 50)
    airflow.kill_part("triggerer")
    store.work(queue, workers=2)
    assert {task["state"] for task in run.tasks("wait")} == {"deferred"}

    airflow.start_part("triggerer")
    tasks = run.wait_for_tasks("wait", "success", 50)
    assert [task["try_number"] for task in tasks] == [1] * 50
    found = [run.result("wait", number) for number in range(50)]
    assert [result["job_id"] for result in found] == [job.id for job in jobs]
    assert {result["status"] for result in found} == {"success"}


def test_two_hundred_mapped_submits_make_two_hundred_jobs(airflow, store, queue):
    run = airflow.trigger("many_submits", queue=queue, count=200)
    tasks = run.wait_for_tasks("submit", "success", 200)
    assert [task["try_number"] for task in tasks] == [1] * 200
    jobs = store.jobs(run.run_id)
    assert len(jobs) == 200
    assert {job.name for job in jobs} == {f"many_submits.submit.{number}" for number in range(200)}
    store.work(queue, workers=2)
    assert {job.status for job in store.jobs(run.run_id)} == {JobStatus.SUCCESS}


def test_a_store_that_is_down_for_twenty_seconds_is_waited_for(airflow, store, queue):
    runs = [airflow.trigger(dag_id, queue=queue) for dag_id in ("waits", "defers")]
    runs[0].wait_for_task("analyse", "running")
    runs[1].wait_for_task("analyse", "deferred")
    wait_for("the jobs", lambda: all(store.jobs(run.run_id) for run in runs))
    store.server.stop()
    time.sleep(20)
    store.server.start()
    store.work(queue)
    for run in runs:
        task = run.wait_for_task("analyse", "success")
        assert task["try_number"] == 1
        assert run.result("analyse")["job_id"] == store.job(run.run_id).id


def test_no_password_shows_anywhere(airflow, store, queue):
    """Last: what the tests before left behind is searched too."""
    run = airflow.trigger("waits", queue=queue)
    run.wait_for_task("analyse", "running")
    wait_for("the job", lambda: store.jobs(run.run_id))
    store.work(queue)
    task = run.wait_for_task("analyse", "success")
    assert task["rendered_fields"]["sqlflow_conn_id"] == "sqlflow_default"
    wrong = airflow.trigger("has_wrong_password", queue=queue)
    wrong.wait_for_task("analyse", "failed")

    seen = {}
    for dag in airflow.get("dags")["dags"]:
        for found in airflow.get(f"dags/{dag['dag_id']}/dagRuns")["dag_runs"]:
            path = f"dags/{dag['dag_id']}/dagRuns/{found['dag_run_id']}/taskInstances"
            seen[path] = airflow.text(f"{path}?limit=1000")
            xcoms = airflow.get(f"{path}/~/xcomEntries", limit=1000)["xcom_entries"]
            for xcom in xcoms:
                one = f"{path}/{xcom['task_id']}/xcomEntries/{xcom['key']}?map_index={xcom['map_index']}"
                seen[one] = airflow.text(one)
    for log in airflow.folder.rglob("*.log"):
        seen[str(log)] = log.read_text(errors="replace")
    everything = "\n".join(seen.values())
    # What must be there, so that not finding the passwords means something.
    for sign in (store.job(run.run_id).id, "sqlflow_wrong_password", "keeper:***@", "trigger completed"):
        assert sign in everything
    for password in (PASSWORD, WRONG_PASSWORD):
        assert [name for name, text in seen.items() if password in text] == []
