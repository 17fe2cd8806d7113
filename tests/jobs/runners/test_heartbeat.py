from __future__ import annotations

import logging
import threading
from datetime import timedelta
from typing import Any

import pytest

from airflow_provider_sqlflow.errors import LeaseLostError, StoreUnavailableError
from airflow_provider_sqlflow.jobs.model import JobCounts, JobId
from airflow_provider_sqlflow.jobs.runners.heartbeat import Heartbeat
from airflow_provider_sqlflow.jobs.runners.outage import StoreOutage
from airflow_provider_sqlflow.jobs.service import utc_now
from airflow_provider_sqlflow.jobs.store.base import Claim
from airflow_provider_sqlflow.jobs.store.sql import SqlJobStore
from tests.jobs.factories import make_job, make_request

JOB = JobId("j1")
LEASE_SECONDS = 0.3
PATIENCE = 30.0
log = logging.getLogger("airflow_provider_sqlflow.test")


class WatchedStore:
    """A store that tells of renewals, and does not answer when told so."""

    def __init__(self, store: SqlJobStore) -> None:
        self._store = store
        self.is_down = False
        self.is_faulty = False
        self.tried = threading.Semaphore(0)

    def renew_claim(self, *arguments: Any) -> None:
        try:
            if self.is_down:
                raise StoreUnavailableError("down")
            if self.is_faulty:
                raise TypeError("a fault of ours")
            self._store.renew_claim(*arguments)
        finally:
            self.tried.release()

    def wait_for_renewals(self, count: int) -> None:
        for _ in range(count):
            assert self.tried.acquire(timeout=PATIENCE)


@pytest.fixture
def claim(store: SqlJobStore) -> Claim:
    store.create_job(make_job(), make_request(), "digest")
    found = store.claim_job(JOB, "me", utc_now(), utc_now() + timedelta(seconds=LEASE_SECONDS))
    assert found is not None
    return found


def heartbeat(store: WatchedStore, claim: Claim) -> Heartbeat:
    return Heartbeat(store, claim, LEASE_SECONDS, utc_now, StoreOutage(log))  # type: ignore[arg-type]


def test_lease_lasts_as_long_as_the_work(store: SqlJobStore, claim: Claim) -> None:
    watched = WatchedStore(store)
    with heartbeat(watched, claim):
        watched.wait_for_renewals(6)
        assert store.claim_job(JOB, "other", utc_now(), utc_now() + timedelta(hours=1)) is None
    assert store.claim_job(JOB, "other", utc_now() + timedelta(seconds=2), utc_now()) is not None


def test_what_was_told_reaches_the_store(store: SqlJobStore, claim: Claim) -> None:
    watched = WatchedStore(store)
    counts = JobCounts(files_total=3, files_done=2, statements=7)
    with heartbeat(watched, claim) as beating:
        beating.tell(counts, "b.sql")
        watched.wait_for_renewals(2)
        assert beating.counts == counts
    job = store.get_job(JOB)
    assert (job.counts, job.current_file) == (counts, "b.sql")


def test_work_learns_that_the_claim_has_ended(store: SqlJobStore, claim: Claim) -> None:
    watched = WatchedStore(store)
    with heartbeat(watched, claim) as beating:
        store.cancel_job(JOB, utc_now())
        watched.wait_for_renewals(1)
        with pytest.raises(LeaseLostError, match="j1"):
            for _ in range(1000):
                beating.tell(JobCounts(), "a.sql")
                threading.Event().wait(0.01)


def test_an_outage_is_outlived(store: SqlJobStore, claim: Claim, caplog: pytest.LogCaptureFixture) -> None:
    watched = WatchedStore(store)
    watched.is_down = True
    with heartbeat(watched, claim) as beating:
        watched.wait_for_renewals(4)  # longer than the lease
        watched.is_down = False
        watched.wait_for_renewals(2)
        beating.tell(JobCounts(), "a.sql")
        assert store.claim_job(JOB, "other", utc_now(), utc_now()) is None
    assert [record.getMessage().split(",")[0] for record in caplog.records] == [
        "down; waiting for it",
        "the job store answers again",
    ]


def test_a_fault_costs_no_lease_that_can_still_be_renewed(
    store: SqlJobStore, claim: Claim, caplog: pytest.LogCaptureFixture
) -> None:
    watched = WatchedStore(store)
    watched.is_faulty = True
    with heartbeat(watched, claim):
        watched.wait_for_renewals(2)
        watched.is_faulty = False
        watched.wait_for_renewals(3)
        assert store.claim_job(JOB, "other", utc_now(), utc_now() + timedelta(hours=1)) is None
    assert "job j1: its lease could not be renewed" in caplog.text
    assert "a fault of ours" in caplog.text


def test_nothing_is_renewed_when_the_work_is_over(store: SqlJobStore, claim: Claim) -> None:
    with heartbeat(WatchedStore(store), claim) as beating:
        thread = beating._thread
    assert not thread.is_alive()
