"""What operators read themselves, because it takes an Airflow connection: object stores and databases."""

from __future__ import annotations

import json
import logging
import sqlite3
from pathlib import Path

import pytest
from airflow.providers.common.sql.hooks.sql import DbApiHook
from airflow.sdk import DAG, ObjectStoragePath
from airflow.sdk.exceptions import AirflowFailException
from airflow.sdk.io import attach
from fsspec.implementations.memory import MemoryFile, MemoryFileSystem

from airflow_provider_sqlflow.errors import ConfigError, SourceUnavailableError, UnreadableInputError
from airflow_provider_sqlflow.hooks.sqlflow import SqlFlowHook
from airflow_provider_sqlflow.jobs.model import CsvSource, JobId, PathSource, TextSource
from airflow_provider_sqlflow.operators.sources import path_sources
from airflow_provider_sqlflow.operators.sqlflow import SqlFlowSubmitJobOperator
from airflow_provider_sqlflow.settings import Settings
from tests.postgres_server import running_postgres

FOLDER = Path("/dags")
LAYOUT = {"columns": "000120", "enclose": "'"}


def read(paths, csv_layout=None, storage_conn_id=None):
    return path_sources(paths, FOLDER, csv_layout, storage_conn_id, Settings())


def test_what_needs_no_connection_stays_a_path():
    given = ["a.sql", "/b", "s3://bucket/c", ObjectStoragePath("s3://bucket/d")]
    assert read(given).sources == tuple(
        PathSource(path) for path in ("/dags/a.sql", "/b", "s3://bucket/c", "s3://bucket/d")
    )
    assert read(None).sources == ()
    assert read("a.sql").sources == (PathSource("/dags/a.sql"),)


def test_a_csv_layout_is_for_csv_files():
    assert read(["q.CSV", "b.sql"], LAYOUT).sources == (
        CsvSource("/dags/q.CSV", "000120", "'"),
        PathSource("/dags/b.sql"),
    )
    assert read(["q.csv"]).sources == (PathSource("/dags/q.csv"),)
    with pytest.raises(ConfigError, match="csv_layout has quote; known are columns, enclose and escape"):
        read(["q.csv"], {"quote": "'"})


class TestObjectStores:
    @pytest.fixture
    def bucket(self, tmp_path):
        (tmp_path / "b" / "deep").mkdir(parents=True)
        (tmp_path / "b" / "a.sql").write_text("select 1")
        (tmp_path / "b" / "deep" / "c.sql").write_text("select 2")
        (tmp_path / "b" / "notes.txt").write_text("no SQL")
        return f"file://{tmp_path / 'b'}"

    def test_a_folder_is_read_by_its_connection(self, bucket):
        wanted = (TextSource("a.sql", "select 1"), TextSource("deep/c.sql", "select 2"))
        assert read(bucket, storage_conn_id="store").sources == wanted
        assert read(ObjectStoragePath(bucket, conn_id="store")).sources == wanted

    def test_a_file_and_a_csv(self, bucket, tmp_path):
        assert read([f"{bucket}/a.sql"], storage_conn_id="store").sources == (
            TextSource("a.sql", "select 1"),
        )
        (tmp_path / "b" / "q.csv").write_text("'t','select 3'\n")
        [source] = read([f"{bucket}/q.csv"], LAYOUT, "store").sources
        assert source.text == "select 3"

    def test_keys_that_lead_out_of_the_folder_are_refused(self, tmp_path, monkeypatch):
        """Object stores take ``..`` in a key as it stands; on disk it is the folder above."""
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "scratch"))
        (tmp_path / "scratch").mkdir()
        store = MemoryFileSystem()
        store.store.clear()
        attach("memory", "store", fs=store)
        for key in ("/models/a.sql", "/models/../../../escaped.sql"):
            store.store[key] = MemoryFile(store, key, b"select 1")
        with pytest.raises(UnreadableInputError, match=r"models: '../../../escaped.sql' leads out of it"):
            read("memory://models", storage_conn_id="store")
        assert not list(tmp_path.rglob("escaped.sql"))

    def test_metadata_gives_a_catalog(self, bucket, tmp_path):
        tables = [{"name": "t", "schema": "s", "columns": [{"name": "x"}]}]
        server = {"name": "n", "dbVendor": "dbvpostgresql", "databases": [{"name": "d", "tables": tables}]}
        queries = [
            {"name": "q", "sourceCode": "select * from t", "type": "view", "database": "d", "schema": "s"}
        ]
        document = {"createdBy": "x", "servers": [{**server, "queries": queries}]}
        (tmp_path / "b" / "meta.json").write_text(json.dumps(document))
        given = read([f"{bucket}/meta.json"], storage_conn_id="store")
        assert [(source.text, source.database, source.schema) for source in given.sources] == [
            ("select * from t", "d", "s")
        ]
        assert list(given.catalog.values()) == [("x",)]

    def test_a_lost_path_is_told(self, bucket):
        with pytest.raises(SourceUnavailableError, match="nowhere"):
            read([f"{bucket}/nowhere.sql"], storage_conn_id="store")

    def test_a_bad_file_loses_nothing_else(self, bucket, tmp_path, caplog):
        (tmp_path / "b" / "bad.sql").write_bytes(b"select \x00\x01\x02")
        with caplog.at_level(logging.WARNING):
            names = [source.name for source in read(bucket, storage_conn_id="store").sources]
        assert names == ["a.sql", "deep/c.sql"]
        assert "bad.sql of file://" in caplog.text


class SqliteHook(DbApiHook):
    """A hook as the provider of a database has it."""

    conn_name_attr = "sqlite_conn_id"
    conn_type = "sqlite"

    def __init__(self, path):
        super().__init__()
        self.path = path

    def get_conn(self):
        return sqlite3.connect(self.path)


class PostgresHook(DbApiHook):
    conn_name_attr = "postgres_conn_id"
    conn_type = "postgres"

    def __init__(self, url):
        super().__init__()
        self.url = url

    def get_conn(self):
        import psycopg

        return psycopg.connect(self.url)


def submit(database_hook, context, client=None, **arguments):
    arguments = {"dialect": "auto", "database_conn_id": "warehouse", **arguments}
    with DAG("dag", schedule=None):
        operator = SqlFlowSubmitJobOperator(task_id="task", poll_interval=0.01, **arguments)
    operator.database_hook = database_hook
    if client is not None:
        operator.hook = SqlFlowHook(client=client)
    return operator.execute(context)


class TestDatabases:
    @pytest.fixture
    def sqlite(self, tmp_path, monkeypatch):
        monkeypatch.setenv("AIRFLOW__SQLFLOW__STORE_URL", f"sqlite:///{tmp_path / 'jobs.db'}")
        path = tmp_path / "shop.db"
        connection = sqlite3.connect(path)
        connection.executescript("create table o (id, amount); create view v as select * from o;")
        connection.close()
        return SqliteHook(path)

    def test_views_and_columns_of_sqlite(self, sqlite, context, make_client):
        client = make_client()
        submit(sqlite, context, client, catalog={"extra": ["x"]}, sql="select * from o")
        request = client.requests[JobId("job-1")]
        assert request.sources == (
            TextSource("task.sql", "select * from o"),
            TextSource("v.sql", "CREATE VIEW v as select * from o"),
        )
        assert request.catalog == {"extra": ("x",), "o": ("id", "amount"), "v": ("id", "amount")}
        assert request.dialect == "sqlite"

    def test_the_engine_sees_through_the_star(self, sqlite, context):
        assert submit(sqlite, context)["counts"]["column_edges"] == 2

    @pytest.mark.postgres
    def test_postgres_from_end_to_end(self, context, tmp_path, monkeypatch):
        import psycopg

        monkeypatch.setenv("AIRFLOW__SQLFLOW__STORE_URL", f"sqlite:///{tmp_path / 'jobs.db'}")
        with running_postgres() as host:
            url = f"host={host} user=postgres dbname=postgres"
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("CREATE SCHEMA s; CREATE TABLE s.o (a int, b int)")
                connection.execute(
                    "CREATE VIEW s.v AS SELECT * FROM s.o; CREATE VIEW public.w AS SELECT 1 AS x"
                )
            result = submit(PostgresHook(url), context, database_schemas=["s"])
        assert result["status"] == "success"
        assert result["dialect"] == "postgres"
        assert result["counts"]["column_edges"] == 2
        hook = SqlFlowHook()
        tables = {
            (table.database, table.schema, table.name) for table in hook.list_tables(JobId(result["job_id"]))
        }
        hook.close()
        assert tables == {("postgres", "s", "v"), ("postgres", "s", "o")}

    def test_a_database_that_does_not_answer_is_retried(self, context, make_client, tmp_path):
        hook = SqliteHook(tmp_path / "missing" / "no.db")
        with pytest.raises(SourceUnavailableError, match="database of a sqlite connection cannot be read"):
            submit(hook, context, make_client())

    def test_a_connection_of_something_else_is_refused(self, context, make_client):
        with pytest.raises(AirflowFailException, match="type 'sqlflow' leads to no database"):
            submit(SqlFlowHook(), context, make_client())
