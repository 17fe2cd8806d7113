"""The worker's loop over a real store, with work made to order."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from airflow_provider_sqlflow.errors import LeaseLostError, StoreUnavailableError, UnreadableInputError
from airflow_provider_sqlflow.jobs.execution import OnProgress
from airflow_provider_sqlflow.jobs.model import Job, JobCounts, JobId, JobStatus
from airflow_provider_sqlflow.jobs.runners.stopping import StopRequest
from airflow_provider_sqlflow.jobs.runners.worker import Worker, WorkUntil, worker_name
from airflow_provider_sqlflow.jobs.service import utc_now
from airflow_provider_sqlflow.jobs.store.base import Claim
from airflow_provider_sqlflow.jobs.store.sql import SqlJobStore
from airflow_provider_sqlflow.settings import Settings
from tests.jobs.factories import make_job, make_request

GONE = StoreUnavailableError("the store is gone")


class Work:
    """Ends each claimed job, after what a test wants to happen first."""

    def __init__(self, store: SqlJobStore, *acts: Callable[[Claim, OnProgress], object]) -> None:
        self._store = store
        self._acts = list(acts)
        self.claims: list[Claim] = []

    def __call__(self, claim: Claim, on_progress: OnProgress) -> Job:
        self.claims.append(claim)
        if self._acts:
            self._acts.pop(0)(claim, on_progress)
        return self._store.finish_run(claim, JobStatus.SUCCESS, utc_now(), JobCounts(1, 1, 2))

    @property
    def ids(self) -> list[str]:
        return [str(claim.job.id) for claim in self.claims]


class FailingStore:
    """A store of which some calls find nobody."""

    def __init__(self, store: SqlJobStore, **failures: int) -> None:
        self._store = store
        self._failures = failures

    def __getattr__(self, name: str) -> Any:
        if self._failures.get(name, 0) > 0:
            self._failures[name] -= 1
            return self._fail
        return getattr(self._store, name)

    @staticmethod
    def _fail(*_arguments: Any) -> None:
        raise GONE


class CountedStop(StopRequest):
    """Asks to stop after so many pauses, none of which takes time."""

    def __init__(self, pauses: int) -> None:
        super().__init__()
        self.pauses: list[float] = []
        self._count = pauses

    def wait(self, seconds: float) -> None:
        self.pauses.append(seconds)
        if len(self.pauses) == self._count:
            self.make()


def queue(store: SqlJobStore, *ids: str, queue: str = "default") -> None:
    for job_id in ids:
        store.create_job(make_job(job_id, queue=queue), make_request(queue=queue), "digest")


def work(
    store: Any,
    execute: Work,
    until: WorkUntil = WorkUntil.IDLE,
    stop: StopRequest | None = None,
    **options: Any,
) -> int:
    settings = options.pop("settings", Settings())
    worker = Worker(store, execute, settings, utc_now, stop or StopRequest(), name="w1", **options)
    return worker.run(until)


def statuses(store: SqlJobStore, *ids: str) -> list[str]:
    return [store.get_job(JobId(job_id)).status.value for job_id in ids]


def lines(caplog: pytest.LogCaptureFixture, level: int = logging.WARNING) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= level]


def raising(error: BaseException) -> Callable[[Claim, OnProgress], object]:
    def act(_claim: Claim, _tell: OnProgress) -> None:
        raise error

    return act


def test_jobs_are_run_oldest_first_until_none_is_left(store: SqlJobStore) -> None:
    queue(store, "b", "a", "c")
    execute = Work(store)
    assert work(store, execute) == 3
    assert execute.ids == ["b", "a", "c"]
    assert statuses(store, "a", "b", "c") == ["success"] * 3
    assert work(store, execute) == 0


def test_one_job_only(store: SqlJobStore) -> None:
    queue(store, "a", "b")
    assert work(store, Work(store), WorkUntil.ONE_JOB) == 1
    assert statuses(store, "a", "b") == ["success", "create"]
    assert work(store, Work(store), WorkUntil.ONE_JOB) == 1
    assert work(store, Work(store), WorkUntil.ONE_JOB) == 0


@pytest.mark.parametrize(
    ("settings", "queues", "ran"),
    [
        (Settings(), (), ["b"]),
        (Settings(worker_queues="large, small"), (), ["a", "c"]),
        (Settings(worker_queues="large"), ("small",), ["c"]),
    ],
)
def test_only_its_queues_are_served(
    store: SqlJobStore, settings: Settings, queues: tuple[str, ...], ran: list[str]
) -> None:
    queue(store, "a", queue="large")
    queue(store, "b")
    queue(store, "c", queue="small")
    execute = Work(store)
    work(store, execute, settings=settings, queues=queues)
    assert execute.ids == ran


def test_idle_pauses_grow_to_a_limit_and_begin_anew_after_a_job(store: SqlJobStore) -> None:
    stop = CountedStop(pauses=12)
    queue(store, "a")
    work(store, Work(store), WorkUntil.STOPPED, stop, settings=Settings(worker_poll_seconds=2))
    assert stop.pauses[0] <= 0.1
    assert max(stop.pauses) <= 2
    assert all(pause >= 1 for pause in stop.pauses[6:])


def test_log_tells_of_job_files_and_time(store: SqlJobStore, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    queue(store, "a")
    seconds = iter([10.0, 12.25])
    work(store, Work(store), monotonic=lambda: next(seconds))
    assert lines(caplog, logging.INFO) == [
        "worker w1 serves default",
        "job a ('nightly'): run 1 begins, attempt 1",
        "job a: success in 2.2 s: 1 file(s), 2 of 2 statement(s) understood",
        "worker w1 ends after 1 job(s)",
    ]


def test_names_of_workers_tell_the_process_and_are_unique() -> None:
    assert worker_name().rpartition(":")[0] == worker_name().rpartition(":")[0]
    assert worker_name() != worker_name()


# Faults of the work ------------------------------------------------------------------------------


def test_fault_fails_the_job_and_not_the_worker(store: SqlJobStore, caplog: pytest.LogCaptureFixture) -> None:
    queue(store, "a", "b", "c")
    execute = Work(store, raising(RuntimeError("boom")), raising(UnreadableInputError("cannot read x")))
    assert work(store, execute) == 3
    assert statuses(store, "a", "b", "c") == ["fail", "fail", "success"]
    assert store.get_job(JobId("a")).error == "RuntimeError: boom"
    assert store.get_job(JobId("b")).error == "UnreadableInputError: cannot read x"
    assert [record.getMessage() for record in caplog.records if record.exc_info] == ["job a failed"]


def test_what_was_done_before_a_fault_is_counted(store: SqlJobStore) -> None:
    def act(_claim: Claim, tell: OnProgress) -> None:
        tell(JobCounts(files_total=3, files_done=2), "b.sql")
        raise MemoryError

    queue(store, "a")
    work(store, Work(store, act))
    assert store.get_job(JobId("a")).counts.files_done == 2


@pytest.mark.parametrize("status", [JobStatus.CANCEL, JobStatus.DELETE])
def test_job_that_is_taken_away_is_dropped(
    store: SqlJobStore, status: JobStatus, caplog: pytest.LogCaptureFixture
) -> None:
    def act(claim: Claim, _tell: OnProgress) -> None:
        end = store.cancel_job if status is JobStatus.CANCEL else store.delete_job
        end(claim.job.id, utc_now())

    queue(store, "a", "b")
    assert work(store, Work(store, act)) == 2
    assert statuses(store, "a", "b") == [status.value, "success"]
    [line] = lines(caplog)
    assert line.startswith("job a: its work is dropped: ")


def test_job_that_another_worker_took_over_is_left_to_it(store: SqlJobStore) -> None:
    taken: list[Claim | None] = []

    def sleep_too_long(claim: Claim, _tell: OnProgress) -> None:
        later = utc_now() + timedelta(days=1)
        taken.append(store.claim_job(claim.job.id, "w2", later, later + timedelta(hours=1)))

    queue(store, "a")
    work(store, Work(store, sleep_too_long))
    assert statuses(store, "a") == ["running"]
    assert taken[0] is not None
    assert store.finish_run(taken[0], JobStatus.SUCCESS, utc_now(), JobCounts()).status is JobStatus.SUCCESS


def lose_workers(store: SqlJobStore, job_id: str, count: int) -> None:
    """Claim a job so often, each time with a lease that has ended."""
    for _ in range(count):
        past = utc_now() - timedelta(days=1)
        assert store.claim_job(JobId(job_id), "lost", utc_now(), past) is not None


def test_job_that_loses_its_workers_is_tried_so_often(store: SqlJobStore) -> None:
    queue(store, "a")
    lose_workers(store, "a", 2)
    execute = Work(store)
    work(store, execute)
    assert [claim.attempts for claim in execute.claims] == [3]
    assert statuses(store, "a") == ["success"]


def test_job_that_loses_more_workers_fails_and_says_so(
    store: SqlJobStore, caplog: pytest.LogCaptureFixture
) -> None:
    queue(store, "a", "b")
    lose_workers(store, "a", 3)
    execute = Work(store)
    assert work(store, execute) == 2
    assert execute.ids == ["b"]
    job = store.get_job(JobId("a"))
    assert job.status is JobStatus.FAIL
    assert job.error.startswith("given up: 3 worker(s) were lost while they worked on it")
    assert "given up: 3 worker(s)" in lines(caplog)[0]


# The store's outages -----------------------------------------------------------------------------


def test_outage_between_jobs_is_outlasted(store: SqlJobStore, caplog: pytest.LogCaptureFixture) -> None:
    queue(store, "a")
    execute = Work(store)
    assert work(FailingStore(store, claim_next=5), execute, stop=CountedStop(1000)) == 1
    assert statuses(store, "a") == ["success"]
    assert [line.split(";")[0].split(",")[0] for line in lines(caplog)] == [
        "the store is gone",
        "the job store answers again",
    ]


def test_outage_within_a_job_goes_on_with_the_same_claim(store: SqlJobStore) -> None:
    queue(store, "a")
    execute = Work(store, raising(GONE), raising(GONE))
    work(FailingStore(store, renew_claim=3), execute, stop=CountedStop(1000))
    assert len({claim.token for claim in execute.claims}) == 1
    assert len(execute.claims) == 3
    assert statuses(store, "a") == ["success"]


def test_outage_that_lets_the_job_get_further_each_time_never_fails_it(store: SqlJobStore) -> None:
    def progressing(files: int) -> Callable[[Claim, OnProgress], object]:
        def act(_claim: Claim, tell: OnProgress) -> None:
            tell(JobCounts(files_total=20, files_done=files), "a.sql")
            raise GONE

        return act

    queue(store, "a")
    execute = Work(store, *(progressing(files) for files in range(1, 10)))
    work(store, execute)
    assert (len(execute.claims), statuses(store, "a")) == (10, ["success"])


def test_store_that_refuses_the_work_again_and_again_fails_the_job(store: SqlJobStore) -> None:
    queue(store, "a", "b")
    execute = Work(store, *[raising(GONE)] * 3)
    work(store, execute)
    assert execute.ids == ["a", "a", "a", "b"]
    job = store.get_job(JobId("a"))
    assert (job.status, job.error) == (JobStatus.FAIL, "StoreUnavailableError: the store is gone")
    assert statuses(store, "b") == ["success"]


def test_job_lost_during_an_outage_is_left_to_others(store: SqlJobStore) -> None:
    def act(claim: Claim, _tell: OnProgress) -> None:
        store.cancel_job(claim.job.id, utc_now())
        raise GONE

    queue(store, "a", "b")
    assert work(store, Work(store, act)) == 2
    assert statuses(store, "a", "b") == ["cancel", "success"]


def test_stop_ends_the_wait_for_the_store(store: SqlJobStore) -> None:
    queue(store, "a")
    execute = Work(store, raising(GONE))
    work(FailingStore(store, renew_claim=1000), execute, stop=CountedStop(3))
    assert statuses(store, "a") == ["running"]
    work(FailingStore(store, claim_next=1000), execute, stop=CountedStop(3))


# Being stopped -----------------------------------------------------------------------------------


def test_stop_puts_the_job_back_at_the_next_file(store: SqlJobStore) -> None:
    stop = StopRequest()

    def act(_claim: Claim, tell: OnProgress) -> None:
        tell(JobCounts(2, 1), "a.sql")
        stop.make()
        tell(JobCounts(2, 2), "b.sql")
        pytest.fail("went on")  # pragma: no cover

    queue(store, "a", "b")
    assert work(store, Work(store, act), WorkUntil.STOPPED, stop) == 1
    assert statuses(store, "a", "b") == ["create", "create"]
    execute = Work(store)
    work(store, execute)
    assert [(claim.job.id, claim.attempts) for claim in execute.claims] == [("a", 1), ("b", 1)]


def test_interrupt_puts_the_job_back_from_anywhere(store: SqlJobStore) -> None:
    stop = StopRequest()
    queue(store, "a")
    work(store, Work(store, lambda *_: stop.interrupt()), WorkUntil.STOPPED, stop)
    assert statuses(store, "a") == ["create"]


def test_fault_of_a_worker_that_is_stopped_is_not_the_jobs(store: SqlJobStore) -> None:
    stop = StopRequest()

    def act(_claim: Claim, _tell: OnProgress) -> None:
        stop.make()
        raise BrokenPipeError("a process of the group was stopped first")

    queue(store, "a")
    work(store, Work(store, act), WorkUntil.STOPPED, stop)
    assert statuses(store, "a") == ["create"]


def test_job_that_ends_although_asked_to_stop_has_ended(store: SqlJobStore) -> None:
    stop = StopRequest()
    queue(store, "a", "b")
    work(store, Work(store, lambda *_: stop.make()), WorkUntil.STOPPED, stop)
    assert statuses(store, "a", "b") == ["success", "create"]


def test_job_that_cannot_be_put_back_is_left_to_its_lease(
    store: SqlJobStore, caplog: pytest.LogCaptureFixture
) -> None:
    stop = StopRequest()
    queue(store, "a")
    execute = Work(store, lambda *_: stop.interrupt())
    work(FailingStore(store, release_claim=1), execute, WorkUntil.STOPPED, stop)
    assert statuses(store, "a") == ["running"]
    assert lines(caplog) == ["job a cannot be put back; its lease will end: the store is gone"]


def test_lost_lease_and_stop_together_change_nothing(store: SqlJobStore) -> None:
    stop = StopRequest()

    def act(_claim: Claim, _tell: OnProgress) -> None:
        stop.make()
        raise LeaseLostError("taken over")

    queue(store, "a")
    work(store, Work(store, act), WorkUntil.STOPPED, stop)
    assert statuses(store, "a") == ["running"]
