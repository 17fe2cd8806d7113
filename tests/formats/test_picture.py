from __future__ import annotations

import builtins
import struct
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from xml.etree import ElementTree as ET

import pytest

from airflow_provider_sqlflow.engine.model import LineageResult
from airflow_provider_sqlflow.errors import ExportError
from airflow_provider_sqlflow.formats import render
from airflow_provider_sqlflow.formats.picture import Detail, choose_detail, choose_links, choose_rows

SVG = "{http://www.w3.org/2000/svg}"


def texts(document: bytes) -> list[str]:
    return [(text.text or "").strip() for text in ET.fromstring(document).iter(f"{SVG}text")]


def lines(document: bytes) -> list[ET.Element]:
    return [group for group in ET.fromstring(document).iter(f"{SVG}g") if group.get("class") == "edge"]


def test_svg_shows_relations_columns_and_a_legend(shop: LineageResult) -> None:
    document = render("svg", shop, title="Shop")
    shown = texts(document)
    assert {"Shop", "table", "view", "query result"} <= set(shown)
    assert {"shop.raw.orders", "shop.mart.top_days", "result of b.sql:2"} <= set(shown)
    assert {"customer_id", "tier", "band"} <= set(shown)
    assert any("value flows" in text for text in shown)


def test_indirect_edges_are_dotted(shop: LineageResult) -> None:
    found = lines(render("svg", shop))
    dotted = [line for line in found if line.find(f"{SVG}path[@stroke-dasharray]") is not None]
    assert (len(found), len(dotted)) == (9, 4)


def test_png_is_a_png_of_readable_size(shop: LineageResult) -> None:
    document = render("png", shop, title="Shop")
    assert document.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", document[16:24])
    assert 400 < width < 3000
    assert 200 < height < 3000


def test_hostile_names_are_drawn_as_text(hostile: LineageResult) -> None:
    shown = texts(render("svg", hostile, title='<b>&"x"'))
    assert '<b>&"x"' in shown
    assert any(text.startswith('a<b>&"c"') and "|\\N,=1" in text for text in shown)


def test_nothing_found_is_said() -> None:
    assert "no column lineage found" in texts(render("svg", LineageResult()))


def test_detail_shrinks_with_size() -> None:
    assert choose_detail(60, 800) is Detail.FULL
    assert choose_detail(61, 10) is Detail.LINKED
    assert choose_detail(150, 800) is Detail.LINKED
    assert choose_detail(151, 10) is Detail.RELATIONS
    assert choose_detail(2, 801) is Detail.RELATIONS


def test_columns_with_lineage_are_never_left_out() -> None:
    columns = [f"c{number}" for number in range(40)]
    rows, more = choose_rows(columns, columns[10:], Detail.FULL)
    assert (rows, more) == (tuple(columns[10:]), 10)
    rows, more = choose_rows(columns, ["c39"], Detail.FULL)
    assert (len(rows), more, rows[-1]) == (25, 15, "c39")
    assert choose_rows(columns, ["c3"], Detail.LINKED) == (("c3",), 39)
    assert choose_rows(columns, ["c3"], Detail.RELATIONS) == ((), 40)


def test_lines_between_the_same_ends_are_drawn_once_and_solid_wins(shop: LineageResult) -> None:
    links = choose_links(shop, Detail.RELATIONS)
    assert [(link.source.relation.name, link.target.relation.name, link.is_direct) for link in links] == [
        ("orders", "daily", True),
        ("customers", "daily", True),
        ("daily", "top_days", True),
        ("top_days", "result", True),
    ]


@pytest.mark.parametrize(
    ("tables", "note"), [(60, ""), (100, Detail.LINKED.value), (200, Detail.RELATIONS.value)]
)
def test_many_relations_are_drawn_in_time(
    tables: int, note: str, warehouse: Callable[[int, int], LineageResult]
) -> None:
    result = warehouse(tables, 6)
    started = time.monotonic()
    document = render("svg", result)
    assert time.monotonic() - started < 10
    shown = texts(document)
    assert {f"layer{n // (tables // 4)}.table_{n}" for n in range(tables)} <= set(shown)
    assert (note in shown) == bool(note)
    assert ("column_3" in shown) == (tables < 150)


def test_too_many_relations_are_refused_with_a_way_out(
    warehouse: Callable[[int, int], LineageResult],
) -> None:
    with pytest.raises(ExportError, match=r"1200 relations .*graphml"):
        render("svg", warehouse(1200, 1))


def test_pictures_may_be_asked_for_by_several_threads(shop: LineageResult) -> None:
    with ThreadPoolExecutor(4) as pool:
        documents = list(pool.map(lambda _: render("svg", shop), range(8)))
    assert len(set(documents)) == 1


def test_without_pygraphviz_the_error_says_what_to_install(
    shop: LineageResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    real_import = builtins.__import__

    def refuse(
        name: str,
        globals: Mapping[str, object] | None = None,
        locals: Mapping[str, object] | None = None,
        fromlist: Sequence[str] = (),
        level: int = 0,
    ) -> ModuleType:
        if name == "pygraphviz":
            raise ImportError(name)
        return real_import(name, globals, locals, fromlist, level)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(ExportError, match=r"pip install 'airflow-provider-sqlflow\[images\]'"):
        render("svg", shop)
