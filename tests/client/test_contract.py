"""What every client does, wherever the jobs run."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from airflow_provider_sqlflow.client.base import SqlFlowClient
from airflow_provider_sqlflow.client.embedded import EmbeddedClient
from airflow_provider_sqlflow.client.http.client import HttpClient
from airflow_provider_sqlflow.errors import (
    EmptyInputError,
    ExportOptionError,
    JobConflictError,
    JobNotFoundError,
    JobTransitionError,
    UnknownDialectError,
    UnknownFormatError,
    UnreadableInputError,
)
from airflow_provider_sqlflow.jobs.export import format_names
from airflow_provider_sqlflow.jobs.model import (
    Job,
    JobFilter,
    JobId,
    JobKind,
    JobRequest,
    JobStatus,
    PathSource,
    Schedule,
    TextSource,
)
from airflow_provider_sqlflow.settings import Settings
from tests.jobs.factories import make_request

SQL = "CREATE VIEW v AS SELECT a, b AS c FROM s WHERE d = 1;\nINSERT INTO t (a) SELECT c FROM v;\n"


@pytest.fixture(params=["embedded", "http", "our server"])
def client(
    request: pytest.FixtureRequest, tmp_path: Path, make_client: Callable[..., HttpClient]
) -> Iterator[SqlFlowClient]:
    """Our engine, a service with SQLFlow's habits, and our own server."""
    opened: SqlFlowClient
    if request.param == "embedded":
        opened = EmbeddedClient(Settings(home=str(tmp_path / "home")))
    elif request.param == "http":
        opened = make_client()
    else:
        server = request.getfixturevalue("running_server")
        user_id, secret_key = server.new_user()
        opened = make_client(base_url=server.url, user_id=user_id, secret_key=secret_key)
    yield opened
    opened.close()


def ended(client: SqlFlowClient, request: JobRequest | None = None) -> Job:
    """A submitted job, waited for as a sensor does."""
    return waited(client, client.submit_job(request or make_request(sources=(TextSource("a.sql", SQL),))))


def waited(client: SqlFlowClient, job: Job) -> Job:
    limit = time.monotonic() + 60
    while not job.status.is_terminal and time.monotonic() < limit:
        time.sleep(0.02)
        job = client.get_job(job.id)
    assert job.status.is_terminal, job
    return job


def test_a_job_from_submit_to_delete(client: SqlFlowClient, tmp_path: Path) -> None:
    job = ended(client)
    assert (job.name, job.dialect, job.status) == ("nightly", "snowflake", JobStatus.SUCCESS)
    assert (job.counts.files_total, job.counts.files_done, job.progress_percent) == (1, 1, 100)
    assert job.end_at is not None
    assert job.end_at >= job.created_at
    assert [(file.path, file.status, file.cause) for file in client.list_files(job.id)] == [
        ("a.sql", JobStatus.SUCCESS, "")
    ]
    assert client.list_jobs(JobFilter()).jobs == (job,)
    assert asyncio.run(client.aget_job(job.id)) == job
    assert client.cancel_job(job.id) == asyncio.run(client.acancel_job(job.id)) == job
    summary = client.export_job(job.id, "csv", str(tmp_path / "new" / "out.csv"))
    assert summary.size == (tmp_path / "new" / "out.csv").stat().st_size
    assert client.delete_job(job.id).status is JobStatus.DELETE
    assert client.get_job(job.id).status is JobStatus.DELETE


def test_every_export_counts_alike(client: SqlFlowClient, tmp_path: Path) -> None:
    job = ended(client)
    for name in format_names():
        path = tmp_path / f"out.{name}"
        path.write_text("an older export")
        summary = client.export_job(job.id, name, str(path))
        assert (summary.format, summary.path, summary.size) == (name, str(path), path.stat().st_size)
        assert (summary.relations, summary.edges) == (3, 4), name
    assert {item.name for item in tmp_path.iterdir() if item.is_file()} == {
        f"out.{n}" for n in format_names()
    }


def test_column_edges_are_the_same(client: SqlFlowClient, tmp_path: Path) -> None:
    client.export_job(ended(client).id, "edges", str(tmp_path / "out.jsonl"))
    edges = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [
        (
            f"{edge['source']['relation']}.{edge['source']['column']}",
            f"{edge['target']['relation']}.{edge['target']['column']}",
            edge["effect"],
            edge["subtype"],
            edge["statement"],
            edge["statement_kind"],
            edge["file"],
            edge["line"],
        )
        for edge in edges
    ] == [
        ("s.a", "v.a", "DIRECT", "IDENTITY", 1, "create_view", "a.sql", 1),
        ("s.b", "v.c", "DIRECT", "IDENTITY", 1, "create_view", "a.sql", 1),
        ("s.d", "v.None", "INDIRECT", "FILTER", 1, "create_view", "a.sql", 1),
        ("v.c", "t.a", "DIRECT", "IDENTITY", 2, "insert", "a.sql", 2),
    ]


def test_lineage_is_given_as_a_result(client: SqlFlowClient) -> None:
    lineage = client.get_lineage(ended(client).id)
    [result] = lineage.results
    edges = {f"{edge.source} -> {edge.target}".lower() for edge in result.edges()}
    assert {"s.a -> v.a", "s.b -> v.c", "v.c -> t.a"} <= edges
    with pytest.raises(JobNotFoundError):
        client.get_lineage(JobId("0" * 32))


@pytest.mark.parametrize("format", ["csv", "edges"])
def test_options_say_what_an_export_shows(client: SqlFlowClient, tmp_path: Path, format: str) -> None:
    job = ended(client)
    client.export_job(job.id, format, str(tmp_path / "all"))
    client.export_job(job.id, format, str(tmp_path / "direct"), {"showRelationType": "fdd"})
    whole, direct = ((tmp_path / name).read_text().splitlines() for name in ("all", "direct"))
    assert len(direct) == len(whole) - 1
    assert set(direct) < set(whole)
    with pytest.raises(ExportOptionError, match="indirekt"):
        client.export_job(job.id, format, str(tmp_path / "none"), {"indirekt": "false"})
    assert not (tmp_path / "none").exists()


def test_a_folder_keeps_its_names(client: SqlFlowClient, tmp_path: Path) -> None:
    (tmp_path / "sql" / "marts").mkdir(parents=True)
    (tmp_path / "sql" / "a.sql").write_text("CREATE TABLE t (a int)")
    (tmp_path / "sql" / "marts" / "b.sql").write_text("INSERT INTO m (x) SELECT a FROM t")
    job = ended(
        client, make_request(sources=(PathSource(str(tmp_path / "sql")), TextSource("c.sql", "SELECT 1")))
    )
    files = [file.path for file in client.list_files(job.id)]
    assert sorted(files) == ["a.sql", "c.sql", "marts/b.sql"]  # our server reads archives by name


def test_the_same_key_gives_the_same_job(client: SqlFlowClient) -> None:
    first = client.submit_job(make_request(idempotency_key="k1"))
    assert client.submit_job(make_request(idempotency_key="k1")).id == first.id
    assert client.submit_job(make_request(idempotency_key="k2")).id != first.id
    assert client.submit_job(make_request()).id != first.id
    assert client.list_jobs(JobFilter()).total == 3


def test_jobs_are_found_by_tag_name_and_status(client: SqlFlowClient) -> None:
    tag = "airflow:a dag/[manual] 2026-01-01T00:00:00+00:00/" + "task" * 40
    tagged = ended(client, make_request(name="Revenue [v2]", tags=("team one", tag)))
    other = ended(client, make_request())
    assert client.get_job(tagged.id).name == "Revenue [v2]"
    assert [job.id for job in client.list_jobs(JobFilter(tag=tag)).jobs] == [tagged.id]
    assert [job.id for job in client.list_jobs(JobFilter(tag="team one")).jobs] == [tagged.id]
    assert client.list_jobs(JobFilter(tag="team")).total == 0
    assert [job.id for job in client.list_jobs(JobFilter(name="REVENUE")).jobs] == [tagged.id]
    assert client.list_jobs(JobFilter(status=(JobStatus.RUNNING, JobStatus.CREATE))).total == 0
    assert client.list_jobs(JobFilter(status=(JobStatus.SUCCESS,))).total == 2
    page = client.list_jobs(JobFilter(), limit=1, offset=1)
    assert (len(page.jobs), page.total) == (1, 2)
    assert page.jobs[0].id in (tagged.id, other.id)


def test_what_cannot_be_used_is_refused_before_anything_is_made(
    client: SqlFlowClient, tmp_path: Path
) -> None:
    with pytest.raises(UnreadableInputError, match="missing"):
        client.submit_job(make_request(sources=(PathSource(str(tmp_path / "missing.sql")),)))
    with pytest.raises(EmptyInputError):
        client.submit_job(make_request(sources=(TextSource("a.sql", "  "),)))
    with pytest.raises(UnknownDialectError, match="snowflake"):
        client.submit_job(make_request(dialect="snowflak"))
    assert client.list_jobs(JobFilter()).total == 0
    job = ended(client)
    with pytest.raises(UnknownFormatError, match="graphml"):
        client.export_job(job.id, "graphmll", str(tmp_path / "out"))
    assert list(tmp_path.glob("out*")) == []


def test_a_job_that_is_not_there(client: SqlFlowClient, tmp_path: Path) -> None:
    for call in (client.get_job, client.list_files, client.list_runs, client.cancel_job, client.delete_job):
        with pytest.raises(JobNotFoundError, match="nope"):
            call(JobId("nope"))  # type: ignore[operator]
    with pytest.raises(JobNotFoundError):
        client.export_job(JobId("nope"), "json", str(tmp_path / "out"))
    with pytest.raises(JobNotFoundError):
        asyncio.run(client.aget_job(JobId("nope")))


def test_a_persist_job_grows_and_runs_again(client: SqlFlowClient, tmp_path: Path) -> None:
    job = waited(client, client.submit_persist_job(make_request(sources=(TextSource("a.sql", SQL),))))
    assert (job.kind, job.run, job.status) == (JobKind.PERSIST, 1, JobStatus.SUCCESS)
    more = make_request(sources=(TextSource("b.sql", "INSERT INTO u (x) SELECT a FROM t"),))
    grown = waited(client, client.submit_persist_job(more, job.id))
    assert (grown.id, grown.run, grown.counts.files_total) == (job.id, 2, 2)
    assert [run.number for run in client.list_runs(job.id)] == [2, 1]
    assert all(run.status is JobStatus.SUCCESS for run in client.list_runs(job.id))
    assert client.export_job(job.id, "json", str(tmp_path / "out.json")).edges == 5
    assert waited(client, client.rerun_job(job.id)).status is JobStatus.SUCCESS
    only = make_request(sources=(TextSource("z.sql", "INSERT INTO u (x) SELECT a FROM t"),))
    waited(client, client.submit_persist_job(only, job.id, incremental=False))
    assert client.export_job(job.id, "json", str(tmp_path / "out.json")).edges == 1


def test_a_deleted_job_runs_no_more(client: SqlFlowClient) -> None:
    job = ended(client)
    client.delete_job(job.id)
    with pytest.raises(JobTransitionError, match="delete"):
        client.rerun_job(job.id)


def test_schedules(client: SqlFlowClient) -> None:
    job = waited(client, client.submit_persist_job(make_request(), schedule=Schedule("0 0 1 * * ?")))
    assert job.schedule is not None
    assert (job.schedule.cron, job.schedule.is_paused) == ("0 1 * * *", False)
    assert [found.id for found in client.list_scheduled()] == [job.id]
    changed = client.set_schedule(job.id, Schedule("30 2 * * 1"))
    assert changed.schedule == Schedule("30 2 * * 1")
    paused = client.pause_schedule(job.id).schedule
    assert paused is not None
    assert paused.is_paused
    resumed = client.pause_schedule(job.id, is_paused=False).schedule
    assert resumed is not None
    assert not resumed.is_paused


def test_ping_says_where_and_how_many(client: SqlFlowClient) -> None:
    client.submit_job(make_request())
    assert client.ping().endswith(", 1 jobs")
    client.close()
    client.close()
    assert client.ping().endswith(", 1 jobs")


def test_a_key_of_another_request(tmp_path: Path) -> None:
    """Only the embedded engine keeps requests, so only it can tell."""
    client = EmbeddedClient(Settings(home=str(tmp_path)))
    client.submit_job(make_request(idempotency_key="k1"))
    with pytest.raises(JobConflictError):
        client.submit_job(make_request(idempotency_key="k1", name="other"))
    client.close()
