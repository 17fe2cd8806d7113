"""dbt artifacts: models as statements, columns of the catalog, versions and odd documents."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airflow_provider_sqlflow.ingest.model import SourceFile
from airflow_provider_sqlflow.ingest.sources import open_path
from airflow_provider_sqlflow.jobs.analysis import AnalysisOptions, FileOutcome, analyze_files
from airflow_provider_sqlflow.jobs.inputs import open_inputs
from airflow_provider_sqlflow.jobs.model import PathSource
from airflow_provider_sqlflow.settings import Settings
from tests.ingest.archives import make_zip
from tests.ingest.documents import catalog, manifest, model, write_json

SETTINGS = Settings()


def only_file(folder: Path, node: dict[str, Any], **more: Any) -> SourceFile:
    write_json(folder / "manifest.json", manifest(node, **more))
    (file,) = open_path(str(folder), SETTINGS).read()
    return file


def analyzed(path: Path, dialect: str = "auto") -> list[FileOutcome]:
    inputs = open_inputs((PathSource(str(path)),), SETTINGS)
    options = AnalysisOptions(inputs.dialect(dialect), found_catalog=inputs.catalog)
    return sorted(
        analyze_files(inputs.read(options.dialect), options, SETTINGS), key=lambda outcome: outcome.position
    )


def edges(outcomes: list[FileOutcome]) -> set[str]:
    return {f"{edge.source} -> {edge.target}" for item in outcomes for edge in item.result.edges()}


@pytest.mark.parametrize(
    ("materialized", "created"),
    [
        ("view", "VIEW"),
        ("table", "TABLE"),
        ("incremental", "TABLE"),
        ("materialized_view", "MATERIALIZED VIEW"),
        ("dynamic_table", "TABLE"),
        ("our_own", "TABLE"),
    ],
)
def test_a_model_is_what_its_materialization_makes_of_it(
    tmp_path: Path, materialized: str, created: str
) -> None:
    file = only_file(tmp_path, model("m", "select 1 as a", materialized))
    assert (file.name, file.text) == ("models/m.sql", "select 1 as a")
    assert (file.prefix, file.suffix) == (f'CREATE {created} "dev"."marts"."m" AS ', "")


def test_nodes_that_move_no_data_are_left_out(tmp_path: Path) -> None:
    nodes = [
        model(kind, "select 1", kind=kind) for kind in ("test", "analysis", "operation", "seed", "unit_test")
    ]
    write_json(
        tmp_path / "manifest.json", manifest(*nodes, model("e", "x", "ephemeral"), model("m", "select 1"))
    )
    assert open_path(str(tmp_path), SETTINGS).names == ("models/m.sql",)


def test_a_project_from_source_to_mart(tmp_path: Path) -> None:
    stage = model(
        "stg_orders",
        '\n\nwith x as (\n    select * from "dev"."raw"."orders"\n)\nselect id, total as amount from x',
    )
    mart = model(
        "daily", 'select id, sum(amount) as total\nfrom "dev"."marts"."stg_orders"\ngroup by id', "table"
    )
    write_json(tmp_path / "target" / "manifest.json", manifest(mart, stage))
    write_json(tmp_path / "target" / "catalog.json", catalog({"dev.raw.orders": ["id", "total", "note"]}))
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "daily.sql").write_text("select {{ raw }}")
    outcomes = analyzed(tmp_path)
    assert [item.source.name for item in outcomes] == ["models/daily.sql", "models/stg_orders.sql"]
    assert {edge for edge in edges(outcomes) if "[rows]" not in edge} == {
        "dev.raw.orders.id -> dev.marts.stg_orders.id",
        "dev.raw.orders.total -> dev.marts.stg_orders.amount",
        "dev.marts.stg_orders.id -> dev.marts.daily.id",
        "dev.marts.stg_orders.amount -> dev.marts.daily.total",
    }
    assert [item.result.diagnostics for item in outcomes] == [(), ()]
    assert {item.result.dialect for item in outcomes} == {"postgres"}


def test_positions_are_places_in_the_compiled_text(tmp_path: Path) -> None:
    write_json(
        tmp_path / "manifest.json",
        manifest(
            model("bad", "select a from\nt where where"),
            model("one", "select b from s"),
        ),
    )
    bad, one = analyzed(tmp_path)
    assert str(bad.result.diagnostics[0].span) == "models/bad.sql:2:9"
    (edge,) = one.result.edges()
    assert (str(edge.span), edge.expression) == ("models/one.sql:1:8", "b")
    (statement,) = one.result.statements
    span = statement.span
    assert (span.start_line, span.start_column, span.end_line, span.end_column) == (1, 1, 1, 16)


def test_incremental_model_that_reads_itself(tmp_path: Path) -> None:
    sql = 'select id from dev.raw.o where id > (select max(id) from "dev"."marts"."inc")'
    write_json(tmp_path / "manifest.json", manifest(model("inc", sql, "incremental")))
    (outcome,) = analyzed(tmp_path)
    assert "dev.raw.o.id -> dev.marts.inc.id" in edges([outcome])
    assert outcome.result.diagnostics == ()


def test_snapshot_has_the_columns_that_dbt_adds(tmp_path: Path) -> None:
    config = {
        "unique_key": "id",
        "updated_at": "changed_at",
        "snapshot_meta_column_names": {"dbt_valid_to": "until"},
    }
    snapshot = model(
        "hist", "select id, changed_at from dev.raw.o -- all", "snapshot", kind="snapshot", config=config
    )
    reader = model("now", "select id, dbt_valid_from from dev.marts.hist where until is null")
    write_json(tmp_path / "manifest.json", manifest(snapshot, reader))
    outcomes = analyzed(tmp_path)
    found = {edge for edge in edges(outcomes) if "[rows]" not in edge}
    assert found == {
        "dev.raw.o.id -> dev.marts.hist.id",
        "dev.raw.o.changed_at -> dev.marts.hist.changed_at",
        "dev.raw.o.id -> dev.marts.hist.dbt_scd_id",
        "dev.raw.o.changed_at -> dev.marts.hist.dbt_scd_id",
        "dev.raw.o.changed_at -> dev.marts.hist.dbt_updated_at",
        "dev.raw.o.changed_at -> dev.marts.hist.dbt_valid_from",
        "dev.marts.hist.id -> dev.marts.now.id",
        "dev.marts.hist.dbt_valid_from -> dev.marts.now.dbt_valid_from",
    }
    assert [item.result.diagnostics for item in outcomes] == [(), ()]


@pytest.mark.parametrize("version", [4, 5, 6])
def test_fields_of_old_versions(tmp_path: Path, version: int) -> None:
    node = model("m", "", compiled_sql="select 1", raw_sql="select {{ 1 }}")
    for field in ("compiled_code", "language"):
        del node[field]
    file = only_file(tmp_path, node, version=version)
    assert (file.text, file.notes) == ("select 1", ())


def test_model_that_was_not_compiled_is_read_as_a_template_and_told(tmp_path: Path) -> None:
    node = model("m", "", raw_code="select id from {{ ref('stg') }}", compiled_code=None, relation_name=None)
    write_json(tmp_path / "manifest.json", manifest(node))
    (outcome,) = analyzed(tmp_path)
    assert edges([outcome]) == {"dev.marts.stg.id -> dev.marts.m.id"}
    (told,) = outcome.result.diagnostics
    assert (told.code, told.severity.value) == ("not_compiled", "warning")
    assert "run dbt compile" in told.message


def test_python_model_is_told(tmp_path: Path) -> None:
    file = only_file(tmp_path, model("p", "def model(dbt, session): ...", language="python"))
    assert (file.text, [note.code for note in file.notes]) == ("", ["python_model"])


@pytest.mark.parametrize(
    ("adapter", "dialect", "relation"),
    [
        ("postgres", "postgres", 'db."odd-name".m'),
        ("bigquery", "bigquery", "db.`odd-name`.m"),
        ("sqlserver", "tsql", 'db."odd-name".m'),
        ("spark", "spark", "db.`odd-name`.m"),
        ("impala", "hive", "db.`odd-name`.m"),
        ("a_new_one", "", 'db."odd-name".m'),
    ],
)
def test_adapter_says_dialect_and_quotes(tmp_path: Path, adapter: str, dialect: str, relation: str) -> None:
    node = model("m", "select 1", relation_name=None, database="db", schema="odd-name")
    file = only_file(tmp_path, node, adapter=adapter)
    assert (file.dialect, file.prefix) == (dialect, f"CREATE VIEW {relation} AS ")


def test_models_of_other_packages_are_told_apart(tmp_path: Path) -> None:
    other = model(
        "m", "select 2", unique_id="model.utils.m", package_name="utils", original_file_path="models\\m.sql"
    )
    write_json(tmp_path / "manifest.json", manifest(model("m", "select 1"), other))
    assert open_path(str(tmp_path), SETTINGS).names == ("models/m.sql", "utils/models/m.sql")


def test_manifest_alone_finds_the_catalog_beside_it(tmp_path: Path) -> None:
    path = write_json(tmp_path / "target" / "manifest.json", manifest(model("m", "select 1 as a")))
    write_json(tmp_path / "target" / "catalog.json", catalog({"dev.raw.t": ["x", "y"]}))
    source = open_path(str(path), SETTINGS)
    assert (source.root, source.catalog) == (str(tmp_path), {"dev.raw.t": ("x", "y")})
    assert open_path(str(tmp_path / "target" / "catalog.json"), SETTINGS).catalog == {"dev.raw.t": ("x", "y")}


def test_target_folder_in_an_archive(tmp_path: Path) -> None:
    path = write_json(tmp_path / "manifest.json", manifest(model("m", "select 1 as a")))
    members = {"target/manifest.json": path.read_bytes(), "target/compiled/m.sql": b"select 1"}
    assert open_path(str(make_zip(tmp_path / "x.zip", members)), SETTINGS).names == ("models/m.sql",)


def test_described_columns_count_only_where_they_are_complete(tmp_path: Path) -> None:
    described = {"columns": {"a": {"name": "a"}}}
    contract = model("c", "select 1 as a", **described, config={"contract": {"enforced": True}})
    write_json(
        tmp_path / "manifest.json", manifest(contract, model("d", "select 1 as a, 2 as b", **described))
    )
    assert open_path(str(tmp_path), SETTINGS).catalog == {"dev.marts.c": ("a",)}


def test_other_dialect_than_the_project_s_is_told_once(tmp_path: Path) -> None:
    write_json(tmp_path / "manifest.json", manifest(model("a", "select 1"), model("b", "select 2")))
    told = [diagnostic for item in analyzed(tmp_path, "snowflake") for diagnostic in item.result.diagnostics]
    assert [(item.code, item.message) for item in told] == [
        ("dialect_mismatch", "its source says it is postgres, but it is read as snowflake")
    ]


def test_odd_content_is_survived(tmp_path: Path) -> None:
    node = {
        "unique_id": "x",
        "resource_type": "model",
        "name": "m",
        "config": None,
        "columns": [1],
        "compiled_code": 5,
    }
    content = manifest(node, sources=None)
    content["nodes"] |= {"y": None, "z": "text"}
    content["metadata"]["adapter_type"] = 7
    write_json(tmp_path / "manifest.json", content)
    (file,) = open_path(str(tmp_path), SETTINGS).read()
    assert (file.name, file.prefix, file.text) == ("m", "CREATE TABLE m AS ", "")
