from __future__ import annotations

import threading
import time
from datetime import timedelta
from pathlib import Path

import jinja2
import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred

from airflow_provider_sqlflow.errors import (
    JobTimeoutError,
    RemoteUnavailableError,
    StoreUnavailableError,
    UnreadableInputError,
)
from airflow_provider_sqlflow.hooks.sqlflow import SqlFlowHook
from airflow_provider_sqlflow.jobs.model import JobFile, JobId, JobStatus, PathSource, TaskOrigin, TextSource
from airflow_provider_sqlflow.operators.sqlflow import SqlFlowSubmitJobOperator
from airflow_provider_sqlflow.operators.submission import STATE_KEY

RUNNING, SUCCESS, PARTIAL = JobStatus.RUNNING, JobStatus.SUCCESS, JobStatus.PARTIAL_SUCCESS


def make_operator(client, **arguments):
    arguments = {"sql": "select 1", "dialect": "postgres", "poll_interval": 0.01, **arguments}
    with DAG("dag", schedule=None):
        operator = SqlFlowSubmitJobOperator(task_id="task", **arguments)
    operator.hook = SqlFlowHook(client=client)
    return operator


def resume(client, event, context, **arguments):
    return make_operator(client, **arguments).execute_complete(context, event)


def test_waits_for_the_end_and_returns_plain_values(make_client, context):
    client = make_client([RUNNING, RUNNING, SUCCESS])
    result = make_operator(client).execute(context)
    assert result["job_id"] == "job-1"
    assert result["status"] == "success"
    assert type(result["status"]) is str
    assert result["counts"]["statements"] == 5
    assert context["ti"].xcoms == {"job_id": "job-1"}
    assert context["task_state_store"] == {}
    assert client.closed == 1


def test_does_not_wait_when_told_so(make_client, context):
    result = make_operator(make_client(), wait_for_termination=False, deferrable=True).execute(context)
    assert result["status"] == "create"
    assert context["task_state_store"] == {}


@pytest.mark.parametrize("status", [JobStatus.FAIL, JobStatus.CANCEL, JobStatus.DELETE])
def test_a_job_without_result_fails_without_retry(make_client, context, status):
    with pytest.raises(AirflowFailException, match=f"ended as {status.value}"):
        make_operator(make_client([RUNNING, status])).execute(context)
    assert context["task_state_store"] == {}


def test_an_unknown_remote_status_is_waited_through(make_client, context):
    client = make_client([RUNNING, RUNNING, SUCCESS])
    operator = make_operator(client)
    steps = iter([JobStatus.UNKNOWN])
    real_get = client.get_job

    def get_job(job_id):
        job = real_get(job_id)
        word = next(steps, None)
        return job if word is None else type(job)(job.id, job.name, job.dialect, word, job.created_at)

    client.get_job = get_job
    assert operator.execute(context)["status"] == "success"


def test_partial_success_passes_and_says_where(make_client, context, capsys):
    client = make_client([RUNNING, PARTIAL])
    client.files = tuple(JobFile(f"f{n}.sql", PARTIAL, 2, 1, f"f{n}.sql:3:7: bad") for n in range(25))
    assert make_operator(client).execute(context)["status"] == "partial_success"
    log = capsys.readouterr().out
    assert "f0.sql:3:7: bad" in log
    assert "f19.sql:3:7: bad" in log
    assert "f20.sql:3:7: bad" not in log
    assert "5 more files" in log


def test_partial_success_fails_when_asked(make_client, context):
    with pytest.raises(AirflowFailException, match="1 statements gave no lineage"):
        make_operator(make_client([RUNNING, PARTIAL]), fail_on_partial=True).execute(context)


def test_deferrable_waits_in_the_triggerer(make_client, context):
    operator = make_operator(
        make_client(), deferrable=True, timeout=60, execution_timeout=timedelta(seconds=30), poll_interval=2
    )
    with pytest.raises(TaskDeferred) as caught:
        operator.execute(context)
    _, arguments = caught.value.trigger.serialize()
    assert arguments["job_id"] == "job-1"
    assert arguments["poll_interval"] == 2
    assert arguments["cancel_on_kill"] is True
    assert 20 < arguments["deadline"] - time.time() <= 30
    assert caught.value.method_name == "execute_complete"
    assert context["ti"].xcoms == {"job_id": "job-1"}
    assert STATE_KEY in context["task_state_store"]


def test_deferrable_needs_no_trigger_for_an_ended_job(make_client, context):
    client = make_client([])
    real_submit = client.submit_job

    def submit_inline(request):
        job = real_submit(request)
        client._move(job.id, RUNNING)
        client._move(job.id, SUCCESS)
        return client.jobs[job.id]

    client.submit_job = submit_inline
    assert make_operator(client, deferrable=True).execute(context)["status"] == "success"


def test_resumes_with_the_jobs_end(make_client, context):
    client = make_client([RUNNING, SUCCESS])
    with pytest.raises(TaskDeferred):
        make_operator(client, deferrable=True).execute(context)
    client.get_job(JobId("job-1"))
    event = {"outcome": "ended", "job_id": "job-1", "message": "success"}
    assert resume(client, event, context)["status"] == "success"
    assert context["task_state_store"] == {}


def test_resume_after_the_deadline_cancels(make_client, context):
    client = make_client([RUNNING])
    with pytest.raises(TaskDeferred):
        make_operator(client, deferrable=True).execute(context)
    with pytest.raises(JobTimeoutError, match="cancel"):
        resume(client, {"outcome": "timeout", "job_id": "job-1"}, context)
    assert client.cancelled == ["job-1"]


class TestTakingOver:
    """The embedded engine's job was lost with another process: this one looks when its lease has ended."""

    def test_the_trigger_knows_when_to_come_back(self, make_client, context):
        client = make_client([RUNNING])
        client.resume_seconds = 60
        with pytest.raises(TaskDeferred) as caught:
            make_operator(client, deferrable=True, timeout=600).execute(context)
        assert 50 < caught.value.trigger.resume_at - time.time() <= 60

    def test_the_task_goes_on_with_the_job(self, make_client, context):
        client = make_client([RUNNING])
        with pytest.raises(TaskDeferred):
            make_operator(client, deferrable=True, timeout=600).execute(context)
        event = {"outcome": "resume", "job_id": "job-1", "message": "running", "deadline": time.time() + 500}
        with pytest.raises(TaskDeferred) as caught:
            resume(client, event, context, deferrable=True)
        assert caught.value.trigger.deadline == event["deadline"]
        client.ahead["job-1"] = [SUCCESS]
        assert resume(client, event, context, deferrable=True)["status"] == "success"
        assert client.resumed == ["job-1", "job-1"]

    def test_every_look_may_take_over(self, make_client, context):
        client = make_client([RUNNING, RUNNING, SUCCESS])
        make_operator(client).execute(context)
        assert client.resumed == ["job-1"] * 3


@pytest.mark.parametrize(
    ("event", "error"),
    [
        (None, AirflowFailException),
        ({}, AirflowFailException),
        ({"job_id": "job-1"}, AirflowFailException),
        ({"job_id": "job-1", "outcome": "strange"}, AirflowFailException),
        (
            {"job_id": "job-1", "outcome": "error", "message": "gone", "retryable": False},
            AirflowFailException,
        ),
        (
            {"job_id": "job-1", "outcome": "error", "message": "busy", "retryable": True},
            RemoteUnavailableError,
        ),
        ({"job_id": "job-9", "outcome": "ended"}, AirflowFailException),
    ],
)
def test_resume_fails_closed(make_client, context, event, error):
    with pytest.raises(error):
        resume(make_client(), event, context)


def test_timeout_cancels_the_job(make_client, context):
    client = make_client([RUNNING])
    with pytest.raises(JobTimeoutError):
        make_operator(client, timeout=0.05).execute(context)
    assert client.cancelled == ["job-1"]


def test_kill_cancels_the_running_job(make_client, context):
    client = make_client([RUNNING])
    operator = make_operator(client, poll_interval=0.01)
    killed = threading.Timer(0.1, operator.on_kill)
    killed.start()
    with pytest.raises(AirflowFailException, match="ended as cancel"):
        operator.execute(context)
    killed.join()
    assert client.cancelled == ["job-1"]


def test_kill_leaves_the_job_alone_when_told_so(make_client, context):
    client = make_client([RUNNING])
    operator = make_operator(client, cancel_on_kill=False, timeout=0.3)
    killed = threading.Timer(0.1, operator.on_kill)
    killed.start()
    with pytest.raises(JobTimeoutError):
        operator.execute(context)
    killed.join()
    with pytest.raises(TaskDeferred) as caught:
        make_operator(make_client([RUNNING]), cancel_on_kill=False, deferrable=True).execute(context)
    assert caught.value.trigger.cancel_on_kill is False


def test_a_bad_interval_is_told_before_a_job_exists(make_client, context):
    client = make_client()
    with pytest.raises(AirflowFailException, match="poll_interval = 0 is not above zero"):
        make_operator(client, poll_interval=0).execute(context)
    assert client.jobs == {}


def test_kill_before_the_start_does_nothing(make_client):
    client = make_client()
    make_operator(client).on_kill()
    assert client.cancelled == []


def test_kill_never_raises(make_client, context):
    client = make_client([RUNNING, SUCCESS])
    operator = make_operator(client)
    operator.execute(context)

    def unavailable(*_):
        raise StoreUnavailableError("down")

    client.list_jobs = unavailable
    operator.hook = SqlFlowHook(client=client)
    operator.on_kill()


def test_only_errors_that_a_retry_cures_are_retried(make_client, context):
    client = make_client()
    client.failures = [StoreUnavailableError("locked")]
    with pytest.raises(StoreUnavailableError):
        make_operator(client).execute(context)

    def submit_job(_request):
        raise UnreadableInputError("a.sql does not exist")

    client.submit_job = submit_job
    context["task_state_store"].clear()
    with pytest.raises(AirflowFailException, match=r"a\.sql does not exist"):
        make_operator(client).execute(context)


class TestRetries:
    def test_an_interrupted_try_is_picked_up(self, make_client, context):
        client = make_client([RUNNING, RUNNING, SUCCESS])
        client.failures = [StoreUnavailableError("locked")]
        with pytest.raises(StoreUnavailableError):
            make_operator(client).execute(context)
        assert make_operator(client).execute(context)["job_id"] == "job-1"
        assert list(client.jobs) == ["job-1"]

    def test_a_retry_after_a_failed_job_submits_again(self, make_client, context):
        client = make_client([RUNNING, JobStatus.FAIL])
        with pytest.raises(AirflowFailException):
            make_operator(client).execute(context)
        client.path = (RUNNING, SUCCESS)
        assert make_operator(client).execute(context)["job_id"] == "job-2"

    def test_a_cleared_task_analyses_again(self, make_client, context):
        client = make_client()
        assert make_operator(client).execute(context)["job_id"] == "job-1"
        assert make_operator(client).execute(context)["job_id"] == "job-2"

    def test_a_deferred_job_cancelled_by_a_clear_is_not_picked_up(self, make_client, context):
        client = make_client([RUNNING])
        with pytest.raises(TaskDeferred):
            make_operator(client, deferrable=True).execute(context)
        client.cancel_job(JobId("job-1"))
        with pytest.raises(TaskDeferred) as caught:
            make_operator(client, deferrable=True).execute(context)
        assert caught.value.trigger.job_id == "job-2"

    def test_other_sql_is_another_job_and_the_old_one_stops(self, make_client, context):
        client = make_client([RUNNING])
        with pytest.raises(TaskDeferred):
            make_operator(client, deferrable=True).execute(context)
        client.path = (RUNNING, SUCCESS)
        assert make_operator(client, sql="select 2").execute(context)["job_id"] == "job-2"
        assert client.cancelled == ["job-1"]

    def test_a_try_that_died_while_submitting_is_gone_on_with(self, make_client, context):
        client = make_client([RUNNING, RUNNING, SUCCESS])
        real_submit = client.submit_job

        def submit_and_die(request):
            real_submit(request)
            raise KeyboardInterrupt

        client.submit_job = submit_and_die
        with pytest.raises(KeyboardInterrupt):
            make_operator(client).execute(context)
        assert "job_id" not in context["task_state_store"][STATE_KEY]
        client.submit_job = real_submit
        context["ti"].try_number = 2
        assert make_operator(client).execute(context)["job_id"] == "job-1"
        assert client.cancelled == []
        assert list(client.jobs) == ["job-1"]

    def test_changed_files_are_another_input(self, make_client, context, tmp_path):
        (tmp_path / "a.sql").write_text("select 1")
        client = make_client([RUNNING])
        with pytest.raises(TaskDeferred):
            make_operator(client, sql=None, paths=str(tmp_path), deferrable=True).execute(context)
        with pytest.raises(TaskDeferred):
            make_operator(client, sql=None, paths=str(tmp_path), deferrable=True).execute(context)
        assert list(client.jobs) == ["job-1"]
        (tmp_path / "a.sql").write_text("select 2")
        with pytest.raises(TaskDeferred):
            make_operator(client, sql=None, paths=str(tmp_path), deferrable=True).execute(context)
        assert list(client.jobs) == ["job-1", "job-2"]
        assert client.cancelled == ["job-1"]

    def test_the_job_knows_its_task(self, make_client, context):
        client = make_client()
        context["ti"].try_number = 3
        make_operator(client).execute(context)
        assert client.requests[JobId("job-1")].origin == TaskOrigin("dag", "run", "task", -1, 3)

    def test_mapped_instances_have_their_own_jobs(self, make_client, context):
        client = make_client()
        for map_index in (0, 1):
            context["ti"].map_index = map_index
            context["task_state_store"].clear()
            make_operator(client).execute(context)
        keys = {request.idempotency_key for request in client.requests.values()}
        assert len(keys) == 2
        assert [request.name for request in client.requests.values()] == ["dag.task.0", "dag.task.1"]
        assert [request.tags for request in client.requests.values()] == [
            ("airflow:dag/run/task/0",),
            ("airflow:dag/run/task/1",),
        ]


class TestRequest:
    def test_texts_and_paths_become_sources(self, make_client, context):
        client = make_client()
        make_operator(
            client,
            sql=["select 1", "select 2"],
            paths=["models", "/abs/a.zip", "s3://bucket/models"],
            job_name="nightly",
            tags=["finance"],
            default_database="dwh",
            default_schema="public",
            catalog={"dwh.public.t": ["a", "b"]},
        ).execute(context)
        request = client.requests[JobId("job-1")]
        assert request.sources == (
            TextSource("task.1.sql", "select 1"),
            TextSource("task.2.sql", "select 2"),
            PathSource(str(Path(__file__).parent / "models")),
            PathSource("/abs/a.zip"),
            PathSource("s3://bucket/models"),
        )
        assert request.name == "nightly"
        assert request.tags == ("finance", "airflow:dag/run/task")
        assert (request.default_database, request.default_schema) == ("dwh", "public")
        assert request.catalog == {"dwh.public.t": ("a", "b")}

    def test_nothing_to_analyse_is_said(self, make_client, context):
        with pytest.raises(AirflowFailException, match="neither sql nor paths nor database_conn_id"):
            make_operator(make_client(), sql=None).execute(context)


class TestTemplates:
    def render(self, folder, **arguments):
        with DAG("dag", schedule=None, template_searchpath=str(folder)):
            operator = SqlFlowSubmitJobOperator(task_id="task", dialect="{{ params.d }}", **arguments)
        operator.resolve_template_files()
        operator.render_template_fields({"params": {"d": "bigquery", "x": 7}})
        return operator

    def test_a_sql_file_is_loaded_and_rendered(self, tmp_path):
        (tmp_path / "q.sql").write_text("select {{ params.x }}")
        operator = self.render(tmp_path, sql="q.sql")
        assert operator.sql == "select 7"
        assert operator.dialect == "bigquery"

    def test_a_list_of_sql_files(self, tmp_path):
        (tmp_path / "q.sql").write_text("select {{ params.x }}")
        assert self.render(tmp_path, sql=["q.sql", "select 1"]).sql == ["select 7", "select 1"]

    def test_paths_and_names_that_end_in_sql_stay(self, tmp_path):
        operator = self.render(tmp_path, paths=["a.sql", "{{ params.x }}/b.sql"], job_name="daily.sql")
        assert operator.paths == ["a.sql", "7/b.sql"]
        assert operator.job_name == "daily.sql"
        assert list(operator.template_fields) == list(SqlFlowSubmitJobOperator.template_fields)

    def test_a_missing_template_file_is_an_error(self, tmp_path):
        with pytest.raises(jinja2.TemplateNotFound):
            self.render(tmp_path, sql="missing.sql")
