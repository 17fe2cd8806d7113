"""A Dag file asks the store once, and not for long."""

from __future__ import annotations

import socket
import time

import pytest

from airflow_provider_sqlflow.errors import ConfigError, StoreUnavailableError
from airflow_provider_sqlflow.jobs.model import JobId, JobKind, Schedule
from airflow_provider_sqlflow.jobs.schedules.stored import find_job, list_scheduled
from airflow_provider_sqlflow.jobs.store.sql import SqlJobStore
from tests.jobs.factories import make_job, make_request


@pytest.mark.postgres
def test_jobs_with_a_schedule(store: SqlJobStore, store_url: str) -> None:
    for name, schedule in (
        ("b", Schedule("0 6 * * *")),
        ("a", Schedule("0 6 * * *", is_paused=True)),
        ("c", None),
    ):
        job = make_job(name, kind=JobKind.PERSIST, schedule=schedule)
        store.create_job(job, make_request(), name)
    assert [job.id for job in list_scheduled(store_url)] == ["a", "b"]
    found = find_job(store_url, JobId("c"))
    assert found is not None
    assert found.schedule is None
    assert find_job(store_url, JobId("none")) is None


def test_no_store_is_no_jobs_and_none_is_made(tmp_path):
    assert list_scheduled(f"sqlite:///{tmp_path}/none/jobs.db") == ()
    (tmp_path / "empty.db").touch()
    assert list_scheduled(f"sqlite:///{tmp_path}/empty.db") == ()
    assert [path.name for path in tmp_path.iterdir()] == ["empty.db"]


def test_a_server_that_never_answers_costs_seconds():
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"postgresql://u:secret@127.0.0.1:{server.getsockname()[1]}/x"
        began = time.monotonic()
        with pytest.raises(StoreUnavailableError, match=r"postgresql\+psycopg://u:\*\*\*@127") as raised:
            list_scheduled(url, seconds=1)
    assert time.monotonic() - began < 4
    assert "secret" not in str(raised.value)


def test_a_refused_connection_says_so():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    began = time.monotonic()
    with pytest.raises(StoreUnavailableError, match=r"cannot be used.*refused"):
        list_scheduled(f"postgresql://u:secret@127.0.0.1:{port}/x")
    assert time.monotonic() - began < 5


def test_a_locked_or_broken_file_says_so(tmp_path):
    (tmp_path / "broken.db").write_text("no database at all, just some text that is long enough" * 20)
    with pytest.raises(StoreUnavailableError, match=r"broken\.db"):
        list_scheduled(f"sqlite:///{tmp_path}/broken.db")
    with pytest.raises(ConfigError, match="use SQLite or PostgreSQL"):
        list_scheduled("mysql://x/y")
