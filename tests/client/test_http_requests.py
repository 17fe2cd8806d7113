"""What the client sends: parameters, files, names."""

from __future__ import annotations

import asyncio
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from airflow_provider_sqlflow.client.base import SqlFlowClient
from airflow_provider_sqlflow.client.http.client import HttpClient
from airflow_provider_sqlflow.client.http.marker import marked_name, read_marker, tag_word
from airflow_provider_sqlflow.client.http.parameters import settings_of, vendor
from airflow_provider_sqlflow.errors import (
    ConfigError,
    NotSupportedError,
    RemoteError,
    UnknownDialectError,
    UnreadableInputError,
)
from airflow_provider_sqlflow.formats.options import ExportOptions, ResultSets
from airflow_provider_sqlflow.formats.sqlflow.metadata import metadata_document
from airflow_provider_sqlflow.jobs.model import (
    CsvSource,
    DatabaseSource,
    JobId,
    JobStatus,
    PathSource,
    Schedule,
    TableRole,
    TextSource,
)
from tests.client.fake_sqlflow import FakeSqlFlow, Handler, raw, refusal
from tests.jobs.factories import make_request

SQL = "INSERT INTO t (a) SELECT a FROM s"


def test_the_client_keeps_the_protocol(client: HttpClient) -> None:
    kept: SqlFlowClient = client
    assert kept is client


class TestSubmit:
    def test_every_setting_is_sent(self, fake: FakeSqlFlow, client: HttpClient) -> None:
        client.submit_job(
            make_request(
                default_database="d", default_schema="s", tags=("x",), idempotency_key="k", owner="me"
            )
        )
        [seen] = fake.calls("submitUserJob")
        token = seen.fields.pop("token")
        assert token in fake.tokens
        assert seen.fields == {
            "userId": "auth0|5f1e",
            "jobName": marked_name("nightly", ("x",), "k"),
            "dbvendor": "dbvsnowflake",
            "defaultDatabase": "d",
            "defaultSchema": "s",
            "showRelationType": "fdd,fddi,fdr,frd",
            "ignoreRecordSet": "true",
            "ignoreFunction": "true",
            "showConstantTable": "false",
            "showTransform": "false",
            "treatArgumentsInCountFunctionAsDirectDataflow": "true",
        }
        assert seen.headers["Content-Type"].startswith("multipart/form-data; boundary=")

    @pytest.mark.parametrize(
        ("dialect", "expected"),
        [
            ("snowflake", "dbvsnowflake"),
            ("sqlserver", "dbvmssql"),
            ("tsql", "dbvmssql"),
            ("dbvdb2", "dbvdb2"),
            ("DBVHANA", "dbvhana"),
            ("postgres", "dbvpostgresql"),
            ("", "dbvansi"),
        ],
    )
    def test_vendors(self, dialect: str, expected: str) -> None:
        assert vendor(dialect) == expected

    def test_an_unknown_dialect(self) -> None:
        with pytest.raises(UnknownDialectError):
            vendor("klingon")

    def test_a_queue_is_refused(self, fake: FakeSqlFlow, client: HttpClient) -> None:
        with pytest.raises(NotSupportedError, match="queue 'big'"):
            client.submit_job(make_request(queue="big"))
        assert fake.requests == []

    def test_settings_of_options(self) -> None:
        everything = ExportOptions(
            direct=False,
            indirect=False,
            joins=True,
            keys=True,
            result_sets=ResultSets.ALL,
            functions=True,
            constants=True,
            transforms=True,
            count_is_direct=False,
            normalize_names=True,
            table_level=True,
            self_lineage=False,
        )
        assert settings_of(everything) == {
            "showRelationType": "join,er",
            "simpleOutput": "false",
            "ignoreRecordSet": "false",
            "ignoreFunction": "false",
            "showConstantTable": "true",
            "showTransform": "true",
            "showLinkOnly": "true",
            "treatArgumentsInCountFunctionAsDirectDataflow": "false",
            "normalizeIdentifier": "true",
            "tableToTable": "true",
            "ignoreSelfLineage": "true",
        }
        assert settings_of(ExportOptions(result_sets=ResultSets.NONE))["simpleOutput"] == "true"

    def test_a_persist_job(self, fake: FakeSqlFlow, client: HttpClient) -> None:
        job = client.submit_persist_job(make_request(), schedule=Schedule("0 1 * * *"))
        client.submit_persist_job(make_request(), job.id, incremental=False)
        first, second = (seen.fields for seen in fake.calls("submitPersistJob"))
        assert (first["firstSubmit"], first["incremental"]) == ("true", "true")
        assert (first["schedulable"], first["cronExpression"]) == ("true", "0 1 * * *")
        assert "jobId" not in first
        assert (second["jobId"], second["firstSubmit"], second["incremental"]) == (job.id, "false", "false")
        assert "schedulable" not in second

    def test_schedules_are_in_the_services_zone(
        self, fake: FakeSqlFlow, make_client: Callable[..., HttpClient]
    ) -> None:
        client = make_client(timezone="Europe/Berlin")
        with pytest.raises(NotSupportedError, match="own time zone"):
            client.submit_persist_job(make_request(), schedule=Schedule("0 1 * * *"))
        with pytest.raises(ConfigError):
            client.submit_persist_job(make_request(), schedule=Schedule("0 99 * * *", "Europe/Berlin"))
        assert fake.jobs == {}
        job = client.submit_persist_job(make_request(), schedule=Schedule("0 1 * * *", "Europe/Berlin"))
        assert job.schedule == Schedule("0 1 * * *", "Europe/Berlin")
        assert job.created_at.isoformat() == "2026-01-02T02:04:05+00:00"
        ended = client.cancel_schedule(job.id).schedule
        assert ended is not None
        assert ended.is_paused
        resumed = client.resume_schedule(job.id).schedule
        assert resumed is not None
        assert not resumed.is_paused


class TestUpload:
    def test_one_text_travels_as_it_is(self, fake: FakeSqlFlow, client: HttpClient) -> None:
        client.submit_job(make_request(sources=(TextSource('dir/q"1\r\n', "SELECT 'ä'"),)))
        assert fake.calls("submitUserJob")[0].files == [("q_1__.sql", "SELECT 'ä'".encode())]

    def test_one_file_travels_as_it_is(self, fake: FakeSqlFlow, client: HttpClient, tmp_path: Path) -> None:
        data = "SELECT 'é'".encode("utf-16")
        (tmp_path / "é a.sql").write_bytes(data)
        fake.answer_first("submitUserJob", raw(b'{"code": 200, "data": {"jobId": "j"}}'))
        client.submit_job(make_request(sources=(PathSource(str(tmp_path / "é a.sql")),)))
        [(name, content)] = fake.calls("submitUserJob")[0].files
        assert content == data
        assert name.endswith(" a.sql")

    def test_one_archive_travels_as_it_is(
        self, fake: FakeSqlFlow, client: HttpClient, tmp_path: Path
    ) -> None:
        path = tmp_path / "all.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a.sql", SQL)
        client.submit_job(make_request(sources=(PathSource(str(path)),)))
        assert fake.calls("submitUserJob")[0].files == [("all.zip", path.read_bytes())]

    def test_a_csv_of_sql_comes_with_its_layout(
        self, fake: FakeSqlFlow, client: HttpClient, tmp_path: Path
    ) -> None:
        path = tmp_path / "code.csv"
        path.write_text("db,sch,view,v,select a from b,\n")
        client.submit_job(make_request(sources=(CsvSource(str(path), "123450", "'", "\\"),)))
        [seen] = fake.calls("submitUserJob")
        assert seen.files == [("code.csv", path.read_bytes())]
        assert {name: seen.fields[name] for name in seen.fields if name.startswith(("csv", "object"))} == {
            "csvFormat": "123450",
            "objectCodeEncloseChar": "'",
            "objectCodeEscapeChar": "\\",
        }

    def test_several_sources_become_one_archive(
        self, fake: FakeSqlFlow, client: HttpClient, tmp_path: Path
    ) -> None:
        (tmp_path / "sub").mkdir()
        (tmp_path / "sub" / "a.sql").write_text("SELECT 1")
        request = make_request(
            sources=(PathSource(str(tmp_path)), TextSource("a.sql", "SELECT 2")),
            catalog={"db.sch.orders": ("id", "amount"), 'db.sch."my.t"': ("x",)},
        )
        client.submit_job(request)
        client.submit_job(request)
        first, second = (seen.files for seen in fake.calls("submitUserJob"))
        assert first == second
        [(name, content)] = first
        assert name == "sql.zip"
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            texts = {member: archive.read(member).decode() for member in archive.namelist()}
        assert texts.pop("metadata.json")
        assert texts == {"sub/a.sql": "SELECT 1", "a.sql": "SELECT 2"}

    @pytest.mark.postgres
    def test_a_database_is_read_here_and_its_account_stays_here(
        self, fake: FakeSqlFlow, client: HttpClient, postgres: str, postgres_url: str
    ) -> None:
        with psycopg.connect(postgres_url) as connection:
            connection.execute("CREATE VIEW v AS SELECT 1 AS a")
            name = connection.info.dbname
        source = DatabaseSource("postgres", postgres, "postgres", "hunter22", name)
        client.submit_job(make_request(sources=(source,), dialect="postgres"))
        [seen] = fake.calls("submitUserJob")
        [(_, content)] = seen.files
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            texts = {member: archive.read(member).decode() for member in archive.namelist()}
        assert texts.keys() == {f"{name}/public/v.sql", "metadata.json"}
        assert "hunter22" not in json.dumps([texts, seen.fields])

    def test_a_file_that_cannot_be_read_is_named(
        self, fake: FakeSqlFlow, client: HttpClient, tmp_path: Path
    ) -> None:
        (tmp_path / "good.sql").write_text(SQL)
        (tmp_path / "bad.sql").write_bytes(b"\x00\x01\x02" * 50)
        with pytest.raises(UnreadableInputError, match=r"bad\.sql.*nothing was submitted"):
            client.submit_job(make_request(sources=(PathSource(str(tmp_path)),)))
        assert fake.jobs == {}

    def test_a_file_that_vanishes_before_a_second_attempt(
        self, fake: FakeSqlFlow, client: HttpClient, tmp_path: Path
    ) -> None:
        path = tmp_path / "a.sql"
        path.write_text(SQL)

        def vanish(handler: Handler) -> None:
            path.unlink()
            refusal(429, "busy", 429)(handler)

        fake.answer_first("submitUserJob", vanish)
        with pytest.raises(UnreadableInputError, match="No such file"):
            client.submit_job(make_request(sources=(PathSource(str(path)),)))

    def test_a_large_file_is_never_held_whole(
        self, fake: FakeSqlFlow, client: HttpClient, tmp_path: Path
    ) -> None:
        import tracemalloc

        path = tmp_path / "large.sql"
        path.write_text("-- nothing\n" * 3_000_000)

        def take(handler: object) -> bytes:
            size = int(handler.headers["Content-Length"])  # type: ignore[attr-defined]
            left = size
            while left:
                left -= len(handler.rfile.read(min(left, 65536)))  # type: ignore[attr-defined]
            return b""

        client.ping()
        fake.answer_first("submitUserJob", raw(b'{"code": 200, "data": {"jobId": "j"}}'))
        fake.read_body = take
        tracemalloc.start()
        client.submit_job(make_request(sources=(PathSource(str(path)),)))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < path.stat().st_size / 4

    def test_metadata_of_a_catalog(self) -> None:
        catalog = {"db.sch.orders": ("id",), "sch.items": ("id", "x"), "plain": ()}
        [server] = metadata_document(catalog, "dbvpostgresql")["servers"]
        assert (server["dbVendor"], server["supportsCatalogs"], server["supportsSchemas"]) == (
            "dbvpostgresql",
            True,
            True,
        )
        assert [
            (database["name"], schema["name"], [table["name"] for table in schema["tables"]])
            for database in server["databases"]
            for schema in database["schemas"]
        ] == [("db", "sch", ["orders"]), ("DEFAULT", "sch", ["items"]), ("DEFAULT", "DEFAULT", ["plain"])]
        [server] = metadata_document({"shop.orders": ("id",)}, "dbvmysql")["servers"]
        assert server["supportsSchemas"] is False
        assert server["databases"] == [
            {
                "name": "shop",
                "tables": [{"name": "orders", "type": "table", "columns": [{"name": "id"}]}],
            }
        ]

    def test_our_own_reader_understands_the_metadata(self, tmp_path: Path) -> None:
        from airflow_provider_sqlflow.ingest.sources import open_path
        from airflow_provider_sqlflow.settings import Settings

        catalog = {"db.sch.orders": ("id", "amount"), "sch.items": ("id",)}
        path = tmp_path / "job.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a.sql", SQL)
            archive.writestr("metadata.json", json.dumps(metadata_document(catalog, "dbvpostgresql")))
        source = open_path(str(path), Settings())
        assert source.names == ("a.sql",)
        assert dict(source.catalog)["db.sch.orders"] == ("id", "amount")


class TestEmulation:
    def test_every_generation_of_documents_says_the_same(
        self, fake: FakeSqlFlow, client: HttpClient, tmp_path: Path
    ) -> None:
        sql = (
            "CREATE VIEW v AS SELECT a, count(*) n FROM s WHERE d = 1 GROUP BY a; INSERT INTO t "
            "SELECT n FROM v"
        )
        fake.steps = ["success"]
        job = client.get_job(client.submit_job(make_request(sources=(TextSource("a.sql", sql),))).id)
        texts = set()
        for fake.generation in ("new", "middle", "old"):
            assert client.export_job(job.id, "json", str(tmp_path / "out")).edges == 7
            client.export_job(job.id, "edges", str(tmp_path / "out"))
            texts.add((tmp_path / "out").read_text())
        assert len(texts) == 1

    def test_cancel_deletes_what_runs(self, fake: FakeSqlFlow, client: HttpClient) -> None:
        fake.steps = ["running"] * 9
        job = client.submit_job(make_request())
        assert client.cancel_job(job.id).status is JobStatus.DELETE
        assert fake.jobs[job.id].status == "delete"

    def test_cancel_never_deletes_batches(self, fake: FakeSqlFlow, client: HttpClient) -> None:
        fake.steps = ["running"] * 9
        job = client.submit_persist_job(make_request())
        with pytest.raises(NotSupportedError, match="lose all its batches"):
            client.cancel_job(job.id)
        assert fake.calls("deleteUserJob") == []

    def test_a_delete_may_be_answered_without_data(self, fake: FakeSqlFlow, client: HttpClient) -> None:
        fake.answer_first("deleteUserJob", raw(b'{"code": 200}'))
        assert client.delete_job(JobId("j")).status is JobStatus.DELETE

    def test_instances_are_not_known(self, client: HttpClient) -> None:
        with pytest.raises(NotSupportedError, match="Airflow tasks"):
            client.list_instances("t")
        with pytest.raises(NotSupportedError, match="by table"):
            client.find_last_run("t")
        with pytest.raises(NotSupportedError, match="by table"):
            asyncio.run(client.afind_last_run("t"))

    def test_causes_come_from_the_document(
        self, fake: FakeSqlFlow, client: HttpClient, tmp_path: Path
    ) -> None:
        fake.steps = ["partial_success"]
        (tmp_path / "a.sql").write_text(SQL)
        (tmp_path / "b.sql").write_text("SELECT 1;\nSELECT FROM WHERE")
        job = client.get_job(client.submit_job(make_request(sources=(PathSource(str(tmp_path)),))).id)
        good, bad = client.list_files(job.id)
        assert (good.path, good.cause) == ("a.sql", "")
        assert (bad.path, bad.failed_statements) == ("b.sql", 1)
        assert bad.cause.startswith("b.sql:2:")

    def test_causes_that_cannot_be_had_are_no_error(
        self, fake: FakeSqlFlow, client: HttpClient, caplog: pytest.LogCaptureFixture
    ) -> None:
        fake.steps = ["partial_success"]
        job = client.get_job(client.submit_job(make_request()).id)
        fake.answer_first("exportLineageAsJson", raw(b"<html>", 404))
        [file] = client.list_files(job.id)
        assert (file.status, file.cause) == (JobStatus.PARTIAL_SUCCESS, "")
        assert "cannot be told" in caplog.text

    def test_a_failed_job_says_why(self, fake: FakeSqlFlow, client: HttpClient) -> None:
        fake.steps = ["fail"]
        job = client.submit_job(make_request())
        fake.jobs[job.id].members["errorMessage"] = "no SQL in it"
        assert client.get_job(job.id).error == "no SQL in it"
        assert [file.cause for file in client.list_files(job.id)] == ["no SQL in it"]

    def test_syntax_is_checked_by_the_service(self, fake: FakeSqlFlow, client: HttpClient) -> None:
        assert client.check_syntax(TextSource("a.sql", "SELECT a FROM b"), "oracle") == ()
        [problem] = client.check_syntax(TextSource("a.sql", "SELECT a\nFROM WHERE"), "oracle")
        assert (problem.file, problem.line, problem.column, problem.is_error) == ("a.sql", 2, 6, True)
        assert fake.calls("check")[0].fields["dbvendor"] == "dbvoracle"
        body = b'{"code": 500, "data": {"usedTime": "1ms"}, "error": "bad"}'
        fake.answer_first("check", raw(body), refusal(400, "no dbvendor"))
        [problem] = client.check_syntax(TextSource("a.sql", "x"), "oracle")
        assert (problem.line, problem.message) == (0, "bad")
        with pytest.raises(RemoteError, match="no dbvendor"):
            client.check_syntax(TextSource("a.sql", "x"), "oracle")

    def test_tables_come_from_the_document(self, fake: FakeSqlFlow, client: HttpClient) -> None:
        fake.steps = ["running", "success"]
        sql = "CREATE VIEW w.v AS SELECT a FROM s; INSERT INTO t SELECT a FROM w.v"
        job = client.submit_job(make_request(sources=(TextSource("a.sql", sql),)))
        assert client.list_tables(job.id) == ()
        found = [
            (table.schema, table.name, table.kind, table.role.value) for table in client.list_tables(job.id)
        ]
        assert found == [
            (None, "s", "table", "read"),
            (None, "t", "table", "write"),
            ("w", "v", "view", "read"),
            ("w", "v", "view", "write"),
        ]
        assert [table.name for table in client.list_tables(job.id, TableRole.WRITE)] == ["t", "v"]

    def test_a_service_looks_after_its_jobs(self, client: HttpClient) -> None:
        job = client.submit_job(make_request())
        assert client.resume_job(job.id).id == job.id
        assert client.resume_seconds is None
        assert client.job_url(job.id) == ""

    def test_schedules_in_any_shape(self, fake: FakeSqlFlow, client: HttpClient) -> None:
        job = client.submit_persist_job(make_request(), schedule=Schedule("0 1 * * *"))
        body = json.dumps({"code": 200, "data": {"jobIds": [job.id]}}).encode()
        fake.answer_first("listScheduleJobs", raw(body), raw(b'{"code": 200}'))
        assert [found.id for found in client.list_scheduled()] == [job.id]
        assert client.list_scheduled() == ()

    def test_files_of_one_batch(self, client: HttpClient) -> None:
        job = client.submit_persist_job(make_request(sources=(TextSource("a.sql", SQL),)))
        client.submit_persist_job(make_request(sources=(TextSource("b.sql", SQL),)), job.id)
        assert [file.path for file in client.list_files(job.id)] == ["a.sql", "b.sql"]
        assert [file.path for file in client.list_files(job.id, 2)] == ["b.sql"]
        newest, oldest = client.list_runs(job.id)
        assert (newest.number, oldest.number) == (2, 1)
        assert newest.batch_id != oldest.batch_id


class TestMarker:
    @pytest.mark.parametrize("name", ["nightly", "a [b]", "", "x [#", "tab\tand\nline", "[#x]"])
    @pytest.mark.parametrize("tags", [(), ("a",), ("airflow:d/r/t", "x y [z]"), ("t" * 300,)])
    @pytest.mark.parametrize("key", [None, "k"])
    def test_goes_there_and_back(self, name: str, tags: tuple[str, ...], key: str | None) -> None:
        assert read_marker(marked_name(name, tags, key)) == (name, tuple(map(tag_word, tags)))

    def test_long_tags_stay_apart(self) -> None:
        assert tag_word("a" * 100) != tag_word("a" * 101)
        assert len(tag_word("a" * 300)) == 80
