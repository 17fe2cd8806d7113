"""A try that is killed with its embedded job, by SIGKILL in the middle of the work: the next one goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import TaskDeferred

from airflow_provider_sqlflow.hooks.sqlflow import SqlFlowHook
from airflow_provider_sqlflow.jobs.model import JobFilter, JobStatus
from airflow_provider_sqlflow.operators.sqlflow import SqlFlowSubmitJobOperator

REPOSITORY = Path(__file__).parents[2]
FILES = 1500
LEASE_SECONDS = 2

FIRST_TRY = """
import json, sys
from pathlib import Path
from tests.airflow_layer.test_reattachment import FileStore, execute
from tests.airflow_layer.conftest import TaskInstance
context = {"ti": TaskInstance(), "task_state_store": FileStore(Path(sys.argv[1]))}
execute(context, sys.argv[2], deferrable=sys.argv[3] == "deferred")
"""


class FileStore:
    """Airflow's task state store with a file behind it, which outlives a process."""

    def __init__(self, path):
        self.path = path

    def get(self, key):
        return self._read().get(key)

    def set(self, key, value):
        self.path.write_text(json.dumps({**self._read(), key: value}))

    def delete(self, key):
        self.path.write_text(json.dumps({name: value for name, value in self._read().items() if name != key}))

    def _read(self):
        return json.loads(self.path.read_text()) if self.path.exists() else {}


def make_operator(folder, **arguments):
    with DAG("dag", schedule=None):
        return SqlFlowSubmitJobOperator(
            task_id="task", paths=folder, dialect="postgres", poll_interval=0.3, **arguments
        )


def execute(context, folder, **arguments):
    return make_operator(folder, **arguments).execute(context)


@pytest.fixture
def killed(tmp_path, monkeypatch):
    """Kills a first try in the middle of its job; gives the store file of its state and the SQL's folder."""
    monkeypatch.setenv("AIRFLOW__SQLFLOW__STORE_URL", f"sqlite:///{tmp_path / 'jobs.db'}")
    monkeypatch.setenv("AIRFLOW__SQLFLOW__WORKER_LEASE_SECONDS", str(LEASE_SECONDS))
    folder = tmp_path / "sql"
    folder.mkdir()
    for number in range(FILES):
        (folder / f"{number}.sql").write_text(f"create table t{number} as select a from s{number};")
    state = tmp_path / "state.json"
    hook = SqlFlowHook()
    hook.list_jobs(JobFilter())

    def kill(mode):
        command = [sys.executable, "-c", FIRST_TRY, str(state), str(folder), mode]
        process = subprocess.Popen(command, cwd=REPOSITORY, env={**os.environ, "PYTHONPATH": str(REPOSITORY)})
        try:
            deadline = time.monotonic() + 60
            while not (found := hook.list_jobs(JobFilter()).jobs) or found[0].counts.files_done == 0:
                assert process.poll() is None, "the first try ended before it could be killed"
                assert time.monotonic() < deadline
                time.sleep(0.02)
            process.send_signal(signal.SIGKILL)
        finally:
            process.kill()
            process.wait()
        [job] = hook.list_jobs(JobFilter()).jobs
        assert job.status is JobStatus.RUNNING
        assert 0 < job.counts.files_done < FILES
        return job

    yield kill, state, str(folder), hook
    hook.close()


def test_the_next_try_takes_the_same_job_over(killed, context):
    kill, state, folder, hook = killed
    job = kill("waiting")
    context["task_state_store"] = FileStore(state)
    context["ti"].try_number = 2
    result = execute(context, folder)
    assert (result["job_id"], result["status"]) == (str(job.id), "success")
    assert result["counts"]["files_done"] == FILES
    assert hook.list_jobs(JobFilter()).total == 1
    assert json.loads(state.read_text()) == {}


def test_a_deferred_try_comes_back_for_it(killed, context):
    kill, state, folder, hook = killed
    job = kill("deferred")
    context["task_state_store"] = FileStore(state)
    with pytest.raises(TaskDeferred) as caught:  # its lease has not ended yet
        execute(context, folder, deferrable=True)
    trigger = caught.value.trigger
    assert trigger.job_id == str(job.id)
    time.sleep(max(0.0, trigger.resume_at - time.time()))
    event = {"outcome": "resume", "job_id": trigger.job_id, "deadline": None}
    result = make_operator(folder, deferrable=True).execute_complete(context, event)
    assert (result["job_id"], result["status"]) == (str(job.id), "success")
    assert hook.list_jobs(JobFilter()).total == 1


def test_with_other_files_the_lost_job_is_cancelled(killed, context):
    kill, state, folder, hook = killed
    job = kill("waiting")
    (Path(folder) / "0.sql").write_text("create table t0 as select changed from s0;")
    context["task_state_store"] = FileStore(state)
    result = execute(context, folder)
    assert result["job_id"] != str(job.id)
    assert result["status"] == "success"
    assert hook.get_job(job.id).status is JobStatus.CANCEL
