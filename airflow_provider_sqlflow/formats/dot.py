r"""Lineage as DOT, Graphviz's language; the pictures are drawn from it.

Relations are boxes with their columns as rows, sources on the left. A solid line says that the value
flows, a dotted one that it only decides; lines of a whole row set end at the box's header. Headers have
the colour of the relation's kind. Boxes, rows and lines have ids (``b0``, ``b0c2``, ``e5``) and tooltips,
which an SVG keeps. No frames around schemas: Graphviz leads the lines around them, in long detours.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence

from airflow_provider_sqlflow.engine.model import ColumnRef, LineageResult, RelationId
from airflow_provider_sqlflow.formats.drawing import Box, Detail, Drawing, Limits, explain, plan
from airflow_provider_sqlflow.formats.lookup import RelationNames
from airflow_provider_sqlflow.formats.options import DEFAULT_OPTIONS, ExportOptions
from airflow_provider_sqlflow.formats.palette import (
    BORDER_COLOUR,
    DIRECT_COLOUR,
    INDIRECT_COLOUR,
    KIND_COLOURS,
    NOTE_COLOUR,
    kind_title,
    line_colour,
    one_line,
    printable,
    shorten,
    text_colour,
)

LIMITS = Limits(full_relations=60, column_relations=150, column_links=800)
MAX_NAME = 44

FONT = "DejaVu Sans,Helvetica,Arial,sans-serif"

_HASTY = {"nslimit": "0.2", "nslimit1": "0.2", "mclimit": "0.02", "splines": "line"}
_LAYOUT_EFFORT: tuple[tuple[float, Mapping[str, str]], ...] = (
    (300, {}),
    (800, {"nslimit": "1", "nslimit1": "1", "mclimit": "0.2"}),
    (float("inf"), _HASTY),
)
"""Graphviz settings up to a number of lines. They keep tangled graphs near ten seconds: with its own
settings Graphviz took four minutes for 1450 lines between 60 relations without any order."""


def iter_dot(
    result: LineageResult, title: str = "", options: ExportOptions = DEFAULT_OPTIONS
) -> Iterator[str]:
    """The DOT text in pieces of about a box or a line each."""
    yield from write_dot(plan(result, title, options, LIMITS), RelationNames(result))


def write_dot(drawing: Drawing, names: RelationNames) -> Iterator[str]:
    """A drawing as DOT text, piece by piece."""
    effort = next(settings for most, settings in _LAYOUT_EFFORT if len(drawing.links) <= most)
    if drawing.detail is Detail.TIMED_OUT:
        effort = _HASTY
    yield "digraph lineage {\n"
    yield graph_attributes(nodesep="0.25", ranksep="1.3", **effort)
    yield f"  label={_legend(drawing)}\n"
    yield NODE_ATTRIBUTES
    yield attributes("edge", arrowsize="0.6")
    ports: dict[ColumnRef, str] = {}
    shades: dict[RelationId, int] = {}
    for number, box in enumerate(drawing.boxes):
        name = f"b{number}"
        shades[box.relation] = number
        ports[ColumnRef(box.relation, None)] = f"{name}:head"
        ports.update({ColumnRef(box.relation, row): f"{name}:c{at}" for at, row in enumerate(box.rows)})
        yield f"  {name} [id={name} label={_table(name, box)}]\n"
    for number, link in enumerate(drawing.links):
        yield attributes(
            f"{ports[link.source]}:e -> {ports[link.target]}:w",
            **{"class": "direct" if link.is_direct else "indirect"},
            id=f"e{number}",
            style="solid" if link.is_direct else "dotted",
            penwidth="1.1" if link.is_direct else "1.4",
            color=line_colour(link.is_direct, shades[link.source.relation]),
            tooltip=explain(link, names),
        )
    yield "}\n"


def graph_attributes(*, nodesep: str, ranksep: str, **layout: str) -> str:
    """The DOT statement of a picture from left to right, with its legend on top.

    Args:
        nodesep: inches between boxes of a rank.
        ranksep: inches between ranks.
        layout: further attributes.
    """
    return attributes(
        "graph",
        rankdir="LR",
        nodesep=nodesep,
        ranksep=ranksep,
        pad="0.3",
        bgcolor="white",
        fontname=FONT,
        labelloc="t",
        labeljust="l",
        outputorder="edgesfirst",
        **layout,
    )


def attributes(owner: str, **values: str) -> str:
    """A DOT statement: attributes of a node, a line, or of all of them."""
    return f"  {owner} [{' '.join(f'{key}={quote(value)}' for key, value in values.items())}]\n"


def quote(text: str) -> str:
    r"""Text as a DOT string. Graphviz reads ``\N`` and the like in most attributes, so backslashes double.

    Line breaks stay, other control codes become spaces.
    """
    lines = (printable(line).replace("\\", "\\\\").replace('"', '\\"') for line in text.split("\n"))
    return '"' + "\\n".join(lines) + '"'


NODE_ATTRIBUTES = attributes("node", shape="plain", fontname=FONT, fontsize="11")
"""Of all boxes: they are tables with a look of their own."""


def _table(name: str, box: Box) -> str:
    colour = KIND_COLOURS[box.kind]
    tip = f"{box.label}\n{kind_title(box.kind)}"
    lines = [
        f'<TR><TD PORT="head" ID="{name}h" TITLE="{escape(tip)}" BGCOLOR="{colour}" ALIGN="LEFT">'
        f'<FONT COLOR="{text_colour(colour)}"><B>{label(box.label)}</B></FONT></TD></TR>'
    ]
    lines += [
        f'<TR><TD PORT="c{at}" ID="{name}c{at}" TITLE="{escape(f"{box.label}.{row}")}" BGCOLOR="white" '
        f'ALIGN="LEFT">{label(row)}</TD></TR>'
        for at, row in enumerate(box.rows)
    ]
    if box.more and box.rows:
        lines.append(
            f'<TR><TD BGCOLOR="white" ALIGN="LEFT"><FONT COLOR="{NOTE_COLOUR}">+{box.more} more</FONT>'
            "</TD></TR>"
        )
    return (
        f'<<TABLE BORDER="0" CELLBORDER="1" CELLSPACING="0" CELLPADDING="4" COLOR="{BORDER_COLOUR}">'
        f"{''.join(lines)}</TABLE>>"
    )


def _legend(drawing: Drawing) -> str:
    titles = {kind_title(kind): KIND_COLOURS[kind] for kind in drawing.kinds}
    cells = [
        f'<TD BGCOLOR="{colour}" BORDER="1" COLOR="{BORDER_COLOUR}"><FONT COLOR="{text_colour(colour)}">'
        f"{text}</FONT></TD>"
        for text, colour in titles.items()
    ]
    cells.append(f'<TD><FONT COLOR="{DIRECT_COLOUR}">\u2500\u2500\u2500\u25b6 value flows</FONT></TD>')
    cells.append(
        f'<TD><FONT COLOR="{INDIRECT_COLOUR}">\u00b7\u00b7\u00b7\u00b7\u25b6 only decides '
        "(filter, join, group)</FONT></TD>"
    )
    if drawing.note:
        cells.append(f'<TD><FONT COLOR="{NOTE_COLOUR}">{drawing.note}</FONT></TD>')
    return legend_table(drawing.title, cells)


def legend_table(title: str, cells: Sequence[str]) -> str:
    """A picture's heading: the title above a row of cells."""
    heading = ""
    if title:
        heading = (
            f'<TR><TD COLSPAN="{len(cells)}" ALIGN="LEFT"><FONT POINT-SIZE="16"><B>{label(title)}</B>'
            "</FONT></TD></TR>"
        )
    return (
        '<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="6" CELLPADDING="4">'
        f"{heading}<TR>{''.join(cells)}</TR></TABLE>>"
    )


def label(text: str) -> str:
    """Text for an HTML-like label: on one line, shortened, escaped; never empty, which is an error."""
    return escape(shorten(one_line(text), MAX_NAME)) or " "


def escape(text: str) -> str:
    """Text inside an HTML-like label. Graphviz replaces backslash sequences even there."""
    lines = (html.escape(printable(line)).replace("\\", "\\\\") for line in text.split("\n"))
    return "&#10;".join(lines)
