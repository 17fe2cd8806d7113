from __future__ import annotations

import pytest
from airflow.sdk import DAG, task
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred

from airflow_provider_sqlflow.hooks.sqlflow import SqlFlowHook
from airflow_provider_sqlflow.jobs.model import JobId, JobStatus, PathSource, TextSource


def make(client, returned, op_args=(), **arguments):
    """The operator of a task whose function returns something."""
    with DAG("dag", schedule=None):

        @task.sqlflow(poll_interval=0.01, **{"dialect": "mysql", **arguments})
        def lineage(*given, ti=None):
            return returned(*given) if callable(returned) else returned

        operator = lineage(*op_args).operator
    operator.hook = SqlFlowHook(client=client)
    return operator


def execute(client, returned, context, op_args=(), **arguments):
    context["params"] = {"x": 7}
    return make(client, returned, op_args, **arguments).execute(context)


def test_text_is_rendered_and_analysed(make_client, context):
    client = make_client()
    result = execute(client, lambda a: f"select {a}, {{{{ params.x }}}}", context, op_args=["b"])
    assert result["status"] == "success"
    request = client.requests[JobId("job-1")]
    assert request.sources == (TextSource("lineage.sql", "select b, 7"),)
    assert (request.dialect, request.name) == ("mysql", "dag.task")


def test_a_list_is_several_texts(make_client, context):
    client = make_client()
    execute(client, ["select 1", "select 2"], context)
    assert [source.name for source in client.requests[JobId("job-1")].sources] == [
        "lineage.1.sql",
        "lineage.2.sql",
    ]


def test_a_dict_is_arguments(make_client, context):
    client = make_client()
    execute(
        client, {"paths": "/a.sql", "dialect": "hive", "job_name": "n{{ params.x }}", "tags": ["t"]}, context
    )
    request = client.requests[JobId("job-1")]
    assert request.sources == (PathSource("/a.sql"),)
    assert (request.dialect, request.name, request.tags[0]) == ("hive", "n7", "t")


@pytest.mark.parametrize("returned", ["", "  ", [], {}, None, 5, ["select 1", 2], ["select 1", ""]])
def test_what_is_no_sql_fails(make_client, context, returned):
    with pytest.raises(AirflowFailException, match="is to return SQL text, a list of texts or a dict"):
        execute(make_client(), returned, context)


def test_an_unknown_argument_is_named(make_client, context):
    with pytest.raises(AirflowFailException, match=r"returned retries; it may return catalog, "):
        execute(make_client(), {"retries": 3, "sql": "select 1"}, context)


def test_it_defers_and_resumes_as_the_operator_does(make_client, context):
    client = make_client([JobStatus.RUNNING, JobStatus.SUCCESS])
    with pytest.raises(TaskDeferred):
        execute(client, "select 1", context, deferrable=True)
    client.get_job(JobId("job-1"))
    event = {"outcome": "ended", "job_id": "job-1"}
    assert make(client, "never called").execute_complete(context, event)["status"] == "success"


def test_the_function_may_be_mapped():
    with DAG("dag", schedule=None) as dag:

        @task.sqlflow(dialect="mysql")
        def lineage(table):
            return f"select * from {table}"

        lineage.expand(table=["a", "b"])
    assert dag.get_task("lineage").is_mapped
