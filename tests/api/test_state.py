"""The server's state as a whole: opened by settings, migrated with the jobs that are there."""

from __future__ import annotations

import multiprocessing
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect

from airflow_provider_sqlflow.api.state import ServerState
from airflow_provider_sqlflow.errors import ConfigError, ExpiredTokenError, StoreVersionError
from airflow_provider_sqlflow.jobs.model import JobId
from airflow_provider_sqlflow.jobs.store.database import Database
from airflow_provider_sqlflow.jobs.store.schema import downgrade_schema, upgrade_schema
from airflow_provider_sqlflow.jobs.store.sql import SqlJobStore
from airflow_provider_sqlflow.settings import Settings
from tests.api.conftest import Clock
from tests.jobs.factories import add_job, make_saved, run_job

NEW = {"sqlflow_user", "sqlflow_server_key", "sqlflow_session", "sqlflow_answer", "sqlflow_user_schema"}


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of a database of the test's own, without tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/jobs.db"
    found: str = request.getfixturevalue("postgres_url")
    return found


def tables(url: str) -> set[str]:
    with closing(Database(url)) as database, database.reading() as connection:
        return set(inspect(connection).get_table_names())


def open_and_add(url: str, ready: Any, answers: Any) -> None:
    """What each process of the race below does."""
    ready.wait()
    with closing(ServerState.open(Settings(store_url=url))) as state:
        try:
            key = state.accounts.add("ann")
        except Exception as error:
            answers.put(type(error).__name__)
        else:
            account = state.accounts.check("ann", key)
            assert account is not None
            answers.put(state.tokens.issue(account))


def test_settings_are_followed(store_url: str, clock: Clock) -> None:
    settings = Settings(
        store_url=store_url, server_token_hours=1, server_session_hours=2, server_token_key="k" * 40
    )
    with closing(ServerState.open(settings, clock)) as state:
        key = state.accounts.add("ann")
        account = state.accounts.check("ann", key)
        assert account is not None
        token, kept = state.tokens.issue(account), state.sessions.keep("ann", b"x")
        state.answers.put("d", b"y")
        state.schemas.save("ann", "oracle", "a.sql", "DDL")
        clock.move(minutes=61)
        with pytest.raises(ExpiredTokenError):
            state.tokens.account_of(token)
        assert state.sessions.find(kept, "ann") == b"x"
        clock.move(minutes=121)
        assert state.sessions.find(kept, "ann") is None
        assert state.answers.get("d") == b"y"
        assert state.schemas.texts("ann", "oracle") == {"a.sql": "DDL"}
        assert "k" * 40 not in repr(state)
        assert key not in repr(state)


def test_jobs_of_a_store_without_server_stay(url: str) -> None:
    store = SqlJobStore(url)
    add_job(store, key="k")
    run_job(store, files=[make_saved()])
    store.close()
    with closing(Database(url)) as database:
        downgrade_schema(database, "0003")
    assert not tables(url) & NEW
    with closing(ServerState.open(Settings(store_url=url))) as state:
        state.accounts.add("ann")
    store = SqlJobStore(url)
    assert tables(url) >= NEW
    assert list(store.iter_results(JobId("j1"))) == ["document of a.sql"]
    assert store.find_key("k") == ("j1", "digest")
    store.close()
    with closing(Database(url)) as database:
        upgrade_schema(database)
        downgrade_schema(database, "0003")
    assert not tables(url) & NEW
    assert "sqlflow_shard_plan" in tables(url)


def test_processes_that_open_a_fresh_store_and_add_the_same_user_at_once(url: str) -> None:
    context = multiprocessing.get_context("spawn")
    ready, answers = context.Barrier(3), context.Queue()
    processes = [context.Process(target=open_and_add, args=(url, ready, answers)) for _ in range(3)]
    for process in processes:
        process.start()
    outcomes = sorted(answers.get(timeout=60) for _ in processes)
    for process in processes:
        process.join()
    answers.close()
    assert outcomes[:2] == ["AccountExistsError"] * 2
    with closing(ServerState.open(Settings(store_url=url))) as state:
        assert state.tokens.account_of(outcomes[2]).id == "ann"


def test_stores_that_cannot_be_opened(url: str) -> None:
    with pytest.raises(ConfigError, match="cannot be mysql"):
        ServerState.open(Settings(store_url="mysql://u@h/d"))
    with closing(Database(url)) as database:
        upgrade_schema(database)
        with database.writing() as connection:
            connection.exec_driver_sql("UPDATE sqlflow_schema_version SET version_num = '9999'")
    with pytest.raises(StoreVersionError):
        ServerState.open(Settings(store_url=url))
