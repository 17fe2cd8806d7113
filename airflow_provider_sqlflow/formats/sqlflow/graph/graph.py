"""A document as SQLFlow's drawn graph: boxes, rows and lines with their places, and maps back to ids.

Facts: reference sqlflow-api, section 4.2. Lengths are pixels; a label's ``x`` and ``y`` count from the corner
of its box or row, as in the samples.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from airflow_provider_sqlflow.formats.palette import one_line, shorten
from airflow_provider_sqlflow.formats.sqlflow.graph.contents import Contents, place_of
from airflow_provider_sqlflow.formats.sqlflow.graph.labels import Labels
from airflow_provider_sqlflow.formats.sqlflow.graph.layout import BOX_WIDTH, Corners, arrange
from airflow_provider_sqlflow.formats.sqlflow.model import TABLE_COLUMN
from airflow_provider_sqlflow.formats.sqlflow.pieces import JsonObject

HEADER_HEIGHT = 22.0
ROW_HEIGHT = 16.0
FOOT_HEIGHT = 4.0
"""Below the rows."""

FONT_FAMILY = "Segoe UI Symbol"
FONT_SIZE = "12"
_LABEL_HEIGHT = 17.96875
MAX_LETTERS = 24
"""Of that font as many go into a box; the tooltip has the whole of a longer name."""


@dataclass(slots=True)
class Box:
    """A table or statement that is drawn.

    Attributes:
        node: its id in the graph.
        ids: its ids in the document.
        name: its whole name.
        label: what is written on it.
        rows: its columns: ids in the document and names, by ids in the graph.
    """

    node: str
    ids: list[str]
    name: str
    label: str
    rows: dict[str, tuple[str, str]] = field(default_factory=dict)


def build_graph(
    document: Mapping[str, object],
    *,
    labels: Labels | None = None,
    show_link_only: bool = True,
    hide_column: bool = False,
) -> JsonObject:
    """The ``graph`` of an answer.

    Statements are boxes where relations lead through them. Every source of a relation has a line of its own.

    Args:
        document: ``data.sqlflow`` of the answer.
        labels: names to show instead of the document's.
        show_link_only: draw only the columns, and the objects, that a relation joins. Where there is no
            relation at all, the objects are drawn: an empty picture would tell nothing.
        hide_column: rows have no height.
    """
    contents = Contents(document)
    boxes, nodes = _boxes(contents, labels or {}, show_link_only=show_link_only)
    edges, relation_ids = [], {}
    pairs = []
    for number, link in enumerate(contents.links):
        edge = {"id": f"e{number}", "sourceId": nodes[link.source], "targetId": nodes[link.target]}
        edges.append(edge)
        relation_ids[edge["id"]] = [contents.relations[link.relation]["id"], link.type]
        pairs.append((_box_of(edge["sourceId"]), _box_of(edge["targetId"])))
    row_height = 0.0 if hide_column else ROW_HEIGHT
    heights = {box.node: _height(box, row_height) for box in boxes}
    corners = arrange(heights, pairs)
    return {
        "elements": {
            "tables": [_table(box, corners, heights[box.node], row_height) for box in boxes],
            "edges": edges,
        },
        "tooltip": _tooltips(boxes),
        "relationshipIdMap": relation_ids,
        "listIdMap": _list_ids(boxes),
    }


def _boxes(contents: Contents, labels: Labels, *, show_link_only: bool) -> tuple[list[Box], dict[str, str]]:
    """The boxes, and the node of every id that a relation joins."""
    linked = {end for link in contents.links for end in (link.source, link.target)}
    shown = {key: labels.get(key, item["displayName"]) for key, item in contents.objects.items()}
    counts = Counter(shown.values())
    boxes: list[Box] = []
    nodes: dict[str, str] = {}
    for object_id, item in contents.objects.items():
        if show_link_only and linked and linked.isdisjoint(contents.ends_of(object_id)):
            continue
        name = ".".join(part for part in (*place_of(item), shown[object_id]) if part)
        label = shown[object_id] if counts[shown[object_id]] == 1 else name
        box = Box(f"n{len(boxes)}", [object_id], name, label)
        boxes.append(box)
        nodes[object_id] = box.node
        for column in item["columns"]:
            is_hidden = column.get("uiVisible") is False
            if column["name"] == TABLE_COLUMN and is_hidden:  # stands for the whole table
                box.ids.append(column["id"])
                nodes[column["id"]] = box.node
            elif column["id"] in linked or not (show_link_only or is_hidden):
                row = f"{box.node}::n{len(box.rows)}"
                box.rows[row] = (column["id"], labels.get(column["id"], column["name"]))
                nodes[column["id"]] = row
    for process_id, process in contents.processes.items():
        if process_id in linked:
            box = Box(f"n{len(boxes)}", [process_id], process["name"], process["name"])
            boxes.append(box)
            nodes[process_id] = box.node
    return boxes, nodes


def _box_of(node: str) -> str:
    return node.partition("::")[0]


def _height(box: Box, row_height: float) -> float:
    return HEADER_HEIGHT + (row_height * len(box.rows) + FOOT_HEIGHT if box.rows else 0.0)


def _table(box: Box, corners: Corners, height: float, row_height: float) -> JsonObject:
    x, y = corners[box.node]
    return {
        "id": box.node,
        "label": _label(box.label, BOX_WIDTH, _LABEL_HEIGHT),
        "x": x,
        "y": y,
        "width": BOX_WIDTH,
        "height": height,
        "columns": [
            {
                "id": row,
                "label": _label(name, BOX_WIDTH - 2, row_height),
                "x": x + 1,
                "y": round(y + HEADER_HEIGHT + at * row_height, 2),
                "width": BOX_WIDTH - 2,
                "height": row_height,
            }
            for at, (row, (_, name)) in enumerate(box.rows.items())
        ],
    }


def _label(text: str, width: float, height: float) -> JsonObject:
    return {
        "content": shorten(one_line(text), MAX_LETTERS),
        "fontFamily": FONT_FAMILY,
        "fontSize": FONT_SIZE,
        "width": width,
        "height": height,
        "x": 0,
        "y": 0,
    }


def _tooltips(boxes: list[Box]) -> dict[str, str]:
    """The whole name of every box and row whose label does not show it."""
    names = {}
    for box in boxes:
        if shorten(one_line(box.label), MAX_LETTERS) != box.name:
            names[box.node] = box.name
        for row, (_, name) in box.rows.items():
            if shorten(one_line(name), MAX_LETTERS) != name:
                names[row] = name
    return names


def _list_ids(boxes: list[Box]) -> dict[str, list[str]]:
    ids: dict[str, list[str]] = {}
    for box in boxes:
        ids[box.node] = list(box.ids)
        ids.update({row: [column_id] for row, (column_id, _) in box.rows.items()})
    return ids
