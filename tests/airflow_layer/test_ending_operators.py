from __future__ import annotations

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider_sqlflow.errors import JobNotFoundError, StoreUnavailableError
from airflow_provider_sqlflow.hooks.sqlflow import SqlFlowHook
from airflow_provider_sqlflow.jobs.model import JobRequest, JobStatus, TextSource
from airflow_provider_sqlflow.operators.sqlflow import SqlFlowCancelJobOperator, SqlFlowDeleteJobOperator

REQUEST = JobRequest("nightly", "postgres", (TextSource("a.sql", "select 1"),))


def make(cls, client, **arguments):
    with DAG("dag", schedule=None):
        operator = cls(task_id="task", **{"job_id": "job-1", **arguments})
    operator.hook = SqlFlowHook(client=client)
    return operator


@pytest.fixture
def client(make_client):
    client = make_client([JobStatus.RUNNING])
    client.submit_job(REQUEST)
    return client


def test_cancel_stops_a_job_once(client, context):
    assert make(SqlFlowCancelJobOperator, client).execute(context)["status"] == "cancel"
    assert make(SqlFlowCancelJobOperator, client).execute(context)["status"] == "cancel"
    assert client.cancelled == ["job-1"]
    assert client.closed == 2


def test_delete_removes_a_job(client, context):
    assert make(SqlFlowDeleteJobOperator, client).execute(context)["status"] == "delete"


def missing(_job_id):
    raise JobNotFoundError("no job job-9")


def test_a_lost_job_fails_a_cancel_and_a_delete_only_when_told(client, context):
    client.cancel_job = client.delete_job = missing
    with pytest.raises(AirflowFailException, match="no job job-9"):
        make(SqlFlowCancelJobOperator, client).execute(context)
    assert make(SqlFlowDeleteJobOperator, client).execute(context) is None
    with pytest.raises(AirflowFailException, match="no job job-9"):
        make(SqlFlowDeleteJobOperator, client, fail_if_missing=True).execute(context)


@pytest.mark.parametrize("cls", [SqlFlowCancelJobOperator, SqlFlowDeleteJobOperator])
def test_what_a_retry_cures_is_retried(client, context, cls):
    def unavailable(_job_id):
        raise StoreUnavailableError("locked")

    client.cancel_job = client.delete_job = unavailable
    with pytest.raises(StoreUnavailableError):
        make(cls, client).execute(context)
    assert cls.template_fields == ("job_id", "sqlflow_conn_id")


def test_over_the_real_store(context, tmp_path, monkeypatch):
    monkeypatch.setenv("AIRFLOW__SQLFLOW__STORE_URL", f"sqlite:///{tmp_path / 'jobs.db'}")
    hook = SqlFlowHook()
    job = hook.submit_job(REQUEST)
    with DAG("dag", schedule=None):
        cancel = SqlFlowCancelJobOperator(task_id="cancel", job_id=str(job.id))
        delete = SqlFlowDeleteJobOperator(task_id="delete", job_id=str(job.id))
    assert cancel.execute(context)["status"] == "success"
    assert delete.execute(context)["status"] == "delete"
    assert delete.execute(context)["status"] == "delete"
    assert hook.list_files(job.id) == ()
    hook.close()
