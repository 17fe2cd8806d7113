"""Where the boxes of a graph lie: in layers from left to right, by Graphviz or, where that cannot, by us.

All boxes are equally wide, so a layer is a column of boxes (reference sqlflow-api, section 4.2). What
Graphviz takes long for, or cannot do because it is not installed, a simple layout of our own does.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from airflow_provider_sqlflow.errors import ExportError
from airflow_provider_sqlflow.formats import graphviz
from airflow_provider_sqlflow.formats.layers import find_layers

BOX_WIDTH = 162.0
LAYER_STEP = 212.0
GAP = 24.0
"""Between boxes of one layer."""

CPU_SECONDS = 5
MAX_BOXES = 400
MAX_PAIRS = 800
"""Beyond these Graphviz would often take longer than it may."""

_FEW_PAIRS = 200
_HASTY = 'nslimit="1" nslimit1="1" mclimit="0.1"'
"""Keeps graphs without much order within a few seconds, as in the drawings of formats.dot."""

_POINTS_AN_INCH = 72
_SWEEPS = 6

Corners = dict[str, tuple[float, float]]
"""The upper left corner of each box."""


def arrange(
    heights: Mapping[str, float], pairs: Iterable[tuple[str, str]], cpu_seconds: int = CPU_SECONDS
) -> Corners:
    """A corner for every box; never an error. Nothing is left of or above the origin.

    Args:
        heights: the boxes by name; names are plain words such as ``n0``.
        pairs: which boxes are joined, source first.
        cpu_seconds: processor time for Graphviz.
    """
    joined = list(dict.fromkeys(pair for pair in pairs if pair[0] != pair[1]))
    if not joined or len(heights) > MAX_BOXES or len(joined) > MAX_PAIRS:
        return arrange_simply(heights, joined)
    try:
        return _arrange_by_graphviz(heights, joined, cpu_seconds)
    except (TimeoutError, ExportError):
        return arrange_simply(heights, joined)


def _arrange_by_graphviz(
    heights: Mapping[str, float], pairs: Sequence[tuple[str, str]], cpu_seconds: int
) -> Corners:
    lines = [
        "digraph {",
        "" if len(pairs) <= _FEW_PAIRS else _HASTY,
        f'rankdir=LR nodesep="{GAP / _POINTS_AN_INCH:.4f}" ',
        f'ranksep="{(LAYER_STEP - BOX_WIDTH) / _POINTS_AN_INCH:.4f}" splines=false',
        f'node [shape=box fixedsize=true label="" width="{BOX_WIDTH / _POINTS_AN_INCH:.4f}"]',
        *(f'{name} [height="{height / _POINTS_AN_INCH:.4f}"]' for name, height in heights.items()),
        *(f"{source} -> {target}" for source, target in pairs),
        "}",
    ]
    drawn = json.loads(graphviz.draw("\n".join(lines), "json0", cpu_seconds))
    middles = {item["name"]: tuple(map(float, item["pos"].split(","))) for item in drawn["objects"]}
    # Graphviz counts upwards, and gives the middle of a box.
    corners = {
        name: (middles[name][0] - BOX_WIDTH / 2, -middles[name][1] - height / 2)
        for name, height in heights.items()
    }
    return _from_origin(corners)


def arrange_simply(heights: Mapping[str, float], pairs: Sequence[tuple[str, str]]) -> Corners:
    """Our own layout: layers by the longest way, ordered by the middle of what a box is joined with."""
    layer_of = find_layers(list(heights), pairs)
    layers: list[list[str]] = [[] for _ in range(max(layer_of.values(), default=-1) + 1)]
    for name, number in layer_of.items():
        layers[number].append(name)
    before: dict[str, list[str]] = {name: [] for name in heights}
    after: dict[str, list[str]] = {name: [] for name in heights}
    for source, target in pairs:
        if source != target:
            before[target].append(source)
            after[source].append(target)
    _order(layers, before, after)
    tops: dict[str, float] = {}
    for layer in layers:
        tops.update(_stack(layer, heights, before, tops))
    return _from_origin({name: (layer_of[name] * LAYER_STEP, tops[name]) for name in heights})


def _order(layers: list[list[str]], before: Mapping[str, list[str]], after: Mapping[str, list[str]]) -> None:
    """Sort each layer by where the neighbours stand, to and fro, so that fewer lines cross."""
    rank = {name: (at + 0.5) / len(layer) for layer in layers for at, name in enumerate(layer)}
    for sweep in range(_SWEEPS):
        neighbours, order = (before, layers) if sweep % 2 == 0 else (after, layers[::-1])
        for layer in order:
            wish = {name: _mean([rank[other] for other in neighbours[name]], rank[name]) for name in layer}
            layer.sort(key=wish.__getitem__)
            rank.update({name: (at + 0.5) / len(layer) for at, name in enumerate(layer)})


def _stack(
    layer: Sequence[str],
    heights: Mapping[str, float],
    before: Mapping[str, list[str]],
    tops: Mapping[str, float],
) -> dict[str, float]:
    """Tops of a layer's boxes in their order, close to the middle of what leads to them."""
    placed: dict[str, float] = {}
    wishes: list[float] = []
    bottom = float("-inf")
    for name in layer:
        middles = [tops[other] + heights[other] / 2 for other in before[name] if other in tops]
        wish = _mean(middles, bottom + GAP + heights[name] / 2 if placed else 0.0) - heights[name] / 2
        placed[name] = max(wish, bottom + GAP)
        wishes.append(wish - placed[name])
        bottom = placed[name] + heights[name]
    shift = _mean(wishes, 0.0)  # boxes are only pushed down: all of them share the way back
    return {name: top + shift for name, top in placed.items()}


def _mean(values: Sequence[float], default: float) -> float:
    return sum(values) / len(values) if values else default


def _from_origin(corners: Corners) -> Corners:
    left = min((x for x, _ in corners.values()), default=0.0)
    top = min((y for _, y in corners.values()), default=0.0)
    return {name: (round(x - left, 2), round(y - top, 2)) for name, (x, y) in corners.items()}
