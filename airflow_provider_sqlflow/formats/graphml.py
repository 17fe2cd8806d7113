"""Lineage as GraphML 1.0 with yFiles graphics, for the yEd editor and for graph tools.

A frame for each schema, in it a folder for each relation (coloured by kind), in it a node for each
column, and an edge for each column edge: solid where the value flows, dotted where it only decides.
Edges of a whole row set end at the folder. At table level relations are plain nodes and one edge joins
two of them. The data keys carry the facts without the graphics; yEd shows ``description`` as tooltip.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext

from airflow_provider_sqlflow.engine.model import ColumnRef, Edge, Effect, LineageResult, Subtype
from airflow_provider_sqlflow.formats.drawing import Box, Limits, Link, explain, plan, select_edges
from airflow_provider_sqlflow.formats.graphml_layout import HEADER_HEIGHT, PADDING, ROW_HEIGHT, Place, arrange
from airflow_provider_sqlflow.formats.graphml_writer import GraphmlWriter, Line
from airflow_provider_sqlflow.formats.lookup import RelationNames, StatementLookup
from airflow_provider_sqlflow.formats.options import DEFAULT_OPTIONS, ExportOptions
from airflow_provider_sqlflow.formats.palette import (
    BORDER_COLOUR,
    DIRECT_COLOUR,
    INDIRECT_COLOUR,
    KIND_COLOURS,
    ROW_COLOUR,
    kind_title,
)

LIMITS = Limits(*[10**9] * 4)
"""None: an editor has room for everything."""

_NODE_FACTS = ("kind", "database", "schema", "name", "column", "description")
_EDGE_FACTS = ("effect", "subtype", "masking", "expression", "place", "statementKind", "description")


def iter_graphml(
    result: LineageResult, title: str = "", options: ExportOptions = DEFAULT_OPTIONS
) -> Iterator[str]:
    """The document in pieces of about a relation or an edge each."""
    names = RelationNames(result)
    drawing = plan(result, title, options, LIMITS)
    layout = arrange(drawing.boxes, drawing.links)
    groups: dict[str, list[Box]] = {}
    for box in drawing.boxes:
        groups.setdefault(box.group, []).append(box)
    ids: dict[ColumnRef, str] = {}
    writer = GraphmlWriter(_NODE_FACTS, _EDGE_FACTS)
    with writer.document(title):
        yield writer.take()
        for number, (group, members) in enumerate(groups.items()):
            frame = f"g{number}"
            prefix = f"{frame}::" if group else ""
            with _frame(writer, frame, members[0], layout.groups.get(group)):
                for at, box in enumerate(members):
                    _write_box(writer, f"{prefix}n{at}", box, layout.boxes[box.relation], ids)
                    yield writer.take()
        links = drawing.links if options.table_level else _single(select_edges(result, options))
        statements = StatementLookup(result)
        for count, link in enumerate(links):
            line = Line(
                link.is_direct, DIRECT_COLOUR if link.is_direct else INDIRECT_COLOUR, _line_label(link)
            )
            facts = {**_facts(link, statements), "description": explain(link, names)}
            writer.edge(f"e{count}", ids[link.source], ids[link.target], line, facts)
            yield writer.take()
    yield writer.take() + "\n"


def _single(edges: Iterable[Edge]) -> Iterator[Link]:
    """A line for each edge, so that none of its facts is lost."""
    for edge in edges:
        yield Link(edge.source, edge.target, edge.effect is Effect.DIRECT, (edge,))


def _frame(
    writer: GraphmlWriter, number: str, first: Box, place: Place | None
) -> AbstractContextManager[None]:
    """The frame of a schema; relations without one lie in none."""
    if place is None:
        return nullcontext()
    facts = {
        "kind": "schema",
        "database": first.relation.database or "",
        "schema": first.relation.schema or "",
    }
    return writer.folder(number, first.group, BORDER_COLOUR, place, facts)


def _write_box(writer: GraphmlWriter, number: str, box: Box, place: Place, ids: dict[ColumnRef, str]) -> None:
    """A relation with its columns; fills in where edges end."""
    relation = box.relation
    facts = {
        "kind": box.kind.value,
        "database": relation.database or "",
        "schema": relation.schema or "",
        "name": relation.name,
        "description": f"{box.label}\n{kind_title(box.kind)}",
    }
    ids[ColumnRef(relation, None)] = number
    colour = KIND_COLOURS[box.kind]
    if not box.rows:
        writer.node(number, box.label, colour, place, facts)
        return
    with writer.folder(number, box.label, colour, place, facts):
        for at, column in enumerate(box.rows):
            ids[ColumnRef(relation, column)] = f"{number}::c{at}"
            row = Place(
                place.x + PADDING,
                place.y + HEADER_HEIGHT + PADDING + at * ROW_HEIGHT,
                place.width - 2 * PADDING,
                ROW_HEIGHT,
            )
            writer.node(f"{number}::c{at}", column, ROW_COLOUR, row, {"column": column})


def _line_label(link: Link) -> str:
    """What the line does, in small letters; a plain copy needs no word."""
    subtypes = dict.fromkeys(edge.subtype for edge in link.edges if edge.subtype is not Subtype.IDENTITY)
    return ", ".join(subtype.value.lower().replace("_", " ") for subtype in subtypes)


def _facts(link: Link, statements: StatementLookup) -> dict[str, str]:
    """What the data keys say. Several edges in one line list what differs."""
    found = [statements.find(edge) for edge in link.edges]
    return {
        "effect": (Effect.DIRECT if link.is_direct else Effect.INDIRECT).value,
        "subtype": _distinct(edge.subtype.value for edge in link.edges),
        "masking": str(bool(link.edges) and all(edge.masking for edge in link.edges)).lower(),
        "expression": link.edges[0].expression if len(link.edges) == 1 else "",
        "place": str(link.edges[0].span or "") if len(link.edges) == 1 else "",
        "statementKind": _distinct(statement.kind.value for statement in found if statement),
    }


def _distinct(words: Iterable[str]) -> str:
    return " ".join(dict.fromkeys(words))
