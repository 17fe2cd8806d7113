"""Metadata of the ingester format: columns under every layout of layers and quotes, and SQL texts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_sqlflow.errors import EmptyInputError, UnreadableInputError
from airflow_provider_sqlflow.ingest.model import Source
from airflow_provider_sqlflow.ingest.sources import open_path
from airflow_provider_sqlflow.settings import Settings
from tests.ingest.archives import make_zip
from tests.ingest.documents import catalog, metadata, table, write_json

SETTINGS = Settings()
VIEW = {
    "database": "shop",
    "schema": "public",
    "name": '"V1"',
    "type": "view",
    "sourceCode": "CREATE VIEW v1 AS SELECT 1",
}
POSTGRES = {
    "dbVendor": "dbvpostgresql",
    "supportsCatalogs": True,
    "supportsSchemas": True,
    "databases": [
        {"name": "shop", "schemas": [{"name": '"public"', "tables": [table("orders", "ID", '"Total"')]}]}
    ],
    "queries": [VIEW],
}


def opened(folder: Path, *servers: dict[str, Any]) -> Source:
    return open_path(str(write_json(folder / "m.json", metadata(*servers))), SETTINGS)


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        (POSTGRES, {"shop.public.orders": ("ID", "Total")}),
        (
            {
                "dbVendor": "dbvmysql",
                "databases": [
                    {"name": "Shop", "tables": [table("T", "a", databaseName="`Shop`", schemaName="")]}
                ],
            },
            {"Shop.T": ("a",)},
        ),
        (
            {
                "dbVendor": "dbvmssql",
                "databases": [
                    {"name": "HR", "schemas": [{"name": "[dbo]", "views": [table("[v w]", "[a b]")]}]}
                ],
            },
            {"HR.dbo.v w": ("a b",)},
        ),
        (
            {"dbVendor": "dbvhive", "schemas": [{"name": "raw", "others": [table("t", "a")]}]},
            {"raw.t": ("a",)},
        ),
        (
            {"dbVendor": "dbvoracle", "tables": [table("T", "A", databaseName='"ORCL"', schemaName='"HR"')]},
            {"ORCL.HR.T": ("A",)},
        ),
    ],
    ids=["postgres", "mysql", "sql server", "schemas only", "no layers"],
)
def test_columns(tmp_path: Path, server: dict[str, Any], expected: dict[str, tuple[str, ...]]) -> None:
    assert opened(tmp_path, server).catalog == expected


def test_synonym_has_the_columns_of_its_source(tmp_path: Path) -> None:
    schema = {
        "name": "[dbo]",
        "tables": [table("LOCATIONS", "ID")],
        "synonyms": [
            {
                "name": "OFFICES",
                "database": "[HR]",
                "schema": "[dbo]",
                "sourceName": "Locations",
                "sourceSchema": "DBO",
            },
            {"name": "LOST", "sourceName": "nowhere"},
        ],
    }
    source = opened(tmp_path, {"dbVendor": "dbvmssql", "databases": [{"name": "HR", "schemas": [schema]}]})
    assert source.catalog == {"HR.dbo.LOCATIONS": ("ID",), "HR.dbo.OFFICES": ("ID",)}


def test_queries_are_files_with_their_own_defaults(tmp_path: Path) -> None:
    source = opened(tmp_path, POSTGRES)
    (file,) = source.read()
    assert (source.names, source.dialect) == (("shop/public/V1.sql",), "postgres")
    assert (file.text, file.database, file.schema) == (VIEW["sourceCode"], "shop", "public")


def test_servers_of_two_dialects_say_none(tmp_path: Path) -> None:
    source = opened(
        tmp_path, POSTGRES, {"dbVendor": "dbvmysql", "queries": [{"name": "q", "sourceCode": "SELECT 1"}]}
    )
    assert source.dialect == ""
    assert [file.dialect for file in source.read()] == ["postgres", "mysql"]


@pytest.mark.parametrize("name", ["metadata.json", "sub/export of today.JSON"])
def test_in_an_archive_or_folder_beside_sql(tmp_path: Path, name: str) -> None:
    document = json.dumps(metadata(POSTGRES)).encode()
    other = json.dumps({"servers": ["web1", "web2"]}).encode()
    members = {
        "a.sql": b"SELECT * FROM orders",
        name: document,
        "metadata2.json": other,
        "broken.json": b'{"servers":',
    }
    path = make_zip(tmp_path / "x.zip", members)
    for member, data in members.items():
        (tmp_path / "folder" / member).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "folder" / member).write_bytes(data)
    for source in (open_path(str(path), SETTINGS), open_path(str(tmp_path / "folder"), SETTINGS)):
        assert source.names == ("a.sql", "shop/public/V1.sql")
        assert source.catalog == {"shop.public.orders": ("ID", "Total")}
        assert [file.text for file in source.read()] == ["SELECT * FROM orders", VIEW["sourceCode"]]


def test_a_name_alone_makes_no_metadata(tmp_path: Path) -> None:
    write_json(tmp_path / "metadata.json", {"rows": []})
    with pytest.raises(
        UnreadableInputError, match=r"metadata\.json is JSON, but none of: dbt manifest, dbt catalog, data"
    ):
        open_path(str(tmp_path / "metadata.json"), SETTINGS)
    with pytest.raises(EmptyInputError, match=r"no \.sql file in folder"):
        open_path(str(tmp_path), SETTINGS)


def test_content_alone_makes_metadata(tmp_path: Path) -> None:
    path = write_json(tmp_path / "upload", metadata(POSTGRES))
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert open_path(str(path), SETTINGS).names == ("shop/public/V1.sql",)


@pytest.mark.parametrize("data", [b'{"servers": [{"dbVendor": "x"', b"[" * 100_000, b'{"a": "\xff'])
def test_damaged_document(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "m.json"
    path.write_bytes(data)
    with pytest.raises(UnreadableInputError, match=r"m\.json is not JSON: "):
        open_path(str(path), SETTINGS)


def test_damaged_document_of_ours_in_a_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.sql").write_text("SELECT 1")
    (tmp_path / "metadata.json").write_text(json.dumps(metadata(POSTGRES))[:-10])
    with pytest.raises(UnreadableInputError, match=r"metadata\.json: is not JSON: "):
        open_path(str(tmp_path), SETTINGS)
    with pytest.raises(
        UnreadableInputError, match=r"metadata\.json: larger than 50 bytes; split it, or raise"
    ):
        open_path(str(tmp_path), Settings(max_file_bytes=50))


def test_packed_document_counts_for_the_limits_of_the_archive_and_other_json_does_not(tmp_path: Path) -> None:
    harmless = b'{"rows": "' + b"x" * 3_000_000 + b'"}'
    path = make_zip(tmp_path / "x.zip", {"a.sql": b"SELECT 1", "data.json": harmless})
    assert open_path(str(path), SETTINGS).names == ("a.sql",)
    bomb = b'{"dbVendor": "x", "servers": "' + b"x" * 3_000_000 + b'"}'
    path = make_zip(tmp_path / "y.zip", {"a.sql": b"SELECT 1", "m.json": bomb})
    with pytest.raises(UnreadableInputError, match=r"member 'm\.json' unpacks to more than 200 times"):
        open_path(str(path), SETTINGS)


def test_vendor_we_do_not_know_says_no_dialect(tmp_path: Path) -> None:
    source = opened(tmp_path, POSTGRES | {"dbVendor": "dbvnobody"})
    assert (source.dialect, source.names) == ("", ("shop/public/V1.sql",))


def test_templated_sql_is_no_document(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("{{ config() }} SELECT 1")
    assert open_path(str(tmp_path / "a.txt"), SETTINGS).names == ("a.txt",)


def test_odd_content_is_survived(tmp_path: Path) -> None:
    source = opened(
        tmp_path,
        {
            "dbVendor": None,
            "databases": [
                None,
                {"name": 5, "schemas": {}, "tables": [{"name": "t"}, table("", "a"), table("u", "a")]},
            ],
            "queries": [{"name": None, "sourceCode": None}, "text"],
        },
    )
    assert (source.names, source.catalog) == (("query.sql",), {"u": ("a",)})


def test_dbt_catalog_beside_sql_gives_columns(tmp_path: Path) -> None:
    (tmp_path / "a.sql").write_text("SELECT 1")
    write_json(tmp_path / "deep" / "catalog.json", catalog({"d.s.t": ["x"]}))
    source = open_path(str(tmp_path), SETTINGS)
    assert (source.names, source.catalog) == (("a.sql",), {"d.s.t": ("x",)})
