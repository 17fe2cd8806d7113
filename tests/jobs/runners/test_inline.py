from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_sqlflow.engine import result_from_json
from airflow_provider_sqlflow.jobs.inputs import open_inputs
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
from airflow_provider_sqlflow.jobs.runners.inline import PROGRESS_SECONDS, InlineRunner
from airflow_provider_sqlflow.jobs.store.sql import SqlJobStore
from airflow_provider_sqlflow.settings import Settings
from tests.jobs.analyzers import analyze_lines, stopping_after
from tests.jobs.factories import START, TickingClock, make_job, make_request

JOB_ID = JobId("j1")


def run(store: SqlJobStore, *sources: JobSource, **options: Any) -> Job:
    """Create a job over the sources and run it with the small engine."""
    request = make_request(sources=sources)
    inputs = open_inputs(sources, Settings())
    job = make_job(counts=JobCounts(files_total=len(inputs.names)))
    store.create_job(job, request, "digest", inputs.names)
    options = {"clock": TickingClock(), "analyze_scripts": analyze_lines, **options}
    InlineRunner(store, Settings(), **options).run(job, request, inputs)
    return store.get_job(job.id)


def texts(*bodies: str) -> list[TextSource]:
    return [TextSource(f"{number}.sql", body) for number, body in enumerate(bodies)]


@pytest.mark.parametrize(
    ("bodies", "status", "file_statuses"),
    [
        (["s t"], "success", ["success"]),
        (["s t", "bad"], "partial_success", ["success", "fail"]),
        (["s t\nbad"], "partial_success", ["partial_success"]),
        (["bad"], "fail", ["fail"]),
        (["bad", "bad\nbad"], "fail", ["fail", "fail"]),
        (["s t", ""], "success", ["success", "success"]),
        (["bad", ""], "fail", ["fail", "success"]),
    ],
)
def test_status_follows_from_the_statements(
    store: SqlJobStore, bodies: list[str], status: str, file_statuses: list[str]
) -> None:
    assert run(store, *texts(*bodies)).status.value == status
    assert [file.status.value for file in store.list_files(JOB_ID)] == file_statuses


def test_counts_times_and_files(store: SqlJobStore) -> None:
    job = run(store, *texts("s t\nbad", "t u\ns t"))
    assert job.counts == JobCounts(
        files_total=2,
        files_done=2,
        statements=4,
        failed_statements=1,
        relations=3,
        column_edges=3,
        diagnostics=1,
        input_bytes=14,
    )
    assert job.begin_at is not None
    assert job.end_at is not None
    assert START < job.begin_at < job.end_at
    assert job.error == ""
    assert store.list_files(JOB_ID) == (
        JobFile("0.sql", JobStatus.PARTIAL_SUCCESS, 2, 1, "0.sql:2:1: cannot read 'bad'"),
        JobFile("1.sql", JobStatus.SUCCESS, 2, 0),
    )


def test_results_come_in_input_order_whatever_the_engine_does(store: SqlJobStore) -> None:
    run(store, *texts("s t", "t u", "u v"))
    results = [result_from_json(document) for document in store.iter_results(JOB_ID)]
    assert [result.source_name for result in results] == ["0.sql", "1.sql", "2.sql"]
    assert list(store.iter_texts(JOB_ID)) == [("0.sql", "s t"), ("1.sql", "t u"), ("2.sql", "u v")]


def test_unreadable_file_fails_alone_and_says_why(store: SqlJobStore, tmp_path: Path) -> None:
    (tmp_path / "a.sql").write_bytes(b"caf\x81")
    (tmp_path / "b.sql").write_text("s t")
    job = run(store, PathSource(str(tmp_path)))
    assert (job.status, job.counts.files_done, job.counts.diagnostics) == (JobStatus.PARTIAL_SUCCESS, 2, 1)
    cause = "a.sql:1:1: not UTF-8 at byte 3, nor Windows-1252 at byte 3; save it as UTF-8"
    assert store.list_files(JOB_ID)[0] == JobFile("a.sql", JobStatus.FAIL, cause=cause)
    (diagnostic,) = result_from_json(next(store.iter_results(JOB_ID))).diagnostics
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
    (diagnostic,) = result_from_json(next(store.iter_results(JOB_ID))).diagnostics
    assert (diagnostic.severity.value, diagnostic.code) == ("info", "empty_file")


def test_cancel_is_seen_between_files(store: SqlJobStore) -> None:
    def cancel() -> None:
        store.change_status(JOB_ID, JobStatus.CANCEL, START + timedelta(days=1))

    job = run(store, *texts("s t", "t u", "u v"), analyze_scripts=stopping_after(1, cancel))
    assert (job.status, job.end_at) == (JobStatus.CANCEL, START + timedelta(days=1))
    assert [file.status for file in store.list_files(JOB_ID)] == [
        JobStatus.CREATE,
        JobStatus.SUCCESS,
        JobStatus.SUCCESS,
    ]


def test_cancel_during_the_last_file_has_the_last_word(store: SqlJobStore) -> None:
    def cancel() -> None:
        store.change_status(JOB_ID, JobStatus.CANCEL, START)

    assert run(store, *texts("s t"), analyze_scripts=stopping_after(0, cancel)).status is JobStatus.CANCEL


def test_delete_while_running_leaves_nothing(store: SqlJobStore) -> None:
    job = run(
        store,
        *texts("s t", "t u"),
        analyze_scripts=stopping_after(1, lambda: store.delete_job(JOB_ID, START)),
    )
    assert job.status is JobStatus.DELETE
    assert list(store.iter_results(JOB_ID)) == []


def test_job_cancelled_before_it_began_is_not_run(store: SqlJobStore) -> None:
    request = make_request(sources=tuple(texts("s t")))
    inputs = open_inputs(request.sources, Settings())
    job = store.create_job(make_job(), request, "digest", inputs.names)
    store.change_status(JOB_ID, JobStatus.CANCEL, START)
    InlineRunner(store, Settings(), TickingClock(), analyze_lines).run(job, request, inputs)
    assert store.get_job(JOB_ID).status is JobStatus.CANCEL
    assert list(store.iter_results(JOB_ID)) == []


@pytest.mark.parametrize(
    ("error", "status"),
    [(RuntimeError("boom"), JobStatus.FAIL), (KeyboardInterrupt("stop"), JobStatus.CANCEL)],
)
def test_what_stops_the_analysis_is_raised_and_never_leaves_the_job_running(
    store: SqlJobStore, error: BaseException, status: JobStatus
) -> None:
    def explode() -> None:
        raise error

    with pytest.raises(type(error), match=str(error)):
        run(store, *texts("s t", "t u"), analyze_scripts=stopping_after(1, explode))
    job = store.get_job(JOB_ID)
    assert (job.status, job.error) == (status, f"{type(error).__name__}: {error}")
    assert (job.counts.files_done, job.end_at is not None) == (1, True)


def test_progress_reaches_the_caller_for_each_file_and_the_store_at_a_pace(store: SqlJobStore) -> None:
    told: list[tuple[int, str]] = []
    kept: list[int] = []
    seconds = iter([0.0, PROGRESS_SECONDS / 2, PROGRESS_SECONDS, PROGRESS_SECONDS * 1.4])

    def look(counts: JobCounts, name: str) -> None:
        told.append((counts.files_done, name))
        kept.append(store.get_job(JOB_ID).counts.files_done)

    run(store, *texts("a b", "b c", "c d", "d e"), on_progress=look, monotonic=lambda: next(seconds))
    assert told == [(1, "3.sql"), (2, "2.sql"), (3, "1.sql"), (4, "0.sql")]
    assert kept == [0, 1, 1, 3]
