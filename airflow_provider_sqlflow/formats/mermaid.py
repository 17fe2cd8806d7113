"""Lineage as a Mermaid flowchart, for Markdown pages, pull requests and wikis that draw it.

A subgraph for each relation with a node for each column that has lineage, and one named ``[rows]`` where
lines of its whole row set end (Mermaid fails on a line from a subgraph to its own node); from 31 relations
or 201 lines on, relations are plain nodes. ``-->`` says that the value flows, ``-.->`` that it only decides.

Mermaid refuses more than 500 lines or 50,000 characters unless the page that draws says otherwise, so a
larger chart says so in a comment.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from airflow_provider_sqlflow.engine.model import ColumnRef, LineageResult
from airflow_provider_sqlflow.formats.drawing import Drawing, Limits, plan
from airflow_provider_sqlflow.formats.options import DEFAULT_OPTIONS, ExportOptions
from airflow_provider_sqlflow.formats.palette import (
    DIRECT_COLOUR,
    INDIRECT_COLOUR,
    KIND_COLOURS,
    one_line,
    shorten,
    text_colour,
)

LIMITS = Limits(full_relations=0, column_relations=30, column_links=200)
MAX_LINKS = 500
"""Mermaid's own ``maxEdges``."""
MAX_NAME = 60

_PLAIN = re.compile(r"[^\W_]|[ _.()/,-]")


def iter_mermaid(
    result: LineageResult, title: str = "", options: ExportOptions = DEFAULT_OPTIONS
) -> Iterator[str]:
    """The flowchart, line by line."""
    drawing = plan(result, title, options, LIMITS)
    if title:
        yield f"---\ntitle: {json.dumps(one_line(title))}\n---\n"
    yield "flowchart LR\n"
    if drawing.note:
        yield f"  %% {drawing.note}\n"
    if len(drawing.links) > MAX_LINKS:
        yield f"  %% {len(drawing.links)} lines: the page needs a larger maxEdges and maxTextSize\n"
    nodes: dict[ColumnRef, str] = {}
    yield from _write_boxes(drawing, nodes)
    for link in drawing.links:
        arrow = "-->" if link.is_direct else "-.->"
        yield f"  {nodes[link.source]} {arrow} {nodes[link.target]}\n"
    yield from _write_styles(drawing)


def _write_boxes(drawing: Drawing, nodes: dict[ColumnRef, str]) -> Iterator[str]:
    ends = {end for link in drawing.links for end in (link.source, link.target)}
    for number, box in enumerate(drawing.boxes):
        rows = ColumnRef(box.relation, None)
        name = nodes[rows] = f"b{number}"
        if not box.rows:
            yield f"  {name}[{quote(box.label)}]\n"
            continue
        yield f"  subgraph {name}[{quote(box.label)}]\n"
        for at, row in enumerate(box.rows):
            column = nodes[ColumnRef(box.relation, row)] = f"{name}c{at}"
            yield f"    {column}[{quote(row)}]\n"
        if rows in ends:
            nodes[rows] = f"{name}r"
            yield f"    {name}r([{quote('[rows]')}])\n"
        yield "  end\n"


def _write_styles(drawing: Drawing) -> Iterator[str]:
    for kind in drawing.kinds:
        colour = KIND_COLOURS[kind]
        members = ",".join(f"b{number}" for number, box in enumerate(drawing.boxes) if box.kind is kind)
        yield f"  classDef {kind.value} fill:{colour},stroke:{colour},color:{text_colour(colour)}\n"
        yield f"  class {members} {kind.value}\n"
    for is_direct, colour in ((True, DIRECT_COLOUR), (False, INDIRECT_COLOUR)):
        numbers = [str(at) for at, link in enumerate(drawing.links) if link.is_direct is is_direct]
        if numbers:
            yield f"  linkStyle {','.join(numbers)} stroke:{colour}\n"


def quote(text: str) -> str:
    """Text as a Mermaid label: everything that Mermaid or its Markdown may read becomes an entity."""
    shown = shorten(one_line(text), MAX_NAME) or " "
    return '"' + "".join(char if _PLAIN.match(char) else f"#{ord(char)};" for char in shown) + '"'
