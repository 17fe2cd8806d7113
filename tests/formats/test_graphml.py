from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
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
from airflow_provider_sqlflow.formats.graphml import iter_graphml
from airflow_provider_sqlflow.formats.options import ExportOptions
from airflow_provider_sqlflow.formats.palette import DIRECT_COLOUR, INDIRECT_COLOUR

NAMES = {"g": "http://graphml.graphdrawing.org/xmlns", "y": "http://www.yworks.com/xml/graphml"}


ORDER = {
    "GroupNode": ["Geometry", "Fill", "BorderStyle", "NodeLabel", "Shape", "State", "Insets"],
    "ShapeNode": ["Geometry", "Fill", "BorderStyle", "NodeLabel", "Shape"],
    "PolyLineEdge": ["LineStyle", "Arrows", "EdgeLabel", "BendStyle"],
    "ProxyAutoBoundsNode": ["Realizers"],
    "Realizers": ["GroupNode", "GroupNode"],
}
"""Children of yEd's elements, in the order in which yEd itself writes them."""


def parse(result: LineageResult, title: str = "", **options: object) -> ET.Element:
    document = render("graphml", result, title=title, options=ExportOptions(**options))  # type: ignore[arg-type]
    return ET.fromstring(document)


def data(element: ET.Element, key: str) -> str | None:
    found = element.find(f"g:data[@key='{key}']", NAMES)
    return None if found is None else found.text


def relations(root: ET.Element) -> dict[str, ET.Element]:
    """Nodes that stand for relations, by name."""
    nodes = root.findall(".//g:node", NAMES)
    return {data(node, "n_name") or "": node for node in nodes if data(node, "n_name")}


def box(node: ET.Element) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of a node."""
    geometry = node.find("g:data/*//y:Geometry", NAMES)
    if geometry is None:
        geometry = node.find("g:data/*/y:Geometry", NAMES)
    assert geometry is not None
    x, y, width, height = (float(geometry.get(key, "")) for key in ("x", "y", "width", "height"))
    return x, y, x + width, y + height


def test_schemas_hold_relations_and_relations_hold_columns(shop: LineageResult) -> None:
    root = parse(shop, "Shop")
    top = root.findall("g:graph/g:node", NAMES)
    assert [(data(node, "n_kind"), data(node, "n_database"), data(node, "n_schema")) for node in top] == [
        ("schema", "shop", "raw"),
        ("schema", "shop", "mart"),
        ("result", None, None),
    ]
    inside = [[data(node, "n_name") for node in frame.findall("g:graph/g:node", NAMES)] for frame in top[:2]]
    assert inside == [["orders", "customers"], ["daily", "top_days"]]
    orders = relations(root)["orders"]
    columns = orders.findall("g:graph/g:node", NAMES)
    assert [data(column, "n_column") for column in columns] == ["id", "amount", "status", "customer_id"]
    labels = [label.text for label in orders.findall("g:data//y:GroupNode/y:NodeLabel", NAMES)]
    assert labels == ["shop.raw.orders"] * 2
    assert all(column.get("id", "").startswith(orders.get("id", "") + "::") for column in columns)
    assert data(root.findall("g:graph", NAMES)[0], "d_title") == "Shop"


def test_edges_join_columns_and_row_sets_join_folders(shop: LineageResult) -> None:
    root = parse(shop)
    ids = [node.get("id") for node in root.iter(f"{{{NAMES['g']}}}node")]
    assert len(ids) == len(set(ids))
    edges = root.findall("g:graph/g:edge", NAMES)
    assert len(edges) == len(shop.edges())
    assert all(edge.get("source") in ids and edge.get("target") in ids for edge in edges)
    assert [(edge.get("source"), edge.get("target")) for edge in edges[1:5:3]] == [
        ("g0::n0", "g1::n0::c1"),
        ("g0::n0::c2", "g1::n0"),
    ]
    assert data(edges[4], "e_subtype") == "FILTER"
    assert data(edges[4], "e_place") == "a.sql:5:1"
    assert data(edges[4], "e_statementKind") == "insert"
    assert (data(edges[0], "e_description") or "").endswith("AGGREGATION sum(o.amount) (a.sql:3:8)")


def test_edge_kinds_differ_by_line_colour_and_label(shop: LineageResult) -> None:
    edges = parse(shop).findall("g:graph/g:edge", NAMES)
    styles = [edge.find(".//y:LineStyle", NAMES) for edge in edges]
    looks = {
        (edge.effect, style.get("type"), style.get("color"))
        for edge, style in zip(shop.edges(), styles, strict=True)
        if style is not None
    }
    assert looks == {(Effect.DIRECT, "line", DIRECT_COLOUR), (Effect.INDIRECT, "dotted", INDIRECT_COLOUR)}
    labels = [edge.findtext(".//y:EdgeLabel", None, NAMES) for edge in edges]
    assert labels == [
        "aggregation", "aggregation", None, "conditional", "filter", "join", None, None, "window",
    ]  # fmt: skip


def test_the_table_level_joins_plain_nodes(shop: LineageResult) -> None:
    root = parse(shop, table_level=True)
    assert not root.findall(".//y:GroupNode[y:Shape]", NAMES)[4:], "only schemas are folders, twice each"
    edges = root.findall("g:graph/g:edge", NAMES)
    assert [(data(edge, "e_effect"), data(edge, "e_subtype")) for edge in edges] == [
        ("DIRECT", "AGGREGATION FILTER JOIN"),
        ("DIRECT", "IDENTITY CONDITIONAL"),
        ("DIRECT", "IDENTITY"),
        ("DIRECT", "IDENTITY WINDOW"),
    ]


def test_the_document_is_what_yed_writes_itself(shop: LineageResult) -> None:
    root = parse(shop, "Shop")
    assert root.tag == f"{{{NAMES['g']}}}graphml"
    declared = {key.get("id") for key in root.findall("g:key", NAMES)}
    used = {item.get("key") for item in root.iter(f"{{{NAMES['g']}}}data")}
    assert used == declared
    graphics = {key.get("yfiles.type"): key.get("for") for key in root.findall("g:key[@yfiles.type]", NAMES)}
    assert graphics == {"nodegraphics": "node", "edgegraphics": "edge"}
    for name, order in ORDER.items():
        found = root.findall(f".//y:{name}", NAMES)
        assert found
        for element in found:
            children = [child.tag.rpartition("}")[2] for child in element]
            assert children == [child for child in order if child in children or child != "EdgeLabel"]
    for folder in root.findall(".//g:node[@yfiles.foldertype='group']", NAMES):
        inner = folder.find("g:graph", NAMES)
        assert inner is not None
        assert inner.get("id") == f"{folder.get('id')}:"


def test_sources_stand_left_of_targets_and_nothing_overlaps(shop: LineageResult) -> None:
    root = parse(shop)
    boxes = {name: box(node) for name, node in relations(root).items()}
    assert boxes["orders"][0] == boxes["customers"][0] < boxes["daily"][0] < boxes["top_days"][0]
    assert boxes["orders"][3] < boxes["customers"][1]
    frames = [box(node) for node in root.findall("g:graph/g:node", NAMES)]
    assert all(upper[3] < lower[1] for upper, lower in pairwise(frames))
    left, top, right, bottom = frames[0]
    for name in ("orders", "customers"):
        assert left < boxes[name][0]
        assert top < boxes[name][1]
        assert boxes[name][2] < right
        assert boxes[name][3] < bottom


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
    # XML has no place for control codes, only for line breaks.
    allowed = "".join(char if char.isprintable() or char == "\n" else " " for char in name)
    assert allowed in relations(root)
    assert data(root.findall("g:graph/g:edge", NAMES)[0], "e_expression") == allowed


def test_all_columns_are_there_and_large_results_come_in_pieces(
    warehouse: Callable[[int, int], LineageResult],
) -> None:
    result = warehouse(120, 30)
    pieces = list(iter_graphml(result))
    assert max(len(piece) for piece in pieces) < 40_000
    root = ET.fromstring("".join(pieces))
    assert len([node for node in root.iter(f"{{{NAMES['g']}}}node") if data(node, "n_column")]) == 120 * 30
    assert len(root.findall("g:graph/g:edge", NAMES)) == len(result.edges())
