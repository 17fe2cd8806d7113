from __future__ import annotations

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import TaskDeferred

from airflow_provider_sqlflow.hooks.sqlflow import SqlFlowHook
from airflow_provider_sqlflow.jobs.model import JobStatus
from airflow_provider_sqlflow.operators.links import SqlFlowJobLink, SqlFlowLineageLink
from airflow_provider_sqlflow.operators.sqlflow import SqlFlowExportOperator, SqlFlowSubmitJobOperator


def make_operator(client, **arguments):
    with DAG("dag", schedule=None):
        operator = SqlFlowSubmitJobOperator(
            task_id="task", sql="select 1", dialect="postgres", poll_interval=0.01, **arguments
        )
    operator.hook = SqlFlowHook(client=client)
    return operator


def test_the_service_says_where_its_job_is(make_client, context):
    client = make_client()
    client.url = "https://lineage.example.com/jobs"
    make_operator(client).execute(context)
    assert context["ti"].xcoms["sqlflow_job_url"] == "https://lineage.example.com/jobs/job-1"
    assert context["ti"].xcoms["_link_SqlFlowJobLink"] == "https://lineage.example.com/jobs/job-1"
    assert "sqlflow_lineage_url" not in context["ti"].xcoms


def test_the_options_name_pages(make_client, context, monkeypatch):
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example.com/base/")
    monkeypatch.setenv("AIRFLOW__SQLFLOW__JOB_URL", "{base_url}/sqlflow/jobs/{job_id}")
    monkeypatch.setenv("AIRFLOW__SQLFLOW__LINEAGE_URL", "https://page.example.com/?job={job_id}")
    make_operator(make_client()).execute(context)
    assert context["ti"].xcoms["sqlflow_job_url"] == "https://airflow.example.com/base/sqlflow/jobs/job-1"
    assert context["ti"].xcoms["_link_SqlFlowLineageLink"] == "https://page.example.com/?job=job-1"


def test_links_are_there_before_the_wait(make_client, context):
    client = make_client([JobStatus.RUNNING])
    client.url = "https://lineage.example.com"
    with pytest.raises(TaskDeferred):
        make_operator(client, deferrable=True).execute(context)
    assert context["ti"].xcoms["sqlflow_job_url"] == "https://lineage.example.com/job-1"


def test_a_link_is_what_was_pushed_whatever_the_operator_knows(monkeypatch):
    pushed = {"sqlflow_job_url": "https://a.example.com", "sqlflow_lineage_url": None}

    def get_value(*, key, ti_key):
        assert ti_key == "the key"
        return pushed[key]

    monkeypatch.setattr("airflow.sdk.execution_time.xcom.XCom.get_value", get_value)
    assert SqlFlowJobLink().get_link(None, ti_key="the key") == "https://a.example.com"
    assert SqlFlowLineageLink().get_link(None, ti_key="the key") == ""


@pytest.mark.parametrize("cls", [SqlFlowSubmitJobOperator, SqlFlowExportOperator])
def test_both_buttons_are_there(cls):
    assert [link.name for link in cls.operator_extra_links] == ["SQLFlow job", "Lineage page"]
