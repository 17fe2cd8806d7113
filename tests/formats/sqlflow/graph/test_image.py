from __future__ import annotations

import struct
import sys
import time
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import pytest

from airflow_provider_sqlflow.engine.model import LineageResult
from airflow_provider_sqlflow.errors import ExportError, ExportOptionError
from airflow_provider_sqlflow.formats import graphviz
from airflow_provider_sqlflow.formats.sqlflow.graph.answer import GraphRequest
from airflow_provider_sqlflow.formats.sqlflow.graph.image import (
    MEDIA_TYPES,
    draw_graph,
    er_image,
    graph_image,
)
from airflow_provider_sqlflow.formats.sqlflow.graph.selection import Selection
from tests.formats.sqlflow.graph.reading import CHAIN, FULL, SIMPLE, Case

BEGINNINGS = {"svg": b"<?xml", "png": b"\x89PNG\r\n\x1a\n", "jpg": b"\xff\xd8\xff", "gif": b"GIF89a"}


def image(case: Case, kind: str = "svg", **request: Any) -> bytes:
    return graph_image(case.result, FULL, case.texts, GraphRequest(**request), kind)


def titles(svg: bytes) -> list[str]:
    return [
        element.text or ""
        for element in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}title")
    ]


def classes(svg: bytes) -> list[str]:
    return [
        element.get("class", "")
        for element in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}g")
    ]


@pytest.mark.parametrize("kind", MEDIA_TYPES)
@pytest.mark.parametrize("sql", [CHAIN, "", "CREATE TABLE t (a INT)"])
def test_every_kind_of_picture(kind: str, sql: str) -> None:
    assert image(Case(sql), kind).startswith(BEGINNINGS[kind])


def test_boxes_rows_and_lines() -> None:
    case = Case("INSERT INTO t SELECT x FROM src WHERE z = 1")
    svg = image(case)
    answer = case.answer(FULL)["graph"]["elements"]
    assert {"src", "x", "z", "INSERT-SELECT-1", "t", "RelationRows"} <= set(titles(svg))
    kinds = classes(svg)
    lines = sum("direct" in kind.split() or "indirect" in kind.split() for kind in kinds)
    assert lines == len(answer["edges"]) == 4
    assert sum("indirect" in kind.split() for kind in kinds) == 2


def test_everything_lies_where_the_graph_says() -> None:
    case = Case(CHAIN)
    svg = ElementTree.fromstring(image(case))
    tables = case.answer(FULL)["graph"]["elements"]["tables"]
    heads = {}
    for group in svg.iter("{http://www.w3.org/2000/svg}g"):
        if group.get("class") == "head":
            polygon = next(group.iter("{http://www.w3.org/2000/svg}polygon"))
            points = [tuple(map(float, point.split(","))) for point in polygon.get("points", "").split()]
            heads[group.get("id", "").removesuffix("h")] = (
                min(x for x, _ in points),
                min(y for _, y in points),
            )
    assert len(heads) == len(tables)
    first = tables[0]
    for table in tables:
        for axis in (0, 1):
            moved = table["xy"[axis]] - first["xy"[axis]]
            assert heads[table["id"]][axis] - heads[first["id"]][axis] == pytest.approx(moved, abs=2.5)


def test_nothing_to_show_says_so() -> None:
    assert b"no lineage found" in image(Case("")).replace(b"&#160;", b" ").replace("\u00a0".encode(), b" ")


def test_over_the_limit_the_tables_are_drawn() -> None:
    svg = image(Case(CHAIN), relation_limit=3)
    assert {"a", "QUERY INSERT-1", "HR.b", "c", "d"} <= set(titles(svg))
    assert "x" not in titles(svg)


def test_hidden_columns_leave_their_lines() -> None:
    svg = image(Case(CHAIN), hide_column=True)
    assert "x" not in titles(svg)
    assert sum(kind in ("edge direct", "direct", "edge indirect") for kind in classes(svg)) > 0


def test_a_selection_is_drawn() -> None:
    svg = image(Case(CHAIN), selection=Selection(table="a", column="z"))
    assert "z" in titles(svg)
    assert "x" not in titles(svg)


def test_names_of_any_kind(hostile: LineageResult) -> None:
    for kind, beginning in BEGINNINGS.items():
        assert graph_image(hostile, SIMPLE, dict, None, kind).startswith(beginning)
    svg = graph_image(hostile, SIMPLE, dict, None, "svg")
    assert any("\u4e2d" in title for title in titles(svg))


def test_large_graphs_are_drawn_in_time_and_in_bounds() -> None:
    sql = ";".join(
        f"INSERT INTO t{n} SELECT x, y FROM t{n // 2} a JOIN t{n // 3} b ON a.k = b.k" for n in range(1, 1201)
    )
    case = Case(sql)
    started = time.monotonic()
    png = graph_image(case.result, SIMPLE, case.texts, None, "png")
    assert time.monotonic() - started < 60
    width, height = struct.unpack(">II", png[16:24])
    assert 1000 < max(width, height) <= 8100


@pytest.fixture
def columns_take_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Graphviz with a time that is over as soon as there is a row; its real limit: test_graphviz."""
    real = graphviz.draw

    def draw(dot: str, *arguments: Any) -> bytes:
        if 'PORT="n0"' in dot:
            raise TimeoutError("Graphviz took longer than 20 seconds")
        return real(dot, *arguments)

    monkeypatch.setattr(graphviz, "draw", draw)


@pytest.mark.usefixtures("columns_take_too_long")
def test_what_takes_too_long_is_reduced_to_tables() -> None:
    svg = image(Case(CHAIN))
    assert {"a", "QUERY INSERT-1"} <= set(titles(svg))
    assert "x" not in titles(svg)


@pytest.mark.usefixtures("columns_take_too_long")
def test_er_diagrams_that_take_too_long_are_drawn_without_columns() -> None:
    case = Case("CREATE TABLE a (id INT PRIMARY KEY); CREATE TABLE b (a_id INT REFERENCES a (id), n TEXT)")
    found = titles(er_image(case.result, SIMPLE, case.texts))
    assert {"a", "b"} <= set(found)
    assert "a_id" not in found


def test_what_takes_too_long_even_then_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def draw(*_: Any) -> bytes:
        raise TimeoutError("Graphviz took longer than 20 seconds")

    monkeypatch.setattr(graphviz, "draw", draw)
    with pytest.raises(ExportError, match="longer than 20 seconds; select fewer tables"):
        image(Case(CHAIN))


def test_pictures_of_er_diagrams() -> None:
    case = Case("CREATE TABLE a (id INT PRIMARY KEY); CREATE TABLE b (a_id INT REFERENCES a (id), n TEXT)")
    svg = er_image(case.result, SIMPLE, case.texts)
    assert {"a", "id", "b", "a_id", "n"} <= set(titles(svg))
    assert er_image(case.result, SIMPLE, case.texts, None, "gif").startswith(b"GIF")


@pytest.mark.parametrize("kind", ["pdf", "", "../svg", "PNG"])
def test_other_pictures_are_an_error(kind: str) -> None:
    with pytest.raises(ExportOptionError, match="svg, png, jpg, gif"):
        image(Case(CHAIN), kind)


def test_without_pygraphviz_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = Case(CHAIN).answer()["graph"]
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    with pytest.raises(ExportError, match="pip install"):
        draw_graph(graph, "svg")


def test_table_level_pictures() -> None:
    case = Case(CHAIN)
    svg = graph_image(case.result, replace(SIMPLE, table_level=True), case.texts)
    assert {"a", "HR.b", "c", "d"} <= set(titles(svg))
