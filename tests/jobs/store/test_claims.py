"""Claims: one worker at a time, and none that lost its lease changes anything."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from datetime import timedelta

import pytest

from airflow_provider_sqlflow.errors import LeaseLostError
from airflow_provider_sqlflow.jobs.model import JobCounts, JobId, JobStatus
from airflow_provider_sqlflow.jobs.store.base import Claim, JobStore
from airflow_provider_sqlflow.jobs.store.sql import SqlJobStore
from tests.jobs.factories import LATER, START, add_job, claim_job, make_request, make_saved, run_job

J1 = JobId("j1")
UNTIL = START + timedelta(seconds=60)


def claim_next(store: JobStore, *queues: str, at=START) -> str | None:
    claim = store.claim_next(queues or ("default",), "w", at, at + timedelta(seconds=60))
    return None if claim is None else claim.job.id


def test_claimed_job_runs_and_says_since_when(store: JobStore) -> None:
    add_job(store, owner="ann")
    claim = store.claim_job(J1, "host:1", START, UNTIL)
    assert claim is not None
    assert (claim.worker, claim.run, claim.attempts, claim.request.owner) == ("host:1", 1, 1, "ann")
    assert claim.job == store.get_job(J1)
    assert (claim.job.status, claim.job.begin_at) == (JobStatus.RUNNING, START)
    (run,) = store.list_runs(J1)
    assert (run.status, run.begin_at) == (JobStatus.RUNNING, START)


def test_running_job_is_claimed_again_only_after_its_lease(store: JobStore) -> None:
    add_job(store)
    first = claim_job(store)
    assert store.claim_job(J1, "other", UNTIL, LATER) is None
    later = UNTIL + timedelta(microseconds=1)
    second = store.claim_job(J1, "other", later, later + timedelta(seconds=60))
    assert second is not None
    assert (second.attempts, second.job.begin_at) == (2, START)
    assert second.token != first.token


def test_renewed_lease_is_not_taken_and_tells_progress(store: JobStore) -> None:
    add_job(store)
    claim = claim_job(store)
    counts = JobCounts(files_total=4, files_done=1, statements=3)
    store.renew_claim(claim, UNTIL + timedelta(hours=1), counts, "b.sql")
    assert store.claim_job(J1, "other", UNTIL + timedelta(minutes=59), LATER) is None
    job = store.get_job(J1)
    assert (job.counts, job.current_file, job.progress_percent) == (counts, "b.sql", 25)
    assert store.list_runs(J1)[0].counts == counts


def test_released_job_is_claimed_at_once_and_that_was_no_attempt(store: JobStore) -> None:
    add_job(store)
    claim = claim_job(store)
    store.renew_claim(claim, UNTIL, JobCounts(), "a.sql")
    store.release_claim(claim)
    assert (store.get_job(J1).status, store.get_job(J1).current_file) == (JobStatus.CREATE, "")
    assert store.list_runs(J1)[0].status is JobStatus.CREATE
    assert claim_job(store).attempts == 1
    store.release_claim(claim)  # of no meaning any more
    assert store.get_job(J1).status is JobStatus.RUNNING


@pytest.mark.parametrize("end", [JobStatus.SUCCESS, JobStatus.FAIL, JobStatus.CANCEL, JobStatus.DELETE])
def test_ended_job_is_not_claimed(store: JobStore, end: JobStatus) -> None:
    add_job(store)
    if end is JobStatus.DELETE:
        store.delete_job(J1, START)
    else:
        run_job(store, status=end)
    assert store.claim_job(J1, "w", LATER + timedelta(days=1), LATER + timedelta(days=2)) is None
    assert claim_next(store, at=LATER + timedelta(days=1)) is None


def test_oldest_job_of_the_queues_is_next(store: JobStore) -> None:
    for name, queue in [("a", "big"), ("b", "default"), ("c", "default"), ("d", "other")]:
        add_job(store, name, queue=queue)
    assert [claim_next(store, "default", "big") for _ in range(4)] == ["a", "b", "c", None]
    assert claim_next(store, "none") is None
    assert store.claim_next((), "w", START, UNTIL) is None
    assert claim_next(store, "other") == "d"
    later = START + timedelta(seconds=61)
    assert claim_next(store, "default", at=later) == "b", "its worker is lost"


def test_attempts_count_anew_for_each_run(store: JobStore) -> None:
    add_job(store)
    claim_job(store, seconds=-1)
    run_job(store)
    store.create_run(J1, make_request(), "digest", LATER, True)
    assert claim_job(store).attempts == 1


WRITES: dict[str, Callable[[JobStore, Claim], object]] = {
    "renew_claim": lambda store, claim: store.renew_claim(claim, UNTIL, JobCounts(files_done=9), "x.sql"),
    "plan_files": lambda store, claim: store.plan_files(claim, ["x.sql"], "inputs"),
    "reuse_run": lambda store, claim: store.reuse_run(claim, "inputs"),
    "save_files": lambda store, claim: store.save_files(claim, [make_saved(name="x.sql")], JobCounts()),
    "finish_run": lambda store, claim: store.finish_run(claim, JobStatus.SUCCESS, LATER, JobCounts()),
}


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("end", ["cancelled", "deleted", "taken over", "released", "finished", "cleaned"])
def test_claim_that_has_ended_changes_nothing(store: JobStore, write: str, end: str) -> None:
    add_job(store)
    run_job(store, files=[make_saved()])
    store.create_run(J1, make_request(), "digest", LATER, True)
    claim = claim_job(store)
    store.plan_files(claim, ["a.sql"], "inputs")
    reason = {"taken over": "another worker has it", "cleaned": "it was removed"}.get(end, "it is ")
    if end == "cancelled":
        store.cancel_job(J1, LATER)
    elif end == "taken over":
        assert store.claim_job(J1, "other", UNTIL + timedelta(seconds=1), LATER) is not None
    elif end == "released":
        store.release_claim(claim)
    elif end == "finished":
        store.finish_run(claim, JobStatus.FAIL, LATER, JobCounts())
    else:
        store.delete_job(J1, LATER)
        if end == "cleaned":
            store.clean(LATER + timedelta(days=1))
    kept = None if end == "cleaned" else (store.get_job(J1), store.list_runs(J1), store.list_files(J1))
    with pytest.raises(LeaseLostError, match=f"job j1 may not be worked on any more: {reason}"):
        WRITES[write](store, claim)
    if kept is not None:
        assert (store.get_job(J1), store.list_runs(J1), store.list_files(J1)) == kept
    assert store.find_results(["key of x.sql"]) == {}


def claim_in_rounds(url: str, worker: str, together, found) -> None:
    """What each process of the race below does: claim one job a round until there is none left.

    All begin a round together. Without that a database that serves one process faster gives it every job, and
    nothing is raced for.
    """
    store = SqlJobStore(url)
    while True:
        together.wait()
        claim = store.claim_next(("default",), worker, START, START + timedelta(hours=1))
        if claim is None:
            break
        found.put((claim.job.id, worker))
    found.put(None)
    store.close()


def test_two_processes_never_claim_the_same_job(store: JobStore, store_url: str) -> None:
    jobs = [f"j{number}" for number in range(40)]
    for job_id in jobs:
        add_job(store, job_id)
    context = multiprocessing.get_context("spawn")
    together, found = context.Barrier(2, timeout=60), context.Queue()
    workers = [
        context.Process(target=claim_in_rounds, args=(store_url, str(n), together, found)) for n in range(2)
    ]
    for worker in workers:
        worker.start()
    claimed, ended = [], 0
    while ended < len(workers):
        item = found.get(timeout=60)
        ended += item is None
        claimed += [] if item is None else [item]
    for worker in workers:
        worker.join()
    assert sorted(job_id for job_id, _ in claimed) == sorted(jobs)
    assert {worker for _, worker in claimed} == {"0", "1"}
