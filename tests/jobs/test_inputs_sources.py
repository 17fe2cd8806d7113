"""Sources of every kind in one job: names, catalogs, dialects, and what reaches the analysis."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from airflow_provider_sqlflow.errors import ConfigError, EmptyInputError, UnknownDialectError
from airflow_provider_sqlflow.jobs.analysis import AnalysisOptions, analyze_files
from airflow_provider_sqlflow.jobs.execution import Execution
from airflow_provider_sqlflow.jobs.inputs import JobInputs, open_inputs
from airflow_provider_sqlflow.jobs.model import CsvSource, JobSource, JobStatus, PathSource, TextSource
from airflow_provider_sqlflow.jobs.runners.inline import InlineRunner
from airflow_provider_sqlflow.jobs.service import JobService
from airflow_provider_sqlflow.jobs.store.sql import SqlJobStore
from airflow_provider_sqlflow.settings import Settings
from tests.ingest.archives import make_zip
from tests.ingest.documents import catalog, manifest, metadata, model, table, write_json
from tests.jobs.factories import TickingClock, make_request

SETTINGS = Settings()
SERVER = {
    "dbVendor": "dbvpostgresql",
    "databases": [{"name": "shop", "schemas": [{"name": "raw", "tables": [table("s", "x", "y")]}]}],
}


def opened(*sources: JobSource) -> JobInputs:
    return open_inputs(sources, SETTINGS)


def service_of(store: SqlJobStore) -> JobService:
    clock = TickingClock()
    runner = InlineRunner(store, Execution(store, SETTINGS, clock), SETTINGS, clock)
    return JobService(store, runner, SETTINGS, clock)


def edges(inputs: JobInputs, **options: object) -> set[str]:
    wanted = AnalysisOptions("postgres", found_catalog=inputs.catalog, **options)  # type: ignore[arg-type]
    outcomes = analyze_files(inputs.read("postgres"), wanted, SETTINGS)
    return {f"{edge.source} -> {edge.target}" for item in outcomes for edge in item.result.edges()}


def test_defaults_of_a_row_reach_the_engine_and_the_job_s_fill_the_rest(tmp_path: Path) -> None:
    (tmp_path / "dump.csv").write_text(
        "shop,a,,one,INSERT INTO t SELECT x FROM s,\n,,,two,INSERT INTO t SELECT x FROM s,\n"
    )
    inputs = opened(CsvSource(str(tmp_path / "dump.csv")), TextSource("q", "INSERT INTO v SELECT z FROM s"))
    assert edges(inputs, default_database="db", default_schema="public") == {
        "shop.a.s.x -> shop.a.t.x",
        "db.public.s.x -> db.public.t.x",
        "db.public.s.z -> db.public.v.z",
    }


def test_catalog_of_the_sources_fills_what_the_request_does_not_say(tmp_path: Path) -> None:
    path = write_json(tmp_path / "metadata.json", metadata(SERVER))
    make_zip(
        tmp_path / "x.zip",
        {"a.sql": b"INSERT INTO t SELECT * FROM raw.s", "metadata.json": path.read_bytes()},
    )
    inputs = opened(PathSource(str(tmp_path / "x.zip")))
    assert inputs.catalog == {"shop.raw.s": ("x", "y")}
    assert edges(inputs) == {"raw.s.x -> t.x", "raw.s.y -> t.y"}
    assert edges(inputs, catalog={"s": ("own",)}) == {"raw.s.own -> t.own"}


def test_first_source_that_knows_a_table_wins(tmp_path: Path) -> None:
    first = write_json(tmp_path / "1.json", catalog({"d.s.t": ["a"], "d.s.u": ["u"]}))
    second = write_json(tmp_path / "2.json", catalog({"d.s.t": ["b"], "d.s.v": ["v"]}))
    inputs = opened(PathSource(str(first)), PathSource(str(second)), TextSource("q", "SELECT 1"))
    assert inputs.catalog == {"d.s.t": ("a",), "d.s.u": ("u",), "d.s.v": ("v",)}


def test_double_names_are_told(tmp_path: Path) -> None:
    texts = [TextSource(name, "SELECT 1") for name in ("q.sql", "Q.SQL", "r.sql")]
    first, second, third = opened(*texts).read("")
    assert (first.name, second.name, third.name) == ("q.sql", "Q~2.SQL", "r.sql")
    assert (first.notes, third.notes) == ((), ())
    assert [(note.code, note.message) for note in second.notes] == [
        ("duplicate_name", "another file of this job is called 'Q.SQL' too: this one is 'Q~2.SQL' here")
    ]


def test_catalogs_alone_are_nothing_to_analyse(tmp_path: Path) -> None:
    path = write_json(tmp_path / "catalog.json", catalog({"d.s.t": ["a"]}))
    with pytest.raises(
        EmptyInputError, match=r"no SQL in .*catalog\.json, only what describes tables; add SQL"
    ):
        opened(PathSource(str(path)))


def test_problem_of_a_csv_stands_at_its_line(tmp_path: Path) -> None:
    (tmp_path / "dump.csv").write_text(",,,a,SELECT 1,\nonly,two\n")
    outcomes = list(
        analyze_files(opened(PathSource(str(tmp_path / "dump.csv"))).read(""), AnalysisOptions(""), SETTINGS)
    )
    assert [item.summary.cause for item in outcomes if item.summary.cause] == [
        "dump.csv:2:1: row at line 2: 2 columns, but the SQL is expected in column 5"
    ]


# Dialects -------------------------------------------------------------------------------------------


def dbt(folder: Path, adapter: str) -> PathSource:
    return PathSource(
        str(
            write_json(
                folder / adapter / "manifest.json", manifest(model(adapter, "select 1"), adapter=adapter)
            )
        )
    )


def test_dialect_of_the_sources_is_taken_where_none_is_named(tmp_path: Path) -> None:
    inputs = opened(dbt(tmp_path, "snowflake"), TextSource("q", "SELECT 1"))
    assert [inputs.dialect(wanted) for wanted in ("auto", "", "AUTO", "dbvmssql")] == [
        "snowflake",
        "snowflake",
        "snowflake",
        "tsql",
    ]


def test_dialect_that_nobody_says(tmp_path: Path) -> None:
    inputs = opened(TextSource("q", "SELECT 1"))
    assert inputs.dialect("") == ""
    with pytest.raises(ConfigError, match="no source says which dialect it is written in, as dbt projects"):
        inputs.dialect("auto")
    with pytest.raises(UnknownDialectError):
        inputs.dialect("klingon")


def test_sources_that_disagree(tmp_path: Path) -> None:
    inputs = opened(dbt(tmp_path, "snowflake"), dbt(tmp_path, "bigquery"))
    with pytest.raises(ConfigError, match="written in bigquery and snowflake: name the dialect"):
        inputs.dialect("auto")


def test_a_job_takes_the_dialect_and_catalog_of_a_project(store: SqlJobStore, tmp_path: Path) -> None:
    write_json(
        tmp_path / "target" / "manifest.json",
        manifest(model("m", "select * from dev.raw.s"), adapter="snowflake"),
    )
    write_json(tmp_path / "target" / "catalog.json", catalog({"dev.raw.s": ["x"]}))
    service = service_of(store)
    request = make_request(sources=(PathSource(str(tmp_path)),), dialect="auto", idempotency_key="k")
    job = service.submit(request)
    assert (job.status, job.dialect, job.counts.column_edges) == (JobStatus.SUCCESS, "snowflake", 1)
    assert service.submit(request).id == job.id
    summary = service.export(job.id, "csv", str(tmp_path / "out.csv"))
    assert summary.edges == 1
    assert list(store.iter_texts(job.id)) == [("models/m.sql", "select * from dev.raw.s")]


def test_secrets_of_a_url_are_in_no_message_or_result(store: SqlJobStore, tmp_path: Path) -> None:
    import fsspec

    memory = fsspec.filesystem("memory")
    memory.pipe("/ann:hunter22@host/job/a.sql", b"INSERT INTO t SELECT x FROM s; SELECT (")
    try:
        service = service_of(store)
        source = PathSource("memory://ann:hunter22@host/job")
        job = service.submit(make_request(sources=(source,), dialect="postgres"))
        told = json.dumps([repr(job), repr(service.list_files(job.id)), *store.iter_results(job.id)])
        assert job.status is JobStatus.PARTIAL_SUCCESS
        assert "hunter22" not in told
        assert "hunter22" not in repr(PathSource("s3://b", {"key": "hunter22"}))
    finally:
        memory.store.pop("/ann:hunter22@host/job/a.sql")
