"""What a job store does. PostgreSQL runs the same statements; its suite takes these tests over."""

from __future__ import annotations

import itertools
import threading
from datetime import datetime, timedelta, timezone

import pytest
from sqlalchemy.exc import IntegrityError

from airflow_provider_sqlflow.errors import JobConflictError, JobNotFoundError, JobTransitionError
from airflow_provider_sqlflow.jobs.model import (
    TRANSITIONS,
    Job,
    JobCounts,
    JobFile,
    JobFilter,
    JobId,
    JobStatus,
)
from airflow_provider_sqlflow.jobs.store.base import JobStore
from tests.jobs.factories import START, make_job, make_request

LATER = START + timedelta(minutes=1)
STORED = [status for status in JobStatus if status is not JobStatus.UNKNOWN]

# How a fresh job gets to a status, by changes that are allowed.
WAYS = {
    JobStatus.CREATE: (),
    JobStatus.RUNNING: (JobStatus.RUNNING,),
    JobStatus.SUCCESS: (JobStatus.RUNNING, JobStatus.SUCCESS),
    JobStatus.PARTIAL_SUCCESS: (JobStatus.RUNNING, JobStatus.PARTIAL_SUCCESS),
    JobStatus.FAIL: (JobStatus.FAIL,),
    JobStatus.CANCEL: (JobStatus.CANCEL,),
    JobStatus.DELETE: (JobStatus.DELETE,),
}


def add(store: JobStore, job: Job, *, key: str | None = None, files: tuple[str, ...] = ("a.sql",)) -> Job:
    request = make_request(name=job.name, tags=job.tags, owner=job.owner, idempotency_key=key)
    return store.create_job(job, request, "digest", files)


def bring(store: JobStore, job_id: JobId, status: JobStatus) -> None:
    for step in WAYS[status]:
        store.change_status(job_id, step, START)


def ids(store: JobStore, where: JobFilter, limit: int = 50, offset: int = 0) -> list[str]:
    return [job.id for job in store.list_jobs(where, limit, offset).jobs]


def test_job_comes_back_as_it_was_kept(store: JobStore) -> None:
    job = make_job(owner="ann", tags=("z", "a"), name="Nächtlich 😀")
    assert add(store, job) == job
    assert store.get_job(job.id) == job


def test_request_comes_back_as_it_was_kept(store: JobStore) -> None:
    request = make_request(
        catalog={"db.s.t": ("a", "B")}, tags=("x",), default_schema="s", idempotency_key="k"
    )
    store.create_job(make_job(), request, "digest", ("a.sql",))
    assert store.get_request(JobId("j1")) == request


def test_times_of_other_zones_come_back_as_utc(store: JobStore) -> None:
    elsewhere = START.astimezone(timezone(timedelta(hours=5, minutes=30)))
    add(store, make_job(created_at=elsewhere))
    created_at = store.get_job(JobId("j1")).created_at
    assert (created_at, created_at.utcoffset()) == (START, timedelta(0))


def test_time_without_a_zone_is_refused(store: JobStore) -> None:
    with pytest.raises(Exception, match="has no time zone"):
        add(store, make_job(created_at=datetime(2026, 1, 1)))  # noqa: DTZ001


def test_unknown_job(store: JobStore) -> None:
    unknown = JobId("nope")
    with pytest.raises(JobNotFoundError, match="nope"):
        store.get_job(unknown)
    with pytest.raises(JobNotFoundError, match="nope"):
        store.get_request(unknown)
    with pytest.raises(JobNotFoundError, match="nope"):
        store.change_status(unknown, JobStatus.RUNNING, START)
    with pytest.raises(JobNotFoundError, match="nope"):
        store.delete_job(unknown, START)
    assert store.list_files(unknown) == ()


@pytest.mark.parametrize(("before", "after"), list(itertools.product(STORED, JobStatus)))
def test_every_status_change_against_the_table(store: JobStore, before: JobStatus, after: JobStatus) -> None:
    job_id = add(store, make_job()).id
    bring(store, job_id, before)
    assert store.get_job(job_id).status is before
    if after in TRANSITIONS[before]:
        assert store.change_status(job_id, after, LATER).status is after
        assert store.get_job(job_id).status is after
    else:
        with pytest.raises(JobTransitionError, match=f"is {before.value} and cannot become {after.value}"):
            store.change_status(job_id, after, LATER, counts=JobCounts(statements=99), error="x")
        kept = store.get_job(job_id)
        assert (kept.status, kept.error, kept.counts.statements) == (before, "", 0)


def test_begin_and_end_are_kept(store: JobStore) -> None:
    job_id = add(store, make_job()).id
    store.change_status(job_id, JobStatus.RUNNING, START)
    counts = JobCounts(1, 1, 2, 1, 3, 4, 5, 6)
    ended = store.change_status(job_id, JobStatus.PARTIAL_SUCCESS, LATER, counts=counts)
    assert (ended.begin_at, ended.end_at, ended.counts) == (START, LATER, counts)
    deleted = store.delete_job(job_id, LATER + timedelta(hours=1))
    assert (deleted.status, deleted.end_at) == (JobStatus.DELETE, LATER)


def test_two_that_end_a_job_at_once_do_not_both_win(store: JobStore) -> None:
    job_id = add(store, make_job()).id
    store.change_status(job_id, JobStatus.RUNNING, START)
    won: list[JobStatus] = []
    ready = threading.Barrier(8)

    def end(status: JobStatus) -> None:
        ready.wait()
        try:
            store.change_status(job_id, status, LATER)
        except JobTransitionError:
            return
        won.append(status)

    ends = [JobStatus.SUCCESS, JobStatus.CANCEL] * 4
    threads = [threading.Thread(target=end, args=(status,)) for status in ends]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert won == [store.get_job(job_id).status]


def test_files_are_there_from_the_start_and_keep_their_order(store: JobStore) -> None:
    job_id = add(store, make_job(), files=("z.sql", "a.sql")).id
    done = JobFile("a.sql", JobStatus.PARTIAL_SUCCESS, 5, 1, "a.sql:3:7: no such thing")
    store.save_file(job_id, 1, done, '{"document": 1}', "SELECT 'é'")
    assert store.list_files(job_id) == (JobFile("z.sql", JobStatus.CREATE), done)
    assert list(store.iter_results(job_id)) == ['{"document": 1}']
    assert list(store.iter_texts(job_id)) == [("a.sql", "SELECT 'é'")]


def test_results_of_many_files_come_in_input_order(store: JobStore) -> None:
    names = tuple(f"{number:03}.sql" for number in range(100))
    job_id = add(store, make_job(), files=names).id
    for position in reversed(range(100)):
        store.save_file(job_id, position, JobFile(names[position], JobStatus.SUCCESS), f"r{position}", "")
    assert list(store.iter_results(job_id)) == [f"r{position}" for position in range(100)]


def test_progress_is_kept_only_while_the_job_runs(store: JobStore) -> None:
    job_id = add(store, make_job()).id
    store.save_progress(job_id, JobCounts(files_done=1), "a.sql")
    assert store.get_job(job_id).current_file == ""
    store.change_status(job_id, JobStatus.RUNNING, START)
    store.save_progress(job_id, JobCounts(files_done=1), "a.sql")
    running = store.get_job(job_id)
    assert (running.current_file, running.counts) == ("a.sql", JobCounts(files_done=1))
    assert store.change_status(job_id, JobStatus.CANCEL, LATER).current_file == ""


def test_delete_removes_input_and_results(store: JobStore) -> None:
    job_id = add(store, make_job(tags=("t",))).id
    store.save_file(job_id, 0, JobFile("a.sql", JobStatus.SUCCESS), "result", "text")
    assert store.delete_job(job_id, LATER).status is JobStatus.DELETE
    assert (store.list_files(job_id), list(store.iter_results(job_id))) == ((), [])
    with pytest.raises(JobNotFoundError, match="deleted"):
        store.get_request(job_id)
    store.save_file(job_id, 0, JobFile("a.sql", JobStatus.SUCCESS), "late result", "text")
    assert store.list_files(job_id) == ()
    assert store.count_jobs() == 0


def test_same_key_gives_the_first_job(store: JobStore) -> None:
    first = add(store, make_job("j1"), key="k")
    assert add(store, make_job("j2"), key="k") == first
    assert store.find_key("k") == ("j1", "digest")
    assert store.list_jobs(JobFilter(), 10, 0).total == 1


def test_same_key_with_another_digest_is_a_conflict(store: JobStore) -> None:
    add(store, make_job("j1"), key="k")
    with pytest.raises(JobConflictError, match="'k' belongs to job j1"):
        store.create_job(make_job("j2"), make_request(idempotency_key="k"), "other", ())


@pytest.mark.parametrize("end", [JobStatus.FAIL, JobStatus.CANCEL, JobStatus.DELETE])
def test_job_without_a_result_gives_its_key_up(store: JobStore, end: JobStatus) -> None:
    add(store, make_job("j1"), key="k")
    store.change_status(JobId("j1"), end, LATER)
    assert store.find_key("k") is None
    assert add(store, make_job("j2"), key="k").id == "j2"


def test_one_key_submitted_by_many_at_once_is_one_job(store: JobStore) -> None:
    found: list[str] = []
    ready = threading.Barrier(6)

    def submit(number: int) -> None:
        ready.wait()
        found.append(add(store, make_job(f"j{number}"), key="k").id)

    threads = [threading.Thread(target=submit, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6
    assert len(set(found)) == 1


def test_id_in_use_is_an_error_not_another_job(store: JobStore) -> None:
    add(store, make_job("j1"))
    with pytest.raises(IntegrityError):
        add(store, make_job("j1", name="other"), key="k")
    assert store.get_job(JobId("j1")).name == "nightly"


def test_list_is_newest_first_and_jobs_of_one_moment_keep_their_order(store: JobStore) -> None:
    for job_id, minutes in [("a", 1), ("b", 5), ("c", 1), ("d", 3)]:
        add(store, make_job(job_id, created_at=START + timedelta(minutes=minutes)))
    assert ids(store, JobFilter()) == ["b", "d", "c", "a"]
    assert ids(store, JobFilter(), limit=2, offset=1) == ["d", "c"]
    assert ids(store, JobFilter(), limit=2, offset=9) == []
    assert store.list_jobs(JobFilter(), 2, 1).total == 4
    assert store.list_jobs(JobFilter(), 0, 0).total == 4


def test_filters(store: JobStore) -> None:
    add(store, make_job("a", name="Größe_100%", owner="ann", tags=("x", "y")))
    add(store, make_job("b", name="plain", owner="bob", tags=("y",), created_at=LATER))
    store.change_status(JobId("b"), JobStatus.RUNNING, LATER)
    assert ids(store, JobFilter(status=(JobStatus.RUNNING,))) == ["b"]
    assert ids(store, JobFilter(status=(JobStatus.RUNNING, JobStatus.CREATE))) == ["b", "a"]
    assert ids(store, JobFilter(name="GRÖSSE")) == ["a"]
    assert ids(store, JobFilter(name="_100%")) == ["a"]
    assert ids(store, JobFilter(name="%")) == ["a"]
    assert ids(store, JobFilter(name="_")) == ["a"]
    assert ids(store, JobFilter(owner="bob")) == ["b"]
    assert ids(store, JobFilter(tag="y")) == ["b", "a"]
    assert ids(store, JobFilter(tag="x")) == ["a"]
    assert ids(store, JobFilter(tag="X")) == []
    assert ids(store, JobFilter(created_from=LATER)) == ["b"]
    assert ids(store, JobFilter(created_to=START)) == ["a"]
    assert ids(store, JobFilter(tag="y", owner="ann", status=(JobStatus.CREATE,))) == ["a"]
    page = store.list_jobs(JobFilter(tag="y"), 1, 0)
    assert (page.total, page.jobs[0].tags) == (2, ("y",))


def test_tags_given_twice_are_one(store: JobStore) -> None:
    assert add(store, make_job(tags=("a", "b", "a"))).tags == ("a", "b")
