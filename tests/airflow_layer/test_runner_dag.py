"""The Dag that runs the jobs of the REST API, over a real store."""

from __future__ import annotations

import signal
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

from airflow_provider_sqlflow.client.embedded import EmbeddedClient
from airflow_provider_sqlflow.dag_factory import runner_dag
from airflow_provider_sqlflow.dag_factory.runner import SqlFlowRunnerOperator
from airflow_provider_sqlflow.jobs.model import (
    AIRFLOW_QUEUE,
    SERVER_QUEUE,
    JobRequest,
    JobStatus,
    PathSource,
    TextSource,
)
from airflow_provider_sqlflow.jobs.service import utc_now
from airflow_provider_sqlflow.jobs.store.sql import SqlJobStore
from airflow_provider_sqlflow.settings import Settings

DAG_FILE = Path(__file__).parents[2] / "dags" / "sqlflow_runner.py"
REQUEST = JobRequest(
    "totals",
    "postgres",
    (TextSource("a.sql", "insert into totals select sum(price) from orders"),),
    queue=SERVER_QUEUE,
)


@pytest.fixture
def store(tmp_path, monkeypatch):
    """What the API server has: a client that leaves jobs to others."""
    url = f"sqlite:///{tmp_path / 'jobs.db'}"
    monkeypatch.setenv("AIRFLOW__SQLFLOW__STORE_URL", url)
    monkeypatch.setenv("AIRFLOW__SQLFLOW__WORKER_POLL_SECONDS", "1")
    client = EmbeddedClient(Settings(store_url=url, runner="worker"))
    yield client
    client.close()


@pytest.fixture
def operator():
    with DAG("dag", schedule=None):
        return SqlFlowRunnerOperator(task_id="run")


@pytest.fixture
def run(operator):
    def run(conf=None):
        return operator.execute({"dag_run": SimpleNamespace(conf=conf)})

    return run


def conf_of(job, number=1):
    return {"job_id": str(job.id), "run": number}


class TestDag:
    def test_the_file_gives_the_dag_that_the_api_names(self):
        bag = DagBag(dag_folder=str(DAG_FILE))
        assert bag.import_errors == {}
        [dag] = bag.dags.values()
        assert dag.dag_id == "sqlflow_runner"
        assert (dag.max_active_runs, dag.catchup, dag.is_paused_upon_creation) == (16, False, False)
        assert dag.schedule == "*/10 * * * *"
        assert dag.get_task("run").retries == 3

    def test_arguments(self, monkeypatch):
        monkeypatch.setenv("AIRFLOW__SQLFLOW__SERVER_RUNNER_DAG", "lineage")
        dag = runner_dag(
            schedule=None, max_active_runs=2, retries=5, retry_delay=7, pool="small", queue="lineage"
        )
        assert (dag.dag_id, dag.schedule, dag.max_active_runs) == ("lineage", None, 2)
        task = dag.get_task("run")
        assert (task.pool, task.queue, task.retries) == ("small", "lineage", 5)
        assert task.retry_delay == timedelta(seconds=7)
        assert runner_dag(dag_id="other").dag_id == "other"


class TestNamedJob:
    def test_runs(self, store, run):
        job, other = store.submit_job(REQUEST), store.submit_job(REQUEST)
        summary = run(conf_of(job))
        assert (summary["job_id"], summary["status"]) == (job.id, "success")
        assert summary["worker"]
        assert store.get_job(other.id).status is JobStatus.CREATE

    def test_twice_is_once(self, store, run):
        job = store.submit_job(REQUEST)
        run(conf_of(job))
        ended = store.get_job(job.id)
        assert run(conf_of(job))["status"] == "success"
        assert store.get_job(job.id) == ended

    def test_without_a_number_the_run_that_there_is(self, store, run):
        job = store.submit_job(REQUEST)
        assert run({"job_id": str(job.id)})["status"] == "success"

    def test_a_run_that_is_over_leaves_the_next_one_alone(self, store, run):
        job = store.submit_job(REQUEST)
        run(conf_of(job))
        store.rerun_job(job.id)
        assert run(conf_of(job, 1))["status"] == "create"
        assert run(conf_of(job, 2))["status"] == "success"

    def test_a_lost_try_is_taken_over_when_its_lease_has_ended(self, store, run, tmp_path):
        job = store.submit_job(REQUEST)
        jobs = SqlJobStore(f"sqlite:///{tmp_path / 'jobs.db'}")
        now = utc_now()
        claim = jobs.claim_job(job.id, "lost", now, now + timedelta(seconds=2))
        assert run(conf_of(job))["status"] == "success"
        jobs.close()
        assert claim is not None
        ended = store.get_job(job.id)
        assert ended.end_at - now >= timedelta(seconds=2)

    def test_a_failed_job_fails_the_task_for_good(self, store, run, tmp_path):
        (tmp_path / "a.sql").write_text("select 1")
        job = store.submit_job(replace(REQUEST, sources=(PathSource(str(tmp_path / "a.sql")),)))
        (tmp_path / "a.sql").unlink()
        with pytest.raises(AirflowFailException, match="ended as fail"):
            run(conf_of(job))

    def test_an_ended_job_skips_the_task(self, store, run):
        cancelled, deleted = store.submit_job(REQUEST), store.submit_job(REQUEST)
        store.cancel_job(cancelled.id)
        store.delete_job(deleted.id)
        for job, word in ((cancelled, "cancel"), (deleted, "delete")):
            with pytest.raises(AirflowSkipException, match=word):
                run(conf_of(job))

    def test_what_cannot_be_run_is_said(self, store, run):
        shared = store.submit_job(replace(REQUEST, queue=AIRFLOW_QUEUE))
        with pytest.raises(AirflowFailException, match="shared by the tasks"):
            run(conf_of(shared))
        with pytest.raises(AirflowFailException, match="no job nothing"):
            run({"job_id": "nothing"})
        with pytest.raises(AirflowFailException, match="'two' is no number"):
            run(conf_of(store.submit_job(REQUEST), "two"))


class TestWaitingJobs:
    def test_all_of_the_queue_are_run_and_no_others(self, store, run):
        jobs = [store.submit_job(REQUEST) for _ in range(3)]
        default = store.submit_job(replace(REQUEST, queue="default"))
        assert run() == {"jobs": 3}
        assert {store.get_job(job.id).status for job in jobs} == {JobStatus.SUCCESS}
        assert store.get_job(default.id).status is JobStatus.CREATE
        assert run({}) == {"jobs": 0}


class TestKilled:
    @pytest.fixture
    def kill_when_running(self, store, operator):
        """Calls ``on_kill`` in a signal handler of this thread, as Airflow does, while a job runs."""

        def start(job):
            def handle(_number, _frame):
                if store.get_job(job.id).status is JobStatus.RUNNING:
                    signal.setitimer(signal.ITIMER_REAL, 0)
                    operator.on_kill()

            signal.signal(signal.SIGALRM, handle)
            signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)

        before = signal.getsignal(signal.SIGALRM)
        yield start
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

    @pytest.fixture
    def long_job(self, store, tmp_path):
        (tmp_path / "sql").mkdir()
        for number in range(2000):
            text = f"create table t{number} as select a from s{number};"
            (tmp_path / "sql" / f"{number}.sql").write_text(text)
        return store.submit_job(replace(REQUEST, sources=(PathSource(str(tmp_path / "sql")),)))

    @pytest.mark.parametrize("is_named", [True, False])
    def test_the_job_is_queued_again(self, store, run, kill_when_running, long_job, is_named):
        kill_when_running(long_job)
        with pytest.raises(AirflowException, match="queued again"):
            run(conf_of(long_job) if is_named else None)
        assert store.get_job(long_job.id).status is JobStatus.CREATE
        assert run(conf_of(long_job))["status"] == "success"

    def test_before_there_is_work(self, operator):
        operator.on_kill()
