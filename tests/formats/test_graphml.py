from __future__ import annotations

from xml.etree import ElementTree as ET

from airflow_provider_sqlflow.engine.model import (
    ColumnRef,
    Edge,
    Effect,
    LineageResult,
    RelationId,
    Subtype,
)
from airflow_provider_sqlflow.formats import render

NAMES = {"g": "http://graphml.graphdrawing.org/xmlns", "y": "http://www.yworks.com/xml/graphml"}


def parse(result: LineageResult, title: str = "") -> ET.Element:
    return ET.fromstring(render("graphml", result, title=title))


def data(element: ET.Element, key: str) -> str | None:
    found = element.find(f"g:data[@key='{key}']", NAMES)
    return None if found is None else found.text


def test_a_folder_for_each_relation_and_a_node_for_each_column(shop: LineageResult) -> None:
    root = parse(shop, "Shop")
    folders = root.findall("g:graph/g:node", NAMES)
    assert [data(folder, "n_name") for folder in folders] == [
        "orders",
        "daily",
        "customers",
        "top_days",
        "result",
    ]
    columns = folders[0].findall("g:graph/g:node", NAMES)
    assert [data(column, "n_column") for column in columns] == ["id", "amount", "status", "customer_id"]
    assert all(column.get("id", "").startswith(folders[0].get("id", "") + "::") for column in columns)
    assert data(root.findall("g:graph", NAMES)[0], "d_title") == "Shop"


def test_edges_join_columns_and_row_sets_join_folders(shop: LineageResult) -> None:
    root = parse(shop)
    ids = [node.get("id") for node in root.iter(f"{{{NAMES['g']}}}node")]
    assert len(ids) == len(set(ids))
    edges = root.findall("g:graph/g:edge", NAMES)
    assert len(edges) == len(shop.edges())
    assert all(edge.get("source") in ids and edge.get("target") in ids for edge in edges)
    assert [(edge.get("source"), edge.get("target")) for edge in edges[1:5:3]] == [
        ("n0", "n1::n1"),
        ("n0::n2", "n1"),
    ]
    assert data(edges[4], "e_subtype") == "FILTER"
    assert data(edges[4], "e_place") == "a.sql:5:1"
    assert data(edges[4], "e_statementKind") == "insert"
    styles = [edge.find(".//y:LineStyle", NAMES) for edge in edges]
    assert [style.get("type") for style in styles if style is not None] == [
        "line" if edge.effect is Effect.DIRECT else "dotted" for edge in shop.edges()
    ]


def test_every_data_key_is_declared(shop: LineageResult) -> None:
    root = parse(shop, "Shop")
    declared = {key.get("id") for key in root.findall("g:key", NAMES)}
    used = {item.get("key") for item in root.iter(f"{{{NAMES['g']}}}data")}
    assert used == declared


def test_sources_stand_left_of_targets_and_nothing_overlaps(shop: LineageResult) -> None:
    boxes = {}
    for folder in parse(shop).findall("g:graph/g:node", NAMES):
        geometry = folder.find(".//y:GroupNode/y:Geometry", NAMES)
        assert geometry is not None
        boxes[data(folder, "n_name")] = [
            float(geometry.get(key, "")) for key in ("x", "y", "width", "height")
        ]
    assert boxes["orders"][0] == boxes["customers"][0] < boxes["daily"][0] < boxes["top_days"][0]
    upper, lower = sorted((boxes["orders"], boxes["customers"]), key=lambda box: box[1])
    assert upper[1] + upper[3] < lower[1]


def test_a_cycle_is_drawn() -> None:
    a, b = RelationId(None, None, "a"), RelationId(None, None, "b")
    edges = tuple(
        Edge(ColumnRef(left, "x"), ColumnRef(right, "x"), Effect.DIRECT, Subtype.IDENTITY)
        for left, right in ((a, b), (b, a), (a, a))
    )
    assert len(parse(LineageResult(folded_edges=edges)).findall("g:graph/g:edge", NAMES)) == 3


def test_names_come_back_except_for_what_xml_cannot_hold(hostile: LineageResult) -> None:
    root = parse(hostile, 'a "title" <&>')
    name = hostile.edges()[0].source.name or ""
    allowed = "".join(char if char.isprintable() else " " for char in name)
    assert data(root.findall("g:graph/g:node", NAMES)[0], "n_name") == allowed
    assert data(root.findall("g:graph/g:edge", NAMES)[0], "e_expression") == allowed
