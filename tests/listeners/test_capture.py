"""The listener, driven as pluggy drives it. Events are in tests/system/test_captured_sql.py."""

from __future__ import annotations

import time

import pytest
from airflow.providers.common.sql.operators.sql import SQLExecuteQueryOperator

from airflow_provider_sqlflow import conf
from airflow_provider_sqlflow.errors import ConfigError
from airflow_provider_sqlflow.jobs.model import JobFilter
from airflow_provider_sqlflow.jobs.service import JobService
from airflow_provider_sqlflow.jobs.store.sql import SqlJobStore
from airflow_provider_sqlflow.listeners import reading
from airflow_provider_sqlflow.listeners.capture import SqlCaptureListener
from airflow_provider_sqlflow.plugins.sqlflow import SqlFlowPlugin

INSERT = "INSERT INTO daily SELECT * FROM orders"


@pytest.fixture
def listener(monkeypatch, tmp_path, sqlite_hook):
    monkeypatch.setenv("AIRFLOW__SQLFLOW__CAPTURE_SQL", "both")
    monkeypatch.setenv("AIRFLOW__SQLFLOW__HOME", str(tmp_path))
    return SqlCaptureListener()


@pytest.fixture
def load(make_instance):
    return lambda sql=INSERT: make_instance(
        SQLExecuteQueryOperator(task_id="load", conn_id="warehouse", sql=sql)
    )


def drive(generator):
    """What pluggy does with a wrapper: the other listeners run where it yields."""
    next(generator)
    with pytest.raises(StopIteration) as stop:
        generator.send(["result of the others"])
    return stop.value.value


def jobs():
    store = SqlJobStore(conf.settings().resolved_store_url(), 1)
    try:
        return JobService(store, None, conf.settings()).list(JobFilter()).jobs
    finally:
        store.close()


def finish(listener, instance):
    drive(listener.on_task_instance_running("queued", instance))
    assert drive(listener.on_task_instance_success("running", instance)) == ["result of the others"]


def test_without_openlineage_the_store_learns(listener, load):
    finish(listener, load())
    assert [job.name for job in jobs()] == ["shop.load"]


def test_a_failed_task_teaches_nothing(listener, load):
    drive(listener.on_task_instance_failed("running", load(), "boom"))
    assert jobs() == ()


def test_sql_that_hooks_ran(listener, make_instance, sqlite_hook):
    from airflow.sdk import BaseOperator

    instance = make_instance(BaseOperator(task_id="load"))
    drive(listener.on_task_instance_running("queued", instance))
    sqlite_hook.run(INSERT)
    drive(listener.on_task_instance_success("running", instance))
    assert [job.counts.column_edges for job in jobs()] == [2]


def test_a_state_that_was_set_by_hand_is_passed_over(listener):
    class Row:
        task = None

    finish(listener, Row())
    assert jobs() == ()


def test_an_error_of_the_engine_reaches_the_log_and_no_task(listener, load, monkeypatch, caplog):
    from airflow_provider_sqlflow import engine

    monkeypatch.setattr(engine, "read_script", lambda *_args, **_options: 1 // 0)
    finish(listener, load())
    assert jobs() == ()
    assert "Reading the task's SQL failed; the task is not affected" in caplog.text


def test_slow_reading_is_given_up(listener, load, monkeypatch, caplog):
    monkeypatch.setenv("AIRFLOW__SQLFLOW__CAPTURE_SECONDS", "1")
    slow = reading.database_of

    def database_of(sql):
        time.sleep(2)
        return slow(sql)

    monkeypatch.setattr(reading, "database_of", database_of)
    begin = time.monotonic()
    finish(listener, load())
    assert time.monotonic() - begin < 1.9
    assert "took longer than 1 seconds" in caplog.text
    assert jobs() == ()


def test_long_sql_is_not_read(listener, load, monkeypatch, caplog):
    monkeypatch.setenv("AIRFLOW__SQLFLOW__CAPTURE_MAX_CHARS", str(len(INSERT) - 1))
    finish(listener, load())
    assert "longer than 37 characters" in caplog.text
    assert jobs() == ()


def test_a_store_that_cannot_be_opened_reaches_the_log_and_no_task(listener, load, monkeypatch, caplog):
    monkeypatch.setenv("AIRFLOW__SQLFLOW__STORE_URL", "sqlite:////dev/null/sqlflow.db")
    finish(listener, load())
    assert "Keeping the task's lineage failed; the task is not affected" in caplog.text


@pytest.mark.parametrize(("word", "count"), [("off", 0), ("store", 1), ("nonsense", 0)])
def test_the_plug_in_listens_only_when_asked(word, count, monkeypatch):
    monkeypatch.setenv("AIRFLOW__SQLFLOW__CAPTURE_SQL", word)
    plugin = SqlFlowPlugin()
    assert len(plugin.listeners) == len(plugin.hook_lineage_readers) == count


def test_a_wrong_word_is_named(monkeypatch):
    monkeypatch.setenv("AIRFLOW__SQLFLOW__CAPTURE_SQL", "on")
    with pytest.raises(ConfigError, match="'on' is not one of: off, openlineage, store, both"):
        conf.capture_sql()
