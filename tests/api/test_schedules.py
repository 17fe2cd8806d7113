from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from airflow_provider_sqlflow.api import schedules
from airflow_provider_sqlflow.api.schedules import ScheduleRunner
from airflow_provider_sqlflow.ingest.hosts import AllowedHosts
from airflow_provider_sqlflow.jobs.execution import Execution
from airflow_provider_sqlflow.jobs.model import DatabaseSource, Job, JobRequest, Schedule, TextSource
from airflow_provider_sqlflow.jobs.runners.queued import QueuedRunner
from airflow_provider_sqlflow.jobs.runners.stopping import StopRequest
from airflow_provider_sqlflow.jobs.runners.worker import Worker, WorkUntil
from airflow_provider_sqlflow.jobs.service import JobService
from airflow_provider_sqlflow.jobs.store.sql import SqlJobStore
from airflow_provider_sqlflow.settings import Settings

HOURLY = Schedule("0 * * * *")
REQUEST = JobRequest("nightly", "postgres", (TextSource("a.sql", "insert into u (x) select a from t"),))


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 1, 2, 3, 30, tzinfo=timezone.utc)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **units: int) -> None:
        self.now += timedelta(**units)


class World:
    """A store with its service, a worker on demand, and servers that look at schedules."""

    def __init__(self, home: Path) -> None:
        self.settings = Settings(home=str(home))
        self.clock = Clock()
        self.store = SqlJobStore(self.settings.resolved_store_url())
        self.jobs = JobService(self.store, QueuedRunner(), self.settings, self.clock)

    def server(self, hosts: str = "") -> ScheduleRunner:
        return ScheduleRunner(self.jobs, AllowedHosts.parse(hosts), self.clock)

    def submit(self, schedule: Schedule | None = HOURLY) -> Job:
        job = self.jobs.submit_persist(REQUEST, schedule=schedule)
        self.work()
        return self.jobs.get(job.id)

    def work(self) -> None:
        execution = Execution(self.store, self.settings, self.clock)
        worker = Worker(
            self.store, execution.run, self.settings, self.clock, StopRequest(), queues=("default",)
        )
        worker.run(WorkUntil.IDLE)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.jobs.close()


def test_a_job_runs_when_its_time_has_passed_and_once(world: World) -> None:
    job, server = world.submit(), world.server()
    assert server.look() == 0
    world.clock.forward(minutes=29)
    assert server.look() == 0
    world.clock.forward(minutes=1)
    assert server.look() == 1
    assert server.look() == 0  # it is queued
    world.work()
    assert server.look() == 0
    assert world.jobs.get(job.id).run == 2
    world.clock.forward(hours=1)
    assert server.look() == 1


def test_two_servers_queue_a_run_once(world: World) -> None:
    job, servers = world.submit(), [world.server() for _ in range(4)]
    assert [server.look() for server in servers] == [0, 0, 0, 0]
    world.clock.forward(minutes=30)
    together = threading.Barrier(4)
    counts: list[int] = []

    def look(server: ScheduleRunner) -> None:
        together.wait()
        counts.append(server.look())

    threads = [threading.Thread(target=look, args=(server,)) for server in servers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(counts) == 1
    assert world.jobs.get(job.id).run == 2


def test_a_job_that_is_under_way_waits_for_its_end(world: World) -> None:
    job, server = world.submit(), world.server()
    server.look()
    world.jobs.rerun(job.id)
    world.clock.forward(hours=3)
    assert server.look() == 0
    world.clock.forward(hours=-2)  # the run begins before the next full hour has passed
    world.work()
    world.clock.forward(hours=2)
    assert server.look() == 1


def test_paused_times_and_times_without_a_server_are_not_made_up_for(world: World) -> None:
    job, server = world.submit(), world.server()
    server.look()
    world.jobs.pause_schedule(job.id)
    world.clock.forward(hours=5)
    assert server.look() == 0
    world.jobs.resume_schedule(job.id)
    assert server.look() == 0
    later = world.server()
    world.clock.forward(hours=5)
    assert later.look() == 0
    world.clock.forward(hours=1)
    assert later.look() == 1


def test_another_schedule_counts_from_now_on(world: World) -> None:
    job, server = world.submit(), world.server()
    server.look()
    world.clock.forward(minutes=20)
    world.jobs.set_schedule(job.id, Schedule("45 * * * *"))
    assert server.look() == 0
    world.jobs.cancel_schedule(job.id)
    world.clock.forward(hours=2)
    assert server.look() == 0


def test_a_deleted_job_and_one_whose_host_is_no_more_allowed(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    job, server = world.submit(), world.server()
    server.look()
    source = DatabaseSource(dialect="postgres", host="db", database="shop", user="u", password="hunter2")
    ended = world.store.get_job(job.id)
    world.store.create_run(
        job.id, replace(REQUEST, sources=(source,)), "digest", world.clock(), True, ended.run
    )
    world.jobs.cancel(job.id)
    world.clock.forward(hours=1)
    assert server.look() == 0
    assert "cannot run on its schedule" in caplog.text
    assert "hunter2" not in caplog.text
    assert world.server("db").look() == 0  # a new server has seen it just now
    world.jobs.delete(job.id)
    world.clock.forward(hours=1)
    assert server.look() == 0


def test_a_thread_looks_for_as_long_as_the_server_runs(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("airflow_provider_sqlflow.api.schedules.LOOK_SECONDS", 0.02)
    looked = threading.Event()
    server = world.server()
    monkeypatch.setattr(server, "look", looked.set)
    with server.running():
        assert looked.wait(10)
    assert not any(thread.name == "sqlflow-schedules" for thread in threading.enumerate())


def test_a_schedule_that_cannot_be_followed_keeps_no_other_from_running(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    broken, good = world.submit(), world.submit()
    world.store.set_schedule(broken.id, Schedule("0 * * * *", "Mars/Olympus"))  # known where it was given
    server = world.server()
    server.look()
    world.clock.forward(minutes=30)
    assert [server.look(), server.look()] == [1, 0]
    assert (world.jobs.get(broken.id).run, world.jobs.get(good.id).run) == (1, 2)
    told = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert told == [f"job {broken.id} ('nightly'): its schedule cannot be followed"], "once"


def test_a_fault_does_not_end_the_thread(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(schedules, "LOOK_SECONDS", 0.01)
    is_seen = threading.Event()
    faults = iter([TypeError("a fault of ours"), None])

    class Faulty(ScheduleRunner):
        def look(self) -> int:
            fault = next(faults, None)
            if fault is not None:
                raise fault
            is_seen.set()
            return super().look()

    with Faulty(world.jobs, AllowedHosts.parse(""), world.clock).running():
        assert is_seen.wait(30)
    assert "a fault of ours" in caplog.text
