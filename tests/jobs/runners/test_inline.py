from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from airflow_provider_sqlflow.engine import result_from_json
from airflow_provider_sqlflow.jobs.execution import Execution, OnProgress
from airflow_provider_sqlflow.jobs.model import (
    Job,
    JobCounts,
    JobFile,
    JobId,
    JobSource,
    JobStatus,
    PathSource,
    TextSource,
)
from airflow_provider_sqlflow.jobs.runners.inline import InlineRunner
from airflow_provider_sqlflow.jobs.service import utc_now
from airflow_provider_sqlflow.jobs.store.sql import SqlJobStore
from airflow_provider_sqlflow.settings import Settings
from tests.jobs.factories import START, TickingClock, make_job, make_request

JOB_ID = JobId("j1")
BAD = "INSERT INTO"


def copy(source: str, target: str) -> str:
    return f"INSERT INTO {target} (a) SELECT a FROM {source};"


def run(
    store: SqlJobStore,
    *sources: JobSource,
    on_progress: OnProgress = lambda _counts, _name: None,
    settings: Settings | None = None,
    clock: Callable[[], object] | None = None,
) -> Job:
    """Create a job over the sources and run it."""
    settings = settings or Settings()
    time = clock or TickingClock()
    job = store.create_job(make_job(), make_request(sources=sources, dialect="postgres"), "digest")
    InlineRunner(store, Execution(store, settings, time), settings, time, on_progress).run(job)  # type: ignore[arg-type]
    return store.get_job(job.id)


def texts(*bodies: str) -> list[TextSource]:
    return [TextSource(f"{number}.sql", body) for number, body in enumerate(bodies)]


@pytest.mark.parametrize(
    ("bodies", "status", "file_statuses"),
    [
        ([copy("s", "t")], "success", ["success"]),
        ([copy("s", "t"), BAD], "partial_success", ["success", "fail"]),
        ([copy("s", "t") + BAD], "partial_success", ["partial_success"]),
        ([BAD], "fail", ["fail"]),
        ([BAD, f"{BAD};{BAD}"], "fail", ["fail", "fail"]),
        ([copy("s", "t"), ""], "success", ["success", "success"]),
        ([BAD, ""], "fail", ["fail", "success"]),
    ],
)
def test_status_follows_from_the_statements(
    store: SqlJobStore, bodies: list[str], status: str, file_statuses: list[str]
) -> None:
    assert run(store, *texts(*bodies)).status.value == status
    assert [file.status.value for file in store.list_files(JOB_ID)] == file_statuses


def test_counts_times_and_files(store: SqlJobStore) -> None:
    first, second = copy("s", "t") + BAD, copy("t", "u") + copy("s", "t")
    job = run(store, *texts(first, second))
    assert job.counts == JobCounts(
        files_total=2,
        files_done=2,
        statements=4,
        failed_statements=1,
        relations=3,
        column_edges=3,
        diagnostics=1,
        input_bytes=len(first + second),
    )
    assert job.begin_at is not None
    assert job.end_at is not None
    assert START < job.begin_at < job.end_at
    assert job.error == ""
    failed, fine = store.list_files(JOB_ID)
    assert (failed.path, failed.status, failed.statements, failed.failed_statements) == (
        "0.sql",
        JobStatus.PARTIAL_SUCCESS,
        2,
        1,
    )
    assert failed.cause.startswith("0.sql:1:")
    assert fine == JobFile("1.sql", JobStatus.SUCCESS, 2, 0)


def test_results_come_in_input_order_whatever_the_order_of_the_work(store: SqlJobStore) -> None:
    names: list[str] = []
    bodies = ("CREATE VIEW w AS SELECT * FROM v;", "CREATE VIEW v AS SELECT a FROM s;", copy("w", "x"))
    run(
        store,
        *texts(*bodies),
        on_progress=lambda counts, name: names.append(name) if counts.files_done else None,
    )
    assert names == ["1.sql", "0.sql", "2.sql"]
    results = [result_from_json(document) for document in store.iter_results(JOB_ID)]
    assert [result.source_name for result in results] == ["0.sql", "1.sql", "2.sql"]
    assert list(store.iter_texts(JOB_ID)) == [(f"{number}.sql", body) for number, body in enumerate(bodies)]


def test_unreadable_file_fails_alone_and_says_why(store: SqlJobStore, tmp_path: Path) -> None:
    (tmp_path / "a.sql").write_bytes(b"caf\x81")
    (tmp_path / "b.sql").write_text(copy("s", "t"))
    job = run(store, PathSource(str(tmp_path)))
    assert (job.status, job.counts.files_done, job.counts.diagnostics) == (JobStatus.PARTIAL_SUCCESS, 2, 1)
    cause = "a.sql:1:1: not UTF-8 at byte 3, nor Windows-1252 at byte 3; save it as UTF-8"
    assert store.list_files(JOB_ID)[0] == JobFile("a.sql", JobStatus.FAIL, cause=cause)
    (diagnostic,) = result_from_json(next(iter(store.iter_results(JOB_ID)))).diagnostics
    assert (diagnostic.code, str(diagnostic.span)) == ("unreadable_file", "a.sql:1:1")


def test_job_of_unreadable_files_only_fails(store: SqlJobStore, tmp_path: Path) -> None:
    (tmp_path / "a.sql").write_bytes(b"\x81")
    job = run(store, PathSource(str(tmp_path)))
    assert job.status is JobStatus.FAIL
    assert job.error == (
        "no statement of 1 file(s) was understood; first: a.sql:1:1: not UTF-8 at byte 0, "
        "nor Windows-1252 at byte 0; save it as UTF-8"
    )


def test_empty_file_is_fine_and_noted(store: SqlJobStore, tmp_path: Path) -> None:
    (tmp_path / "a.sql").touch()
    assert run(store, PathSource(str(tmp_path))).status is JobStatus.SUCCESS
    (diagnostic,) = result_from_json(next(iter(store.iter_results(JOB_ID)))).diagnostics
    assert (diagnostic.severity.value, diagnostic.code) == ("info", "empty_file")


# Ended from outside ------------------------------------------------------------------------------


def after_first_file(act: Callable[[], object]) -> OnProgress:
    """Lets something happen when the first file is done."""

    def on_progress(counts: JobCounts, _name: str) -> None:
        if counts.files_done == 1:
            act()

    return on_progress


def test_cancel_has_the_last_word(store: SqlJobStore) -> None:
    at = START + timedelta(days=1)
    job = run(
        store,
        *texts(copy("a", "b"), copy("b", "c")),
        on_progress=after_first_file(lambda: store.cancel_job(JOB_ID, at)),
    )
    assert (job.status, job.end_at, job.result_run) == (JobStatus.CANCEL, at, 0)
    assert list(store.iter_results(JOB_ID)) == []


def test_delete_while_running_leaves_nothing(store: SqlJobStore) -> None:
    job = run(
        store,
        *texts(copy("a", "b"), copy("b", "c")),
        on_progress=after_first_file(lambda: store.delete_job(JOB_ID, START)),
    )
    assert job.status is JobStatus.DELETE
    assert list(store.iter_results(JOB_ID)) == []


def test_job_that_ended_before_it_began_or_runs_elsewhere_is_left_alone(store: SqlJobStore) -> None:
    job = store.create_job(make_job(), make_request(), "digest")
    runner = InlineRunner(store, Execution(store, Settings(), utc_now), Settings(), utc_now)
    claim = store.claim_job(JOB_ID, "other", utc_now(), utc_now() + timedelta(hours=1))
    runner.run(job)
    assert store.get_job(JOB_ID).status is JobStatus.RUNNING
    assert claim is not None
    store.cancel_job(JOB_ID, utc_now())
    runner.run(job)
    assert store.get_job(JOB_ID).status is JobStatus.CANCEL


@pytest.mark.parametrize(
    ("error", "status", "cause"),
    [
        (RuntimeError("boom"), JobStatus.FAIL, "RuntimeError: boom"),
        (KeyboardInterrupt("stop"), JobStatus.CANCEL, "KeyboardInterrupt: stop"),
        (KeyboardInterrupt(), JobStatus.CANCEL, "KeyboardInterrupt: interrupted"),
        (RuntimeError(), JobStatus.FAIL, "RuntimeError: no more is known"),
    ],
)
def test_what_stops_the_work_is_raised_and_never_leaves_the_job_running(
    store: SqlJobStore, error: BaseException, status: JobStatus, cause: str
) -> None:
    def explode() -> None:
        raise error

    with pytest.raises(type(error)) as raised:
        run(store, *texts(copy("a", "b"), copy("b", "c")), on_progress=after_first_file(explode))
    assert raised.value is error
    job = store.get_job(JOB_ID)
    assert (job.status, job.error) == (status, cause)
    assert (job.counts.files_done, job.end_at is not None) == (1, True)


def test_file_that_takes_longer_than_the_lease_keeps_the_job(store: SqlJobStore) -> None:
    """A worker on the same store must not take the job away from the process that submitted it."""
    taken: list[object] = []

    def take_long() -> None:
        threading.Event().wait(1.5)
        later = utc_now()
        taken.append(store.claim_next(["default"], "thief", later, later + timedelta(hours=1)))

    job = run(
        store,
        *texts(copy("a", "b"), copy("b", "c")),
        on_progress=after_first_file(take_long),
        settings=Settings(worker_lease_seconds=1),
        clock=utc_now,
    )
    assert (taken, job.status) == ([None], JobStatus.SUCCESS)


def test_progress_is_told_of_each_file(store: SqlJobStore) -> None:
    told: list[tuple[int, int, str]] = []
    run(
        store,
        *texts(copy("a", "b"), copy("b", "c")),
        on_progress=lambda counts, name: told.append((counts.files_done, counts.files_total, name)),
    )
    assert told[-2:] == [(1, 2, "0.sql"), (2, 2, "1.sql")]
