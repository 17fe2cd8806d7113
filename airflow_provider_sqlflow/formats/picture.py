"""Lineage as a picture, SVG or PNG, drawn by Graphviz (extra ``images``).

Relations are boxes with their columns as rows, sources on the left. A solid line says that the value
flows, a dotted one that it only decides; lines of a whole row set end at the box's header. Headers have
the colour of the relation's kind.

Graphviz takes long and readers give up when everything of a large result is drawn, so the more there is
the less is shown (:func:`choose_detail`); the legend says so.
"""

from __future__ import annotations

import html
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from airflow_provider_sqlflow.engine.model import ColumnRef, Effect, LineageResult, RelationId, RelationKind
from airflow_provider_sqlflow.errors import ExportError
from airflow_provider_sqlflow.formats.lookup import RelationNames, used_columns
from airflow_provider_sqlflow.formats.options import DEFAULT_OPTIONS, ExportOptions
from airflow_provider_sqlflow.formats.palette import (
    DIRECT_COLOUR,
    INDIRECT_COLOUR,
    KIND_COLOURS,
    kind_title,
    printable,
    text_colour,
)

if TYPE_CHECKING:
    from pygraphviz import AGraph

MAX_FULL_RELATIONS = 60
MAX_COLUMN_RELATIONS = 150
MAX_COLUMN_LINKS = 800
MAX_RELATIONS = 1000
MAX_LINKS = 2000
MAX_ROWS = 25
MAX_NAME = 44

_FONT = "DejaVu Sans,Helvetica,Arial,sans-serif"
_BORDER = "#c8ccd2"

_GRAPHVIZ = threading.Lock()
"""Graphviz keeps global state: one drawing at a time in a process."""

_LAYOUT_EFFORT: tuple[tuple[int, Mapping[str, str]], ...] = (
    (300, {}),
    (800, {"nslimit": "1", "nslimit1": "1", "mclimit": "0.2"}),
    (MAX_LINKS, {"nslimit": "0.2", "nslimit1": "0.2", "mclimit": "0.02", "splines": "line"}),
)
"""Graphviz settings up to a number of lines. They keep tangled graphs near ten seconds: with its own
settings Graphviz took four minutes for 1450 lines between 60 relations without any order."""


class Detail(str, Enum):
    """How much of each relation a picture shows. The value is the legend's note."""

    FULL = ""
    LINKED = "only columns that have lineage are shown"
    RELATIONS = "relations only: too many columns to draw"


@dataclass(frozen=True, slots=True)
class Link:
    """A line of the picture. Ends with ``name=None`` are box headers."""

    source: ColumnRef
    target: ColumnRef
    is_direct: bool


def draw_svg(
    result: LineageResult, title: str = "", options: ExportOptions = DEFAULT_OPTIONS
) -> Iterator[bytes]:
    """The picture as SVG.

    Raises:
        ExportError: pygraphviz is not installed, the result has too many relations for a picture, or
            Graphviz fails.
    """
    yield _draw(result, title, "svg")


def draw_png(
    result: LineageResult, title: str = "", options: ExportOptions = DEFAULT_OPTIONS
) -> Iterator[bytes]:
    """The picture as PNG; errors as in :func:`draw_svg`."""
    yield _draw(result, title, "png")


def choose_detail(relations: int, links: int) -> Detail:
    """All known columns up to 60 relations, columns with lineage up to 150, above that none.

    More than 800 column lines are never drawn one by one either.
    """
    if relations > MAX_COLUMN_RELATIONS or links > MAX_COLUMN_LINKS:
        return Detail.RELATIONS
    return Detail.LINKED if relations > MAX_FULL_RELATIONS else Detail.FULL


def choose_links(result: LineageResult, detail: Detail) -> tuple[Link, ...]:
    """One line for each pair of ends: solid where any edge between them is direct."""
    links: dict[tuple[ColumnRef, ColumnRef], bool] = {}
    for edge in result.edges():
        source, target = edge.source, edge.target
        if detail is Detail.RELATIONS:
            source, target = ColumnRef(source.relation, None), ColumnRef(target.relation, None)
        is_direct = edge.effect is Effect.DIRECT
        links[source, target] = links.get((source, target), False) or is_direct
    return tuple(Link(source, target, is_direct) for (source, target), is_direct in links.items())


def choose_rows(columns: Sequence[str], linked: Sequence[str], detail: Detail) -> tuple[tuple[str, ...], int]:
    """The columns a box shows, in order, and how many more it has.

    Columns with lineage are never left out; the others only fill up to 25 rows.
    """
    if detail is Detail.RELATIONS:
        return (), len(columns)
    keep = set(linked)
    spare = max(MAX_ROWS - len(keep), 0) if detail is Detail.FULL else 0
    rows = []
    for column in columns:
        if column in keep:
            rows.append(column)
        elif spare:
            spare -= 1
            rows.append(column)
    return tuple(rows), len(columns) - len(rows)


def _draw(result: LineageResult, title: str, image: str) -> bytes:
    try:
        import pygraphviz
    except ImportError as error:
        raise ExportError(
            "pictures need pygraphviz: pip install 'airflow-provider-sqlflow[images]'"
        ) from error
    columns = used_columns(result)
    detail = choose_detail(len(columns), len(choose_links(result, Detail.FULL)))
    links = choose_links(result, detail)
    if len(columns) > MAX_RELATIONS or len(links) > MAX_LINKS:
        raise ExportError(
            f"{len(columns)} relations with {len(links)} lines are too many for a picture (at most "
            f"{MAX_RELATIONS} and {MAX_LINKS}); export 'graphml' and open it in yEd, or analyse fewer files"
        )
    with _GRAPHVIZ:
        graph = pygraphviz.AGraph(directed=True, strict=False)
        try:
            _fill(graph, result, title, detail, columns, links)
            # Layout and rendering run inside this process; the wheel brings the library.
            return bytes(graph.draw(format=image, prog="dot"))
        except (ValueError, OSError) as error:
            raise ExportError(f"Graphviz could not draw the picture: {error}") from error
        finally:
            graph.close()


def _fill(
    graph: AGraph,
    result: LineageResult,
    title: str,
    detail: Detail,
    columns: dict[RelationId, tuple[str, ...]],
    links: Sequence[Link],
) -> None:
    names = RelationNames(result)
    kinds = tuple(dict.fromkeys(names.kind(relation) for relation in columns))
    graph.graph_attr.update(
        rankdir="LR",
        nodesep="0.28",
        ranksep="1.3",
        pad="0.3",
        bgcolor="white",
        fontname=_FONT,
        labelloc="t",
        labeljust="l",
        label=_legend(title, kinds, detail),
        outputorder="edgesfirst",
        **next(settings for most, settings in _LAYOUT_EFFORT if len(links) <= most),
    )
    graph.node_attr.update(shape="plain", fontname=_FONT, fontsize="11")
    graph.edge_attr.update(arrowsize="0.6")
    linked: dict[RelationId, dict[str, None]] = {}
    for link in links:
        for end in (link.source, link.target):
            if end.name is not None:
                linked.setdefault(end.relation, {})[end.name] = None
    ports: dict[ColumnRef, str] = {}
    numbers: dict[RelationId, str] = {}
    for number, (relation, fields) in enumerate(columns.items()):
        numbers[relation] = f"r{number}"
        rows, more = choose_rows(fields, tuple(linked.get(relation, ())), detail)
        ports.update({ColumnRef(relation, column): f"c{index}" for index, column in enumerate(rows)})
        graph.add_node(
            numbers[relation],
            label=_box(names.label(relation), names.kind(relation), rows, more),
            tooltip=printable(names.label(relation)).replace("\\", "\\\\") or " ",
        )
    for link in links:
        graph.add_edge(
            numbers[link.source.relation],
            numbers[link.target.relation],
            tailport=f"{ports.get(link.source, 'head')}:e",
            headport=f"{ports.get(link.target, 'head')}:w",
            style="solid" if link.is_direct else "dotted",
            penwidth="1.1" if link.is_direct else "1.4",
            color=DIRECT_COLOUR if link.is_direct else INDIRECT_COLOUR,
        )


def _box(label: str, kind: RelationKind, rows: Sequence[str], more: int) -> str:
    colour = KIND_COLOURS[kind]
    lines = [
        f'<TR><TD PORT="head" BGCOLOR="{colour}" ALIGN="LEFT"><FONT COLOR="{text_colour(colour)}">'
        f"<B>{_escape(label)}</B></FONT></TD></TR>"
    ]
    lines += [
        f'<TR><TD PORT="c{index}" BGCOLOR="white" ALIGN="LEFT">{_escape(column)}</TD></TR>'
        for index, column in enumerate(rows)
    ]
    if more and rows:
        lines.append(
            f'<TR><TD BGCOLOR="white" ALIGN="LEFT"><FONT COLOR="#777777">{more} more</FONT></TD></TR>'
        )
    body = "".join(lines)
    return (
        f'<<TABLE BORDER="0" CELLBORDER="1" CELLSPACING="0" CELLPADDING="4" COLOR="{_BORDER}">{body}</TABLE>>'
    )


def _legend(title: str, kinds: Sequence[RelationKind], detail: Detail) -> str:
    titles = {kind_title(kind): KIND_COLOURS[kind] for kind in kinds}
    cells = [
        f'<TD BGCOLOR="{colour}" BORDER="1" COLOR="{_BORDER}"><FONT COLOR="{text_colour(colour)}">'
        f"{text}</FONT></TD>"
        for text, colour in titles.items()
    ]
    cells.append(f'<TD><FONT COLOR="{DIRECT_COLOUR}">\u2500\u2500\u2500\u25b6 value flows</FONT></TD>')
    cells.append(
        f'<TD><FONT COLOR="{INDIRECT_COLOUR}">\u00b7\u00b7\u00b7\u00b7\u25b6 only decides '
        "(filter, join, group)</FONT></TD>"
    )
    note = detail.value if kinds else "no column lineage found"
    if note:
        cells.append(f'<TD><FONT COLOR="#777777">{note}</FONT></TD>')
    heading = ""
    if title:
        heading = (
            f'<TR><TD COLSPAN="{len(cells)}" ALIGN="LEFT"><FONT POINT-SIZE="16"><B>{_escape(title)}</B>'
            "</FONT></TD></TR>"
        )
    return (
        '<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="6" CELLPADDING="4">'
        f"{heading}<TR>{''.join(cells)}</TR></TABLE>>"
    )


def _escape(text: str) -> str:
    """Text for an HTML-like label: on one line, shortened, escaped.

    Graphviz replaces backslash sequences even there, and empty text would be a syntax error.
    """
    flat = " ".join(printable(text).split())
    shown = flat if len(flat) <= MAX_NAME else flat[: MAX_NAME - 1] + "\u2026"
    return html.escape(shown).replace("\\", "\\\\") or " "
