"""The files of a run: planned, saved with results that are kept once, taken over by the next run."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest
from sqlalchemy import func, select

from airflow_provider_sqlflow.errors import LeaseLostError, StoreUnavailableError
from airflow_provider_sqlflow.jobs.model import JobCounts, JobFile, JobId, JobStatus
from airflow_provider_sqlflow.jobs.store.base import JobStore, KnownResult, SavedFile
from airflow_provider_sqlflow.jobs.store.database import Database
from airflow_provider_sqlflow.jobs.store.tables import edge, relation_use, result, source_text
from tests.jobs.factories import (
    LATER,
    add_job,
    claim_job,
    make_request,
    make_rows,
    make_saved,
    run_job,
)

J1 = JobId("j1")


def rows_in(store_url: str, *tables) -> list[int]:
    database = Database(store_url)
    with database.reading() as connection:
        counts = [
            connection.execute(select(func.count()).select_from(table)).scalar_one() for table in tables
        ]
    database.close()
    return counts


def known(store: JobStore, name: str = "a.sql") -> KnownResult:
    (found,) = store.find_results([f"key of {name}"])[f"key of {name}"]
    return found


def test_planned_files_are_listed_and_fill_up(store: JobStore) -> None:
    add_job(store)
    claim = claim_job(store)
    store.plan_files(claim, ["z.sql", "a.sql"], "inputs")
    assert store.get_job(J1).counts == JobCounts(files_total=2)
    done = JobFile("a.sql", JobStatus.PARTIAL_SUCCESS, 5, 1, "a.sql:3:7: no such thing")
    counts = JobCounts(files_total=2, files_done=1, statements=5)
    store.save_files(claim, [make_saved(1, text="SELECT 'é\ud800\0'", summary=done)], counts)
    assert store.list_files(J1) == (JobFile("z.sql", JobStatus.CREATE), done)
    assert store.list_files(J1)[1].successful_statements == 4
    assert store.get_job(J1).counts == counts
    assert list(store.iter_results(J1)) == [], "nothing is shown before the run is whole"
    store.save_files(claim, [make_saved(0, "z.sql")], counts)
    store.finish_run(claim, JobStatus.SUCCESS, LATER, counts)
    assert list(store.iter_results(J1)) == ["document of z.sql", "document of a.sql"]
    assert list(store.iter_texts(J1)) == [("z.sql", "SELECT 1"), ("a.sql", "SELECT 'é\ud800\0'")]


def test_results_of_many_files_come_in_input_order(store: JobStore) -> None:
    names = [f"{number:03}.sql" for number in range(100)]
    add_job(store)
    claim = claim_job(store)
    store.plan_files(claim, names, "inputs")
    for start in (60, 0, 30, 90):
        files = [make_saved(at, names[at], text=f"-- {at}") for at in range(start, min(start + 30, 100))]
        store.save_files(claim, files[::-1], JobCounts())
    store.finish_run(claim, JobStatus.SUCCESS, LATER, JobCounts())
    assert list(store.iter_results(J1)) == [f"document of {name}" for name in names]
    assert list(store.iter_texts(J1)) == [(name, f"-- {at}") for at, name in enumerate(names)]


def test_names_that_databases_cannot_hold(store: JobStore) -> None:
    add_job(store)
    summary = JobFile("a\0.sql", JobStatus.FAIL, cause="a\0.sql:1:1: near '\udcff'")
    run_job(store, files=[make_saved(summary=summary)])
    (file,) = store.list_files(J1)
    assert file.path == "a\N{REPLACEMENT CHARACTER}.sql"
    assert file.cause == "a\N{REPLACEMENT CHARACTER}.sql:1:1: near '?'"


def test_result_and_text_are_kept_once(store: JobStore, store_url: str) -> None:
    for job_id in ("j1", "j2"):
        add_job(store, job_id)
        run_job(store, job_id, [make_saved(), make_saved(1, lookups='["x"]'), make_saved(2, "b.sql", "B")])
    assert rows_in(store_url, result, source_text) == [3, 2]
    assert rows_in(store_url, edge, relation_use) == [3, 6]
    assert list(store.iter_results(JobId("j2"))) == list(store.iter_results(J1))


def test_same_file_twice_in_one_batch(store: JobStore) -> None:
    add_job(store)
    run_job(store, files=[make_saved(0), make_saved(1)])
    assert len(list(store.iter_results(J1))) == 2


def test_known_result_is_found_and_used(store: JobStore, store_url: str) -> None:
    summary = JobFile("a.sql", JobStatus.PARTIAL_SUCCESS, 5, 1, "why")
    add_job(store)
    run_job(
        store,
        files=[
            make_saved(lookups='["é"]', declarations='["d"]', summary=summary, edges=7, diagnostics=3),
            make_saved(1, lookups="[]", summary=summary),
        ],
    )
    assert store.find_results([]) == {}
    found = store.find_results(["key of a.sql", "key of none"])
    (first, second) = found.pop("key of a.sql")
    assert found == {}
    assert (first.lookups, first.declarations, first.summary) == ('["é"]', '["d"]', summary)
    assert (first.edges, first.diagnostics, second.lookups) == (7, 3, "[]")
    add_job(store, "j2")
    run_job(store, "j2", [SavedFile(0, 8, "SELECT 1", first)])
    assert list(store.iter_results(JobId("j2"))) == ["document of a.sql"]
    assert store.list_files(JobId("j2")) == (summary,)
    assert rows_in(store_url, result) == [2]


def test_many_keys_are_looked_up(store: JobStore) -> None:
    add_job(store)
    files = [make_saved(at, f"{at}.sql") for at in range(1100)]
    run_job(store, files=files)
    found = store.find_results([f"key of {at}.sql" for at in range(1200)])
    assert len(found) == 1100


def test_known_result_that_was_cleaned_away_is_not_used(store: JobStore) -> None:
    add_job(store)
    run_job(store, files=[make_saved()])
    gone = known(store)
    store.delete_job(J1, LATER)
    add_job(store, "j2")
    claim = claim_job(store, "j2")
    store.plan_files(claim, ["a.sql"], "inputs")
    with pytest.raises(StoreUnavailableError, match="cleaned away"):
        store.save_files(claim, [SavedFile(0, 1, "x", gone)], JobCounts(files_done=1))
    assert store.get_job(JobId("j2")).counts.files_done == 0, "all or nothing"


def test_planning_again_drops_the_files_but_finds_their_results(store: JobStore) -> None:
    add_job(store)
    lost = claim_job(store, seconds=-1)
    store.plan_files(lost, ["a.sql", "b.sql"], "inputs")
    store.save_files(lost, [make_saved()], JobCounts(files_total=2, files_done=1))
    claim = claim_job(store)
    store.plan_files(claim, ["a.sql"], "inputs")
    assert store.list_files(J1) == (JobFile("a.sql", JobStatus.CREATE),)
    assert store.get_job(J1).counts == JobCounts(files_total=1)
    store.save_files(claim, [SavedFile(0, 8, "SELECT 1", known(store))], JobCounts())
    with pytest.raises(LeaseLostError):
        store.save_files(lost, [make_saved()], JobCounts())


def test_unchanged_run_is_taken_over(store: JobStore) -> None:
    add_job(store)
    run_job(store, files=[make_saved(), make_saved(1, "b.sql", "B")], status=JobStatus.PARTIAL_SUCCESS)
    store.create_run(J1, make_request(), "digest", LATER, True)
    claim = claim_job(store)
    assert store.reuse_run(claim, "other inputs") is None
    store.plan_files(claim, ["a.sql"], "other inputs")
    taken = store.reuse_run(claim, "inputs")
    assert taken is not None
    assert (taken.number, taken.status, taken.counts) == (
        1,
        JobStatus.PARTIAL_SUCCESS,
        JobCounts(files_total=2, files_done=2),
    )
    assert store.get_job(J1).counts == taken.counts
    store.finish_run(claim, taken.status, LATER, taken.counts)
    assert [file.path for file in store.list_files(J1, 2)] == ["a.sql", "b.sql"]
    assert list(store.iter_texts(J1)) == [("a.sql", "SELECT 1"), ("b.sql", "B")]
    store.create_run(J1, make_request(), "digest", LATER, True)
    assert store.reuse_run(claim_job(store), "inputs") is not None, "the run taken over counts as such a run"


def test_first_run_has_nothing_to_take_over(store: JobStore) -> None:
    add_job(store)
    assert store.reuse_run(claim_job(store), "inputs") is None


def test_run_without_a_result_is_not_taken_over(store: JobStore) -> None:
    add_job(store)
    run_job(store, files=[make_saved()], status=JobStatus.FAIL)
    store.create_run(J1, make_request(), "digest", LATER, True)
    assert store.reuse_run(claim_job(store), "inputs") is None


def test_relations_are_counted_once_for_the_run(store: JobStore) -> None:
    add_job(store)
    claim = claim_job(store)
    store.plan_files(claim, ["a.sql", "b.sql", "c.sql"], "inputs")
    assert store.count_relations(claim) == 0
    files = [
        make_saved(0, rows=make_rows(("s", "t"))),
        make_saved(1, "b.sql", rows=make_rows(("S", "db.t"), ("t", "u"))),
    ]
    store.save_files(claim, files, JobCounts())
    assert store.count_relations(claim) == 4


def test_two_workers_that_find_the_same_results_at_once(store: JobStore, store_url: str) -> None:
    names = [f"{number}.sql" for number in range(200)]
    errors: list[BaseException] = []
    ready = threading.Barrier(4)

    def work(job_id: str, order: Sequence[int]) -> None:
        claim = claim_job(store, job_id)
        store.plan_files(claim, names, "inputs")
        ready.wait()
        for start in range(0, len(order), 20):
            files = [
                make_saved(at, names[at], text=names[at], rows=make_rows((f"s{at}", f"t{at % 7}")))
                for at in order[start : start + 20]
            ]
            store.save_files(claim, files, JobCounts())
        store.finish_run(claim, JobStatus.SUCCESS, LATER, JobCounts())

    def guarded(job_id: str, order: Sequence[int]) -> None:
        try:
            work(job_id, order)
        except BaseException as error:
            errors.append(error)

    orders = [range(200), range(199, -1, -1), range(200), range(199, -1, -1)]
    threads = []
    for number, order in enumerate(orders):
        add_job(store, f"j{number}")
        threads.append(threading.Thread(target=guarded, args=(f"j{number}", order)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert rows_in(store_url, result, source_text, edge) == [200, 200, 200]
    for number in range(4):
        assert list(store.iter_texts(JobId(f"j{number}"))) == [(name, name) for name in names]


def test_texts_and_documents_are_kept_compressed(store: JobStore, store_url: str) -> None:
    text = "SELECT a FROM t;\n" * 10_000
    add_job(store)
    run_job(store, files=[make_saved(text=text, document=text)])
    database = Database(store_url)
    with database.reading() as connection:
        for column in (source_text.c.text, result.c.document):
            assert connection.execute(select(func.length(column))).scalar_one() < len(text) / 50
    database.close()
