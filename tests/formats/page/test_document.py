from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest

from airflow_provider_sqlflow.engine import analyze
from airflow_provider_sqlflow.engine.model import LineageResult
from airflow_provider_sqlflow.formats import render
from airflow_provider_sqlflow.formats.options import ExportOptions


class Page(HTMLParser):
    """What a browser sees: elements with their attributes, and the text of some."""

    def __init__(self, document: bytes) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(document.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self._open:
            self.texts.setdefault(self._open[-1], []).append(data)

    @property
    def data(self) -> dict[str, Any]:
        return dict(json.loads(self.texts["script"][0]))


def page(result: LineageResult, title: str = "", **options: object) -> Page:
    return Page(render("html", result, title=title, options=ExportOptions(**options)))  # type: ignore[arg-type]


def test_the_policy_allows_this_style_and_this_program_only(shop: LineageResult) -> None:
    found = page(shop)
    policy = next(a["content"] for tag, a in found.elements if tag == "meta" and "http-equiv" in a) or ""
    program, style = found.texts["script"][1], found.texts["style"][0]
    for text, kind in ((program, "script-src"), (style, "style-src")):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind} 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy


def test_nothing_is_loaded_and_nothing_is_inline_but_the_two(shop: LineageResult) -> None:
    found = page(shop)
    for tag, attributes in found.elements:
        assert tag not in ("link", "img", "iframe", "a", "object", "image")
        assert not {name for name in attributes if name in ("src", "href", "style") or name.startswith("on")}
    assert [a for tag, a in found.elements if tag == "script"] == [
        {"type": "application/json", "id": "data"},
        {},
    ]


def test_ids_are_unique_and_the_data_points_at_them(shop: LineageResult) -> None:
    found = page(shop)
    ids = [a["id"] for _, a in found.elements if "id" in a]
    assert len(ids) == len(set(ids))
    for name, view in found.data["views"].items():
        for number, rows in enumerate(view["rows"]):
            assert {f"{name}-b{number}", f"{name}-b{number}h"} <= set(ids)
            assert {f"{name}-b{number}c{at}" for at in range(len(rows))} <= set(ids)
        assert {f"{name}-e{number}" for number in range(len(view["links"]))} <= set(ids)


def test_the_data_holds_every_edge(shop: LineageResult) -> None:
    data = page(shop).data
    assert [relation[0] for relation in data["relations"]][:2] == ["shop.raw.orders", "shop.mart.daily"]
    assert data["edges"][0] == [0, 1, 1, 0, True, "aggregation", "sum(o.amount)", "a.sql:3:8", 0]
    assert data["edges"][4] == [0, 2, 1, -1, False, "filter", "status = 1", "a.sql:5:1", 0]
    assert len(data["edges"]) == len(shop.edges())
    lonely = page(analyze("INSERT INTO n (x) SELECT 1 FROM m")).data
    assert lonely["edges"] == [[0, -1, 1, -1, False, "rows", "", "", -1]]


def test_statements_and_diagnostics_are_listed_with_their_places(shop: LineageResult) -> None:
    document = render("html", shop).decode()
    rows = re.findall(r'<tr data-statement="(\d+)" tabindex="0">(.*?)</tr>', document)
    assert [number for number, _ in rows] == ["0", "1", "2", "3"]
    assert "a.sql:2:1 to 2:10" in rows[0][1]
    assert "shop.raw.orders, shop.raw.customers \u2192 shop.mart.daily" in rows[0][1]
    severities = re.findall(r'<tr><td class="(\w+)">', document)
    assert severities == ["error", "warning", "info"]
    assert "parse_error b.sql:3:9 to 3:12" in document


def test_hostile_names_stay_text(hostile: LineageResult) -> None:
    evil = "</script><script>alert(1)</script>"
    sql = f'CREATE TABLE "{evil}" AS SELECT "{evil}" FROM "<!--"'
    document = render("html", analyze(sql), title=evil)
    assert evil.encode() not in document
    found = Page(document)
    assert [tag for tag, _ in found.elements].count("script") == 2
    assert found.data["relations"][1] == [evil, "table", [evil]]
    assert found.texts["h1"] == [evil]
    assert page(hostile).data["relations"][0][2][0] == hostile.edges()[0].source.name


def test_large_results_keep_their_columns_in_search_and_paths(
    warehouse: Callable[[int, int], LineageResult],
) -> None:
    found = page(warehouse(200, 6))
    assert list(found.data["views"]) == ["tables"]
    assert any("Too many columns to draw" in text for text in found.texts["span"])
    assert found.data["relations"][0][2] == [f"column_{number}" for number in range(6)]
    assert page(warehouse(1200, 1)).data["views"] == {}


@pytest.mark.parametrize(("options", "count"), [({"indirect": False}, 5), ({"table_level": True}, 9)])
def test_options_are_honoured(shop: LineageResult, options: dict[str, bool], count: int) -> None:
    data = page(shop, **options).data
    assert len(data["edges"]) == count
    assert list(data["views"]) == (["tables"] if "table_level" in options else ["columns", "tables"])
