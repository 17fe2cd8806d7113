from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import (
    AirflowFailException,
    AirflowRescheduleException,
    AirflowSensorTimeout,
    AirflowSkipException,
    TaskDeferred,
)
from airflow.sdk.module_loading import import_string

from airflow_provider_sqlflow.errors import ConfigError, RemoteUnavailableError, StoreUnavailableError
from airflow_provider_sqlflow.hooks.sqlflow import SqlFlowHook
from airflow_provider_sqlflow.jobs.model import JobId, JobRequest, JobRun, JobStatus, TableRole, TextSource
from airflow_provider_sqlflow.operators.sqlflow import SqlFlowSubmitJobOperator
from airflow_provider_sqlflow.sensors.sqlflow import SqlFlowJobSensor, SqlFlowTableLineageSensor

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


class TestStartingFromTheTrigger:
    def test_the_triggerer_gets_what_it_needs(self):
        with DAG("dag", schedule=None) as dag:
            submit = SqlFlowSubmitJobOperator(task_id="submit", sql="select 1", dialect="mysql")
            sensor = SqlFlowJobSensor(
                task_id="wait",
                job_id=submit.output["job_id"],
                start_from_trigger=True,
                poke_interval=3,
                timeout=60,
                sqlflow_conn_id="c",
            )
        assert sensor.start_from_trigger
        arguments = sensor.start_trigger_args.trigger_kwargs
        assert arguments == {
            "job_id": "{{ ti.xcom_pull(task_ids='submit', key='job_id', map_indexes=-1) }}",
            "sqlflow_conn_id": "c",
            "poll_interval": 3,
            "cancel_on_kill": False,
        }
        assert sensor.start_trigger_args.timeout == timedelta(seconds=60)
        assert dag.get_task("wait").upstream_task_ids == {"submit"}
        trigger = import_string(sensor.start_trigger_args.trigger_cls)(**arguments)
        assert set(arguments) & set(SqlFlowJobSensor.template_fields) == {"job_id", "sqlflow_conn_id"}
        assert all(hasattr(trigger, name) for name in arguments)

    def test_several_jobs_are_refused(self):
        with DAG("dag", schedule=None):
            mapped = SqlFlowSubmitJobOperator.partial(task_id="submit", dialect="mysql").expand(
                sql=["a", "b"]
            )
            for output in (mapped.output["job_id"], mapped.output.map(str)):
                with pytest.raises(ConfigError, match="one task's output"):
                    SqlFlowJobSensor(task_id="wait", job_id=output, start_from_trigger=True)

    def test_it_is_off_unless_told(self, make_client):
        assert make_sensor(make_client()).start_from_trigger is False
        assert SqlFlowJobSensor.start_trigger_args.trigger_kwargs == {}


class TestTableLineage:
    MOMENT = datetime(2026, 1, 2, 3, tzinfo=timezone.utc)

    def run_at(self, seconds):
        end_at = self.MOMENT + timedelta(seconds=seconds)
        return JobRun(JobId("job-7"), 3, "b", SUCCESS, self.MOMENT, end_at=end_at)

    def make(self, client, **arguments):
        arguments = {
            "table": "s.t",
            "newer_than": self.MOMENT.isoformat(),
            "poke_interval": 0.01,
            **arguments,
        }
        with DAG("dag", schedule=None):
            sensor = SqlFlowTableLineageSensor(task_id="wait", **arguments)
        sensor.hook = SqlFlowHook(client=client)
        return sensor

    def found(self):
        end_at = (self.MOMENT + timedelta(seconds=1)).isoformat()
        return {"table": "s.t", "job_id": "job-7", "run": 3, "status": "success", "end_at": end_at}

    def test_pokes_until_a_run_is_new_enough(self, make_client, context):
        client = make_client()
        client.last_runs = [None, self.run_at(0), self.run_at(1)]
        assert self.make(client, newer_than=self.MOMENT).execute(context) == self.found()
        assert client.looked_for == [("s.t", TableRole.WRITE)] * 3

    def test_reschedules(self, make_client, context):
        with pytest.raises(AirflowRescheduleException):
            self.make(make_client(), mode="reschedule", role="read").execute(context)

    def test_defers_and_resumes(self, make_client, context):
        client = make_client()
        with pytest.raises(TaskDeferred) as caught:
            self.make(client, deferrable=True, timeout=60, role="").execute(context)
        _, arguments = caught.value.trigger.serialize()
        assert arguments["newer_than"] == self.MOMENT.isoformat()
        assert arguments["role"] == ""
        assert 50 < arguments["deadline"] - time.time() <= 60
        found = self.found()
        event = {"outcome": "ended", "message": found.pop("status"), **found}
        assert self.make(client).execute_complete(context, event) == self.found()

    @pytest.mark.parametrize(
        ("event", "error"),
        [
            (None, AirflowFailException),
            ({"outcome": "timeout"}, AirflowSensorTimeout),
            ({"outcome": "error", "message": "m", "retryable": True}, RemoteUnavailableError),
            ({"outcome": "error", "message": "m", "retryable": False}, AirflowFailException),
        ],
    )
    def test_fails_closed(self, make_client, context, event, error):
        with pytest.raises(error):
            self.make(make_client()).execute_complete(context, event)

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"newer_than": "soon"}, "newer_than = 'soon' is no time"),
            ({"role": "both"}, "neither 'write' nor 'read'"),
        ],
    )
    def test_a_bad_argument_is_told(self, make_client, context, arguments, message):
        with pytest.raises(AirflowFailException, match=message):
            self.make(make_client(), **arguments).execute(context)

    def test_over_the_real_store(self, context, tmp_path, monkeypatch):
        monkeypatch.setenv("AIRFLOW__SQLFLOW__STORE_URL", f"sqlite:///{tmp_path / 'jobs.db'}")
        hook = SqlFlowHook()
        before = datetime.now(timezone.utc)
        source = TextSource("a.sql", "insert into shop.daily (n) select m from shop.orders")
        job = hook.submit_job(JobRequest("nightly", "postgres", (source,)))
        hook.close()
        with DAG("dag", schedule=None):
            sensors = [
                SqlFlowTableLineageSensor(
                    task_id=name, table=table, newer_than=moment, role=role, poke_interval=0.01, timeout=0.05
                )
                for name, table, moment, role in [
                    ("written", "SHOP.Daily", before, "write"),
                    ("read", "orders", before, "read"),
                    ("not_written", "orders", before, "write"),
                    ("too_old", "daily", datetime.now(timezone.utc), "write"),
                ]
            ]
        assert [sensor.execute(context)["job_id"] for sensor in sensors[:2]] == [str(job.id)] * 2
        for sensor in sensors[2:]:
            with pytest.raises(AirflowSensorTimeout):
                sensor.execute(context)
