"""Where the nodes of a GraphML document lie. yEd draws a file as it lies.

Sources on the left, targets on the right, and a lane across for each schema, so that the frames of
schemas never overlap. yEd's own hierarchical layout does better where there are many.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from airflow_provider_sqlflow.engine.model import RelationId
from airflow_provider_sqlflow.formats.drawing import Box, Link
from airflow_provider_sqlflow.formats.layers import find_layers

# Pixels of yEd's drawing area.
ROW_HEIGHT = 24.0
HEADER_HEIGHT = 26.0
PADDING = 12.0
_GAP = 30.0
_LANE_GAP = 50.0
_LAYER_GAP = 160.0
_CHAR_WIDTH = 7.5
_MIN_WIDTH = 140.0
_MAX_WIDTH = 420.0


@dataclass(frozen=True, slots=True)
class Place:
    """A rectangle: its upper left corner and its size."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Layout:
    """Places of the relations, and of the frames around those of one schema."""

    boxes: Mapping[RelationId, Place]
    groups: Mapping[str, Place]


def arrange(boxes: Sequence[Box], links: Iterable[Link]) -> Layout:
    """A place for every box and every schema."""
    ends = ((link.source.relation, link.target.relation) for link in links)
    layers = find_layers([box.relation for box in boxes], ends)
    widths = [0.0] * (max(layers.values(), default=0) + 1)
    for box in boxes:
        widths[layers[box.relation]] = max(widths[layers[box.relation]], _width(box))
    lanes: dict[str, list[Box]] = {}
    for box in boxes:
        lanes.setdefault(box.group, []).append(box)
    places: dict[RelationId, Place] = {}
    groups: dict[str, Place] = {}
    top = 0.0
    for group, members in lanes.items():
        inset = HEADER_HEIGHT + PADDING if group else 0.0
        heights = [top + inset] * len(widths)
        for box in members:
            layer = layers[box.relation]
            x = sum(widths[:layer]) + _LAYER_GAP * layer
            places[box.relation] = Place(x, heights[layer], _width(box), _height(box))
            heights[layer] += _height(box) + _GAP
        bottom = max(heights) - _GAP
        if group:
            own = [places[box.relation] for box in members]
            left = min(place.x for place in own) - PADDING
            right = max(place.x + place.width for place in own) + PADDING
            groups[group] = Place(left, top, right - left, bottom + PADDING - top)
        top = bottom + PADDING + _LANE_GAP
    return Layout(places, groups)


def _width(box: Box) -> float:
    longest = max(len(text) for text in (box.label, *box.rows))
    return min(max(longest * _CHAR_WIDTH + 4 * PADDING, _MIN_WIDTH), _MAX_WIDTH)


def _height(box: Box) -> float:
    return HEADER_HEIGHT + (2 * PADDING + ROW_HEIGHT * len(box.rows) if box.rows else 0.0)
