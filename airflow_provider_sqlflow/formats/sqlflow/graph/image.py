"""A drawn graph as a picture: SVG, PNG, JPEG or GIF, with everything where the graph says it is.

Graphviz only draws here, so a picture is like the graph that a client gets, and none takes long. Facts:
reference sqlflow-api, section 4.3; colours and lines: sqlflow-lineage-model, section 4.5.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from airflow_provider_sqlflow.engine.model import LineageResult
from airflow_provider_sqlflow.errors import ExportError, ExportOptionError
from airflow_provider_sqlflow.formats import graphviz
from airflow_provider_sqlflow.formats.dot import FONT, attributes, escape
from airflow_provider_sqlflow.formats.options import ExportOptions
from airflow_provider_sqlflow.formats.palette import (
    BORDER_COLOUR,
    DIRECT_COLOUR,
    INDIRECT_COLOUR,
    NOTE_COLOUR,
    text_colour,
)
from airflow_provider_sqlflow.formats.sqlflow.chain import Texts, no_texts
from airflow_provider_sqlflow.formats.sqlflow.graph.answer import GraphRequest, make_document
from airflow_provider_sqlflow.formats.sqlflow.graph.contents import Contents
from airflow_provider_sqlflow.formats.sqlflow.graph.er import er_document
from airflow_provider_sqlflow.formats.sqlflow.graph.graph import HEADER_HEIGHT, build_graph
from airflow_provider_sqlflow.formats.sqlflow.graph.layout import BOX_WIDTH
from airflow_provider_sqlflow.formats.sqlflow.graph.selection import Selection
from airflow_provider_sqlflow.formats.sqlflow.graph.summary import SUMMARY
from airflow_provider_sqlflow.formats.sqlflow.pieces import JsonObject
from airflow_provider_sqlflow.formats.sqlflow.terms import DIRECT_FLOW
from airflow_provider_sqlflow.formats.svg import finish_svg

MEDIA_TYPES: Mapping[str, str] = {
    "svg": "image/svg+xml",
    "png": "image/png",
    "jpg": "image/jpeg",
    "gif": "image/gif",
}
"""The pictures there are."""

MAX_PIXELS = 8000
"""A larger picture of pixels is drawn smaller, so that its memory stays within bounds."""

_PIXELS_AN_INCH = 96

TYPE_COLOURS: Mapping[str, str] = {
    "table": "#91c051",
    "view": "#419a5f",
    "select_list": "#d26b58",
    "insert-select": "#b24b78",
    "update-set": "#d29059",
    "merge-insert": "#893a89",
    "merge-update": "#e46b0a",
    "select_union": "#357e7e",
    "with_cte": "#ff6e97",
    "update-select": "#5583d8",
    "function": "#a0a0a0",
    "stage": "#6d30ea",
    "path": "#6d30ea",
    "stream": "#6d30ea",
    "variable": "#00a4eb",
}
_OTHER_COLOUR = "#d26b58"
_PROCESS_COLOUR = "#c8ccd2"


def graph_image(
    result: LineageResult,
    options: ExportOptions,
    texts: Texts = no_texts,
    request: GraphRequest | None = None,
    image: str = "svg",
    cpu_seconds: int = graphviz.CPU_SECONDS,
) -> bytes:
    """The picture of what :func:`graph_answer` answers.

    Over the relation limit, and where drawing takes longer than ``cpu_seconds``, that of the tables only.

    Raises:
        ExportOptionError: there is no such picture, or a pattern of the selection cannot be used.
        ExportError: pygraphviz is not installed, Graphviz fails, or even the tables take too long.
    """
    request = request or GraphRequest()
    tables = replace(request, table_level=True, return_full=True)

    def draw(request: GraphRequest) -> bytes:
        mode, document, labels = make_document(result, options, texts, request)
        if mode == SUMMARY:
            return draw(tables)
        graph = build_graph(
            document, labels=labels, show_link_only=request.show_link_only, hide_column=request.hide_column
        )
        return draw_graph(graph, image, types_of(graph, document), cpu_seconds)

    return _first_in_time(lambda: draw(request), lambda: draw(tables))


def er_image(
    result: LineageResult,
    options: ExportOptions,
    texts: Texts = no_texts,
    selection: Selection | None = None,
    image: str = "svg",
    cpu_seconds: int = graphviz.CPU_SECONDS,
) -> bytes:
    """The picture of what :func:`er_answer` answers; without columns where those take too long.

    Raises:
        ExportOptionError: there is no such picture.
        ExportError: as above.
    """
    document, labels = er_document(result, options, texts, selection)

    def draw(*, hide_column: bool) -> bytes:
        graph = build_graph(document, labels=labels, show_link_only=False, hide_column=hide_column)
        return draw_graph(graph, image, types_of(graph, document), cpu_seconds)

    return _first_in_time(lambda: draw(hide_column=False), lambda: draw(hide_column=True))


def _first_in_time(whole: Callable[[], bytes], reduced: Callable[[], bytes]) -> bytes:
    """The whole picture, or the reduced one where that takes too long."""
    try:
        return whole()
    except TimeoutError:
        pass
    try:
        return reduced()
    except TimeoutError as error:
        raise ExportError(f"{error}; select fewer tables, or export GraphML and open it in yEd") from error


def types_of(graph: Mapping[str, Any], document: Mapping[str, object]) -> dict[str, str]:
    """The type of the object behind each box; statements have none."""
    contents = Contents(document)
    boxes = [table["id"] for table in graph["elements"]["tables"]]
    ids = {box: graph["listIdMap"][box][0] for box in boxes}
    return {box: contents.objects[key]["type"] for box, key in ids.items() if key in contents.objects}


def draw_graph(
    graph: Mapping[str, Any],
    image: str,
    types: Mapping[str, str] | None = None,
    cpu_seconds: int = graphviz.CPU_SECONDS,
) -> bytes:
    """Draw a graph.

    Args:
        graph: the ``graph`` of an answer.
        image: a name of :data:`MEDIA_TYPES`.
        types: the object type of each box, for colours.
        cpu_seconds: processor time that it may take.

    Raises:
        TimeoutError: the time is over.
        ExportOptionError: there is no such picture.
        ExportError: pygraphviz is not installed, or Graphviz fails.
    """
    if image not in MEDIA_TYPES:
        raise ExportOptionError(f"image {image!r} is not one of {', '.join(MEDIA_TYPES)}")
    drawn = graphviz.draw("".join(_dot(graph, types or {}, image)), image, cpu_seconds, graphviz.PLACED)
    if image == "svg":
        elements = graph["elements"]
        description = f"{len(elements['tables'])} boxes joined by {len(elements['edges'])} lines."
        return finish_svg(drawn, "SQL lineage", description)
    return drawn


def _dot(graph: Mapping[str, Any], types: Mapping[str, str], image: str) -> Iterator[str]:
    tables = graph["elements"]["tables"]
    page = {"size": f"{MAX_PIXELS / _PIXELS_AN_INCH:.2f}"} if image != "svg" else {}
    yield "digraph lineage {\n"
    yield attributes("graph", splines="line", bgcolor="white", pad="0.3", outputorder="edgesfirst", **page)
    yield attributes("node", shape="plain", fontname=FONT, fontsize="9")
    yield attributes("edge", arrowsize="0.6")
    for table in tables:
        # Graphviz places the middle of a box, and counts upwards.
        place = (table["x"] + table["width"] / 2, -(table["y"] + table["height"] / 2))
        label = _label(table, types.get(table["id"]), graph["tooltip"])
        yield f'  {table["id"]} [pos="{place[0]:.2f},{place[1]:.2f}!" label={label}]\n'
    if not tables:
        yield attributes("n0", pos="0,0!", label="no lineage found", fontcolor=NOTE_COLOUR)
    ports = {table["id"]: f"{table['id']}:head" for table in tables}
    for table in tables:
        for row in table["columns"]:
            ports[row["id"]] = f"{table['id']}:{_row_of(row['id']) if row['height'] else 'head'}"
    for edge in graph["elements"]["edges"]:
        is_direct = graph["relationshipIdMap"][edge["id"]][1] == DIRECT_FLOW
        yield attributes(
            f"{ports[edge['sourceId']]}:e -> {ports[edge['targetId']]}:w",
            **{"class": "direct" if is_direct else "indirect"},
            id=edge["id"],
            style="solid" if is_direct else "dashed",
            color=DIRECT_COLOUR if is_direct else INDIRECT_COLOUR,
        )
    yield "}\n"


def _label(table: JsonObject, type_: str | None, tooltips: Mapping[str, str]) -> str:
    """Header and rows; where rows have no height, all lines end at the header."""
    colour = TYPE_COLOURS.get(type_, _OTHER_COLOUR) if type_ else _PROCESS_COLOUR
    ink = text_colour(colour)
    name = f'<FONT COLOR="{ink}"><B>{_text(table)}</B></FONT>'
    head = _cell(table, f'PORT="head" ID="{table["id"]}h" BGCOLOR="{colour}"', HEADER_HEIGHT, name, tooltips)
    rows = [
        _cell(
            row,
            f'PORT="{_row_of(row["id"])}" ID="{row["id"]}" BGCOLOR="white"',
            row["height"],
            _text(row),
            tooltips,
        )
        for row in table["columns"]
        if row["height"]
    ]
    return (
        f'<<TABLE BORDER="0" CELLBORDER="1" CELLSPACING="0" CELLPADDING="0" COLOR="{BORDER_COLOUR}">'
        f"{head}{''.join(rows)}</TABLE>>"
    )


def _cell(item: JsonObject, attributes: str, height: float, text: str, tooltips: Mapping[str, str]) -> str:
    tip = escape(tooltips.get(item["id"], item["label"]["content"]))
    return (
        f'<TR><TD {attributes} TITLE="{tip}" FIXEDSIZE="TRUE" WIDTH="{BOX_WIDTH:.0f}" HEIGHT="{height:.0f}" '
        f'ALIGN="LEFT">{text}</TD></TR>'
    )


def _text(item: JsonObject) -> str:
    return f"&#160;{escape(item['label']['content'])}"


def _row_of(node: str) -> str:
    return node.partition("::")[2]
