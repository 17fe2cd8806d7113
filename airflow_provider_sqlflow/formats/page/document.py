"""Lineage as one HTML page that needs no server and no network: a drawing to move in, search, paths.

Everything is in the file: style, program, drawing (extra ``images``) and data. A content security policy
lets nothing else load or run, whatever the names in the SQL are.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import resources
from typing import Any

from airflow_provider_sqlflow.engine.model import ColumnRef, LineageResult, RelationId
from airflow_provider_sqlflow.formats.dot import LIMITS
from airflow_provider_sqlflow.formats.drawing import (
    Detail,
    Drawing,
    Link,
    join_columns,
    join_relations,
    plan,
    select_edges,
)
from airflow_provider_sqlflow.formats.lookup import RelationNames, StatementLookup, used_columns
from airflow_provider_sqlflow.formats.options import DEFAULT_OPTIONS, ExportOptions
from airflow_provider_sqlflow.formats.page.lists import write_diagnostics, write_statements
from airflow_provider_sqlflow.formats.palette import kind_title, one_line
from airflow_provider_sqlflow.formats.picture import describe, draw, is_too_large
from airflow_provider_sqlflow.formats.svg import finish_svg

_NO_COLUMNS = "Too many columns to draw: tables only. Search and the paths still know every column."
_NO_DRAWING = "Too much for a drawing. Search for a table or a column to see its paths."


def iter_html(
    result: LineageResult, title: str = "", options: ExportOptions = DEFAULT_OPTIONS
) -> Iterator[str]:
    """The page in pieces.

    Raises:
        ExportError: pygraphviz is not installed, or Graphviz fails.
    """
    names = RelationNames(result)
    heading = one_line(title) or "SQL lineage"
    views = dict(_draw_views(result, names, options))
    yield _head(heading)
    yield _controls(heading, views)
    yield "<main>\n"
    for name, (drawing, image) in views.items():
        inline = finish_svg(image, heading, describe(drawing), inline_id=name).decode()
        yield inline if name == next(iter(views)) else inline.replace("<svg ", "<svg hidden='' ", 1)
    yield "" if views else f"<p>{_NO_DRAWING}</p>\n"
    yield '<div id="zoom"><button id="in" type="button" aria-label="Zoom in">+</button>'
    yield '<button id="out" type="button" aria-label="Zoom out">\u2212</button>'
    yield '<button id="fit" type="button">Fit</button></div>\n</main>\n<aside>\n'
    yield '<section id="path" aria-live="polite"></section>\n'
    yield from write_statements(result, names)
    yield from write_diagnostics(result)
    yield '</aside>\n<script type="application/json" id="data">'
    yield from _write_data(result, names, options, views)
    yield f"</script>\n<script>{_asset('page.js')}</script>\n</body>\n</html>\n"


def _draw_views(
    result: LineageResult, names: RelationNames, options: ExportOptions
) -> Iterator[tuple[str, tuple[Drawing, bytes]]]:
    """The drawings that can be made: ``columns`` while they are few enough, and ``tables``."""
    columns = plan(result, "", options, LIMITS)
    drawings = {"tables": plan(result, "", options, LIMITS, Detail.TABLE_LEVEL)}
    if columns.detail.has_columns:
        drawings = {"columns": columns, **drawings}
    for name, drawing in drawings.items():
        if is_too_large(drawing):
            continue
        try:
            yield name, (drawing, draw(drawing, names, "svg"))
        except TimeoutError:
            continue  # the page says that there is no such drawing


def _head(heading: str) -> str:
    style, program = _asset("page.css"), _asset("page.js")
    policy = (
        f"default-src 'none'; script-src '{_digest(program)}'; style-src '{_digest(style)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(heading)}</title>\n<style>{style}</style>\n</head>\n<body>\n"
    )


def _controls(heading: str, views: Iterable[str]) -> str:
    found = list(views)
    choices = "".join(
        f'<label><input type="radio" name="view" value="{name}"{" checked" if name == found[0] else ""}> '
        f"{name.capitalize()}</label>"
        for name in found
    )
    note = "" if "columns" in found or not found else f'<span class="note">{_NO_COLUMNS}</span>'
    return (
        f"<header>\n<h1>{html.escape(heading)}</h1>\n"
        '<form id="search" role="search"><input type="search" id="words" autocomplete="off" '
        'placeholder="Find a table or a column" aria-label="Find a table or a column">'
        '<ul id="matches"></ul></form>\n'
        f'<fieldset aria-label="View">{choices}</fieldset>\n'
        '<label><input type="checkbox" id="indirect"> with what only decides</label>\n'
        f"{note}</header>\n"
    )


def _write_data(
    result: LineageResult,
    names: RelationNames,
    options: ExportOptions,
    views: dict[str, tuple[Drawing, bytes]],
) -> Iterator[str]:
    edges = select_edges(result, options)
    tables = join_relations(result, edges, options)
    # What only the table level knows comes along as edges without columns.
    links = (
        tables if options.table_level else (*join_columns(edges), *(one for one in tables if not one.edges))
    )
    columns = used_columns(result, links)
    index = _Index(columns)
    yield '{"relations":['
    for number, (relation, fields) in enumerate(columns.items()):
        yield "," * bool(number) + _json(
            [names.label(relation), kind_title(names.kind(relation)), list(fields)]
        )
    yield '],"edges":['
    statements = StatementLookup(result)
    positions = {
        (statement.span.source_name, statement.index): number
        for number, statement in enumerate(result.statements)
    }
    is_first = True
    for link in links:
        for row in _rows(link, index, statements, positions):
            yield "," * (not is_first) + _json(row)
            is_first = False
    yield '],"views":'
    yield _json({name: _view(drawing, index) for name, (drawing, _) in views.items()})
    yield "}"


class _Index:
    """Numbers of relations and columns in the page's data."""

    def __init__(self, columns: dict[RelationId, tuple[str, ...]]) -> None:
        self.relations = {relation: number for number, relation in enumerate(columns)}
        self._columns = {
            ColumnRef(relation, name): number
            for relation, fields in columns.items()
            for number, name in enumerate(fields)
        }

    def end(self, end: ColumnRef) -> tuple[int, int]:
        """The numbers of a relation and a column; -1 stands for its rows."""
        return self.relations[end.relation], -1 if end.name is None else self._columns[end]


def _rows(
    link: Link, index: _Index, statements: StatementLookup, positions: dict[tuple[str, int], int]
) -> Iterator[list[object]]:
    """One row of data for each edge of a line, as the program reads it."""
    ends = (*index.end(link.source), *index.end(link.target))
    if not link.edges:
        yield [*ends, False, "rows", "", "", -1]
    seen = set()
    for edge in link.edges:
        found = statements.find(edge)
        number = positions.get((found.span.source_name, found.index), -1) if found else -1
        words = edge.subtype.value.lower().replace("_", " ") + (", masked" if edge.masking else "")
        row = (
            edge.effect.value == "DIRECT",
            words,
            edge.expression,
            str(edge.span) if edge.span else "",
            number,
        )
        if row not in seen:
            seen.add(row)
            yield [*ends, *row]


def _view(drawing: Drawing, index: _Index) -> dict[str, Any]:
    def name(end: ColumnRef) -> str:
        return ":".join(map(str, index.end(end)))

    return {
        "boxes": [index.relations[box.relation] for box in drawing.boxes],
        "rows": [[index.end(ColumnRef(box.relation, row))[1] for row in box.rows] for box in drawing.boxes],
        "links": [[name(link.source), name(link.target)] for link in drawing.links],
    }


def _json(value: object) -> str:
    """JSON that holds nothing HTML reads, so that it can stand inside an element."""
    text = json.dumps(value, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


@cache
def _asset(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
