from __future__ import annotations

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider_sqlflow.hooks.sqlflow import SqlFlowHook
from airflow_provider_sqlflow.jobs.model import JobFilter, JobId, JobKind, Schedule, TextSource
from airflow_provider_sqlflow.jobs.service import utc_now
from airflow_provider_sqlflow.operators.sqlflow import (
    SqlFlowSubmitJobOperator,
    SqlFlowSubmitPersistJobOperator,
)
from tests.jobs.factories import make_job, make_request


@pytest.fixture(autouse=True)
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("AIRFLOW__SQLFLOW__STORE_URL", f"sqlite:///{tmp_path / 'jobs.db'}")


def submit(context, sql="insert into a (x) select y from b", **arguments):
    arguments = {"dialect": "postgres", "job_name": "warehouse", "task_id": "task", **arguments}
    with DAG("dag", schedule=None):
        operator = SqlFlowSubmitPersistJobOperator(sql=sql, **arguments)
    return operator.execute(context)


def request_of(job_id):
    hook = SqlFlowHook()
    try:
        return hook.get_conn()._service().get_request(JobId(job_id)), hook.get_job(JobId(job_id))
    finally:
        hook.close()


def test_every_run_feeds_the_job_of_that_name(context):
    first = submit(context)
    context["ti"].run_id = "another"
    again = submit(context, "insert into c (x) select y from d", task_id="other")
    assert again["job_id"] == first["job_id"]
    request, job = request_of(first["job_id"])
    assert (job.kind, job.run) == (JobKind.PERSIST, 2)
    assert [source.name for source in request.sources] == ["task.sql", "other.sql"]
    assert request.origin.run_id == "another"
    assert again["counts"]["files_total"] == 2


def test_another_name_is_another_job_and_a_simple_job_is_none(context):
    with DAG("dag", schedule=None):
        simple = SqlFlowSubmitJobOperator(
            task_id="simple", sql="select 1", dialect="postgres", job_name="warehouse"
        )
    ids = {
        simple.execute(context)["job_id"],
        submit(context)["job_id"],
        submit(context, job_name="ware")["job_id"],
        submit(context, owner="somebody")["job_id"],
    }
    assert len(ids) == 4


def test_a_job_by_its_id_and_with_other_content(context):
    first = submit(context)
    second = submit(
        context, "insert into c (x) select 1", task_id="b", job_id=first["job_id"], incremental=False
    )
    assert second["job_id"] == first["job_id"]
    request, _ = request_of(first["job_id"])
    assert request.sources == (TextSource("b.sql", "insert into c (x) select 1"),)


def test_the_schedule_is_checked_and_kept(context):
    job_id = submit(context, schedule="0 30 3 * * ?", schedule_timezone="Europe/Berlin")["job_id"]
    _, job = request_of(job_id)
    assert job.schedule == Schedule("30 3 * * *", "Europe/Berlin")
    submit(context, task_id="b")
    assert request_of(job_id)[1].schedule == Schedule("30 3 * * *", "Europe/Berlin")
    submit(context, task_id="c", schedule="@daily", schedule_paused=True)
    assert request_of(job_id)[1].schedule == Schedule("0 0 * * *", "UTC", True)
    with pytest.raises(AirflowFailException, match="minute"):
        submit(context, schedule="61 * * * *", job_name="other")
    hook = SqlFlowHook()
    assert hook.list_jobs(JobFilter(name="other")).total == 0
    hook.close()


def test_a_lost_job_is_named(context):
    with pytest.raises(AirflowFailException, match="nobody"):
        submit(context, job_id="nobody")


def test_what_may_be_a_template():
    assert {"job_id", "schedule", "schedule_timezone", "sql"} <= set(
        SqlFlowSubmitPersistJobOperator.template_fields
    )


def test_the_job_is_found_behind_many_whose_names_hold_its_own(context):
    first = submit(context)
    hook = SqlFlowHook()
    store = hook.get_conn()._open()[0]
    newer = {"name": "warehouse_daily", "owner": "airflow", "created_at": utc_now()}
    for number in range(201):
        store.create_job(make_job(f"j{number}", **newer), make_request(), "digest")
    hook.close()
    context["ti"].run_id = "another"
    assert submit(context)["job_id"] == first["job_id"]
