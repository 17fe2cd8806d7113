from __future__ import annotations

from collections.abc import Callable

import pygraphviz

from airflow_provider_sqlflow.engine.model import LineageResult
from airflow_provider_sqlflow.formats import render
from airflow_provider_sqlflow.formats.dot import iter_dot


def parse(result: LineageResult, title: str = "") -> pygraphviz.AGraph:
    return pygraphviz.AGraph(string=render("dot", result, title=title).decode())


def test_boxes_and_lines_as_graphviz_reads_them(shop: LineageResult) -> None:
    graph = parse(shop, "Shop")
    labels = [node.attr["label"] for node in graph.nodes()]
    assert ["shop.raw.orders" in label for label in labels] == [True, False, False, False, False]
    assert all(label.count('PORT="c') == rows for label, rows in zip(labels, (4, 3, 3, 1, 2), strict=True))
    found = [
        (edge[0], edge.attr["tailport"], edge[1], edge.attr["headport"], edge.attr["style"])
        for edge in sorted(graph.edges(), key=lambda edge: int(edge.attr["id"][1:]))
    ]
    assert found == [
        ("b0", "c1:e", "b1", "c0:w", "solid"),
        ("b0", "head:e", "b1", "c1:w", "solid"),
        ("b2", "c1:e", "b1", "c2:w", "solid"),
        ("b2", "c2:e", "b1", "c2:w", "dotted"),
        ("b0", "c2:e", "b1", "head:w", "dotted"),
        ("b0", "c3:e", "b1", "head:w", "dotted"),
        ("b1", "c0:e", "b3", "c0:w", "solid"),
        ("b3", "c0:e", "b4", "c0:w", "solid"),
        ("b3", "c0:e", "b4", "c1:w", "dotted"),
    ]


def test_hostile_names_stay_inside_their_strings(hostile: LineageResult) -> None:
    graph = parse(hostile, 'a "title" \\N <&>')
    assert graph.nodes() == ["b0", "b1"]
    assert {edge.attr["class"] for edge in graph.edges()} == {"direct", "indirect"}
    assert "a&lt;b&gt;&amp;&quot;c&quot; \u00e9" in graph.get_node("b0").attr["label"]


def test_large_results_come_in_pieces(warehouse: Callable[[int, int], LineageResult]) -> None:
    pieces = list(iter_dot(warehouse(100, 6)))
    assert len(pieces) > 100
    assert max(len(piece) for piece in pieces) < 3000
