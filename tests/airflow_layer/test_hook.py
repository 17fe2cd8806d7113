from __future__ import annotations

import asyncio
import json

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowNotFoundException

from airflow_provider_sqlflow import conf
from airflow_provider_sqlflow.errors import ConfigError, JobNotFoundError, StoreUnavailableError
from airflow_provider_sqlflow.hooks.outcome import airflow_errors
from airflow_provider_sqlflow.hooks.sqlflow import SqlFlowHook
from airflow_provider_sqlflow.jobs.model import JobFilter, JobId, JobRequest, JobStatus, TextSource

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
