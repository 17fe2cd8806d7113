"""Migrations with rows in place: nothing of a job is lost on the way up, and what fits comes down again."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, inspect, text

from airflow_provider_sqlflow.errors import ConfigError
from airflow_provider_sqlflow.formats.options import ExportOptions
from airflow_provider_sqlflow.jobs.document import request_to_json
from airflow_provider_sqlflow.jobs.model import JobCounts, JobFile, JobId, JobKind, JobStatus, TaskOrigin
from airflow_provider_sqlflow.jobs.store import schema
from airflow_provider_sqlflow.jobs.store.database import Database
from airflow_provider_sqlflow.jobs.store.sql import SqlJobStore
from tests.jobs.factories import LATER, START, add_job, claim_job, make_request, make_saved, run_job

FILES = 450  # more than the migration reads at once
OLD_JOB = (
    "INSERT INTO sqlflow_job (id, name, name_folded, dialect, status, owner, created_at, begin_at, end_at, "
    "idempotency_key, digest, request, error, files_total, files_done, statements) VALUES (:id, 'n', 'n', "
    "'postgres', :status, 'ann', :at, :begin, :end, :key, 'digest', :request, :error, :files, :done, 7)"
)
OLD_FILE = (
    "INSERT INTO sqlflow_job_file (job_id, position, path, status, cause, statements, failed_statements, "
    "result, text) VALUES (:job_id, :position, :path, :status, :cause, 3, 1, :result, :text)"
)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A store of revision 0001."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/jobs.db"
    else:
        url = request.getfixturevalue("postgres_url")
    opened = Database(url)
    schema.upgrade_schema(opened)
    schema.downgrade_schema(opened, "0001")
    yield opened
    opened.close()


def url_of(database: Database) -> str:
    return database.engine.url.render_as_string(hide_password=False)


def add_old_job(
    connection: Connection, job_id: str, status: str, key: str | None = None, **more: Any
) -> None:
    ended = status not in ("create", "running")
    zone = "" if connection.dialect.name == "sqlite" else "+00"
    values = {
        "id": job_id,
        "status": status,
        "at": f"{START:%F %T.%f}{zone}",
        "begin": f"{START:%F %T.%f}{zone}",
        "end": f"{LATER:%F %T.%f}{zone}" if ended else None,
        "key": key,
        "request": "" if status == "delete" else request_to_json(make_request(idempotency_key=key)),
        "error": "",
        "files": 0,
        **more,
    }
    connection.execute(text(OLD_JOB), {**values, "done": values["files"]})
    connection.execute(text("INSERT INTO sqlflow_job_tag VALUES (:id, 'x', 0)"), {"id": job_id})


def add_old_file(connection: Connection, job_id: str, position: int, **changes: Any) -> None:
    values = {
        "job_id": job_id,
        "position": position,
        "path": f"{position}.sql",
        "status": "partial_success",
        "cause": "é: why",
        "result": f"document {position}",
        "text": f"SELECT 'é{position}'",
        **changes,
    }
    connection.execute(text(OLD_FILE), values)


def tables(database: Database) -> set[str]:
    with database.reading() as connection:
        return set(inspect(connection).get_table_names())


def fill(database: Database) -> None:
    with database.writing() as connection:
        add_old_job(connection, "whole", "success", key="k", files=FILES)
        for position in range(FILES):
            add_old_file(connection, "whole", position)
        add_old_job(connection, "twin", "partial_success", files=2)
        add_old_file(connection, "twin", 0)  # the same file as the first of the other job
        add_old_file(connection, "twin", 1, text="SELECT 'é0'")
        add_old_job(connection, "stopped", "cancel", files=2)
        add_old_file(connection, "stopped", 0)
        nothing = {"status": "create", "cause": "", "result": None, "text": None}
        add_old_file(connection, "stopped", 1, **nothing)
        add_old_job(connection, "failed", "fail", error="no statement was understood")
        add_old_job(connection, "gone", "delete")
        add_old_job(connection, "lost", "running")
        add_old_job(connection, "queued", "create")


def test_jobs_become_runs_with_their_files_results_and_texts(database: Database) -> None:
    fill(database)
    store = SqlJobStore(url_of(database))
    whole = store.get_job(JobId("whole"))
    assert (whole.status, whole.kind, whole.queue) == (JobStatus.SUCCESS, JobKind.SIMPLE, "default")
    assert (whole.run, whole.result_run, whole.incremental, whole.schedule) == (1, 1, True, None)
    assert (whole.created_at, whole.end_at, whole.tags) == (START, LATER, ("x",))
    assert whole.counts == JobCounts(files_total=FILES, files_done=FILES, statements=7)
    (run,) = store.list_runs(whole.id)
    assert (run.number, run.status, run.begin_at, run.end_at) == (1, JobStatus.SUCCESS, START, LATER)
    assert (run.counts, run.batch_id != "") == (whole.counts, True)
    assert store.find_key("k") == ("whole", "digest")
    assert store.get_request(whole.id) == make_request(idempotency_key="k")
    assert list(store.iter_results(whole.id)) == [f"document {at}" for at in range(FILES)]
    assert list(store.iter_texts(whole.id)) == [(f"{at}.sql", f"SELECT 'é{at}'") for at in range(FILES)]
    assert store.list_files(whole.id)[0] == JobFile("0.sql", JobStatus.PARTIAL_SUCCESS, 3, 1, "é: why")

    assert list(store.iter_results(JobId("twin"))) == ["document 0", "document 1"]
    assert list(store.iter_texts(JobId("twin"))) == [("0.sql", "SELECT 'é0'"), ("1.sql", "SELECT 'é0'")]
    stopped = store.list_files(JobId("stopped"))
    assert [file.status for file in stopped] == [JobStatus.PARTIAL_SUCCESS, JobStatus.CREATE]
    assert store.get_job(JobId("failed")).error == "no statement was understood"
    assert [store.get_job(JobId(job_id)).result_run for job_id in ("stopped", "failed", "gone")] == [0, 0, 0]
    store.close()
    with database.reading() as connection:
        kept = connection.execute(
            text("SELECT (SELECT count(*) FROM sqlflow_result), (SELECT count(*) FROM sqlflow_text)")
        ).one()
    assert tuple(kept) == (FILES, FILES), "what is the same is kept once"


def test_migrated_jobs_go_on(database: Database) -> None:
    fill(database)
    store = SqlJobStore(url_of(database))
    assert claim_job(store, "queued").attempts == 1
    lost = store.claim_job(JobId("lost"), "w", LATER, LATER + timedelta(minutes=1))
    assert lost is not None, "whoever ran it is not there any more"
    store.create_run(JobId("whole"), make_request(), "digest", LATER, True)
    claim = claim_job(store, "whole")
    assert store.reuse_run(claim, "inputs") is None, "nobody knows what its input was"
    store.plan_files(claim, ["new.sql"], "inputs")
    store.save_files(claim, [make_saved(name="new.sql")], JobCounts())
    store.finish_run(claim, JobStatus.SUCCESS, LATER, JobCounts())
    assert list(store.iter_results(JobId("whole"))) == ["document of new.sql"]
    store.delete_job(JobId("twin"), LATER)
    store.clean(LATER + timedelta(days=1))
    assert [run.number for run in store.list_runs(JobId("whole"))] == [2]
    add_job(store, "fresh", key="k2")
    run_job(store, "fresh", [make_saved()])
    store.close()


def test_jobs_come_down_with_the_run_that_exports_show(database: Database) -> None:
    schema.upgrade_schema(database)
    store = SqlJobStore(url_of(database))
    options = ExportOptions(joins=True)
    request = make_request(
        tags=("x",), queue="big", options=options, origin=TaskOrigin("d", "r", "t"), idempotency_key="k"
    )
    add_job(store)
    run_job(store, files=[make_saved(), make_saved(1, "b.sql", "B\ud800\0")])
    store.create_run(JobId("j1"), request, "digest 2", LATER, True)
    claim = claim_job(store)
    store.plan_files(claim, ["c.sql"], "inputs")
    add_job(store, "j2")
    store.close()
    schema.downgrade_schema(database, "0001")
    assert not tables(database) & {"sqlflow_run", "sqlflow_result", "sqlflow_edge"}
    with database.reading() as connection:
        files = connection.execute(text("SELECT * FROM sqlflow_job_file ORDER BY position")).mappings().all()
        jobs = connection.execute(text("SELECT * FROM sqlflow_job ORDER BY number")).mappings().all()
        tags = connection.execute(text("SELECT job_id, tag FROM sqlflow_job_tag")).all()
    assert [(file["job_id"], file["path"], file["status"]) for file in files] == [
        ("j1", "a.sql", "success"),
        ("j1", "b.sql", "success"),
    ]
    assert files[0]["result"] == "document of a.sql"
    assert [file["text"] for file in files] == ["SELECT 1", "B" + "\N{REPLACEMENT CHARACTER}" * 4]
    assert [(job["id"], job["idempotency_key"], job["digest"]) for job in jobs] == [
        ("j1", "k", "digest 2"),
        ("j2", None, "digest"),
    ]
    assert not json.loads(jobs[0]["request"]).keys() & {"queue", "options", "origin"}
    assert [tuple(tag) for tag in tags] == [("j1", "x")]


def test_up_and_down_and_up_again_keeps_results(database: Database) -> None:
    fill(database)
    schema.upgrade_schema(database)
    schema.downgrade_schema(database, "0001")
    with database.reading() as connection:
        assert connection.execute(text("SELECT count(*) FROM sqlflow_job_file")).scalar() == FILES + 4
    store = SqlJobStore(url_of(database))
    assert list(store.iter_results(JobId("whole"))) == [f"document {at}" for at in range(FILES)]
    assert store.find_key("k") == ("whole", "digest")
    store.close()


def open_store(url: str, ready: Any) -> None:
    ready.wait()
    SqlJobStore(url).close()


def test_two_processes_migrate_a_full_store_at_once(database: Database) -> None:
    fill(database)
    database.close()
    context = multiprocessing.get_context("spawn")
    ready = context.Barrier(2)
    processes = [context.Process(target=open_store, args=(url_of(database), ready)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    store = SqlJobStore(url_of(database))
    assert len(list(store.iter_results(JobId("whole")))) == FILES
    store.close()


@pytest.mark.parametrize("revision", ["0002", "0000", "head", ""])
def test_downgrade_to_what_is_not_below(database: Database, revision: str) -> None:
    with pytest.raises(ConfigError, match=f"has schema 0001 and cannot go back to '{revision}'; known: 0001"):
        schema.downgrade_schema(database, revision)
    assert schema.current_revision(database) == "0001"


def test_store_that_is_not_there(tmp_path: Path, postgres_url: str) -> None:
    database = Database(f"sqlite:///{tmp_path}/none.db")
    assert schema.current_revision(database) is None
    with pytest.raises(ConfigError, match="there is no job store"):
        schema.downgrade_schema(database, "0001")
    assert list(tmp_path.iterdir()) == []
    database.close()
    database = Database(postgres_url)
    assert schema.current_revision(database) is None
    with pytest.raises(ConfigError, match="has schema none"):
        schema.downgrade_schema(database, "0001")
    database.close()
