"""Lists of jobs: filters, pages, a stable order."""

from __future__ import annotations

from datetime import timedelta

import pytest

from airflow_provider_sqlflow.jobs.model import JobCounts, JobFilter, JobStatus
from airflow_provider_sqlflow.jobs.store.base import JobStore
from tests.jobs.factories import LATER, START, add_job, claim_job, make_job


def ids(store: JobStore, where: JobFilter, limit: int = 50, offset: int = 0) -> list[str]:
    return [job.id for job in store.list_jobs(where, limit, offset).jobs]


def test_list_is_newest_first_and_jobs_of_one_moment_keep_their_order(store: JobStore) -> None:
    for job_id, minutes in [("a", 1), ("b", 5), ("c", 1), ("d", 3)]:
        add_job(store, job_id, created_at=START + timedelta(minutes=minutes))
    assert ids(store, JobFilter()) == ["b", "d", "c", "a"]
    assert ids(store, JobFilter(), limit=2, offset=1) == ["d", "c"]
    assert ids(store, JobFilter(), limit=2, offset=9) == []
    assert store.list_jobs(JobFilter(), 2, 1).total == 4
    assert store.list_jobs(JobFilter(), 0, 0).total == 4


def test_filters(store: JobStore) -> None:
    add_job(store, "a", name="Größe_100%", owner="ann", tags=("x", "y"))
    add_job(store, "b", name="plain", owner="bob", tags=("y",), created_at=LATER, queue="big")
    claim_job(store, "b")
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
    assert ids(store, JobFilter(queue="big")) == ["b"]
    assert ids(store, JobFilter(queue="default")) == ["a"]
    assert ids(store, JobFilter(created_from=LATER)) == ["b"]
    assert ids(store, JobFilter(created_to=START)) == ["a"]
    assert ids(store, JobFilter(tag="y", owner="ann", status=(JobStatus.CREATE,))) == ["a"]
    page = store.list_jobs(JobFilter(tag="y"), 1, 0)
    assert (page.total, page.jobs[0].tags) == (2, ("y",))


def test_deleted_jobs_are_listed_but_not_counted(store: JobStore) -> None:
    add_job(store, "a")
    add_job(store, "b")
    store.delete_job(make_job("a").id, LATER)
    assert ids(store, JobFilter()) == ["b", "a"]
    assert store.count_jobs() == 1


@pytest.mark.parametrize(
    ("status", "done", "total", "percent"),
    [
        (JobStatus.CREATE, 0, 0, 0),
        (JobStatus.RUNNING, 0, 7, 0),
        (JobStatus.RUNNING, 2, 3, 66),
        (JobStatus.FAIL, 1, 2, 50),
        (JobStatus.SUCCESS, 0, 0, 100),
        (JobStatus.PARTIAL_SUCCESS, 3, 3, 100),
    ],
)
def test_progress_in_percent(status: JobStatus, done: int, total: int, percent: int) -> None:
    job = make_job(status=status, counts=JobCounts(files_total=total, files_done=done))
    assert job.progress_percent == percent
