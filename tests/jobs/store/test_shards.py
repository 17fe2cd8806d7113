"""What tasks that share a run leave in the store: a plan, texts, results that no run uses yet."""

from __future__ import annotations

from datetime import timedelta

import pytest

from airflow_provider_sqlflow.errors import LeaseLostError
from airflow_provider_sqlflow.jobs.model import JobCounts, JobId, JobStatus
from airflow_provider_sqlflow.jobs.store.base import JobStore, SavedFile, SavedText
from tests.jobs.factories import LATER, START, add_job, claim_job, make_result

J1 = JobId("j1")
TEXTS = [SavedText(0, 8, "SELECT 1"), SavedText(1, 9, "SELECT 'é\ud800\0'")]


def test_texts_of_planned_files_are_found_again(store: JobStore) -> None:
    add_job(store)
    claim = claim_job(store)
    store.plan_files(claim, ["a.sql", "b.sql", "c.sql"], "inputs")
    store.save_texts(claim, TEXTS)
    store.save_texts(claim, [])
    assert store.find_texts(J1, [2, 1, 0]) == {0: "SELECT 1", 1: "SELECT 'é\ud800\0'"}
    assert store.find_texts(J1, [1]) == {1: "SELECT 'é\ud800\0'"}
    assert store.find_texts(JobId("none"), [0]) == {}
    assert [file.status for file in store.list_files(J1)] == [JobStatus.CREATE] * 3


def test_texts_of_a_waiting_job_are_not_cleaned_away(store: JobStore) -> None:
    add_job(store)
    claim = claim_job(store)
    store.plan_files(claim, ["a.sql"], "inputs")
    store.save_texts(claim, TEXTS[:1])
    store.release_claim(claim)
    assert store.clean(LATER).texts == 0
    assert store.find_texts(J1, [0]) == {0: "SELECT 1"}


def test_a_plan_is_replaced_and_goes_with_the_end_of_its_run(store: JobStore) -> None:
    add_job(store)
    assert store.find_plan(J1) is None
    claim = claim_job(store)
    store.save_plan(claim, "first")
    store.save_plan(claim, "second \ud800")
    assert store.find_plan(J1) == "second \ud800"
    store.finish_run(claim, JobStatus.SUCCESS, LATER, JobCounts())
    assert store.find_plan(J1) is None


def test_a_plan_goes_with_its_job(store: JobStore) -> None:
    add_job(store)
    claim = claim_job(store)
    store.save_plan(claim, "plan")
    store.delete_job(J1, LATER)
    assert store.find_plan(J1) is None
    assert store.clean(LATER + timedelta(seconds=1)).jobs == 1


def test_who_lost_the_claim_plans_nothing(store: JobStore) -> None:
    add_job(store)
    claim = claim_job(store)
    store.plan_files(claim, ["a.sql"], "inputs")
    store.cancel_job(J1, LATER)
    with pytest.raises(LeaseLostError):
        store.save_plan(claim, "plan")
    with pytest.raises(LeaseLostError):
        store.save_texts(claim, TEXTS[:1])
    assert store.find_plan(J1) is None
    assert store.find_texts(J1, [0]) == {}


def test_results_wait_for_a_run(store: JobStore) -> None:
    store.save_results([])
    store.save_results([make_result("a.sql"), make_result("a.sql"), make_result("b.sql", lookups="[1]")])
    store.save_results([make_result("a.sql", document="another one under the same key")])
    (known,) = store.find_results(["key of a.sql"])["key of a.sql"]
    (other,) = store.find_results(["key of b.sql"])["key of b.sql"]
    assert other.lookups == "[1]"
    add_job(store)
    claim = store.claim_job(J1, "w", START, LATER)
    assert claim is not None
    store.plan_files(claim, ["a.sql"], "inputs")
    store.save_files(claim, [SavedFile(0, 8, "SELECT 1", known)], JobCounts())
    assert store.count_relations(claim) == 2, "their rows for look-ups are there"
    store.finish_run(claim, JobStatus.SUCCESS, LATER, JobCounts())
    assert list(store.iter_results(J1)) == ["document of a.sql"], "the first one stays"
    assert store.clean(LATER).results == 1, "nobody uses that of b.sql"
