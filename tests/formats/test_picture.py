from __future__ import annotations

import random
import struct
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from xml.etree import ElementTree as ET

import pytest

from airflow_provider_sqlflow.engine.model import ColumnRef, Edge, Effect, LineageResult, RelationId, Subtype
from airflow_provider_sqlflow.errors import ExportError
from airflow_provider_sqlflow.formats import render
from airflow_provider_sqlflow.formats.drawing import Detail
from airflow_provider_sqlflow.formats.options import DEFAULT_OPTIONS, ExportOptions
from airflow_provider_sqlflow.formats.picture import draw_in_time

SVG = "{http://www.w3.org/2000/svg}"


def texts(document: bytes) -> list[str]:
    return [(text.text or "").strip() for text in ET.fromstring(document).iter(f"{SVG}text")]


def groups(document: bytes, word: str) -> list[ET.Element]:
    return [
        group for group in ET.fromstring(document).iter(f"{SVG}g") if word in group.get("class", "").split()
    ]


def title(element: ET.Element) -> str:
    return element.findtext(f"{SVG}title") or ""


def test_svg_shows_relations_columns_and_a_legend(shop: LineageResult) -> None:
    document = render("svg", shop, title="Shop")
    shown = texts(document)
    assert {"Shop", "table", "view", "query result"} <= set(shown)
    assert {"shop.raw.orders", "shop.mart.top_days", "result of b.sql:2"} <= set(shown)
    assert {"customer_id", "tier", "band"} <= set(shown)
    assert any("value flows" in text for text in shown)


def test_indirect_edges_are_dotted_and_warm(shop: LineageResult) -> None:
    document = render("svg", shop)
    direct, indirect = groups(document, "direct"), groups(document, "indirect")
    assert (len(direct), len(indirect)) == (5, 4)
    assert all(line.find(f"{SVG}path[@stroke-dasharray]") is not None for line in indirect)
    assert all(line.find(f"{SVG}path[@stroke-dasharray]") is None for line in direct)
    colours = [
        {path.get("stroke") for line in lines for path in line.iter(f"{SVG}path")}
        for lines in (direct, indirect)
    ]
    assert not colours[0] & colours[1]


def test_tooltips_tell_expression_and_place(shop: LineageResult) -> None:
    document = render("svg", shop)
    assert title(groups(document, "direct")[0]).splitlines() == [
        "shop.raw.orders.amount \u2192 shop.mart.daily.total",
        "AGGREGATION sum(o.amount) (a.sql:3:8)",
    ]
    assert title(groups(document, "head")[0]).splitlines() == ["shop.raw.orders", "table"]
    assert title(groups(document, "row")[0]) == "shop.raw.orders.id"
    assert not list(ET.fromstring(document).iter(f"{SVG}a"))


@pytest.mark.parametrize("format", ["svg", "er-svg"])
def test_title_that_xml_cannot_hold_makes_a_document_all_the_same(shop: LineageResult, format: str) -> None:
    root = ET.fromstring(render(format, shop, title='Shop\x01\x1b\ufffe "2"\n<3>'))
    assert title(root) == 'Shop "2" <3>'
    assert root.get("aria-label", "").startswith('Shop "2" <3>. ')


def test_the_picture_has_words_for_those_who_cannot_see_it(shop: LineageResult) -> None:
    root = ET.fromstring(render("svg", shop, title="Shop"))
    assert (root.get("role"), root.findtext(f"{SVG}title")) == ("img", "Shop")
    assert root.findtext(f"{SVG}desc") == (
        "Lineage of 5 relations, sources on the left: 5 lines between columns along which values flow, "
        "4 that only decide."
    )


def test_png_is_a_png_of_readable_size(shop: LineageResult) -> None:
    document = render("png", shop, title="Shop")
    assert document.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", document[16:24])
    assert 400 < width < 3000
    assert 200 < height < 3000


def test_hostile_names_are_drawn_as_text(hostile: LineageResult) -> None:
    document = render("svg", hostile, title='<b>&"x"')
    shown = texts(document)
    assert '<b>&"x"' in shown
    assert any(text.startswith('a<b>&"c"') and "|\\N,=1" in text for text in shown)
    assert "|\\N,=1;]]>" in title(groups(document, "row")[0])
    assert "|\\N,=1;]]>" in title(groups(document, "direct")[0])


def test_nothing_found_is_said() -> None:
    assert "no column lineage found" in texts(render("svg", LineageResult()))


def test_options_decide_what_is_drawn(shop: LineageResult) -> None:
    document = render("svg", shop, options=ExportOptions(table_level=True, indirect=False))
    assert (len(groups(document, "direct")), len(groups(document, "row"))) == (4, 0)
    assert "relations only" in texts(document)


@pytest.mark.parametrize(
    ("tables", "note"), [(60, ""), (100, Detail.LINKED.value), (200, Detail.RELATIONS.value)]
)
def test_many_relations_are_drawn_in_time(
    tables: int, note: str, warehouse: Callable[[int, int], LineageResult]
) -> None:
    result = warehouse(tables, 6)
    started = time.monotonic()
    document = render("svg", result)
    assert time.monotonic() - started < 30
    shown = texts(document)
    assert {f"layer{n // (tables // 4)}.table_{n}" for n in range(tables)} <= set(shown)
    assert (note in shown) == bool(note)
    assert ("column_3" in shown) == (tables < 150)


def test_a_box_says_how_many_columns_it_leaves_out(warehouse: Callable[[int, int], LineageResult]) -> None:
    assert "+5 more" in texts(render("svg", warehouse(64, 6), options=ExportOptions(direct=False)))


def test_what_takes_too_long_is_drawn_without_columns() -> None:
    numbers = random.Random(1)
    ids = [RelationId(None, None, f"table_{number}") for number in range(40)]
    columns = [ColumnRef(relation, f"column_{number}") for relation in ids for number in range(20)]
    edges = tuple(
        Edge(*numbers.sample(columns, 2), Effect.DIRECT, Subtype.IDENTITY)  # without any order
        for _ in range(700)
    )
    result = LineageResult(folded_edges=edges)
    drawing, image = draw_in_time(result, "", DEFAULT_OPTIONS, "svg", cpu_seconds=2)
    assert drawing.detail is Detail.TIMED_OUT
    assert Detail.TIMED_OUT.value in texts(image)


def test_too_many_relations_are_refused_with_a_way_out(
    warehouse: Callable[[int, int], LineageResult],
) -> None:
    with pytest.raises(ExportError, match=r"1200 relations .*graphml"):
        render("svg", warehouse(1200, 1))


def test_pictures_may_be_asked_for_by_several_threads(shop: LineageResult) -> None:
    with ThreadPoolExecutor(4) as pool:
        documents = list(pool.map(lambda _: render("svg", shop), range(8)))
    assert len(set(documents)) == 1
