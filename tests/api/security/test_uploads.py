"""Uploads that mean to reach further than themselves, or to become more than they are."""

from __future__ import annotations

import io
import json
import stat
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.api.security.server import RunningServer
from tests.api.security.test_bodies import PROMPT

SUBMIT = "/sqlflow/job/submitUserJob"
SECRET = "the_secret_outside"
OUTSIDE = ("../outside.sql", "/outside.sql", "..\\outside.sql", "C:\\outside.sql", "a/../../outside.sql")


def packed(*members: tuple[str | zipfile.ZipInfo, str | bytes], **options: Any) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, **options) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return stream.getvalue()


def submit(server: RunningServer, user: dict[str, str], *files: tuple[str, bytes], **more: str) -> Any:
    data = {**user, "jobName": "job", "dbvendor": "dbvpostgresql", **more}
    return server.post(SUBMIT, data, files=[("sqlfiles", file) for file in files])


@pytest.fixture
def outside(server, tmp_path_factory) -> Path:
    """A file of the server's machine that no upload may reach."""
    folder = server.log.parent / "outside"
    folder.mkdir(exist_ok=True)
    (folder / "outside.sql").write_text(f"SELECT a FROM {SECRET}")
    (folder / "catalog.json").write_text(json.dumps({"metadata": {}, "nodes": {}}))
    return folder


def assert_reached_nothing(server: RunningServer, user: dict[str, str], answer: Any) -> None:
    """Whatever became of the upload, nothing of the machine is in it and nothing was left on it."""
    assert answer.status_code in (200, 400), answer.text
    assert str(server.log.parent) not in answer.text
    assert "/tmp" not in answer.text
    if answer.status_code == 200:
        job = server.wait(user, answer.json()["data"]["jobId"])
        assert str(server.log.parent) not in json.dumps(job)
        for way in ("exportFullLineageAsJson", "exportDatabaseMetadata"):
            found = server.post(f"/sqlflow/job/{way}", {**user, "displayQuerySource": "true"}).text
            assert SECRET not in found
            assert "root:" not in found
    assert leftovers(server) == []


def leftovers(server: RunningServer) -> list[str]:
    """Files of uploads and answers that are still there."""
    return [path.name for path in server.log.parent.glob("sqlflow-*")]


# Paths ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", OUTSIDE)
def test_names_of_uploads_are_names_only(server, user, outside, name):
    answer = submit(server, user, (name, b"SELECT 1 AS one"))
    assert_reached_nothing(server, user, answer)
    [kept] = answer.json()["data"]["fileNames"]
    assert "/" not in kept
    assert ".." not in kept
    assert not list(server.log.parent.rglob("*.sql")) or list(server.log.parent.rglob("*.sql")) == [
        outside / "outside.sql"
    ]


@pytest.mark.parametrize(
    "name",
    ["file:///etc/passwd", "http://127.0.0.1:1/x.sql", "zip::http://127.0.0.1:1/x.sql", "*.sql", "~/x.sql"],
)
def test_names_of_uploads_are_no_urls(server, user, outside, name):
    answer = submit(server, user, (name, b"SELECT 1 AS one"))
    assert answer.status_code == 200, answer.text
    assert_reached_nothing(server, user, answer)


@pytest.mark.parametrize("name", OUTSIDE)
def test_members_that_point_outside_are_refused_with_their_archive(server, user, outside, name):
    archive = packed(("good.sql", "SELECT 1"), (zipfile.ZipInfo(name), "SELECT 2"))
    answer = submit(server, user, ("all.zip", archive))
    assert answer.status_code == 400
    assert "outside the archive" in answer.json()["error"]
    assert_reached_nothing(server, user, answer)


@pytest.mark.parametrize("target", ["/etc/passwd", "../outside/outside.sql"])
def test_links_in_archives_are_refused(server, user, outside, target):
    link = zipfile.ZipInfo("link.sql")
    link.create_system = 3
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    answer = submit(server, user, ("all.zip", packed((link, target))))
    assert answer.status_code == 400
    assert "link" in answer.json()["error"]
    assert_reached_nothing(server, user, answer)


def manifest(**node: Any) -> bytes:
    whole = {
        "resource_type": "model",
        "name": "m",
        "alias": "m",
        "schema": "s",
        "compiled_code": "SELECT 1 AS one",
        **node,
    }
    version = "https://schemas.getdbt.com/dbt/manifest/v12.json"
    metadata = {"dbt_schema_version": version, "adapter_type": "postgres", "project_name": "p"}
    return json.dumps({"metadata": metadata, "nodes": {"model.p.m": whole}, "sources": {}}).encode()


@pytest.mark.parametrize("path", [*OUTSIDE, "/etc/passwd", "file:///etc/passwd", "http://127.0.0.1:1/x"])
@pytest.mark.parametrize("is_packed", [False, True])
def test_paths_in_a_manifest_are_names_only(server, user, outside, path, is_packed):
    document = manifest(
        original_file_path=path, path=path, compiled_path=path, root_path=str(outside), build_path=path
    )
    file = (
        ("all.zip", packed(("target/manifest.json", document))) if is_packed else ("manifest.json", document)
    )
    answer = submit(server, user, file)
    assert answer.status_code == 200, answer.text
    assert_reached_nothing(server, user, answer)


def test_a_manifest_without_its_sql_reads_none_from_disk(server, user, outside):
    for node in ({"compiled_code": "", "raw_code": ""}, {"compiled_code": None, "raw_code": None}):
        path = f"../../{outside.parent.name}/outside/outside.sql"
        document = manifest(original_file_path=path, path=path, **node)
        answer = submit(server, user, ("manifest.json", document))
        assert_reached_nothing(server, user, answer)


def test_a_catalog_beside_the_uploads_is_another_upload(server, user, outside):
    answer = submit(server, user, ("../outside/manifest.json", manifest()), ("x.sql", b"SELECT a FROM m"))
    assert_reached_nothing(server, user, answer)


@pytest.mark.parametrize("path", [*OUTSIDE, "/etc/passwd"])
def test_paths_in_metadata_are_names_only(server, user, outside, path):
    table = {"name": path, "columns": [{"name": path}]}
    query = {
        "database": path,
        "schema": path,
        "name": path,
        "type": "view",
        "sourceCode": "SELECT 1 AS one",
        **dict.fromkeys(("file", "groupName", "filePathHash", "sourceFile"), path),
    }
    server_of_it = {
        "name": path,
        "dbVendor": "dbvpostgresql",
        "supportsCatalogs": True,
        "supportsSchemas": True,
        "databases": [{"name": path, "schemas": [{"name": path, "tables": [table]}]}],
        "queries": [query],
    }
    document = {"createdBy": "grabit v1.7.3", "servers": [server_of_it]}
    answer = submit(server, user, ("metadata.json", json.dumps(document).encode()))
    assert_reached_nothing(server, user, answer)


@pytest.mark.parametrize("path", [*OUTSIDE, "/etc/passwd"])
def test_paths_in_csv_are_names_only(server, user, outside, path):
    rows = f'db,s,view,"{path}","SELECT 1 AS one",note\r\n'.encode()
    answer = submit(server, user, ("x.csv", rows), csvFormat="123456")
    assert answer.status_code == 200, answer.text
    assert_reached_nothing(server, user, answer)


@pytest.mark.parametrize("name", [*OUTSIDE, "/etc/passwd", "../../../../etc/passwd", "%2e%2e/etc/passwd"])
def test_file_names_in_parameters_are_compared_only(server, user, outside, name):
    job = server.submit(user, [("sqlfiles", ("x.sql", b"SELECT 1 AS one"))])
    batch = server.post(
        "/sqlflow/job/submitPersistJob",
        {**user, "jobName": "p"},
        files=[("sqlfiles", ("x.sql", b"SELECT 1"))],
    ).json()["data"]
    server.wait(user, batch["jobId"])
    asked = {**user, "jobId": batch["jobId"], "batchId": batch["subJobs"][0]["batchId"], "fileName": name}
    answer = server.client.get("/gspLive_backend/sqlflow/job/download/subJobFile", params=asked)
    assert answer.status_code == 400
    assert "root:" not in answer.text
    for path, values in (
        ("/sqlflow/generation/deleteUserSchema", {"fileName": name}),
        ("/sqlflow/job/displayUserJobSummary", {"jobName": name}),
        ("/sqlflow/job/displayUserJobSummary", {"jobId": name}),
        ("/sqlflow/generation/sqlflow/selectedgraph", {"sessionId": name}),
    ):
        assert server.post(path, {**user, **values}).status_code in (400, 404)
    assert job["status"] == "success"


def test_schema_files_are_kept_by_their_last_name(server, user, outside):
    for name in OUTSIDE:
        answer = server.post(
            "/sqlflow/generation/submitUserSchema",
            {**user, "dbvendor": "dbvpostgresql"},
            files=[("sqlfiles", (name, b"CREATE TABLE t (a INT)"))],
        )
        assert [item["fileName"] for item in answer.json()["data"]] == ["outside.sql"], answer.text
    assert (outside / "outside.sql").read_text() == f"SELECT a FROM {SECRET}"


# Bombs ----------------------------------------------------------------------------------------------


def zeros(megabytes: int) -> bytes:
    return b" " * (megabytes * 1024 * 1024)


def test_bombs_are_refused_at_once(server, user):
    ratio = packed(("a.sql", zeros(3)))
    total = packed(*((f"{number}.sql", f"-- {number}\n" + "select 1;" * 100_000) for number in range(6)))
    lying = bytearray(packed(("a.sql", zeros(3))))
    at = lying.rfind(b"PK\x01\x02")
    lying[at + 24 : at + 28] = (100).to_bytes(4, "little")  # its directory says 100 bytes
    for name, bomb in (("ratio", ratio), ("total", total), ("lying", bytes(lying))):
        begin = time.monotonic()
        answer = submit(server, user, ("bomb.zip", bomb))
        assert answer.status_code == 400, (name, answer.text)
        assert time.monotonic() - begin < 2 * PROMPT, name
    assert server.is_alive()
    assert leftovers(server) == []


def test_archives_in_archives_are_not_opened(server, user):
    bomb = packed(("a.sql", zeros(3)))
    for _ in range(5):
        bomb = packed(*((f"{number}.zip", bomb) for number in range(5)))
    answer = submit(server, user, ("nested.zip", bomb))
    assert answer.status_code == 400
    assert "not opened" in answer.json()["error"]
    answer = submit(server, user, ("nested.zip", packed(("inner.zip", bomb), ("a.sql", "SELECT 1 AS one"))))
    assert answer.json()["data"]["fileNames"] == ["nested.zip/a.sql"] or answer.status_code == 200


def test_archives_of_very_many_members_are_read_or_refused_in_time(server, user):
    archive = packed(*((f"{number}.sql", "SELECT 1;") for number in range(20_000)))
    begin = time.monotonic()
    answer = submit(server, user, ("many.zip", archive))
    assert answer.status_code in (200, 400, 413), answer.text
    assert time.monotonic() - begin < 20
    if answer.status_code == 200:
        server.post("/sqlflow/job/deleteUserJob", {**user, "jobId": answer.json()["data"]["jobId"]})


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("broken.zip", b"PK\x03\x04" + b"\0" * 100),
        ("empty.zip", b""),
        ("empty.sql", b""),
        ("deep.json", b'{"nodes":' * 50_000 + b"1" + b"}" * 50_000),
        ("deep.sql", b'{"nodes":' * 50_000),
        ("numbers.json", b'{"metadata": ' + b"9" * 100_000 + b"}"),
        ("manifest.json", manifest(compiled_code="SELECT \ud800 \0")),
        ("manifest.json", manifest(name="\ud800", alias="\0", original_file_path="\ud800\0.sql")),
        ("manifest.json", manifest(database="\ud800", compiled_code="")),
        ("manifest.json", manifest(config={"contract": {"enforced": True}}, columns={"\ud800": {}})),
        ("metadata.json", b'{"servers": [{"queries": [[[]]], "databases": 1}]}'),
        ("x.csv", b'"' * 100_000),
        ("binary.sql", bytes(range(256)) * 100),
        ("nul.sql", b"SELECT \0 1"),
        ("utf16.sql", "SELECT \ud800".encode("utf-16", "surrogatepass")),
    ],
)
def test_damaged_files_are_refused_or_reported(server, user, name, content):
    answer = submit(server, user, (name, content))
    assert answer.status_code in (200, 400), answer.text
    if answer.status_code == 200:
        server.wait(user, answer.json()["data"]["jobId"])
        for way in ("exportFullLineageAsJson", "exportDatabaseMetadata", "displayUserJobGraph"):
            assert server.post(f"/sqlflow/job/{way}", user).status_code in (200, 203, 409)
        assert server.post("/sqlflow/job/exportFullLineageAsCsv", user).status_code in (200, 409)
    assert leftovers(server) == []


def test_encrypted_archives_are_refused(server, user):
    archive = bytearray(packed(("a.sql", "SELECT 1")))
    archive[6] |= 1
    archive[archive.rfind(b"PK\x01\x02") + 8] |= 1
    answer = submit(server, user, ("x.zip", bytes(archive)))
    assert answer.status_code == 400
    assert "password" in answer.json()["error"]


# Headers of answers -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ['a"; filename="b.exe', "a\r\nX-Injected: yes", "ä中.sql", "a;b", "../x", "\\"]
)
def test_names_do_not_get_into_headers(server, user, text):
    """File and job names come back in bodies as they are, and in headers as letters that mean nothing."""
    files = [("sqlfiles", (text, b"SELECT a FROM t"))]
    job = server.post("/sqlflow/job/submitPersistJob", {**user, "jobName": text}, files=files).json()["data"]
    job = server.wait(user, job["jobId"])
    for path in ("exportFullLineageAsCsv", "exportLineageAsGraphml"):
        answer = server.post(f"/sqlflow/job/{path}", {**user, "jobId": job["jobId"]})
        assert answer.status_code == 200
        assert answer.headers["content-disposition"].count('"') == 2
        assert job["jobId"] in answer.headers["content-disposition"]
        assert "x-injected" not in answer.headers
    run = job["subJobs"][0]
    asked = {**user, "jobId": job["jobId"], "batchId": run["batchId"], "fileName": run["fileNames"][0]}
    answer = server.client.get("/gspLive_backend/sqlflow/job/download/subJobFile", params=asked)
    assert answer.status_code == 200, answer.text
    disposition = answer.headers["content-disposition"]
    assert disposition.isascii()
    assert disposition.count('"') == 2
    assert disposition.count(";") == 1
    assert "/" not in disposition
    assert "x-injected" not in answer.headers


def test_answers_are_kept_by_nobody_and_guessed_by_no_browser(server, user):
    server.submit(user, [("sqlfiles", ("a.sql", b"SELECT a FROM t"))])
    graph = {**user, "sqltext": "SELECT a FROM t"}
    for path, data, headers in (
        ("/sqlflow/job/displayUserJobsSummary", user, {}),
        ("/sqlflow/job/displayUserJobsSummary", {}, {}),
        ("/sqlflow/job/exportFullLineageAsCsv", user, {}),
        ("/sqlflow/generation/sqlflow/graph/image", graph, {"accept": "image/svg+xml"}),
    ):
        answer = server.post(path, data, headers=headers)
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["content-type"] == "image/svg+xml"


def test_a_picture_holds_no_script(server, user):
    name = '"<script>alert(1)</script><a href=javascript:alert(1)>"'
    data = {**user, "dbvendor": "dbvpostgresql", "sqltext": f"INSERT INTO {name} SELECT x FROM {name}"}
    answer = server.post("/sqlflow/generation/sqlflow/graph/image", data, headers={"accept": "image/svg+xml"})
    assert answer.status_code == 200
    assert "<script" not in answer.text
    assert "href" not in answer.text.replace("&lt;a href", "")
