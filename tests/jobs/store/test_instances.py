"""Which task instances read or wrote a table."""

from __future__ import annotations

from datetime import timedelta

import pytest

from airflow_provider_sqlflow.jobs.model import JobId, JobStatus, TableRole, TaskOrigin
from airflow_provider_sqlflow.jobs.store.base import JobStore
from tests.jobs.factories import LATER, START, make_job, make_request, make_rows, make_saved, run_job


@pytest.fixture(autouse=True)
def _runs(store: JobStore) -> None:
    """Three daily runs of a job that reads ``db.s.Src`` and writes ``db.s.dst``, one mapped and retried."""
    rows = make_rows(("db.s.Src", "db.s.dst"), ("db.s.dst", "db.s.dst"))
    for day in range(3):
        origin = TaskOrigin("dag", f"run{day}", "task", day - 1, day + 1)
        at = START + timedelta(days=day)
        request = make_request(origin=origin)
        if day:
            store.create_run(JobId("j1"), request, f"digest{day}", at, True)
        else:
            store.create_job(make_job(created_at=at), request, "digest")
        files = [make_saved(0, rows=rows), make_saved(1, "b.sql", rows=make_rows(("x.src", "x.y")))]
        run_job(store, files=files, status=JobStatus.FAIL if day == 1 else JobStatus.SUCCESS)
    store.create_job(make_job("by hand"), make_request(), "digest")
    run_job(store, "by hand", [make_saved(0, rows=rows)])


def found(store: JobStore, table: str, role: TableRole | None = None, **window) -> list[tuple[str, str, str]]:
    page = store.list_instances(
        table, role, window.get("start"), window.get("end"), window.get("limit", 50), window.get("offset", 0)
    )
    assert len(page.instances) == min(page.total - window.get("offset", 0), window.get("limit", 50))
    return [
        (item.run.origin.run_id, item.role.value, item.table) for item in page.instances if item.run.origin
    ]


def test_who_wrote_and_who_read(store: JobStore) -> None:
    assert found(store, "db.s.src") == [(f"run{day}", "read", "db.s.Src") for day in (2, 1, 0)]
    assert found(store, "DB.S.SRC", TableRole.WRITE) == []
    assert found(store, "db.s.dst", TableRole.WRITE) == [
        (f"run{day}", "write", "db.s.dst") for day in (2, 1, 0)
    ]
    assert [role for _, role, _ in found(store, "db.s.dst")] == ["read", "write"] * 3


def test_instance_says_when_and_how_it_went(store: JobStore) -> None:
    newest, failed, _ = store.list_instances("db.s.src", None, None, None, 50, 0).instances
    assert newest.run.origin == TaskOrigin("dag", "run2", "task", 1, 3)
    assert (newest.run.number, newest.run.begin_at, newest.run.end_at) == (3, START, LATER)
    assert [newest.run.status, failed.run.status] == [JobStatus.SUCCESS, JobStatus.FAIL]


def test_missing_parts_match_any_and_quoted_ones_are_whole(store: JobStore) -> None:
    assert {table for _, _, table in found(store, "src")} == {"db.s.Src", "x.src"}
    assert {table for _, _, table in found(store, "s.src")} == {"db.s.Src"}
    assert {table for _, _, table in found(store, '"x"."SRC"')} == {"x.src"}
    assert found(store, '"s.src"') == found(store, "other.db.s.src") == found(store, "") == []


def test_time_range_includes_both_ends(store: JobStore) -> None:
    days = [START + timedelta(days=day) for day in range(3)]
    assert [run for run, _, _ in found(store, "db.s.src", start=days[1])] == ["run2", "run1"]
    assert [run for run, _, _ in found(store, "db.s.src", end=days[1])] == ["run1", "run0"]
    assert [run for run, _, _ in found(store, "db.s.src", start=days[1], end=days[1])] == ["run1"]


def test_pages_have_a_stable_order(store: JobStore) -> None:
    whole = found(store, "dst")
    assert [found(store, "dst", limit=1, offset=at)[0] for at in range(6)] == whole
    assert found(store, "dst", limit=0) == []
    assert store.list_instances("dst", None, None, None, 2, 99).total == 6


def test_instances_of_a_deleted_job_are_gone(store: JobStore) -> None:
    store.delete_job(JobId("j1"), LATER)
    assert found(store, "db.s.src") == []


def test_tables_of_a_jobs_result(store: JobStore) -> None:
    tables = store.list_tables(JobId("j1"), None)
    assert [(table.name, table.role.value) for table in tables] == [
        ("dst", "read"),
        ("dst", "write"),
        ("Src", "read"),
        ("src", "read"),
        ("y", "write"),
    ]
    assert {table.database for table in tables} == {"db", None}
    written = store.list_tables(JobId("j1"), TableRole.WRITE)
    assert [(table.schema, table.name) for table in written] == [("s", "dst"), ("x", "y")]
    assert store.list_tables(JobId("nobody"), None) == ()


def test_the_last_run_of_a_table_is_one_with_a_result_by_whomever(store: JobStore) -> None:
    newest = store.find_last_run("S.DST", TableRole.WRITE)
    assert newest is not None
    assert (newest.job_id, newest.origin) == ("by hand", None)
    assert newest.status is JobStatus.SUCCESS
    last = store.find_last_run("x.y", TableRole.WRITE)
    assert last is not None
    assert (last.job_id, last.number) == ("j1", 3)
    assert store.find_last_run("x.y", TableRole.READ) is None
    assert store.find_last_run("nowhere", None) is None
