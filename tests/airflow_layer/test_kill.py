"""Airflow kills a task by a signal: the embedded job of this very thread must end as cancelled."""

from __future__ import annotations

import signal

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider_sqlflow.hooks.sqlflow import SqlFlowHook
from airflow_provider_sqlflow.jobs.model import JobFilter, JobStatus
from airflow_provider_sqlflow.operators.sqlflow import SqlFlowSubmitJobOperator

FILES = 2000


@pytest.fixture
def alarm():
    """Calls a function every 50 ms in a signal handler of this thread, until it says that it is done."""

    def start(function):
        def handle(_number, _frame):
            if function():
                signal.setitimer(signal.ITIMER_REAL, 0)

        signal.signal(signal.SIGALRM, handle)
        signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)

    previous = signal.getsignal(signal.SIGALRM)
    yield start
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, previous)


def test_a_signal_in_the_middle_of_an_embedded_job_cancels_it(alarm, context, tmp_path, monkeypatch):
    monkeypatch.setenv("AIRFLOW__SQLFLOW__STORE_URL", f"sqlite:///{tmp_path / 'jobs.db'}")
    (tmp_path / "sql").mkdir()
    for number in range(FILES):
        (tmp_path / "sql" / f"{number}.sql").write_text(f"create table t{number} as select a from s{number};")
    with DAG("dag", schedule=None):
        operator = SqlFlowSubmitJobOperator(task_id="task", paths=str(tmp_path / "sql"), dialect="postgres")
    looker = SqlFlowHook()

    def kill_when_running() -> bool:
        running = looker.list_jobs(JobFilter(status=(JobStatus.RUNNING,))).total > 0
        if running:
            operator.on_kill()
        return running

    looker.list_jobs(JobFilter())  # the store exists before the first signal
    alarm(kill_when_running)
    with pytest.raises(AirflowFailException, match="ended as cancel"):
        operator.execute(context)
    [job] = looker.list_jobs(JobFilter()).jobs
    looker.close()
    assert job.status is JobStatus.CANCEL
    assert job.counts.files_done < FILES
    assert context["task_state_store"] == {}
