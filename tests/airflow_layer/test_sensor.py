from __future__ import annotations

import time
from datetime import timedelta

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import (
    AirflowFailException,
    AirflowRescheduleException,
    AirflowSensorTimeout,
    AirflowSkipException,
    TaskDeferred,
)

from airflow_provider_sqlflow.errors import RemoteUnavailableError, StoreUnavailableError
from airflow_provider_sqlflow.hooks.sqlflow import SqlFlowHook
from airflow_provider_sqlflow.jobs.model import JobRequest, JobStatus, TextSource
from airflow_provider_sqlflow.sensors.sqlflow import SqlFlowJobSensor

RUNNING, SUCCESS, PARTIAL = JobStatus.RUNNING, JobStatus.SUCCESS, JobStatus.PARTIAL_SUCCESS
FAILED_ENDS = [JobStatus.FAIL, JobStatus.CANCEL, JobStatus.DELETE]


def make_sensor(client, **arguments):
    client.submit_job(JobRequest("nightly", "postgres", (TextSource("a.sql", "select 1"),)))
    with DAG("dag", schedule=None):
        sensor = SqlFlowJobSensor(
            **{"task_id": "wait", "job_id": "job-1", "poke_interval": 0.01, **arguments}
        )
    sensor.hook = SqlFlowHook(client=client)
    return sensor


@pytest.fixture
def context(context):
    context["ti"].get_first_reschedule_date = lambda _context: None
    return context


@pytest.mark.parametrize("end", [SUCCESS, PARTIAL])
def test_pokes_until_the_end_and_returns_the_job(make_client, context, end):
    client = make_client([RUNNING, RUNNING, end])
    result = make_sensor(client).execute(context)
    assert (result["job_id"], result["status"]) == ("job-1", end.value)
    assert client.closed == 1


@pytest.mark.parametrize("end", FAILED_ENDS)
def test_a_job_without_result_fails_without_retry(make_client, context, end):
    with pytest.raises(AirflowFailException, match=f"ended as {end.value}"):
        make_sensor(make_client([RUNNING, end])).execute(context)


def test_partial_success_fails_when_asked(make_client, context):
    with pytest.raises(AirflowFailException, match="fail_on_partial"):
        make_sensor(make_client([RUNNING, PARTIAL]), fail_on_partial=True).execute(context)


def test_times_out_and_leaves_the_job_alone(make_client, context):
    client = make_client([RUNNING])
    with pytest.raises(AirflowSensorTimeout):
        make_sensor(client, timeout=0.05).execute(context)
    assert client.cancelled == []


def test_an_unknown_job_fails_without_retry(make_client, context):
    with pytest.raises(AirflowFailException, match="no job job-9"):
        make_sensor(make_client(), job_id="job-9").execute(context)


def test_a_busy_store_is_left_to_airflows_retries(make_client, context):
    client = make_client()
    client.failures = [StoreUnavailableError("locked")]
    with pytest.raises(StoreUnavailableError):
        make_sensor(client).execute(context)


def test_reschedule_frees_the_slot_between_looks(make_client, context):
    client = make_client([RUNNING, SUCCESS])
    sensor = make_sensor(client, mode="reschedule", poke_interval=30)
    with pytest.raises(AirflowRescheduleException):
        sensor.execute(context)
    sensor.hook = SqlFlowHook(client=client)
    assert sensor.execute(context)["status"] == "success"


def test_deferrable_looks_once_and_defers(make_client, context):
    sensor = make_sensor(make_client([RUNNING]), deferrable=True, timeout=100, poke_interval=7)
    with pytest.raises(TaskDeferred) as caught:
        sensor.execute(context)
    _, arguments = caught.value.trigger.serialize()
    assert arguments["poll_interval"] == 7
    assert arguments["cancel_on_kill"] is False
    assert 90 < arguments["deadline"] - time.time() <= 100
    assert caught.value.timeout == timedelta(seconds=160)


def test_deferrable_needs_no_trigger_for_an_ended_job(make_client, context):
    client = make_client([RUNNING, SUCCESS])
    sensor = make_sensor(client, deferrable=True)
    client.get_job("job-1")
    assert sensor.execute(context)["status"] == "success"


@pytest.mark.parametrize(
    ("path", "event", "error"),
    [
        ([RUNNING, JobStatus.FAIL], {"outcome": "ended"}, AirflowFailException),
        ([RUNNING], {"outcome": "timeout"}, AirflowSensorTimeout),
        ([RUNNING], {"outcome": "error", "message": "gone", "retryable": False}, AirflowFailException),
        ([RUNNING], {"outcome": "error", "message": "busy", "retryable": True}, RemoteUnavailableError),
        ([RUNNING], {"outcome": "strange"}, AirflowFailException),
        ([RUNNING], None, AirflowFailException),
    ],
)
def test_resumes_and_fails_closed(make_client, context, path, event, error):
    client = make_client(path)
    sensor = make_sensor(client)
    client.get_job("job-1")
    with pytest.raises(error):
        sensor.execute_complete(context, event)


def test_resumes_with_the_jobs_end(make_client, context):
    client = make_client([RUNNING, SUCCESS])
    sensor = make_sensor(client)
    client.get_job("job-1")
    assert sensor.execute_complete(context, {"outcome": "ended"})["status"] == "success"


@pytest.mark.parametrize("deferrable", [False, True])
@pytest.mark.parametrize("option", ["soft_fail", "never_fail"])
def test_a_failed_job_skips_when_the_sensor_is_soft(make_client, context, deferrable, option):
    sensor = make_sensor(make_client([RUNNING, JobStatus.FAIL]), deferrable=deferrable, **{option: True})
    sensor.hook.get_job("job-1")
    with pytest.raises(AirflowSkipException):
        sensor.execute(context)


def test_a_failed_job_skips_on_resume_when_the_sensor_is_soft(make_client, context):
    sensor = make_sensor(make_client([RUNNING, JobStatus.FAIL]), soft_fail=True)
    sensor.hook.get_job("job-1")
    with pytest.raises(AirflowSkipException):
        sensor.resume_execution("execute_complete", {"event": {"outcome": "ended"}}, context)


def test_poke_interval_comes_from_the_configuration(monkeypatch):
    monkeypatch.setenv("AIRFLOW__SQLFLOW__POLL_INTERVAL", "3.5")
    assert SqlFlowJobSensor(task_id="wait", job_id="j").poke_interval == 3.5
    assert SqlFlowJobSensor(task_id="wait", job_id="j", poke_interval=9).poke_interval == 9
