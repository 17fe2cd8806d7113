"""What becomes of jobs when real worker processes die, sleep, are stopped, or lose their store."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from airflow_provider_sqlflow.client.embedded import EmbeddedClient
from airflow_provider_sqlflow.jobs.model import Job, JobId, JobRequest, JobStatus, TextSource
from airflow_provider_sqlflow.jobs.store import tables
from airflow_provider_sqlflow.jobs.store.sql import SqlJobStore
from airflow_provider_sqlflow.settings import Settings
from tests.jobs.factories import make_request
from tests.jobs.runners.worker_processes import (
    Workers,
    exports,
    undisturbed,
    until,
    warehouse,
    workers_on,
)
from tests.postgres_server import PostgresServer

pytestmark = pytest.mark.slow

KILLS = 20
FILES = 200
"""A job of so many files takes a worker a second or two and reaches the store at least four times."""


@pytest.fixture
def client(store_url: str) -> Iterator[EmbeddedClient]:
    """Leaves jobs to workers."""
    opened = EmbeddedClient(Settings(store_url=store_url, runner="worker"))
    yield opened
    opened.close()


@pytest.fixture
def engine(store_url: str) -> Iterator[sa.Engine]:
    """The tables themselves; a lock is waited for a second at most."""
    if store_url.startswith("sqlite"):
        opened = sa.create_engine(store_url, connect_args={"timeout": 1})
    else:
        url = sa.make_url(store_url).set(drivername="postgresql+psycopg")
        opened = sa.create_engine(url, connect_args={"options": "-c lock_timeout=1s"})
    yield opened
    opened.dispose()


@pytest.fixture
def workers(store_url: str, tmp_path: Path) -> Iterator[Workers]:
    with workers_on(store_url, tmp_path) as started:
        yield started


def wait_for_end(client: EmbeddedClient, job_id: JobId) -> Job:
    until(lambda: client.get_job(job_id).status.is_terminal, lambda: client.get_job(job_id))
    return client.get_job(job_id)


def wait_for_files(client: EmbeddedClient, job_id: JobId) -> None:
    """Wait until some of the job's files are kept."""
    until(lambda: client.get_job(job_id).counts.files_done > 0, lambda: client.get_job(job_id))
    assert client.get_job(job_id).status is JobStatus.RUNNING


def assert_done_once(engine: sa.Engine, workers: Workers, job: Job, files: int) -> None:
    """One whole run, with one result for each of its files."""
    assert (job.status, job.run, job.result_run) == (JobStatus.SUCCESS, 1, 1), job
    assert (job.counts.files_total, job.counts.files_done) == (files, files)
    query = (
        sa.select(tables.run_file.c.position, tables.run_file.c.result_id, tables.run_file.c.text_id)
        .join(tables.run, tables.run.c.id == tables.run_file.c.run_id)
        .where(tables.run.c.job_id == job.id)
        .order_by(tables.run_file.c.position)
    )
    with engine.connect() as connection:
        rows = connection.execute(query).all()
        runs = connection.execute(
            sa.select(tables.run.c.status).where(tables.run.c.job_id == job.id)
        ).scalars()
        assert list(runs) == ["success"]
    assert [row.position for row in rows] == list(range(files))
    assert len({row.result_id for row in rows} - {None}) == files
    assert len({row.text_id for row in rows} - {None}) == files
    # A worker that dies right after the end could not say so.
    assert len(workers.said(f"job {job.id}: success")) <= 1


def count_rows(engine: sa.Engine, table: sa.Table) -> int:
    with engine.connect() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


def test_killed_at_any_moment_every_job_is_done_once(
    client: EmbeddedClient, engine: sa.Engine, workers: Workers, store_url: str, tmp_path: Path
) -> None:
    moments = random.Random(store_url.partition(":")[0])
    jobs: list[tuple[JobId, JobRequest]] = []
    for _ in range(KILLS):
        if not jobs or client.get_job(jobs[-1][0]).status.is_terminal:
            request = warehouse(len(jobs), FILES)
            jobs.append((client.submit_job(request).id, request))
        worker = workers.start()
        worker.wait_for(" begins, ")
        time.sleep(moments.uniform(0.0, 1.2))
        worker.kill()
    last = workers.start()
    for number, (job_id, request) in enumerate(jobs):
        assert_done_once(engine, workers, wait_for_end(client, job_id), FILES)
        assert exports(client, job_id, tmp_path) == undisturbed(request, tmp_path / f"undisturbed-{number}")
    last.send(signal.SIGTERM)
    assert last.wait() == 0
    assert count_rows(engine, tables.result) == FILES * len(jobs)
    # The kills were of use: work was under way, and was taken up again.
    assert len(workers.said(r"attempt ([2-9]|\d\d)")) >= KILLS / 4


def freeze(workers: Workers, engine: sa.Engine) -> None:
    """Stop the last worker where it holds no lock, as a machine that goes to sleep might."""
    worker = workers.started[-1]
    while True:
        worker.send(signal.SIGSTOP)
        try:
            with engine.begin() as connection:
                connection.execute(sa.update(tables.job).values(queue=tables.job.c.queue))
        except sa.exc.OperationalError:
            worker.send(signal.SIGCONT)
        else:
            return


def test_worker_that_wakes_up_too_late_changes_nothing(
    client: EmbeddedClient, engine: sa.Engine, workers: Workers, tmp_path: Path
) -> None:
    request = warehouse(0, FILES)
    job_id = client.submit_job(request).id
    asleep = workers.start()
    wait_for_files(client, job_id)
    freeze(workers, engine)
    assert client.get_job(job_id).status is JobStatus.RUNNING
    workers.start("--until-idle")
    until(lambda: "serves" in workers.started[-1].said)
    # Nothing could be claimed while the lease lasted: the second worker may have ended without it.
    while not client.get_job(job_id).status.is_terminal:
        if workers.started[-1].wait() == 0:
            workers.start("--until-idle")
    job = client.get_job(job_id)
    found = exports(client, job_id, tmp_path)
    asleep.send(signal.SIGCONT)
    asleep.wait_for(f"job {job_id}: its work is dropped")
    asleep.send(signal.SIGTERM)
    assert asleep.wait() == 0
    assert client.get_job(job_id) == job
    assert_done_once(engine, workers, job, FILES)
    assert exports(client, job_id, tmp_path) == found == undisturbed(request, tmp_path / "undisturbed")
    assert count_rows(engine, tables.result) == FILES


def test_stopped_worker_puts_its_job_back_and_another_goes_on(
    client: EmbeddedClient, engine: sa.Engine, workers: Workers, tmp_path: Path
) -> None:
    request = warehouse(0, FILES)
    job_id = client.submit_job(request).id
    first = workers.start(worker_lease_seconds=600)
    wait_for_files(client, job_id)
    first.send(signal.SIGTERM)
    assert first.wait() == 0
    assert f"job {job_id}: put back into the queue" in first.said
    assert client.get_job(job_id).status is JobStatus.CREATE
    assert 0 < count_rows(engine, tables.result) < FILES
    second = workers.start("--until-idle", worker_lease_seconds=600)
    assert second.wait() == 0
    assert workers.said(r"begins, attempt (\d+)") == ["1", "1"]
    assert_done_once(engine, workers, client.get_job(job_id), FILES)
    assert exports(client, job_id, tmp_path) == undisturbed(request, tmp_path / "undisturbed")


@pytest.mark.parametrize("arguments", [(), ("--processes", "2"), ("--workers", "2")])
def test_grace_ends_even_within_a_file(
    client: EmbeddedClient, workers: Workers, arguments: tuple[str, ...]
) -> None:
    [source] = warehouse(0, 1, statements=4000).sources
    # The file is one of many, so that other processes may take a part.
    others = tuple(TextSource(f"other{number}.sql", f"SELECT {number}") for number in range(150))
    job_id = client.submit_job(make_request(sources=(source, *others), dialect="postgres")).id
    worker = workers.start(*arguments, worker_lease_seconds=600, worker_grace_seconds=1)
    worker.wait_for(" begins, ")
    began = time.monotonic()
    worker.send(signal.SIGTERM)
    assert worker.wait() == 0
    assert time.monotonic() - began < 15
    assert client.get_job(job_id).status is JobStatus.CREATE
    until(lambda: not worker.session())


@pytest.mark.parametrize("word", ["cancel", "delete"])
def test_job_ended_from_outside_stays_so(
    client: EmbeddedClient, engine: sa.Engine, workers: Workers, word: str
) -> None:
    job_id = client.submit_job(warehouse(0, FILES)).id
    later = client.submit_job(warehouse(1, 2)).id
    worker = workers.start()
    wait_for_files(client, job_id)
    ended = client.cancel_job(job_id) if word == "cancel" else client.delete_job(job_id)
    worker.wait_for(f"job {job_id}: its work is dropped")
    assert wait_for_end(client, later).status is JobStatus.SUCCESS
    assert client.get_job(job_id) == ended
    assert ended.status.value == word
    if word == "delete":
        assert count_rows(engine, tables.result) == 2
        assert count_rows(engine, tables.source_text) == 2


def test_two_workers_run_each_of_many_jobs_once(
    client: EmbeddedClient, engine: sa.Engine, workers: Workers
) -> None:
    ids = [client.submit_job(warehouse(number, 4)).id for number in range(30)]
    for _ in range(2):
        workers.start("--until-idle")
    assert [worker.wait() for worker in workers.started] == [0, 0]
    for job_id in ids:
        assert_done_once(engine, workers, client.get_job(job_id), 4)
    assert sorted(workers.said(r"job (\w+) \(")) == sorted(ids)
    assert sorted(workers.said(r"job (\w+): success")) == sorted(ids)


# The store's outages -----------------------------------------------------------------------------

OUTAGE_SECONDS = 5.0


def outlive(
    store_url: str, tmp_path: Path, go_down: Callable[[], object], come_back: Callable[[], object]
) -> None:
    """Run a job through an outage of its store, and one that waits for another."""
    request = warehouse(0, FILES)
    client = EmbeddedClient(Settings(store_url=store_url, runner="worker"))
    with workers_on(store_url, tmp_path) as workers:
        job_id = client.submit_job(request).id
        worker = workers.start()
        wait_for_files(client, job_id)
        go_down()
        time.sleep(OUTAGE_SECONDS)
        come_back()
        job = wait_for_end(client, job_id)
        store = SqlJobStore(store_url)
        assert_done_once(store._database.engine, workers, job, FILES)
        store.close()
        assert exports(client, job_id, tmp_path) == undisturbed(request, tmp_path / "undisturbed")
        later = client.submit_job(warehouse(1, 2)).id
        assert wait_for_end(client, later).status is JobStatus.SUCCESS
        worker.send(signal.SIGTERM)
        assert worker.wait() == 0
        assert workers.said(r"begins, attempt (\d+)") == ["1", "1"]
        assert worker.said.count("waiting for it") == 1
        assert worker.said.count("the job store answers again") == 1
        assert "Traceback" not in worker.said
    client.close()


def test_postgres_that_goes_away_and_comes_back(tmp_path: Path) -> None:
    with PostgresServer() as server:
        url = f"postgresql://postgres@/postgres?host={server.host}"
        outlive(url, tmp_path, server.stop, server.start)


def test_sqlite_that_another_program_locks(tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    with closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as other:
        outlive(
            f"sqlite:///{path}?timeout=1",
            tmp_path,
            lambda: other.execute("BEGIN IMMEDIATE"),
            lambda: other.execute("ROLLBACK"),
        )


def test_store_that_is_not_there_yet_is_waited_for(tmp_path: Path) -> None:
    with PostgresServer() as server:
        server.stop()
        url = f"postgresql://postgres:hush-hush@/postgres?host={server.host}"
        with workers_on(url, tmp_path) as workers:
            worker = workers.start()
            worker.wait_for("waiting for it")
            server.start()
            worker.wait_for("the job store answers again")
            worker.wait_for("serves default")
            worker.send(signal.SIGTERM)
            assert worker.wait() == 0
            assert "hush-hush" not in worker.said


# Several processes -------------------------------------------------------------------------------


def test_processes_of_a_killed_worker_end_too(client: EmbeddedClient, workers: Workers) -> None:
    job_id = client.submit_job(warehouse(0, FILES)).id
    worker = workers.start("--processes", "2")
    wait_for_files(client, job_id)
    assert len(worker.session()) > 2
    worker.kill()
    until(lambda: not worker.session(), worker.session)
    workers.start("--processes", "2")
    assert wait_for_end(client, job_id).status is JobStatus.SUCCESS


def test_stop_of_the_whole_group_costs_no_job(client: EmbeddedClient, workers: Workers) -> None:
    job_id = client.submit_job(warehouse(0, FILES)).id
    worker = workers.start("--processes", "2")
    wait_for_files(client, job_id)
    os.killpg(worker.pid, signal.SIGTERM)
    assert worker.wait() == 0
    assert client.get_job(job_id).status is JobStatus.CREATE
    assert workers.start("--until-idle").wait() == 0
    job = client.get_job(job_id)
    assert (job.status, job.counts.diagnostics) == (JobStatus.SUCCESS, 0)


def test_supervisor_replaces_a_worker_that_crashed(client: EmbeddedClient, workers: Workers) -> None:
    supervisor = workers.start("--workers", "2")
    until(lambda: supervisor.said.count("serves") == 2, lambda: supervisor.said)
    victim = int(workers.said(r"\[(\d+)\] worker .* serves")[0])
    os.kill(victim, signal.SIGKILL)
    supervisor.wait_for(f"worker process {victim} ended with -9; starting another")
    until(lambda: supervisor.said.count("serves") == 3, lambda: supervisor.said)
    ids = [client.submit_job(warehouse(number, 4)).id for number in range(6)]
    assert {wait_for_end(client, job_id).status for job_id in ids} == {JobStatus.SUCCESS}
    supervisor.send(signal.SIGINT)
    assert supervisor.wait() == 0
    until(lambda: not supervisor.session(), supervisor.session)


def test_workers_of_a_killed_supervisor_stop(client: EmbeddedClient, workers: Workers) -> None:
    job_id = client.submit_job(warehouse(0, FILES)).id
    supervisor = workers.start("--workers", "2", worker_lease_seconds=600)
    wait_for_files(client, job_id)
    supervisor.kill()
    until(lambda: not supervisor.session(), supervisor.session)
    assert client.get_job(job_id).status in (JobStatus.CREATE, JobStatus.SUCCESS)
