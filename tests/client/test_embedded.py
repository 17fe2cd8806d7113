from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from airflow_provider_sqlflow.client.base import SqlFlowClient
from airflow_provider_sqlflow.client.embedded import EmbeddedClient
from airflow_provider_sqlflow.errors import JobNotFoundError
from airflow_provider_sqlflow.jobs.model import JobFilter, JobId, JobStatus, PathSource
from airflow_provider_sqlflow.settings import Settings
from tests.jobs.factories import make_request

SQL = "CREATE VIEW v AS SELECT a, b + 1 AS c FROM s;\nINSERT INTO t (a) SELECT c FROM v;\n"


@pytest.fixture
def client(tmp_path: Path) -> Iterator[SqlFlowClient]:
    opened: SqlFlowClient = EmbeddedClient(Settings(home=str(tmp_path / "home")))
    yield opened
    opened.close()


def test_a_job_from_submit_to_delete(client: SqlFlowClient, tmp_path: Path) -> None:
    (tmp_path / "a.sql").write_text(SQL)
    job = client.submit_job(make_request(sources=(PathSource(str(tmp_path / "a.sql")),), dialect="postgres"))
    assert (job.status, job.counts.statements, job.counts.relations) == (JobStatus.SUCCESS, 2, 3)
    assert client.get_job(job.id) == job
    assert client.list_jobs(JobFilter()).jobs == (job,)
    assert [(file.path, file.status) for file in client.list_files(job.id)] == [("a.sql", JobStatus.SUCCESS)]
    summary = client.export_job(job.id, "csv", str(tmp_path / "out.csv"))
    assert summary.edges == job.counts.column_edges
    assert (tmp_path / "out.csv").stat().st_size == summary.size
    assert client.cancel_job(job.id) == job
    assert client.delete_job(job.id).status is JobStatus.DELETE


def test_store_is_opened_by_the_first_call_only(tmp_path: Path) -> None:
    client = EmbeddedClient(Settings(home=str(tmp_path)))
    assert list(tmp_path.iterdir()) == []
    assert client.ping() == f"embedded engine, store sqlite:///{tmp_path}/sqlflow.db, 0 jobs"
    assert (tmp_path / "sqlflow.db").exists()
    client.close()
    client.close()
    assert client.ping().endswith("0 jobs")
    client.close()


def test_jobs_are_counted_by_ping(client: SqlFlowClient) -> None:
    client.submit_job(make_request())
    assert client.ping().endswith(", 1 jobs")


def test_event_loop_goes_on_while_a_job_is_looked_up(client: SqlFlowClient) -> None:
    job = client.submit_job(make_request())

    async def look() -> tuple[object, object, int]:
        threads: set[int] = set()
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                threads.add(threading.get_ident())
                ticks += 1
                await asyncio.sleep(0)

        ticker = asyncio.create_task(tick())
        found = await client.aget_job(job.id)
        cancelled = await client.acancel_job(job.id)
        ticker.cancel()
        assert threads == {threading.get_ident()}
        return found, cancelled, ticks

    found, cancelled, ticks = asyncio.run(look())
    assert found == cancelled == job
    assert ticks > 2


def test_errors_reach_an_event_loop(client: SqlFlowClient) -> None:
    with pytest.raises(JobNotFoundError):
        asyncio.run(client.aget_job(JobId("nope")))


def test_many_threads_share_one_client(client: SqlFlowClient) -> None:
    ids: list[str] = []
    threads = [
        threading.Thread(target=lambda: ids.append(client.submit_job(make_request()).id)) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ids) == sorted(job.id for job in client.list_jobs(JobFilter()).jobs)
    assert len(ids) == 4


def test_progress_is_told(tmp_path: Path) -> None:
    told: list[tuple[int, int, str]] = []
    client = EmbeddedClient(
        Settings(home=str(tmp_path)),
        lambda counts, name: told.append((counts.files_done, counts.files_total, name)),
    )
    client.submit_job(make_request())
    client.close()
    assert told == [(0, 1, "a.sql"), (1, 1, "a.sql")]  # read, then analysed


def test_job_is_left_to_a_worker_where_the_settings_say_so(tmp_path: Path) -> None:
    client = EmbeddedClient(Settings(home=str(tmp_path), runner="worker"))
    job = client.submit_job(make_request())
    assert (job.status, job.begin_at) == (JobStatus.CREATE, None)
    client.close()
