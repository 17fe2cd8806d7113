"""Jobs that run in the submitting process, with the real engine."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from airflow_provider_sqlflow.engine import result_from_json
from airflow_provider_sqlflow.jobs.execution import Execution, OnProgress
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
from airflow_provider_sqlflow.jobs.runners.inline import InlineRunner
from airflow_provider_sqlflow.jobs.store.sql import SqlJobStore
from airflow_provider_sqlflow.settings import Settings
from tests.jobs.factories import LATER, START, TickingClock, make_job, make_request

JOB_ID = JobId("j1")
GOOD = "INSERT INTO t (a) SELECT a FROM s;"
BAD = "SELECT FROM WHERE ((;"


def run(
    store: SqlJobStore, *sources: JobSource, on_progress: OnProgress = lambda _counts, _name: None
) -> Job:
    """Create a job over the sources and run it, saving after each file."""
    inputs = open_inputs(sources, Settings())
    job = make_job(counts=JobCounts(files_total=len(inputs.names)))
    store.create_job(job, make_request(sources=sources), "digest")
    clock = TickingClock()
    ticks = iter(range(1_000_000))
    execution = Execution(store, Settings(), clock, lambda: float(next(ticks)))
    InlineRunner(store, execution, Settings(), clock, on_progress).run(job)
    return store.get_job(job.id)


def texts(*bodies: str) -> list[TextSource]:
    return [TextSource(f"{number}.sql", body) for number, body in enumerate(bodies)]


def after(files: int, act: Callable[[], object]) -> OnProgress:
    """Lets ``act`` happen once, when that many files are done."""
    waiting = [act]

    def tell(counts: JobCounts, _name: str) -> None:
        if counts.files_done == files and waiting:
            waiting.pop()()

    return tell


@pytest.mark.parametrize(
    ("bodies", "status", "file_statuses"),
    [
        ([GOOD], "success", ["success"]),
        ([GOOD, BAD], "partial_success", ["success", "fail"]),
        ([GOOD + BAD], "partial_success", ["partial_success"]),
        ([BAD], "fail", ["fail"]),
        ([BAD, BAD + BAD], "fail", ["fail", "fail"]),
        ([GOOD, ""], "success", ["success", "success"]),
        ([BAD, ""], "fail", ["fail", "success"]),
    ],
)
def test_status_follows_from_the_statements(
    store: SqlJobStore, bodies: list[str], status: str, file_statuses: list[str]
) -> None:
    assert run(store, *texts(*bodies)).status.value == status
    assert [file.status.value for file in store.list_files(JOB_ID)] == file_statuses


def test_counts_times_and_files(store: SqlJobStore) -> None:
    job = run(store, *texts(f"{GOOD}\n{BAD}", f"INSERT INTO u (a) SELECT a FROM t;\n{GOOD}"))
    assert job.counts == JobCounts(
        files_total=2,
        files_done=2,
        statements=4,
        failed_statements=1,
        relations=3,
        column_edges=3,
        diagnostics=1,
        input_bytes=len(GOOD) * 3 + len(BAD) + 2,
    )
    assert job.begin_at is not None
    assert job.end_at is not None
    assert START < job.begin_at < job.end_at
    assert (job.error, job.current_file, job.result_run) == ("", "", 1)
    first, second = store.list_files(JOB_ID)
    assert first.cause.startswith("0.sql:2:")
    assert first == JobFile("0.sql", JobStatus.PARTIAL_SUCCESS, 2, 1, first.cause)
    assert second == JobFile("1.sql", JobStatus.SUCCESS, 2, 0)


def test_results_come_in_input_order_whatever_the_engine_does(store: SqlJobStore) -> None:
    bodies = ["SELECT * FROM v", "CREATE VIEW v AS SELECT a FROM t", "CREATE TABLE t (a INT)"]
    run(store, *texts(*bodies))
    results = [result_from_json(document) for document in store.iter_results(JOB_ID)]
    assert [result.source_name for result in results] == ["0.sql", "1.sql", "2.sql"]
    assert list(store.iter_texts(JOB_ID)) == [(f"{at}.sql", body) for at, body in enumerate(bodies)]


def test_unreadable_file_fails_alone_and_says_why(store: SqlJobStore, tmp_path: Path) -> None:
    (tmp_path / "a.sql").write_bytes(b"caf\xe9")
    (tmp_path / "b.sql").write_text(GOOD)
    job = run(store, PathSource(str(tmp_path)))
    assert (job.status, job.counts.files_done, job.counts.diagnostics) == (JobStatus.PARTIAL_SUCCESS, 2, 1)
    cause = "a.sql:1:1: not UTF-8 at byte 3; save it as UTF-8"
    assert store.list_files(JOB_ID)[0] == JobFile("a.sql", JobStatus.FAIL, cause=cause)
    (diagnostic,) = result_from_json(next(store.iter_results(JOB_ID))).diagnostics
    assert (diagnostic.code, str(diagnostic.span)) == ("unreadable_file", "a.sql:1:1")


def test_job_of_unreadable_files_only_fails(store: SqlJobStore, tmp_path: Path) -> None:
    (tmp_path / "a.sql").write_bytes(b"\xe9")
    job = run(store, PathSource(str(tmp_path)))
    assert job.status is JobStatus.FAIL
    assert job.error == (
        "no statement of 1 file(s) was understood; first: a.sql:1:1: not UTF-8 at byte 0; save it as UTF-8"
    )


def test_empty_file_is_fine_and_noted(store: SqlJobStore, tmp_path: Path) -> None:
    (tmp_path / "a.sql").touch()
    assert run(store, PathSource(str(tmp_path))).status is JobStatus.SUCCESS
    (diagnostic,) = result_from_json(next(store.iter_results(JOB_ID))).diagnostics
    assert (diagnostic.severity.value, diagnostic.code) == ("info", "empty_file")


@pytest.mark.parametrize("files", [0, 1, 3])
def test_cancel_in_the_middle_has_the_last_word(store: SqlJobStore, files: int) -> None:
    job = run(
        store, *texts(GOOD, GOOD, GOOD), on_progress=after(files, lambda: store.cancel_job(JOB_ID, LATER))
    )
    assert (job.status, job.end_at, job.result_run) == (JobStatus.CANCEL, LATER, 0)
    assert list(store.iter_results(JOB_ID)) == []


def test_delete_while_running_leaves_nothing(store: SqlJobStore) -> None:
    job = run(store, *texts(GOOD, GOOD), on_progress=after(1, lambda: store.delete_job(JOB_ID, START)))
    assert job.status is JobStatus.DELETE
    assert store.list_files(JOB_ID) == ()


def test_job_cancelled_before_it_began_is_not_run(store: SqlJobStore) -> None:
    job = store.create_job(make_job(), make_request(sources=tuple(texts(GOOD))), "digest")
    store.cancel_job(JOB_ID, START)
    clock = TickingClock()
    InlineRunner(store, Execution(store, Settings(), clock), Settings(), clock).run(job)
    assert store.get_job(JOB_ID).status is JobStatus.CANCEL
    assert store.list_files(JOB_ID) == ()


def test_job_that_runs_elsewhere_is_left_alone_until_its_lease_ends(store: SqlJobStore) -> None:
    job = store.create_job(make_job(), make_request(sources=tuple(texts(GOOD))), "digest")
    clock = TickingClock()
    runner = InlineRunner(store, Execution(store, Settings(), clock), Settings(), clock)
    store.claim_job(JOB_ID, "other", START, START + timedelta(seconds=10))
    runner.run(job)
    assert store.get_job(JOB_ID).status is JobStatus.RUNNING
    clock.now += timedelta(seconds=10)
    runner.run(job)
    assert store.get_job(JOB_ID).status is JobStatus.SUCCESS


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
        run(store, *texts(GOOD, GOOD), on_progress=after(1, explode))
    job = store.get_job(JOB_ID)
    assert (job.status, job.error) == (status, f"{type(error).__name__}: {error}")
    assert job.end_at is not None


def test_progress_reaches_the_caller_for_each_file_and_the_store(store: SqlJobStore) -> None:
    told: list[tuple[int, str]] = []
    kept: list[int] = []

    def look(counts: JobCounts, name: str) -> None:
        told.append((counts.files_done, name))
        kept.append(store.get_job(JOB_ID).counts.files_done)

    run(store, *texts(GOOD, GOOD), on_progress=look)
    assert told == [(0, "0.sql"), (0, "1.sql"), (1, "0.sql"), (2, "1.sql")]
    assert kept == [0, 0, 1, 2]
