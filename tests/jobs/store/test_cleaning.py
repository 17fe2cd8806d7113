"""What is removed for good, and what must stay."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from airflow_provider_sqlflow.errors import JobNotFoundError, JobNotReadyError
from airflow_provider_sqlflow.jobs.model import JobCounts, JobId, JobStatus
from airflow_provider_sqlflow.jobs.store.base import CleanSummary, JobStore
from airflow_provider_sqlflow.jobs.store.database import Database
from airflow_provider_sqlflow.jobs.store.tables import metadata
from tests.jobs.factories import (
    LATER,
    START,
    add_job,
    claim_job,
    make_request,
    make_rows,
    make_saved,
    run_job,
)

J1 = JobId("j1")
AFTER = LATER + timedelta(seconds=1)


def counts(store_url: str) -> dict[str, int]:
    database = Database(store_url)
    with database.reading() as connection:
        found = {
            name.removeprefix("sqlflow_"): connection.execute(
                select(func.count()).select_from(table)
            ).scalar_one()
            for name, table in metadata.tables.items()
        }
    database.close()
    return found


def test_empty_store_has_nothing_to_clean(store: JobStore) -> None:
    assert store.clean(AFTER) == CleanSummary()


def test_deleted_jobs_go_when_they_are_old_enough(store: JobStore, store_url: str) -> None:
    add_job(store, tags=("t",))
    run_job(store, files=[make_saved()])
    store.delete_job(J1, AFTER)
    assert store.clean(LATER) == CleanSummary(), "it ended at that very moment"
    assert store.clean(AFTER) == CleanSummary(jobs=1)
    with pytest.raises(JobNotFoundError):
        store.get_job(J1)
    assert counts(store_url) == dict.fromkeys(counts(store_url), 0), "its names are not left behind"


def test_last_and_shown_runs_stay(store: JobStore) -> None:
    add_job(store)
    statuses = [JobStatus.SUCCESS, JobStatus.FAIL, JobStatus.SUCCESS, JobStatus.FAIL, JobStatus.FAIL]
    for number, status in enumerate(statuses):
        if number:
            store.create_run(J1, make_request(), "digest", LATER, True)
        name = f"{number}.sql"
        run_job(store, files=[make_saved(0, name, name)], status=status)
    assert store.clean(AFTER) == CleanSummary(runs=3, results=3, texts=3)
    assert [run.number for run in store.list_runs(J1)] == [5, 3]
    assert list(store.iter_results(J1)) == ["document of 2.sql"]
    assert [file.path for file in store.list_files(J1)] == ["4.sql"]


def test_what_another_run_uses_stays(store: JobStore) -> None:
    add_job(store)
    run_job(store, files=[make_saved()])
    store.create_run(J1, make_request(), "digest", LATER, True)
    run_job(store, files=[make_saved()])
    assert store.clean(AFTER) == CleanSummary(runs=1)
    assert list(store.iter_texts(J1)) == [("a.sql", "SELECT 1")]


def test_more_than_one_statement_can_name(store: JobStore, store_url: str) -> None:
    add_job(store)
    files = [make_saved(at, f"{at}.sql", f"-- {at}", rows=make_rows((f"s{at}", "t"))) for at in range(1_100)]
    run_job(store, files=files)
    add_job(store, "j2")
    store.delete_job(J1, LATER)
    left = counts(store_url)
    assert (left["result"], left["text"], left["edge"], left["run_file"]) == (0, 0, 0, 0)
    store.clean(AFTER)
    assert (counts(store_url)["relation"], counts(store_url)["column"]) == (0, 0)


def test_jobs_are_saved_while_others_are_cleaned(store: JobStore) -> None:
    """What a worker refers to at this moment is never removed under its hands."""
    stop = threading.Event()
    errors: list[BaseException] = []

    def clean() -> None:
        try:
            while not stop.is_set():
                store.clean(START)
        except BaseException as error:
            errors.append(error)

    cleaner = threading.Thread(target=clean)
    cleaner.start()
    try:
        for number in range(12):
            job_id = f"j{number}"
            add_job(store, job_id)
            claim = claim_job(store, job_id)
            store.plan_files(claim, ["a.sql"], "inputs")
            # Unused and used in turn: deleting the job before leaves this very result to nobody.
            store.save_files(claim, [make_saved()], JobCounts())
            store.delete_job(JobId(job_id), LATER)
    finally:
        stop.set()
        cleaner.join()
    assert errors == []


def test_a_result_that_goes_while_it_is_read_is_not_taken_for_all_of_it(store: JobStore) -> None:
    """An export of what was left would look whole."""
    add_job(store)
    names = [f"{number}.sql" for number in range(40)]
    run_job(store, files=[make_saved(at, name, f"SELECT {at}") for at, name in enumerate(names)])
    results, texts = store.iter_results(J1), store.iter_texts(J1)
    read = [next(results), next(texts)]
    store.delete_job(J1, LATER)
    for left in (results, texts):
        with pytest.raises(JobNotReadyError, match="result of job j1 was removed while it was read"):
            read.extend(left)
