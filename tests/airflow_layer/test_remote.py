"""Operators, sensor, trigger and hook do the same over the embedded engine and over a SQLFlow service."""

from __future__ import annotations

import asyncio
import json
import threading
import time

import pytest
from airflow.sdk import DAG
from airflow.sdk._shared.secrets_masker import redact
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred

from airflow_provider_sqlflow.client.http import transport
from airflow_provider_sqlflow.client.http.client import HttpClient
from airflow_provider_sqlflow.errors import ConfigError, JobTimeoutError
from airflow_provider_sqlflow.hooks.sqlflow import SqlFlowHook
from airflow_provider_sqlflow.jobs.model import JobFilter, JobStatus
from airflow_provider_sqlflow.operators.sqlflow import SqlFlowExportOperator, SqlFlowSubmitJobOperator
from airflow_provider_sqlflow.sensors.sqlflow import SqlFlowJobSensor
from airflow_provider_sqlflow.triggers.sqlflow import SqlFlowJobTrigger
from tests.client.fake_sqlflow import SECRET, USER, hang_up, page, raw, running

CONNECTION = "lineage"
SQL = "CREATE VIEW v AS SELECT a, b AS c FROM s WHERE d = 1;\nINSERT INTO t (a) SELECT c FROM v"


def define(monkeypatch, **fields):
    text = json.dumps({"conn_type": "sqlflow", **fields})
    monkeypatch.setenv(f"AIRFLOW_CONN_{CONNECTION.upper()}", text)


def address(url, **more):
    """The fields of a connection to an address."""
    return {"host": url, "login": USER, "password": SECRET, **more}


@pytest.fixture
def fake(monkeypatch):
    monkeypatch.setattr(transport, "FIRST_WAIT", 0.01)
    with running() as service:
        yield service


@pytest.fixture
def remote(fake, monkeypatch):
    define(monkeypatch, **address(fake.url))
    return fake


@pytest.fixture(params=["embedded", "remote"])
def connection(request, monkeypatch, tmp_path):
    """A connection of either kind; the tests do not know which."""
    if request.param == "remote":
        request.getfixturevalue("remote")
    else:
        define(monkeypatch, extra={"store_url": f"sqlite:///{tmp_path / 'jobs.db'}"})


def make(operator, **arguments):
    with DAG("dag", schedule=None):
        return operator(**{"task_id": "task", "sqlflow_conn_id": CONNECTION, **arguments})


def submit(**arguments):
    values = {"sql": SQL, "dialect": "postgres", "poll_interval": 0.01, **arguments}
    return make(SqlFlowSubmitJobOperator, **values)


@pytest.mark.usefixtures("connection")
class TestTheSame:
    def test_submit_and_wait(self, context):
        result = submit().execute(context)
        assert (result["job_name"], result["dialect"], result["status"]) == (
            "dag.task",
            "postgres",
            "success",
        )
        assert result["counts"]["files_done"] == 1
        assert context["ti"].xcoms == {"job_id": result["job_id"]}
        assert context["task_state_store"] == {}

    def test_submit_then_sensor_then_export(self, context, tmp_path):
        context["ti"].get_first_reschedule_date = lambda _context: None
        submitted = submit(wait_for_termination=False).execute(context)
        sensor = make(SqlFlowJobSensor, job_id=submitted["job_id"], poke_interval=0.01)
        assert sensor.execute(context)["status"] == "success"
        formats = ["json", "csv", "graphml", "svg", "openlineage", "edges"]
        export = make(
            SqlFlowExportOperator,
            job_id=submitted["job_id"],
            output_path=str(tmp_path / "o"),
            formats=formats,
        )
        exports = export.execute(context)["exports"]
        assert [(item["format"], item["relations"], item["edges"]) for item in exports] == [
            (name, 3, 4) for name in formats
        ]
        assert all((tmp_path / "o").joinpath(item["path"]).stat().st_size == item["size"] for item in exports)

    def test_deferred_in_the_triggerer(self, context):
        submitted = submit(wait_for_termination=False).execute(context)
        trigger = SqlFlowJobTrigger(
            job_id=submitted["job_id"],
            sqlflow_conn_id=CONNECTION,
            poll_interval=0.01,
            deadline=time.time() + 60,
        )

        async def wait():
            events = [event.payload async for event in trigger.run()]
            await trigger.cleanup()
            return events

        [event] = asyncio.run(wait())
        assert event == {"outcome": "ended", "job_id": submitted["job_id"], "message": "success"}
        assert submit().execute_complete(context, event)["status"] == "success"

    def test_no_such_job(self, context, tmp_path):
        with pytest.raises(AirflowFailException, match="nope"):
            make(SqlFlowJobSensor, job_id="nope").poke(context)
        with pytest.raises(AirflowFailException, match="nope"):
            make(SqlFlowExportOperator, job_id="nope", output_path=str(tmp_path)).execute(context)

    def test_unusable_input_fails_without_retry(self, context, tmp_path):
        with pytest.raises(AirflowFailException, match="missing"):
            submit(sql=None, paths=str(tmp_path / "missing.sql")).execute(context)

    def test_the_connection_test(self):
        working, message = SqlFlowHook(CONNECTION).test_connection()
        assert working, message
        assert "0 jobs" in message
        assert SECRET not in message


class TestRemote:
    def test_defers_and_resumes(self, remote, context):
        with pytest.raises(TaskDeferred) as caught:
            submit(deferrable=True).execute(context)
        _, arguments = caught.value.trigger.serialize()
        assert SECRET not in str(arguments)
        assert arguments["job_id"] in remote.jobs

    def test_partial_success_says_where(self, remote, context, capsys):
        remote.steps = ["partial_success"]
        assert submit(sql="SELECT 1;\nSELECT FROM WHERE").execute(context)["status"] == "partial_success"
        assert "task.sql:2:" in capsys.readouterr().out

    def test_a_failed_job_fails_the_task(self, remote, context):
        remote.steps = ["fail"]
        with pytest.raises(AirflowFailException, match="ended as fail"):
            submit().execute(context)

    def test_a_retry_finds_the_job_of_a_killed_try(self, remote, context):
        """The first try ended after its submit: the next one waits for the same job."""
        first = submit(wait_for_termination=False)
        first.hook._client = client = HttpClientThatStops(SqlFlowHook(CONNECTION).get_conn())
        with pytest.raises(Killed):
            first.execute(context)
        client.close()
        assert submit().execute(context)["job_id"] in remote.jobs
        alive = [job for job in remote.jobs.values() if job.status != "delete"]
        assert len(alive) == 1

    def test_a_lost_answer_neither_loses_nor_doubles_the_job(self, remote, context):
        remote.answer_first("submitUserJob", hang_up)
        remote.answer_first("displayUserJobSummary", page(502), raw(b""))
        assert submit().execute(context)["status"] == "success"
        assert len(remote.jobs) == 1

    def test_a_timeout_deletes_the_job(self, remote, context):
        remote.steps = ["running"] * 999
        with pytest.raises(JobTimeoutError, match="delete"):
            submit(timeout=0.1).execute(context)
        assert [job.status for job in remote.jobs.values()] == ["delete"]

    def test_a_kill_deletes_the_job(self, remote, context):
        remote.steps = ["running"] * 999
        operator = submit()
        thread = threading.Thread(target=lambda: _fails(operator, context))
        thread.start()
        while not remote.jobs:
            time.sleep(0.01)
        operator.on_kill()
        thread.join(10)
        assert not thread.is_alive()
        assert [job.status for job in remote.jobs.values()] == ["delete"]
        [job] = SqlFlowHook(CONNECTION).list_jobs(JobFilter()).jobs
        assert job.status is JobStatus.DELETE
        assert job.tags == ("airflow:dag/run/task",)

    def test_a_wrong_secret_fails_without_retry(self, fake, monkeypatch, context):
        define(monkeypatch, **address(fake.url, password="hidden-word"))
        with pytest.raises(AirflowFailException, match="no token") as caught:
            submit().execute(context)
        assert "hidden-word" not in str(caught.value)
        working, message = SqlFlowHook(CONNECTION).test_connection()
        assert not working
        assert "hidden-word" not in message


class Killed(BaseException):
    """Stands for the end of a process."""


class HttpClientThatStops:
    """Ends the try as soon as its job is submitted."""

    def __init__(self, client):
        self._client = client

    def __getattr__(self, name):
        return getattr(self._client, name)

    def submit_job(self, request):
        self._client.submit_job(request)
        raise Killed


class TestConnection:
    def settings(self):
        client = SqlFlowHook(CONNECTION).get_conn()
        assert isinstance(client, HttpClient)
        return client._jobs.settings

    def test_every_field(self, monkeypatch):
        define(
            monkeypatch,
            host="lineage.example.com",
            port=8165,
            schema="http",
            login="me",
            password="key",
            extra={
                "token": "t",
                "prefix": "/lineage",
                "verify": "False",
                "ca_file": "/ca.pem",
                "proxy": "http://proxy:3128",
                "connect_timeout": "1.5",
                "read_timeout": 2,
                "deadline": 3,
                "transfer_deadline": 4,
                "attempts": "6",
                "timezone": "Europe/Berlin",
            },
        )
        settings = self.settings()
        assert settings.base_url == "http://lineage.example.com:8165/lineage"
        assert (settings.user_id, settings.secret_key, settings.token) == ("me", "key", "t")
        assert (settings.verify, settings.ca_file, settings.proxy) == (False, "/ca.pem", "http://proxy:3128")
        assert (settings.connect_timeout, settings.read_timeout) == (1.5, 2.0)
        assert (settings.deadline, settings.transfer_deadline, settings.attempts) == (3.0, 4.0, 6)
        assert settings.timezone == "Europe/Berlin"

    def test_the_least(self, monkeypatch):
        define(monkeypatch, host="api.gudusoft.com", extra={"verify": "", "attempts": None})
        settings = self.settings()
        assert settings.base_url == "https://api.gudusoft.com/gspLive_backend"
        assert (settings.user_id, settings.secret_key, settings.verify) == ("gudu|0123456789", "", True)

    def test_as_a_uri(self, monkeypatch):
        uri = "sqlflow://auth0%7C5f1e:key@lineage.example.com:8165/http?verify=false&attempts=2"
        monkeypatch.setenv(f"AIRFLOW_CONN_{CONNECTION.upper()}", uri)
        settings = self.settings()
        assert settings.base_url == "http://lineage.example.com:8165/api/gspLive_backend"
        assert (settings.user_id, settings.secret_key) == ("auth0|5f1e", "key")
        assert (settings.verify, settings.attempts) == (False, 2)

    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            ({"host": "h", "password": "hidden"}, r"needs its user id \(login\)"),
            ({"host": "ftp://h"}, "no http or https address"),
            ({"host": "h", "extra": {"deadline": "soon"}}, "deadline = .soon. is no number above zero"),
            ({"host": "h", "extra": {"attempts": 0}}, "attempts"),
            ({"host": "h", "extra": {"verify": "perhaps"}}, "verify"),
            ({"host": "h", "extra": {"timezone": "Nowhere"}}, "Nowhere"),
        ],
    )
    def test_what_cannot_be_used_is_named(self, monkeypatch, fields, message):
        define(monkeypatch, **fields)
        with pytest.raises(ConfigError, match=message) as caught:
            SqlFlowHook(CONNECTION).get_conn()
        assert CONNECTION in str(caught.value) or "Nowhere" in str(caught.value)
        assert "hidden" not in str(caught.value)


def _fails(operator, context):
    with pytest.raises(AirflowFailException):
        operator.execute(context)


def test_a_token_that_the_service_gave_is_masked(remote):
    hook = SqlFlowHook(CONNECTION)
    hook.list_jobs(JobFilter())
    hook.close()
    [token] = remote.tokens
    assert len(token) > 4, "Airflow masks no shorter word"
    assert token not in redact(f"token={token}")
