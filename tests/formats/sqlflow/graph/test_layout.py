from __future__ import annotations

import itertools
import sys
import time
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_sqlflow.errors import ExportError
from airflow_provider_sqlflow.formats import graphviz
from airflow_provider_sqlflow.formats.sqlflow.graph import layout
from airflow_provider_sqlflow.formats.sqlflow.graph.layout import (
    BOX_WIDTH,
    LAYER_STEP,
    Corners,
    arrange,
    arrange_simply,
)

Heights = dict[str, float]
Pairs = list[tuple[str, str]]


def check_places(heights: Heights, pairs: Pairs, corners: Corners) -> None:
    """Whole layers, no overlap, nothing outside, left to right outside cycles."""
    assert list(corners) == list(heights)
    layers: dict[float, list[tuple[float, float]]] = {}
    for name, (x, y) in corners.items():
        assert x >= 0
        assert y >= 0
        assert abs(x / LAYER_STEP - round(x / LAYER_STEP)) < 0.01
        layers.setdefault(round(x / LAYER_STEP), []).append((y, y + heights[name]))
    for boxes in layers.values():
        boxes.sort()
        for (_, bottom), (top, _) in itertools.pairwise(boxes):
            assert bottom < top
    reach = reachable(pairs)
    for source, target in pairs:
        if source not in reach.get(target, set()) and source != target:
            assert corners[source][0] + BOX_WIDTH < corners[target][0]
    if corners:
        assert min(x for x, _ in corners.values()) == min(y for _, y in corners.values()) == 0


def reachable(pairs: Pairs) -> dict[str, set[str]]:
    reach: dict[str, set[str]] = {}
    for source, target in pairs:
        reach.setdefault(source, set()).add(target)
    while True:
        before = sum(map(len, reach.values()))
        for targets in reach.values():
            targets.update(*(reach.get(target, ()) for target in list(targets)))
        if sum(map(len, reach.values())) == before:
            return reach


@st.composite
def graphs(draw: st.DrawFn, most: int = 12) -> tuple[Heights, Pairs]:
    names = [f"n{number}" for number in range(draw(st.integers(0, most)))]
    heights = {name: draw(st.sampled_from([22.0, 42.0, 26.0, 426.0])) for name in names}
    pair = st.tuples(st.sampled_from(names), st.sampled_from(names)) if names else st.nothing()
    return heights, draw(st.lists(pair, max_size=2 * most)) if names else []


@given(graphs())
def test_our_own_layout(graph: tuple[Heights, Pairs]) -> None:
    check_places(*graph, arrange_simply(*graph))


@settings(max_examples=15, deadline=None)
@given(graphs())
def test_the_layout_of_graphviz(graph: tuple[Heights, Pairs]) -> None:
    check_places(*graph, arrange(*graph))


def chain(length: int) -> tuple[Heights, Pairs]:
    names = [f"n{number}" for number in range(length)]
    return dict.fromkeys(names, 42.0), list(itertools.pairwise(names))


def test_a_chain_lies_on_a_line() -> None:
    heights, pairs = chain(5)
    for corners in (arrange(heights, pairs), arrange_simply(heights, pairs)):
        assert corners == {f"n{number}": (212 * number, 0) for number in range(5)}


def test_few_lines_cross_in_our_own_layout() -> None:
    """Boxes in an order that crosses every line are put in one that crosses none."""
    heights = dict.fromkeys(["a0", "a1", "a2", "a3", "b0", "b1", "b2", "b3"], 42.0)
    pairs = [(f"a{number}", f"b{3 - number}") for number in range(4)]
    corners = arrange_simply(heights, pairs)
    assert all(corners[source][1] == corners[target][1] for source, target in pairs)


def tangle(boxes: int, lines: int) -> tuple[Heights, Pairs]:
    random = Random(1)
    pairs = {(f"n{random.randrange(boxes)}", f"n{random.randrange(boxes)}") for _ in range(lines)}
    return {f"n{number}": 22.0 + 16 * random.randrange(9) for number in range(boxes)}, sorted(pairs)


def test_a_layout_that_takes_too_long_is_our_own(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = tangle(100, 790)
    monkeypatch.setattr(layout, "_HASTY", "nslimit=100")
    started = time.monotonic()
    corners = arrange(*graph, cpu_seconds=1)
    assert time.monotonic() - started < 30
    assert corners == arrange_simply(*graph)
    check_places(*graph, corners)


def test_without_pygraphviz_the_layout_is_our_own(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = tangle(10, 12)
    assert arrange(*graph) != arrange_simply(*graph)
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    with pytest.raises(ExportError):
        graphviz.draw("digraph {}", "json0")
    assert arrange(*graph) == arrange_simply(*graph)


def test_large_graphs_take_a_moment() -> None:
    heights, pairs = tangle(2000, 6000)
    started = time.monotonic()
    corners = arrange(heights, pairs)
    assert time.monotonic() - started < 5
    assert len(corners) == 2000
    assert len(set(corners.values())) == 2000


def test_long_chains_need_no_deep_recursion() -> None:
    heights, pairs = chain(5000)
    assert arrange([*heights] and heights, [*pairs, ("n4999", "n0")])["n4999"][0] == 212 * 4999
