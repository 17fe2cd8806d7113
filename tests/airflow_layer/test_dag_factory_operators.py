"""The tasks of a persist job's Dag, on a real store and files."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

from airflow_provider_sqlflow.client.embedded import EmbeddedClient
from airflow_provider_sqlflow.dag_factory.operators import (
    SqlFlowExportJobOperator,
    SqlFlowFetchJobOperator,
    SqlFlowFetchSourcesOperator,
    SqlFlowPublishOperator,
    SqlFlowRunJobOperator,
    SqlFlowSubmitDeclaredJobOperator,
)
from airflow_provider_sqlflow.jobs.model import JobFilter, JobRequest, JobStatus, PathSource, Schedule
from airflow_provider_sqlflow.settings import Settings


@pytest.fixture
def client(tmp_path, monkeypatch):
    """A client of the store that the operators use."""
    url = f"sqlite:///{tmp_path / 'store.db'}"
    monkeypatch.setenv("AIRFLOW__SQLFLOW__STORE_URL", url)
    monkeypatch.setenv("AIRFLOW__SQLFLOW__HOME", str(tmp_path / "home"))
    client = EmbeddedClient(Settings(store_url=url))
    yield client
    client.close()


@pytest.fixture
def sql(tmp_path):
    """A folder of two files."""
    folder = tmp_path / "sql"
    folder.mkdir()
    (folder / "a.sql").write_text("insert into t (a) select a from s;")
    (folder / "b.sql").write_text("insert into u (a) select a from t;")
    return folder


@pytest.fixture
def job(client, sql):
    """A persist job with a schedule, run once."""
    request = JobRequest("nightly", "postgres", (PathSource(str(sql)),))
    return client.submit_persist_job(request, schedule=Schedule("0 6 * * *"))


def make(cls, **arguments):
    with DAG("sqlflow_x", schedule=None):
        return cls(task_id="task", **arguments)


@pytest.fixture
def scheduled(context):
    context["dag_run"] = SimpleNamespace(run_type="scheduled")
    return context


# Jobs in the store -------------------------------------------------------------------------------


def test_fetch_counts_the_files(job, client, scheduled, sql):
    (sql / "c.sql").write_text("select 1;")
    fetched = make(SqlFlowFetchJobOperator, job_id=str(job.id)).execute(scheduled)
    assert fetched == {"job_id": str(job.id), "job_name": "nightly", "files": 3}


@pytest.mark.parametrize(("change", "said"), [("pause", "paused"), ("cancel", "cancelled")])
def test_a_scheduled_run_of_a_schedule_that_is_gone_is_skipped(job, client, scheduled, change, said):
    if change == "pause":
        client.pause_schedule(job.id)
    else:
        client.set_schedule(job.id, None)
    fetch = make(SqlFlowFetchJobOperator, job_id=str(job.id))
    with pytest.raises(AirflowSkipException, match=said):
        fetch.execute(scheduled)
    scheduled["dag_run"].run_type = "manual"
    assert fetch.execute(scheduled)["files"] == 2


def test_fetch_fails_for_good_without_source_or_job(job, client, scheduled, sql):
    fetch = make(SqlFlowFetchJobOperator, job_id=str(job.id))
    for path in sql.iterdir():
        path.unlink()
    with pytest.raises(AirflowFailException, match=r"no \.sql file"):
        fetch.execute(scheduled)
    client.delete_job(job.id)
    with pytest.raises(AirflowFailException, match="is deleted"):
        fetch.execute(scheduled)


def test_run_analyses_what_changed_and_says_who_asked(job, client, context, sql):
    (sql / "b.sql").write_text("insert into u (a, b) select a, b from t;")
    done = make(SqlFlowRunJobOperator, job_id=str(job.id)).execute(context)
    assert (done["status"], done["counts"]["files_done"]) == ("success", 2)
    assert context["ti"].xcoms == {"job_id": str(job.id)}
    newest, oldest = client.list_runs(job.id)
    assert (newest.number, newest.incremental, oldest.origin) == (2, True, None)
    assert (newest.origin.dag_id, newest.origin.run_id, newest.origin.task_id) == ("dag", "run", "task")


def test_a_clear_runs_anew(job, client, context):
    run = make(SqlFlowRunJobOperator, job_id=str(job.id))
    run.execute(context)
    run.execute(context)
    assert len(client.list_runs(job.id)) == 3


def start_and_kill(job_id: str, url: str) -> None:
    """A process that runs the job as the task instance of the tests, killed in the middle."""
    script = (
        "import sys, time\n"
        "from airflow_provider_sqlflow.client.embedded import EmbeddedClient\n"
        "from airflow_provider_sqlflow.jobs.model import JobId, TaskOrigin\n"
        "from airflow_provider_sqlflow.settings import Settings\n"
        "def stop(counts, name):\n"
        "    print('running', flush=True)\n"
        "    time.sleep(60)\n"
        "client = EmbeddedClient(Settings(store_url=sys.argv[1], worker_lease_seconds=1), stop)\n"
        "client.rerun_job(JobId(sys.argv[2]), origin=TaskOrigin('dag', 'run', 'task'))\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script, url, job_id], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "running\n"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()


def test_the_next_try_takes_a_killed_run_over(job, client, context, tmp_path, sql):
    (sql / "b.sql").write_text("insert into v (a) select a from t;")
    start_and_kill(str(job.id), f"sqlite:///{tmp_path / 'store.db'}")
    assert client.get_job(job.id).status is JobStatus.RUNNING
    time.sleep(1.2)  # the lease ends
    context["ti"].try_number = 2
    done = make(SqlFlowRunJobOperator, job_id=str(job.id)).execute(context)
    assert done["status"] == "success"
    assert [run.number for run in client.list_runs(job.id)] == [2, 1]


def test_a_run_of_somebody_else_is_waited_for_by_retries(job, client, context, tmp_path, sql):
    (sql / "b.sql").write_text("insert into v (a) select a from t;")
    start_and_kill(str(job.id), f"sqlite:///{tmp_path / 'store.db'}")
    context["ti"].task_id = "another"
    run = make(SqlFlowRunJobOperator, job_id=str(job.id))
    with pytest.raises(AirflowException, match="has not ended: try again") as raised:
        run.execute(context)
    assert not isinstance(raised.value, AirflowFailException)
    time.sleep(1.2)
    assert run.execute(context)["status"] == "success"
    assert [run.number for run in client.list_runs(job.id)] == [3, 2, 1]


# Declared jobs -----------------------------------------------------------------------------------


def submit(context, folder, **changes):
    arguments = {"job_name": "x", "dialect": "postgres", "paths": [str(folder)], "tags": ["t"], **changes}
    return make(SqlFlowSubmitDeclaredJobOperator, **arguments).execute(context)


def test_the_first_submit_makes_the_job_and_later_ones_run_it(client, context, sql):
    first = submit(context, sql)
    (sql / "b.sql").write_text("insert into u (a, b) select a, b from t;")
    second = submit(context, sql)
    assert first["job_id"] == second["job_id"] == context["ti"].xcoms["job_id"]
    [job] = client.list_jobs(JobFilter()).jobs
    assert (job.name, job.run, job.incremental) == ("x", 2, True)
    assert job.tags == ("t", "airflow-dag:sqlflow_x")


def test_a_source_that_is_no_longer_declared_leaves_the_job(client, context, sql, tmp_path):
    first = submit(context, sql, paths=[str(sql / "a.sql"), str(sql / "b.sql")])
    assert first["counts"]["files_total"] == 2
    fewer = submit(context, sql, paths=[str(sql / "a.sql")])
    assert (fewer["job_id"], fewer["counts"]["files_total"]) == (first["job_id"], 1)
    more = submit(context, sql, paths=[str(sql / "a.sql")], sql="insert into w (a) select a from t")
    assert (more["job_id"], more["counts"]["files_total"]) == (first["job_id"], 2)


def test_another_dialect_or_lost_default_is_another_job(client, context, sql):
    first = submit(context, sql, default_schema="public")
    assert submit(context, sql, default_schema="public")["job_id"] == first["job_id"]
    second = submit(context, sql)
    assert second["job_id"] != first["job_id"]
    third = submit(context, sql, dialect="duckdb")
    assert third["job_id"] not in (first["job_id"], second["job_id"])
    assert submit(context, sql, dialect="dbvduckdb") == {**third, "job_id": third["job_id"]}


def test_relative_paths_start_at_the_dag_file(client, context, tmp_path, monkeypatch, sql):
    fetch = make(SqlFlowFetchSourcesOperator, dialect="postgres", paths=["sql"])
    fetch.dag.fileloc = str(tmp_path / "dag.py")
    assert fetch.execute(context) == {"files": 2}
    fetch.paths = ["none"]
    with pytest.raises(AirflowFailException, match="none"):
        fetch.execute(context)


# Behind the submit -------------------------------------------------------------------------------


def test_relative_exports_go_below_home(job, client, context, tmp_path):
    done = make(
        SqlFlowExportJobOperator, job_id=str(job.id), output_path="sqlflow_x/", formats=["csv"]
    ).execute(context)
    assert [one["path"] for one in done["exports"]] == [str(tmp_path / "home/lineage/sqlflow_x/nightly.csv")]
    assert (tmp_path / "home/lineage/sqlflow_x/nightly.csv").is_file()


def test_publish_tells_what_there_is(job, client, context):
    publish = make(SqlFlowPublishOperator, job_id=str(job.id), asset="sqlflow_x", export_task_id="export")
    outlet, alias = publish.outlets
    assert alias.name == "sqlflow_lineage"
    tables = []
    add = SimpleNamespace(add=lambda asset, extra: tables.append((asset.uri, extra["job_id"])))
    assert (outlet.name, outlet.uri) == ("sqlflow_x", "x-sqlflow://job/sqlflow_x")
    context["outlet_events"] = {outlet: SimpleNamespace(extra=None), alias: add}
    context["ti"].xcom_pull = lambda task_ids: {"exports": [{"path": "/out/x.csv"}]}
    extra = publish.execute(context)
    assert extra["job_id"] == str(job.id)
    assert extra["counts"]["column_edges"] > 0
    assert extra["exports"] == ["/out/x.csv"]
    assert context["outlet_events"][outlet].extra == extra
    assert tables == [("sqlflow://postgres/t", str(job.id)), ("sqlflow://postgres/u", str(job.id))]
