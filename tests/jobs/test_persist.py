"""Jobs that are run again: batches of persist jobs, reruns, schedules, retention."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from airflow_provider_sqlflow.errors import (
    ConfigError,
    EmptyInputError,
    JobConflictError,
    JobError,
    JobNotFoundError,
    JobNotReadyError,
    JobTransitionError,
    UnreadableInputError,
)
from airflow_provider_sqlflow.formats.options import ExportOptions
from airflow_provider_sqlflow.jobs.batches import add_batch
from airflow_provider_sqlflow.jobs.execution import Execution
from airflow_provider_sqlflow.jobs.model import (
    DatabaseSource,
    Job,
    JobFilter,
    JobId,
    JobKind,
    JobPage,
    JobRequest,
    JobSource,
    JobStatus,
    PathSource,
    Schedule,
    TableRole,
    TaskOrigin,
    TextSource,
)
from airflow_provider_sqlflow.jobs.runners.inline import InlineRunner
from airflow_provider_sqlflow.jobs.runners.queued import QueuedRunner
from airflow_provider_sqlflow.jobs.service import JobService
from airflow_provider_sqlflow.jobs.store.base import CleanSummary
from airflow_provider_sqlflow.jobs.store.sql import SqlJobStore
from airflow_provider_sqlflow.settings import Settings
from tests.jobs.factories import START, TickingClock, make_request

GOOD = "INSERT INTO t (a) SELECT a FROM s;"
BAD = "SELECT FROM WHERE ((;"
A = TextSource("a.sql", GOOD)
B = TextSource("b.sql", "INSERT INTO u (a) SELECT a FROM t;")
NEW_A = TextSource("a.sql", "INSERT INTO t (a) SELECT b FROM other;")


class LaterRunner:
    """Leaves the job to someone else, as a queue does."""

    def run(self, job: Job) -> None:
        """Nothing yet."""


@pytest.fixture
def service(store: SqlJobStore) -> JobService:
    clock = TickingClock()
    runner = InlineRunner(store, Execution(store, Settings(), clock), Settings(), clock)
    numbers = iter(range(100))
    return JobService(store, runner, Settings(), clock, lambda: JobId(f"job{next(numbers)}"))


@pytest.fixture
def waiting(store: SqlJobStore) -> JobService:
    """A service whose jobs are never picked up."""
    return JobService(store, LaterRunner(), Settings(), TickingClock())


def ask(*sources: JobSource, **changes: object) -> JobRequest:
    return make_request(sources=sources, dialect="postgres", **changes)


def names(service: JobService, job: Job) -> list[str]:
    return [file.path for file in service.list_files(job.id)]


# -- batches


def test_batches_accumulate_under_one_id(service: JobService, tmp_path: Path) -> None:
    path = PathSource(str(tmp_path))
    (tmp_path / "p.sql").write_text(GOOD)
    first = service.submit_persist(ask(A, path))
    assert (first.kind, first.run, first.status) == (JobKind.PERSIST, 1, JobStatus.SUCCESS)
    second = service.submit_persist(ask(B, path), first.id)
    assert (second.id, second.run, second.result_run) == (first.id, 2, 2)
    assert names(service, second) == ["a.sql", "p.sql", "b.sql"]
    third = service.submit_persist(ask(NEW_A), first.id)
    assert names(service, third) == ["a.sql", "p.sql", "b.sql"]
    assert service.get_request(first.id).sources == (NEW_A, path, B)
    assert [run.number for run in service.list_runs(first.id)] == [3, 2, 1]
    assert names(service, first) == [file.path for file in service.list_files(first.id, 3)]
    assert [file.path for file in service.list_files(first.id, 1)] == ["a.sql", "p.sql"]
    assert service.list(JobFilter()).total == 1


def test_batch_that_is_not_incremental_replaces_what_was_there(service: JobService) -> None:
    job = service.submit_persist(ask(A, B, catalog={"s": ("a",)}))
    replaced = service.submit_persist(ask(NEW_A, catalog={"r": ("x",)}), job.id, incremental=False)
    assert (names(service, replaced), replaced.incremental) == (["a.sql"], False)
    assert service.get_request(job.id).catalog == {"r": ("x",)}
    joined = service.submit_persist(ask(B, catalog={"s": ("a",)}), job.id)
    assert (names(service, joined), joined.incremental) == (["a.sql", "b.sql"], True)
    assert service.get_request(job.id).catalog == {"r": ("x",), "s": ("a",)}


def test_what_a_batch_leaves_out_stays() -> None:
    kept = ask(
        A,
        owner="ann",
        tags=("x",),
        default_database="d",
        default_schema="s",
        queue="big",
        options=ExportOptions(joins=True),
    )
    assert add_batch(kept, ask(A, name=""), incremental=True) == kept
    new = ask(
        A,
        name="renamed",
        owner="bob",
        tags=("y",),
        default_database="e",
        default_schema="t",
        queue="small",
        options=ExportOptions(keys=True),
        idempotency_key="k",
        origin=TaskOrigin("d", "r", "t"),
    )
    assert add_batch(kept, new, incremental=True) == new


def test_last_whole_result_is_exported_while_and_after_a_batch_that_fails(
    service: JobService, waiting: JobService, tmp_path: Path
) -> None:
    path = tmp_path / "out.csv"
    job = service.submit_persist(ask(A))
    failed = service.submit_persist(ask(TextSource("a.sql", BAD)), job.id)
    assert (failed.status, failed.result_run) == (JobStatus.FAIL, 1)
    assert service.export(job.id, "csv", str(path)).edges == 1
    queued = waiting.submit_persist(ask(A, B), job.id)
    assert (queued.status, queued.result_run) == (JobStatus.CREATE, 1)
    assert waiting.export(job.id, "csv", str(path)).edges == 1
    waiting.delete(job.id)
    with pytest.raises(JobNotReadyError, match="is delete and has no result"):
        waiting.export(job.id, "csv", str(path))


def test_batch_with_a_key_is_added_once(service: JobService) -> None:
    job = service.submit_persist(ask(A, idempotency_key="k1"))
    assert service.submit_persist(ask(A, idempotency_key="k1")) == job
    second = service.submit_persist(ask(B, idempotency_key="k2"), job.id)
    assert service.submit_persist(ask(B, idempotency_key="k2"), job.id) == second
    with pytest.raises(JobConflictError, match="'k2' belongs"):
        service.submit_persist(ask(NEW_A, idempotency_key="k2"), job.id)
    third = service.submit_persist(ask(NEW_A), job.id)
    assert service.submit_persist(ask(B, idempotency_key="k2"), job.id) == third, "an earlier batch's key"
    assert len(service.list_runs(job.id)) == 3


def test_retry_of_a_submit_whose_process_was_killed_runs_the_job(
    service: JobService, waiting: JobService
) -> None:
    queued = waiting.submit(ask(A, idempotency_key="k"))
    assert queued.status is JobStatus.CREATE
    done = service.submit(ask(A, idempotency_key="k"))
    assert (done.id, done.status) == (queued.id, JobStatus.SUCCESS)
    batch = ask(A, idempotency_key="b")
    job = service.submit_persist(ask(A))
    waiting.submit_persist(batch, job.id)
    assert service.submit_persist(batch, job.id).status is JobStatus.SUCCESS
    assert len(service.list_runs(job.id)) == 2


def test_what_cannot_be_added_changes_nothing(
    service: JobService, waiting: JobService, tmp_path: Path
) -> None:
    job = service.submit_persist(ask(A))
    simple = service.submit(ask(A))
    cases = [
        (JobNotFoundError, ask(A), JobId("nope"), None),
        (JobError, ask(A), simple.id, None),
        (ConfigError, make_request(sources=(A,), dialect="mysql"), job.id, None),
        (ConfigError, ask(A), job.id, Schedule("0 1 * *")),
        (UnreadableInputError, ask(PathSource(str(tmp_path / "none.sql"))), job.id, None),
        (EmptyInputError, ask(PathSource(str(tmp_path))), job.id, None),
    ]
    for error, request, job_id, schedule in cases:
        with pytest.raises(error):
            service.submit_persist(request, job_id, schedule=schedule)
    assert service.get(job.id) == job
    queued = waiting.submit_persist(ask(B), job.id)
    with pytest.raises(JobTransitionError, match="is create and cannot become create"):
        waiting.submit_persist(ask(B), job.id)
    waiting.delete(queued.id)
    with pytest.raises(JobTransitionError, match="is deleted"):
        waiting.submit_persist(ask(B), job.id)


def test_batches_submitted_at_once_are_all_kept_or_refused(service: JobService) -> None:
    job = service.submit_persist(ask(A))
    added: list[str] = []
    ready = threading.Barrier(6)

    def submit(number: int) -> None:
        ready.wait()
        try:
            service.submit_persist(ask(TextSource(f"{number}.sql", GOOD)), job.id)
        except JobTransitionError:
            return
        added.append(f"{number}.sql")

    threads = [threading.Thread(target=submit, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert added
    assert sorted(names(service, job)) == sorted(["a.sql", *added]), "no batch overwrites another"


# -- reruns


def test_rerun_reads_the_sources_anew(service: JobService, tmp_path: Path) -> None:
    path = tmp_path / "a.sql"
    path.write_text(GOOD)
    job = service.submit(ask(PathSource(str(path)), idempotency_key="k"))
    path.write_text(GOOD + GOOD)
    origin = TaskOrigin("dag", "run", "task")
    again = service.rerun(job.id, origin=origin)
    assert (again.run, again.kind, again.counts.statements) == (2, JobKind.SIMPLE, 2)
    assert service.list_runs(job.id)[0].origin == origin
    assert service.rerun(job.id).run == 3, "without a key, however often"
    path.unlink()
    with pytest.raises(UnreadableInputError):
        service.rerun(job.id)
    assert service.get(job.id).run == 3


@pytest.mark.parametrize("end", ["create", "delete"])
def test_job_that_cannot_run_again(waiting: JobService, end: str) -> None:
    job = waiting.submit(ask(A))
    if end == "delete":
        waiting.delete(job.id)
    with pytest.raises(JobTransitionError, match=f"is {end} and cannot run again"):
        waiting.rerun(job.id)


def test_cancelled_and_failed_jobs_run_again(service: JobService, waiting: JobService) -> None:
    cancelled = waiting.cancel(waiting.submit(ask(A)).id)
    assert service.rerun(cancelled.id).status is JobStatus.SUCCESS
    failed = service.submit(ask(TextSource("a.sql", BAD)))
    assert service.rerun(failed.id).status is JobStatus.FAIL


# -- schedules


def test_schedule_from_set_to_cancelled(service: JobService) -> None:
    job = service.submit_persist(ask(A), schedule=Schedule("0 0 1 ? * 2", "Europe/Berlin"))
    kept = Schedule("0 1 * * 1", "Europe/Berlin")
    assert job.schedule == kept
    assert service.submit_persist(ask(B), job.id).schedule == kept, "a batch leaves it"
    moved = service.submit_persist(ask(B), job.id, schedule=Schedule("@daily"))
    assert moved.schedule == service.get(job.id).schedule == Schedule("0 0 * * *")
    assert service.pause_schedule(job.id).schedule == Schedule("0 0 * * *", is_paused=True)
    assert [found.id for found in service.list_scheduled()] == [job.id]
    assert service.resume_schedule(job.id).schedule == Schedule("0 0 * * *")
    assert service.set_schedule(job.id, Schedule("5 0 * * *")).schedule == Schedule("5 0 * * *")
    assert service.cancel_schedule(job.id).schedule is None
    assert service.cancel_schedule(job.id).schedule is None
    assert service.list_scheduled() == ()
    for call in (service.pause_schedule, service.resume_schedule):
        with pytest.raises(JobError, match="has no schedule"):
            call(job.id)


def test_simple_jobs_have_no_schedule(service: JobService) -> None:
    job = service.submit(ask(A))
    with pytest.raises(JobError, match="simple job"):
        service.set_schedule(job.id, Schedule("0 1 * * *"))


@pytest.mark.parametrize("method", ["rerun", "pause_schedule", "cancel_schedule", "list_runs", "get_request"])
def test_unknown_job(service: JobService, method: str) -> None:
    with pytest.raises(JobNotFoundError, match="job nope"):
        getattr(service, method)(JobId("nope"))


# -- who used a table


def test_instances_of_tasks(service: JobService) -> None:
    for day in range(2):
        service.submit(ask(A, origin=TaskOrigin("dag", f"run{day}", "task")))
    service.submit(ask(A))
    page = service.list_instances("T", TableRole.WRITE, limit=1)
    assert page.total == 2
    (newest,) = page.instances
    assert newest.run.origin == TaskOrigin("dag", "run1", "task")
    assert service.list_instances("s").total == 2
    with pytest.raises(ConfigError, match="negative"):
        service.list_instances("s", offset=-1)


# -- retention


def test_clean_removes_ended_jobs_only_when_told(service: JobService, waiting: JobService) -> None:
    old = [service.submit(ask(A)) for _ in range(3)]
    persist = service.submit_persist(ask(A))
    queued = waiting.submit(ask(A))
    service.delete(old[0].id)
    later = START + timedelta(days=365)
    assert service.clean(later) == CleanSummary(jobs=1)
    assert service.clean(START, ended=True) == CleanSummary(), "nothing is that old"
    assert service.clean(later, ended=True).jobs == 2
    assert {job.id for job in service.list(JobFilter()).jobs} == {persist.id, queued.id}
    assert service.list_files(persist.id) != ()


class ChangedMeanwhile(SqlJobStore):
    """Someone else gives a job another schedule behind each look at it."""

    given = Schedule("0 1 * * *")

    def get_job(self, job_id: JobId) -> Job:
        found = super().get_job(job_id)
        self.given = Schedule(f"{int(self.given.cron.split()[0]) + 1} 1 * * *")
        self.set_schedule(job_id, self.given)
        return found


def test_pause_loses_no_schedule_that_was_given_at_the_same_moment(store_url: str) -> None:
    store = ChangedMeanwhile(store_url)
    service = JobService(store, QueuedRunner(), Settings())
    job = service.submit_persist(make_request(), schedule=store.given)
    service.pause_schedule(job.id)
    (kept,) = store.list_scheduled()
    assert kept.schedule == replace(store.given, is_paused=True)
    store.close()


class BusyStore(SqlJobStore):
    """Behind the list of old jobs someone runs one of them again and deletes another."""

    is_quiet = True

    def list_jobs(self, where: JobFilter, limit: int, offset: int) -> JobPage:
        page = super().list_jobs(where, limit, offset)
        if not self.is_quiet and page.jobs:
            self.is_quiet = True
            again, gone, *_ = page.jobs
            self.create_run(again.id, self.get_request(again.id), "digest", START, True)
            self.delete_job(gone.id, START)
        return page


def test_clean_leaves_a_job_alone_that_runs_again(store_url: str) -> None:
    store = BusyStore(store_url)
    runner = InlineRunner(store, Execution(store, Settings(), TickingClock()), Settings(), TickingClock())
    service = JobService(store, runner, Settings(), TickingClock())
    for name in ("c", "b", "a"):
        service.submit(ask(A, name=name))
    store.is_quiet = False
    assert service.clean(START + timedelta(days=365), ended=True).jobs == 2
    (left,) = service.list(JobFilter()).jobs
    assert (left.name, left.status, left.run) == ("a", JobStatus.CREATE, 2)
    store.close()


# -- looking up


class CountingStore(SqlJobStore):
    """Counts how often a request was read."""

    requests = 0

    def get_request(self, job_id: JobId) -> JobRequest:
        self.requests += 1
        return super().get_request(job_id)


def test_request_is_read_once_for_all_looks_at_a_run(store_url: str) -> None:
    store = CountingStore(store_url)
    service = JobService(store, QueuedRunner(), Settings(), reads_databases=False)
    secret = DatabaseSource("postgres", "db.example.com", "ann", "geheim", database="shop")
    job = service.submit_persist(ask(A, secret, default_schema="s", catalog={"t": ("a",)}))
    looks = [service.get_outline(service.get(job.id)) for _ in range(3)]
    assert store.requests == 1
    assert looks[0] == looks[1] == looks[2]
    assert (looks[0].text_names, looks[0].default_schema, looks[0].has_catalog) == (("a.sql",), "s", True)
    assert looks[0].database == replace(secret, password="***")
    service.cancel(job.id)
    again = service.submit_persist(ask(B), job.id)
    assert service.get_outline(again).text_names == ("a.sql", "b.sql")
    store.close()
