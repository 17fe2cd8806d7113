from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest
from airflow.sdk import BaseHook
from airflow.sdk._shared.secrets_masker import redact
from airflow.sdk.exceptions import AirflowFailException, AirflowNotFoundException

from airflow_provider_sqlflow import conf
from airflow_provider_sqlflow.client.base import SqlFlowClient
from airflow_provider_sqlflow.errors import ConfigError, JobNotFoundError, StoreUnavailableError
from airflow_provider_sqlflow.hooks.connection import remote_options
from airflow_provider_sqlflow.hooks.outcome import airflow_errors
from airflow_provider_sqlflow.hooks.sqlflow import SqlFlowHook
from airflow_provider_sqlflow.jobs.model import (
    JobFilter,
    JobId,
    JobRequest,
    JobStatus,
    Schedule,
    TableRole,
    TaskOrigin,
    TextSource,
)

REQUEST = JobRequest(
    "nightly", "postgres", (TextSource("a.sql", "insert into daily (total) select sum(amount) from orders"),)
)


@pytest.fixture
def store(tmp_path, monkeypatch):
    """The configured job store."""
    path = tmp_path / "configured.db"
    monkeypatch.setenv("AIRFLOW__SQLFLOW__STORE_URL", f"sqlite:///{path}")
    return path


def define(monkeypatch, conn_id="sqlflow_default", **fields):
    monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps({"conn_type": "sqlflow", **fields}))


def test_works_without_any_connection(store, tmp_path):
    hook = SqlFlowHook()
    try:
        job = hook.submit_job(REQUEST)
        assert job.status is JobStatus.SUCCESS
        assert hook.get_job(job.id).counts.column_edges == 1
        assert asyncio.run(hook.aget_job(job.id)).id == job.id
        assert [file.path for file in hook.list_files(job.id)] == ["a.sql"]
        assert [found.id for found in hook.list_jobs(JobFilter()).jobs] == [job.id]
        summary = hook.export_job(job.id, "csv", str(tmp_path / "out.csv"))
        assert "amount" in (tmp_path / "out.csv").read_text()
        assert summary.size == (tmp_path / "out.csv").stat().st_size
        assert hook.cancel_job(job.id).status is JobStatus.SUCCESS
        assert asyncio.run(hook.acancel_job(job.id)).status is JobStatus.SUCCESS
    finally:
        hook.close()
    assert store.exists()


def test_a_missing_connection_that_was_named_is_an_error(store):
    with pytest.raises(AirflowNotFoundException, match="elsewhere"):
        SqlFlowHook("elsewhere").get_conn()
    with pytest.raises(AirflowNotFoundException, match="elsewhere"):
        asyncio.run(SqlFlowHook("elsewhere").aget_conn())


def test_the_connection_names_the_store(store, tmp_path, monkeypatch):
    define(monkeypatch, "other", extra={"store_url": f"sqlite:///{tmp_path / 'named.db'}"})
    hook = SqlFlowHook("other")
    job = hook.submit_job(REQUEST)
    hook.close()
    assert (tmp_path / "named.db").exists()
    assert not store.exists()

    async def look():
        again = SqlFlowHook("other")
        found = await again.aget_job(job.id)
        again.close()
        return found

    assert asyncio.run(look()).id == job.id


class TestConnectionFields:
    def options(self, monkeypatch, **fields):
        define(monkeypatch, "remote", **{"host": "sqlflow.example.com", **fields})
        return remote_options(BaseHook.get_connection("remote"))

    def test_empty_fields_are_left_out(self, monkeypatch):
        extra = {"token": "", "proxy": None, "attempts": None, "verify": ""}
        assert self.options(monkeypatch, extra=extra) == {"host": "sqlflow.example.com"}

    def test_every_field_is_read(self, monkeypatch):
        extra = {
            "prefix": "",
            "token": "a-token",
            "verify": "false",
            "ca_file": "/etc/ca.pem",
            "proxy": "http://proxy:3128",
            "connect_timeout": "2.5",
            "read_timeout": 20,
            "deadline": 60,
            "transfer_deadline": 600,
            "attempts": 3,
            "timezone": "Asia/Shanghai",
        }
        fields = {"port": 8165, "schema": "http", "login": "user", "password": "secret-key", "extra": extra}
        assert self.options(monkeypatch, **fields) == {
            "host": "sqlflow.example.com",
            "port": 8165,
            "scheme": "http",
            "user_id": "user",
            "secret_key": "secret-key",
            **extra,
            "verify": False,
            "connect_timeout": 2.5,
        }

    @pytest.mark.parametrize(
        ("field", "value"),
        [("deadline", 0), ("attempts", "many"), ("read_timeout", True), ("verify", "perhaps")],
    )
    def test_a_bad_value_names_connection_and_field(self, monkeypatch, field, value):
        with pytest.raises(ConfigError, match=f"connection remote: {field} = "):
            self.options(monkeypatch, extra={field: value})

    def test_passwords_within_urls_are_masked(self, monkeypatch):
        store_url = "postgresql+psycopg://lineage:p%40ssw0rd-one@127.0.0.1:1/jobs"
        extra = {"store_url": store_url, "proxy": "http://u:proxy-w0rd@proxy:3128"}
        define(monkeypatch, "secretive", extra=extra)
        with pytest.raises(StoreUnavailableError):
            SqlFlowHook("secretive").list_jobs(JobFilter())
        for secret in ("p%40ssw0rd-one", "p@ssw0rd-one", "proxy-w0rd"):
            assert secret not in redact(f"it is {secret}, really")

    def test_passwords_among_the_parameters_of_a_url_are_masked(self, monkeypatch):
        url = "postgresql://lineage@127.0.0.1:1/jobs?password=query%2Dw0rd&sslpassword=key-w0rd&connect_timeout=1"
        define(monkeypatch, "parameters", extra={"store_url": url})
        with pytest.raises(StoreUnavailableError):
            SqlFlowHook("parameters").list_jobs(JobFilter())
        for secret in ("query%2Dw0rd", "query-w0rd", "key-w0rd"):
            assert secret not in redact(f"it is {secret}, really")


async def both_twins(hook, job, tmp_path):
    """What each call says on an event loop, beside what the one for threads says."""
    table = ("daily", TableRole.WRITE)
    path = str(tmp_path / "a.csv")
    text = TextSource("a.sql", "select a b c")
    return [
        (await hook.aget_job(job.id), hook.get_job(job.id)),
        (await hook.aresume_job(job.id), hook.resume_job(job.id)),
        (await hook.alist_jobs(JobFilter()), hook.list_jobs(JobFilter())),
        (await hook.alist_files(job.id), hook.list_files(job.id)),
        (await hook.alist_runs(job.id), hook.list_runs(job.id)),
        (await hook.alist_tables(job.id), hook.list_tables(job.id)),
        (await hook.alist_instances(*table), hook.list_instances(*table)),
        (await hook.afind_last_run(*table), hook.find_last_run(*table)),
        (await hook.alist_scheduled(), hook.list_scheduled()),
        (await hook.acancel_job(job.id), hook.cancel_job(job.id)),
        (await hook.aexport_job(job.id, "csv", path), hook.export_job(job.id, "csv", path)),
        (await hook.acheck_syntax(text, "postgres"), hook.check_syntax(text, "postgres")),
    ]


def test_twins_say_the_same(store, tmp_path):
    hook = SqlFlowHook()
    job = hook.submit_job(replace(REQUEST, origin=TaskOrigin("dag", "run", "task")))
    pairs = asyncio.run(both_twins(hook, job, tmp_path))
    hook.close()
    for said, wanted in pairs:
        assert said == wanted
        assert said or said == ()
    assert pairs[6][0].total == 1
    assert pairs[11][0][0].is_error


def test_what_changes_jobs_on_an_event_loop(store):
    hook = SqlFlowHook()

    async def change():
        job = await hook.asubmit_job(REQUEST)
        again = await hook.arerun_job(job.id)
        persist = await hook.asubmit_persist_job(REQUEST, schedule=Schedule("@daily"))
        await hook.apause_schedule(persist.id)
        paused = (await hook.alist_scheduled())[0].schedule
        await hook.apause_schedule(persist.id, is_paused=False)
        await hook.aset_schedule(persist.id, Schedule("0 5 * * *"))
        changed = (await hook.alist_scheduled())[0].schedule
        await hook.aset_schedule(persist.id, None)
        deleted = await hook.adelete_job(job.id)
        return again.run, paused, changed, await hook.alist_scheduled(), deleted.status

    run, paused, changed, left, status = asyncio.run(change())
    hook.close()
    assert (run, paused.is_paused, changed, left) == (2, True, Schedule("0 5 * * *"), ())
    assert status is JobStatus.DELETE


def test_every_call_of_a_client_has_both_twins():
    calls = {name for name in vars(SqlFlowClient) if not name.startswith("_")}
    asynchronous = {name for name in calls if asyncio.iscoroutinefunction(getattr(SqlFlowClient, name))}
    plain = calls - asynchronous - {"ping", "close", "resume_seconds", "job_url"}
    assert {name.removeprefix("a") for name in asynchronous} <= plain
    for name in plain:
        assert callable(getattr(SqlFlowHook, name)), name
        assert asyncio.iscoroutinefunction(getattr(SqlFlowHook, f"a{name}")), name


def test_the_connection_test_says_where_jobs_are_kept(store):
    working, message = SqlFlowHook().test_connection()
    assert working
    assert "embedded engine" in message
    assert "0 jobs" in message


def test_the_connection_test_keeps_the_password_to_itself(monkeypatch):
    define(monkeypatch, extra={"store_url": "postgresql+psycopg://lineage:s3cr3t-word@127.0.0.1:1/jobs"})
    working, message = SqlFlowHook().test_connection()
    assert not working
    assert "127.0.0.1" in message
    assert "s3cr3t-word" not in message


def test_nothing_is_opened_by_the_constructor(tmp_path, monkeypatch):
    monkeypatch.setenv("AIRFLOW__SQLFLOW__STORE_URL", f"sqlite:///{tmp_path / 'none.db'}")
    SqlFlowHook("does_not_exist").close()
    assert not (tmp_path / "none.db").exists()


def test_a_lost_job_is_told(store):
    hook = SqlFlowHook()
    with pytest.raises(JobNotFoundError):
        hook.get_job(JobId("none"))
    hook.close()


def test_errors_become_airflows():
    with pytest.raises(AirflowFailException, match="no job"), airflow_errors():
        raise JobNotFoundError("no job")
    with pytest.raises(StoreUnavailableError), airflow_errors():
        raise StoreUnavailableError("locked")


class TestOptions:
    def test_defaults(self, monkeypatch, tmp_path):
        from airflow.configuration import AIRFLOW_HOME

        settings = conf.settings()
        assert settings.home == AIRFLOW_HOME
        assert settings.resolved_store_url() == f"sqlite:///{AIRFLOW_HOME}/sqlflow.db"
        assert conf.poll_interval() == 10.0

    @pytest.mark.parametrize(
        "option",
        [
            "max_file_bytes",
            "max_archive_bytes",
            "max_archive_ratio",
            "max_statement_chars",
            "max_nesting",
            "processes",
            "worker_lease_seconds",
            "worker_grace_seconds",
            "worker_poll_seconds",
            "max_attempts",
        ],
    )
    def test_numbers_come_from_the_configuration_and_are_checked(self, monkeypatch, option):
        monkeypatch.setenv(f"AIRFLOW__SQLFLOW__{option.upper()}", "7")
        assert getattr(conf.settings(), option) == 7
        conf.clear_cache()
        monkeypatch.setenv(f"AIRFLOW__SQLFLOW__{option.upper()}", "0")
        with pytest.raises(ConfigError, match=option):
            conf.settings()

    def test_no_time_limit_is_zero(self, monkeypatch):
        assert conf.max_statement_seconds() == 60
        conf.clear_cache()
        monkeypatch.setenv("AIRFLOW__SQLFLOW__MAX_STATEMENT_SECONDS", "0")
        assert conf.settings().max_statement_seconds == 0
        conf.clear_cache()
        monkeypatch.setenv("AIRFLOW__SQLFLOW__MAX_STATEMENT_SECONDS", "-1")
        with pytest.raises(ConfigError, match="max_statement_seconds = -1 is not a whole number from 0 up"):
            conf.settings()

    def test_home_and_store_url(self, monkeypatch):
        monkeypatch.setenv("AIRFLOW__SQLFLOW__HOME", "/data/lineage")
        assert conf.settings().resolved_store_url() == "sqlite:////data/lineage/sqlflow.db"
        conf.clear_cache()
        monkeypatch.setenv("AIRFLOW__SQLFLOW__STORE_URL_CMD", "echo sqlite:////data/other.db")
        assert conf.settings().resolved_store_url() == "sqlite:////data/other.db"

    def test_runner_and_queues(self, monkeypatch):
        assert (conf.settings().runner, conf.settings().queues) == ("inline", ("default",))
        conf.clear_cache()
        monkeypatch.setenv("AIRFLOW__SQLFLOW__RUNNER", "worker")
        monkeypatch.setenv("AIRFLOW__SQLFLOW__WORKER_QUEUES", "large, small,large")
        assert (conf.settings().runner, conf.settings().queues) == ("worker", ("large", "small"))
        conf.clear_cache()
        monkeypatch.setenv("AIRFLOW__SQLFLOW__RUNNER", "cloud")
        with pytest.raises(ConfigError, match="'cloud' is not one of: inline, worker"):
            conf.settings()

    def test_misspelt_option_is_refused_with_the_nearest_name(self, monkeypatch):
        monkeypatch.setenv("AIRFLOW__SQLFLOW__MAX_FILE_BYTE", "7")
        with pytest.raises(ConfigError) as caught:
            conf.settings()
        assert str(caught.value) == (
            "[sqlflow] option max_file_byte is no setting of SQLFlow: did you mean max_file_bytes?"
        )

    def test_foreign_option_is_warned_about(self, monkeypatch, caplog):
        monkeypatch.setenv("AIRFLOW__SQLFLOW__COLOUR", "blue")
        assert conf.settings().max_nesting == 600
        assert "[sqlflow] option colour is no setting of SQLFlow and has no effect" in caplog.text

    def test_poll_interval_is_checked(self, monkeypatch):
        monkeypatch.setenv("AIRFLOW__SQLFLOW__POLL_INTERVAL", "0")
        with pytest.raises(ConfigError, match="poll_interval"):
            conf.poll_interval()
