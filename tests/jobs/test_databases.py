"""Databases as sources of jobs: read anew by each run, opened only where a server may."""

from __future__ import annotations

import json
import pickle
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from airflow_provider_sqlflow.errors import (
    ConfigError,
    EmptyInputError,
    HostNotAllowedError,
    SourceUnavailableError,
    UnknownDialectError,
)
from airflow_provider_sqlflow.ingest.hosts import AllowedHosts
from airflow_provider_sqlflow.jobs.databases import allowed_source
from airflow_provider_sqlflow.jobs.execution import Execution
from airflow_provider_sqlflow.jobs.fingerprint import content_digest
from airflow_provider_sqlflow.jobs.inputs import open_inputs
from airflow_provider_sqlflow.jobs.model import (
    DatabaseSource,
    Job,
    JobFilter,
    JobStatus,
    Schedule,
    TextSource,
    source_key,
)
from airflow_provider_sqlflow.jobs.runners.inline import InlineRunner
from airflow_provider_sqlflow.jobs.service import JobService
from airflow_provider_sqlflow.jobs.store.sql import SqlJobStore
from airflow_provider_sqlflow.settings import Settings
from tests.jobs.factories import TickingClock, make_request

SETTINGS = Settings()
PASSWORD = "hunter22"
SHOP = """
CREATE TABLE orders (id int, amount numeric);
CREATE VIEW totals AS SELECT sum(amount) AS total FROM orders;
CREATE SCHEMA tmp;
CREATE VIEW tmp.scratch AS SELECT id FROM orders;
"""


@pytest.fixture
def shop(new_postgres_database: Callable[[str], str], postgres: str) -> tuple[DatabaseSource, str]:
    """A database with views, and its URL for who fills it."""
    url = new_postgres_database("template0")
    execute(url, SHOP)
    name = conninfo_to_dict(url)["dbname"]
    return DatabaseSource("postgres", postgres, "postgres", PASSWORD, str(name), exclude=("tmp",)), url


@pytest.fixture
def service(store: SqlJobStore) -> JobService:
    clock = TickingClock()
    runner = InlineRunner(store, Execution(store, SETTINGS, clock), SETTINGS, clock)
    return JobService(store, runner, SETTINGS, clock)


def execute(url: str, sql: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.encode())


def files(service: JobService, job_id: str) -> list[str]:
    return [file.path.partition("/")[2] for file in service.list_files(job_id)]  # type: ignore[arg-type]


def test_a_rerun_reads_the_database_anew(service: JobService, shop: tuple[DatabaseSource, str]) -> None:
    source, url = shop
    job = service.submit(make_request(sources=(source,), dialect="auto"))
    assert (job.status, job.dialect) == (JobStatus.SUCCESS, "postgres")
    assert files(service, job.id) == ["public/totals.sql"]
    execute(url, "CREATE VIEW doubled AS SELECT total * 2 AS twice FROM totals")
    again = service.rerun(job.id)
    assert again.status is JobStatus.SUCCESS
    assert files(service, job.id) == ["public/doubled.sql", "public/totals.sql"]
    [result] = service.lineage(job.id).results
    edges = {f"{edge.source} -> {edge.target}" for edge in result.edges()}
    name = source.database
    assert f"{name}.public.orders.amount -> {name}.public.totals.total" in edges
    assert f"{name}.public.totals.total -> {name}.public.doubled.twice" in edges
    execute(url, "DROP VIEW doubled")
    service.rerun(job.id)
    assert files(service, job.id) == ["public/totals.sql"]


def test_a_scheduled_job_keeps_its_database_and_takes_a_new_password(
    service: JobService, store: SqlJobStore, shop: tuple[DatabaseSource, str]
) -> None:
    source, url = shop
    request = make_request(sources=(source,), dialect="postgres")
    job = service.submit_persist(request, schedule=Schedule("0 1 * * *"))
    changed = replace(source, user="postgres", password="another")
    text = TextSource("q.sql", "INSERT INTO t SELECT total FROM totals")
    service.submit_persist(replace(request, sources=(changed, text)), job.id)
    assert store.get_request(job.id).sources == (changed, text)
    execute(url, "CREATE VIEW more AS SELECT id FROM orders")
    [scheduled] = service.list_scheduled()
    assert service.rerun(scheduled.id).status is JobStatus.SUCCESS
    assert service.list_files(job.id)[0].path.endswith("public/more.sql")
    assert source_key(replace(source, views=("x",))) != source_key(source) == source_key(changed)


def test_text_beside_a_database_finds_its_columns(
    service: JobService, shop: tuple[DatabaseSource, str]
) -> None:
    source, _ = shop
    nothing = replace(source, views=("none",), procedures=("none",))
    with pytest.raises(EmptyInputError, match=r"no SQL in postgres://.*, only what describes tables"):
        service.submit(make_request(sources=(nothing,)))
    text = TextSource("q.sql", "INSERT INTO t SELECT * FROM orders")
    job = service.submit(make_request(sources=(nothing, text), dialect="postgres"))
    assert (job.counts.files_total, job.counts.column_edges) == (1, 2)


def test_only_the_request_of_the_store_holds_the_password(
    store_url: str, service: JobService, store: SqlJobStore, shop: tuple[DatabaseSource, str], tmp_path: Path
) -> None:
    source, _ = shop
    job = service.submit(make_request(sources=(source,), dialect="postgres"))
    assert store.get_request(job.id).sources == (source,)
    told = [
        repr(job),
        repr(source),
        repr(store.get_request(job.id)),
        repr(service.list(JobFilter())),
        repr(service.list_files(job.id)),
        repr(service.list_runs(job.id)),
        *store.iter_results(job.id),
        *map(repr, store.iter_texts(job.id)),
    ]
    service.export(job.id, "json", str(tmp_path / "out.json"))
    told.append((tmp_path / "out.json").read_text())
    assert PASSWORD not in json.dumps(told)
    assert pickle.loads(pickle.dumps(source)) == source
    if store_url.startswith("sqlite"):
        with sqlite3.connect(store_url.removeprefix("sqlite:///")) as connection:
            holders = [line for line in connection.iterdump() if PASSWORD in line]
        connection.close()
        assert len(holders) == 1
    service.delete(job.id)
    with pytest.raises(Exception, match=r"deleted|request"):
        store.get_request(job.id)


def test_what_fails_names_the_database_and_not_the_password(
    service: JobService, store: SqlJobStore, shop: tuple[DatabaseSource, str]
) -> None:
    source, _ = shop
    gone = replace(source, database="nowhere")
    with pytest.raises(ConfigError, match='database "nowhere" does not exist') as caught:
        service.submit(make_request(sources=(gone,)))
    assert PASSWORD not in str(caught.value)
    with pytest.raises(SourceUnavailableError, match="cannot connect to postgres://"):
        service.submit(make_request(sources=(replace(source, port=1),)))
    with pytest.raises(ConfigError, match="is no schema"):
        service.submit(make_request(sources=(replace(source, extract=("a.b.c",)),)))
    with pytest.raises(UnknownDialectError):
        service.submit(make_request(sources=(replace(source, dialect="klingon"),)))
    assert service.list(JobFilter()).total == 0


def test_a_database_that_is_gone_when_the_job_runs(
    store: SqlJobStore, shop: tuple[DatabaseSource, str]
) -> None:
    source, url = shop

    class LaterRunner:
        def run(self, job: Job) -> None:
            """Leave it in the queue."""

    waiting = JobService(store, LaterRunner(), SETTINGS, TickingClock())
    job = waiting.submit(make_request(sources=(source,), dialect="postgres"))
    execute(url, "DROP VIEW totals; DROP SCHEMA tmp CASCADE; DROP TABLE orders")
    clock = TickingClock()
    with pytest.raises(EmptyInputError):
        InlineRunner(store, Execution(store, SETTINGS, clock), SETTINGS, clock).run(job)
    ended = waiting.get(job.id)
    assert ended.status is JobStatus.FAIL
    assert ended.error.startswith("EmptyInputError: nothing to read in postgres://")
    assert PASSWORD not in ended.error


def test_a_digest_of_the_content_follows_the_database(shop: tuple[DatabaseSource, str]) -> None:
    source, url = shop
    before = content_digest([source], SETTINGS)
    assert content_digest([source], SETTINGS) == before
    execute(url, "CREATE VIEW more AS SELECT id FROM orders")
    assert content_digest([source], SETTINGS) != before


def test_names_of_a_database_given_twice(shop: tuple[DatabaseSource, str]) -> None:
    source, _ = shop
    copy = replace(source, dialect="dbvpostgresql", views=("totals",))
    inputs = open_inputs((source, copy), SETTINGS)
    assert len(set(inputs.names)) == 2
    assert [file.text for file in inputs.read("postgres")] == [file.text for file in inputs.read("")]


# On a server ------------------------------------------------------------------------------------------

HOSTS = AllowedHosts.parse("db.example.com:5432, *.example.org")
ASKED = DatabaseSource("dbvpostgresql", "DB.example.com", "ann", PASSWORD, "shop")


def test_a_server_opens_what_was_checked() -> None:
    assert allowed_source(ASKED, HOSTS) == replace(
        ASKED, dialect="postgres", host="db.example.com", port=5432
    )
    other = replace(ASKED, dialect="mysql", host="a.example.org", database="")
    assert allowed_source(other, HOSTS).port == 3306


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"port": 5433}, HostNotAllowedError),
        ({"dialect": "mysql"}, HostNotAllowedError),  # its usual port is another one
        ({"host": "127.0.0.1"}, HostNotAllowedError),
        ({"host": "/var/run/postgresql"}, HostNotAllowedError),
        ({"host": "db.example.com,evil"}, HostNotAllowedError),
        ({"host": ""}, HostNotAllowedError),
        ({"port": -1}, HostNotAllowedError),
        ({"database": "hostaddr=127.0.0.1"}, ConfigError),
        ({"database": "postgresql://evil"}, ConfigError),
        ({"user": ""}, ConfigError),
        ({"dialect": "sqlite"}, ConfigError),
        ({"dialect": "duckdb", "port": 5432}, ConfigError),
        ({"extract": ("a.b.c",)}, ConfigError),
        ({"views": ("a.b.c.d",)}, ConfigError),
    ],
)
def test_a_server_refuses_the_rest_before_it_connects(
    change: dict[str, object], error: type[Exception]
) -> None:
    with pytest.raises(error) as caught:
        allowed_source(replace(ASKED, **change), HOSTS)  # type: ignore[arg-type]
    assert PASSWORD not in str(caught.value)
    with pytest.raises(ConfigError):
        allowed_source(replace(ASKED, **change), AllowedHosts())  # type: ignore[arg-type]
