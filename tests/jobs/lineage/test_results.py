"""Merged lineage as the engine's result, and what formats make of it."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from airflow_provider_sqlflow import engine
from airflow_provider_sqlflow.errors import UnknownFormatError
from airflow_provider_sqlflow.formats.registry import FORMATS, render
from airflow_provider_sqlflow.jobs.lineage.model import Direction, LineageState, Reach
from airflow_provider_sqlflow.jobs.lineage.results import graph_result
from airflow_provider_sqlflow.jobs.store.packing import pack

NOON = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)

FILES = {
    "stage.sql": "INSERT INTO stage.t SELECT amount AS a FROM raw.t WHERE ok",
    "mart.sql": "INSERT INTO mart.t (total) SELECT sum(a) FROM stage.t",
}


def document(path: str) -> bytes:
    result = engine.analyze(FILES[path], dialect="postgres", source_name=path)
    return pack(engine.result_to_json(result))


@pytest.fixture
def _merged(store):
    for path in FILES:
        store.run(path, {path: [f"rows x -> {path[:-4]}"]}, documents={path: document(path)})


@pytest.mark.usefixtures("_merged")
def test_the_merged_state_is_what_the_files_make_together(lineage):
    merged = lineage.merged()
    assert [f"{edge.source} -> {edge.target}" for edge in merged.edges()] == [
        "raw.t.amount -> stage.t.a", "raw.t.ok -> stage.t.[rows]", "stage.t.a -> mart.t.total"
    ]  # fmt: skip
    assert [statement.span.source_name for statement in merged.statements] == list(FILES)
    one = lineage.merged(LineageState(job_ids=("mart.sql",)))
    assert [str(edge.target) for edge in one.edges()] == ["mart.t.total"]


@pytest.mark.usefixtures("_merged")
def test_a_result_that_two_jobs_share_is_merged_once(store, lineage):
    store.run("again", {"mart.sql": ["rows x -> mart"]})
    assert len(lineage.merged().edges()) == 3


def test_an_empty_store_has_an_empty_result(lineage):
    assert lineage.merged() == engine.LineageResult()


@pytest.mark.usefixtures("_merged")
@pytest.mark.parametrize("format", ["csv", "edges", "json"])
def test_export_of_the_merged_state(lineage, tmp_path, format):
    summary = lineage.export(format, str(tmp_path / "out"), title="all", instant=NOON)
    assert summary.edges == 3
    assert b"total" in (tmp_path / "out").read_bytes()
    with pytest.raises(UnknownFormatError):
        lineage.export("docx", str(tmp_path / "out"), title="all", instant=NOON)


def test_an_answer_as_a_result(store, lineage):
    store.run("a", ["raw.t.x -> stage.t.x", "raw.t.ok ~> stage.t.[rows]"])
    store.run("b", ["stage.t.x -> mart.t.x", "stage.t.y -> mart.t.y"])
    result = graph_result(lineage.closure("mart.t.x", Direction.UPSTREAM))
    assert {str(item.id): item.columns for item in result.relations} == {
        "mart.t": ("x",), "stage.t": ("x",), "raw.t": ("x", "ok")
    }  # fmt: skip
    assert [(str(edge.source), str(edge.target), edge.effect.value) for edge in result.edges()] == [
        ("stage.t.x", "mart.t.x", "DIRECT"),
        ("raw.t.x", "stage.t.x", "DIRECT"),
        ("raw.t.ok", "stage.t.[rows]", "INDIRECT"),
    ]
    assert len(result.relation_edges()) == 2


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_writes_an_answer(store, lineage, format):
    store.run("a", ["raw.t.x -> stage.t.x", "raw.t.ok ~> stage.t.[rows]"])
    graph = lineage.closure("stage.t", Direction.UPSTREAM)
    written = render(format, graph_result(graph), title="stage.t")
    assert written
    # Pixels hold no words; an E-R diagram shows keys and joins, which the rows of a look-up do not hold.
    if format not in ("png", "er-json", "er-svg"):
        assert b"raw" in written


def test_an_answer_between_tables(store, lineage):
    store.run("a", ["raw.t.x -> stage.t.x", "rows land.f -> raw.t"])
    graph = lineage.closure("stage.t", Direction.UPSTREAM, Reach(table_level=True))
    result = graph_result(graph)
    assert result.edges() == ()
    assert [(str(edge.source), str(edge.target)) for edge in result.relation_edges()] == [
        ("raw.t", "stage.t"), ("land.f", "raw.t")
    ]  # fmt: skip
