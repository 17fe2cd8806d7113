from __future__ import annotations

from pathlib import Path

import pytest

from airflow_provider_sqlflow.errors import (
    ConfigError,
    EmptyInputError,
    ExportOptionError,
    JobConflictError,
    JobNotFoundError,
    JobNotReadyError,
    UnknownDialectError,
    UnknownFormatError,
    UnreadableInputError,
)
from airflow_provider_sqlflow.jobs.execution import Execution
from airflow_provider_sqlflow.jobs.model import (
    Job,
    JobFilter,
    JobId,
    JobStatus,
    PathSource,
    TextSource,
)
from airflow_provider_sqlflow.jobs.runners.inline import InlineRunner
from airflow_provider_sqlflow.jobs.service import JobService, new_job_id, utc_now
from airflow_provider_sqlflow.jobs.store.sql import SqlJobStore
from airflow_provider_sqlflow.settings import Settings
from tests.jobs.factories import START, TickingClock, make_request

GOOD = "INSERT INTO t (a) SELECT a FROM s;"
MORE = "INSERT INTO u (a) SELECT a FROM t;"
BAD = "SELECT FROM WHERE ((;"
COPY = (TextSource("a.sql", GOOD),)


class LaterRunner:
    """Leaves the job to someone else, as a queue does."""

    def run(self, job: Job) -> None:
        """Nothing yet."""


@pytest.fixture
def service(store: SqlJobStore) -> JobService:
    clock = TickingClock()
    runner = InlineRunner(store, Execution(store, Settings(), clock), Settings(), clock)
    numbers = iter(range(100))
    return JobService(store, runner, Settings(), clock, lambda: JobId(f"job{next(numbers)}"))


@pytest.fixture
def waiting(store: SqlJobStore) -> JobService:
    """A service whose jobs are never picked up."""
    return JobService(store, LaterRunner(), Settings(), TickingClock())


def test_submitted_job_has_ended_and_keeps_what_was_asked(service: JobService, store: SqlJobStore) -> None:
    request = make_request(sources=COPY, owner="ann", tags=("x",), dialect="dbvsnowflake")
    job = service.submit(request)
    assert (job.id, job.status, job.owner, job.tags) == ("job0", JobStatus.SUCCESS, "ann", ("x",))
    assert job.dialect == store.get_request(job.id).dialect == "snowflake"
    assert job.created_at > START
    assert service.get(job.id) == job
    assert [file.path for file in service.list_files(job.id)] == ["a.sql"]


def test_job_of_another_runner_waits(waiting: JobService) -> None:
    job = waiting.submit(make_request(sources=COPY))
    assert (job.status, job.counts.files_total, job.begin_at) == (JobStatus.CREATE, 1, None)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"dialect": "klingon"}, UnknownDialectError),
        ({"sources": ()}, EmptyInputError),
        ({"sources": (PathSource("/no/such/file.sql"),)}, UnreadableInputError),
    ],
)
def test_what_is_refused_leaves_no_job(
    service: JobService, change: dict[str, object], error: type[Exception]
) -> None:
    with pytest.raises(error):
        service.submit(make_request(**{"sources": COPY, **change}))
    assert service.list(JobFilter()).total == 0


def test_same_key_and_request_give_the_same_job(service: JobService, tmp_path: Path) -> None:
    path = tmp_path / "a.sql"
    path.write_text(GOOD)
    request = make_request(sources=(PathSource(str(path)),), idempotency_key="k")
    first = service.submit(request)
    path.unlink()  # the job is there, whatever became of its input
    assert service.submit(request) == first
    assert service.list(JobFilter()).total == 1


def test_same_key_and_another_request_are_a_conflict(service: JobService) -> None:
    service.submit(make_request(sources=COPY, idempotency_key="k"))
    with pytest.raises(JobConflictError):
        service.submit(make_request(sources=(TextSource("a.sql", BAD),), idempotency_key="k"))


def test_key_of_a_failed_job_may_be_tried_again(service: JobService) -> None:
    request = make_request(sources=(TextSource("a.sql", BAD),), idempotency_key="k")
    first, second = service.submit(request), service.submit(request)
    assert [first.status, second.status] == [JobStatus.FAIL] * 2
    assert first.id != second.id


def test_no_key_gives_a_new_job_each_time(service: JobService) -> None:
    assert service.submit(make_request(sources=COPY)).id != service.submit(make_request(sources=COPY)).id


def test_list_and_its_pages(service: JobService) -> None:
    for name in ("a", "b", "c"):
        service.submit(make_request(sources=COPY, name=name))
    assert [job.name for job in service.list(JobFilter()).jobs] == ["c", "b", "a"]
    assert [job.name for job in service.list(JobFilter(), limit=1, offset=1).jobs] == ["b"]
    for limit, offset in [(-1, 0), (1, -1)]:
        with pytest.raises(ConfigError, match="negative"):
            service.list(JobFilter(), limit, offset)


def test_cancel_stops_what_has_not_ended_and_leaves_the_rest(
    service: JobService, waiting: JobService
) -> None:
    job = waiting.submit(make_request(sources=COPY))
    assert waiting.cancel(job.id).status is JobStatus.CANCEL
    ended = service.submit(make_request(sources=COPY))
    assert service.cancel(ended.id) == ended


def test_delete_twice_is_delete(service: JobService) -> None:
    job = service.submit(make_request(sources=COPY))
    deleted = service.delete(job.id)
    assert deleted.status is JobStatus.DELETE
    assert service.delete(job.id) == deleted
    assert service.count() == 0


@pytest.mark.parametrize("method", ["get", "list_files", "cancel", "delete"])
def test_unknown_job(service: JobService, method: str) -> None:
    with pytest.raises(JobNotFoundError, match="no job nope"):
        getattr(service, method)(JobId("nope"))


def test_export_writes_the_merged_result(service: JobService, tmp_path: Path) -> None:
    job = service.submit(
        make_request(
            sources=(
                TextSource("a.sql", GOOD),
                TextSource("b.sql", MORE + BAD),
            )
        )
    )
    path = tmp_path / "out" / "lineage.csv"
    summary = service.export(job.id, "csv", str(path))
    assert (summary.format, summary.path, summary.size) == ("csv", str(path), path.stat().st_size)
    assert (summary.relations, summary.edges) == (3, 2)
    assert len(path.read_text().splitlines()) == 3


def test_export_of_an_unknown_format(service: JobService, tmp_path: Path) -> None:
    job = service.submit(make_request(sources=COPY))
    with pytest.raises(UnknownFormatError, match="csv"):
        service.export(job.id, "docx", str(tmp_path / "out"))
    assert list(tmp_path.glob("out*")) == []


def test_export_with_options(service: JobService, tmp_path: Path) -> None:
    job = service.submit(make_request(sources=COPY))
    path = tmp_path / "lineage.csv"
    service.export(job.id, "csv", str(path), {"table_level": "true", "delimiter": "|"})
    assert path.read_text().startswith("source_db|source_schema|source_table|target_db|")
    with pytest.raises(ExportOptionError, match="'depth'; known: direct"):
        service.export(job.id, "csv", str(tmp_path / "other.csv"), {"depth": "3"})
    assert not (tmp_path / "other.csv").exists()


def test_export_without_a_result(service: JobService, waiting: JobService, tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    failed = service.submit(make_request(sources=(TextSource("a.sql", BAD),)))
    with pytest.raises(JobNotReadyError, match=r"is fail and has no result: .*a\.sql:1:1"):
        service.export(failed.id, "csv", str(path))
    created = waiting.submit(make_request(sources=COPY))
    with pytest.raises(JobNotReadyError, match="is create and has no result"):
        service.export(created.id, "csv", str(path))
    with pytest.raises(JobNotFoundError):
        service.export(JobId("nope"), "csv", str(path))
    assert not path.exists()


def test_ids_and_times_of_the_real_makers() -> None:
    assert len({new_job_id() for _ in range(50)}) == 50
    assert all(len(new_job_id()) == 32 and int(new_job_id(), 16) >= 0 for _ in range(5))
    offset = utc_now().utcoffset()
    assert offset is not None
    assert not offset


@pytest.mark.parametrize(
    ("what", "changes"),
    [
        ("idempotency key", {"idempotency_key": "ä" * 1001}),
        ("queue", {"queue": "q" * 2001}),
        ("tag", {"tags": ("short", "t" * 2001)}),
    ],
)
def test_word_that_a_store_cannot_look_up_is_refused(
    service: JobService, what: str, changes: dict[str, object]
) -> None:
    with pytest.raises(ConfigError, match=rf"^the {what} '.{{40}}'… has 2,00. bytes"):
        service.submit(make_request(sources=COPY, **changes))
    assert service.count() == 0


def test_longest_words_are_kept(service: JobService) -> None:
    longest = "".join(chr(0x4E00 + number * 7) for number in range(666))
    changes = {"idempotency_key": longest, "queue": longest, "tags": (longest,)}
    job = service.submit(make_request(sources=COPY, **changes))
    assert [found.id for found in service.list(JobFilter(tag=longest)).jobs] == [job.id]
