"""A store that goes away for a while: what is safe is done again, the rest is said, without the password."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from airflow_provider_sqlflow.errors import ConfigError, LeaseLostError, StoreUnavailableError
from airflow_provider_sqlflow.jobs.model import JobCounts, JobFilter, JobId, JobStatus
from airflow_provider_sqlflow.jobs.store.database import Database
from airflow_provider_sqlflow.jobs.store.sql import SqlJobStore
from tests.jobs.factories import LATER, add_job, claim_job, make_saved
from tests.postgres_server import PostgresServer

J1 = JobId("j1")


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """A server of this module's own, which may be stopped."""
    with PostgresServer() as opened:
        yield opened


@pytest.fixture
def url(server: PostgresServer) -> Iterator[str]:
    server.start()
    # A password that the server does not ask for must not be told either.
    yield f"postgresql://postgres:hush@/postgres?host={server.host}"
    server.start()
    with psycopg.connect(
        f"postgresql://postgres@/postgres?host={server.host}", autocommit=True
    ) as connection:
        connection.execute(b"DROP SCHEMA public CASCADE")
        connection.execute(b"CREATE SCHEMA public")


@contextmanager
def later(seconds: float, act: Callable[[], object]) -> Iterator[None]:
    """Let something happen in a moment, in another thread."""
    timer = threading.Timer(seconds, act)
    timer.start()
    try:
        yield
    finally:
        timer.join()


def test_work_goes_on_when_the_server_is_back(server: PostgresServer, url: str) -> None:
    store = SqlJobStore(url)
    add_job(store)
    claim = claim_job(store)
    store.plan_files(claim, ["a.sql"], "inputs")
    server.stop()
    with later(1, server.start):
        store.save_files(claim, [make_saved()], JobCounts(files_total=1, files_done=1))
    assert store.get_job(J1).counts.files_done == 1
    server.stop()
    with later(1, server.start):
        assert store.list_jobs(JobFilter(), 10, 0).total == 1
    server.stop()
    with later(1, server.start):  # nothing was sent yet, so this too can be done again
        assert store.finish_run(claim, JobStatus.SUCCESS, LATER, JobCounts()).status is JobStatus.SUCCESS
    store.close()


def test_server_that_stays_away_is_named_without_its_password(server: PostgresServer, url: str) -> None:
    store = SqlJobStore(url, retry_seconds=1)
    add_job(store)
    server.stop()
    began = time.monotonic()
    with pytest.raises(StoreUnavailableError) as caught:
        store.get_job(J1)
    assert 1 <= time.monotonic() - began < 10
    assert str(caught.value).startswith("the job store postgresql+psycopg://postgres:***@/postgres?host=")
    assert "hush" not in str(caught.value)
    began = time.monotonic()
    with pytest.raises(StoreUnavailableError):
        SqlJobStore(url)
    assert time.monotonic() - began < 1, "opening does not wait"
    server.start()
    assert store.get_job(J1).id == J1, "the same store goes on"
    store.close()


def test_commit_that_breaks_off_is_repeated_only_where_that_means_the_same(url: str) -> None:
    database = Database(url, retry_seconds=5)
    with database.writing() as connection:
        connection.execute(text("CREATE TABLE counted (n integer)"))
    lost = iter([True, False])

    def count(connection) -> None:
        connection.execute(text("INSERT INTO counted VALUES (1)"))
        if next(lost, False):
            # Deferred to the commit, which the server then ends instead of answering.
            connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = '1ms'"))
            time.sleep(0.3)

    with pytest.raises(StoreUnavailableError):
        database.write(count)
    lost = iter([True, False])
    database.write(count, repeatable=True)
    with database.reading() as connection:
        assert connection.execute(text("SELECT count(*) FROM counted")).scalar() == 1
    database.close()


def test_locked_sqlite_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    store = SqlJobStore(f"sqlite:///{path}?timeout=0.05")
    add_job(store)
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    with closing(other):
        other.execute("BEGIN IMMEDIATE")
        with later(0.5, other.rollback):
            assert store.cancel_job(J1, LATER).status is JobStatus.CANCEL
    store.close()


def test_sqlite_that_stays_locked(tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    store = SqlJobStore(f"sqlite:///{path}?timeout=0.05", retry_seconds=0.5)
    add_job(store)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        with pytest.raises(StoreUnavailableError, match=r"jobs\.db\?timeout=0\.05 cannot be used: .*locked"):
            store.cancel_job(J1, LATER)
        assert 0.5 <= time.monotonic() - began < 5
    assert store.get_job(J1).status is JobStatus.CREATE
    store.close()


def test_what_is_no_outage_is_said_at_once(tmp_path: Path) -> None:
    store = SqlJobStore(f"sqlite:///{tmp_path}/jobs.db")
    add_job(store)
    claim = claim_job(store)
    store.cancel_job(J1, LATER)
    began = time.monotonic()
    with pytest.raises(LeaseLostError):
        store.save_files(claim, [make_saved()], JobCounts())
    assert time.monotonic() - began < 2
    store.close()


def test_a_wrong_password_is_a_mistake_and_no_outage(server: PostgresServer, url: str) -> None:
    with psycopg.connect(host=server.host, user="postgres", autocommit=True) as connection:
        connection.execute(b"CREATE ROLE keeper LOGIN PASSWORD 'right'")
        server.ask_for_password("keeper")
    wrong = Database(f"postgresql://keeper:wrong-one@/postgres?host={server.host}")
    began_at = time.monotonic()
    with pytest.raises(ConfigError, match="password authentication failed") as caught:
        wrong.read(lambda connection: connection.execute(text("SELECT 1")))
    assert time.monotonic() - began_at < 5
    assert "wrong-one" not in str(caught.value)
    wrong.close()
