"""What a drawing shows of a result: which edges, boxes, rows and lines. All drawn formats ask here.

Readers give up, and Graphviz takes long, when everything of a large result is drawn, so the more there
is the less is shown (:class:`Detail`). One line joins two ends however many edges do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from airflow_provider_sqlflow.engine.model import (
    ColumnRef,
    Edge,
    Effect,
    LineageResult,
    RelationId,
    RelationKind,
)
from airflow_provider_sqlflow.formats.lookup import RelationNames, shown_edges, used_columns
from airflow_provider_sqlflow.formats.options import ExportOptions, ResultSets
from airflow_provider_sqlflow.formats.palette import one_line, shorten

MAX_TEXT = 100
MAX_FACTS = 6


class Detail(str, Enum):
    """How much of each relation a drawing shows. The value is the legend's note."""

    FULL = ""
    LINKED = "only columns that have lineage are shown"
    RELATIONS = "relations only: too many columns to draw"
    TIMED_OUT = "relations only, straight lines: drawing more took too long"
    TABLE_LEVEL = "relations only"

    @property
    def has_columns(self) -> bool:
        """Whether boxes have rows."""
        return self in (Detail.FULL, Detail.LINKED)


@dataclass(frozen=True, slots=True)
class Limits:
    """Up to how many relations and column lines a format draws columns."""

    full_relations: int
    column_relations: int
    column_links: int
    rows: int = 25
    """Columns without lineage only fill boxes up to so many rows."""

    def choose(self, relations: int, links: int) -> Detail:
        """The detail for a result of that size."""
        if relations > self.column_relations or links > self.column_links:
            return Detail.RELATIONS
        return Detail.LINKED if relations > self.full_relations else Detail.FULL


@dataclass(frozen=True, slots=True)
class Link:
    """A line. Ends with ``name=None`` are whole boxes.

    ``is_direct`` is true where any of its ``edges`` is direct. No edges: known at table level only.
    """

    source: ColumnRef
    target: ColumnRef
    is_direct: bool
    edges: tuple[Edge, ...] = ()


@dataclass(frozen=True, slots=True)
class Box:
    """A relation with the columns it shows, in order, and how many more it has."""

    relation: RelationId
    label: str
    kind: RelationKind
    rows: tuple[str, ...]
    more: int

    @property
    def group(self) -> str:
        """Database and schema, ``""`` for what has none."""
        parts = (self.relation.database, self.relation.schema)
        return ".".join(part for part in parts if part)


@dataclass(frozen=True, slots=True)
class Drawing:
    """Everything that is drawn, in reading order."""

    title: str
    detail: Detail
    boxes: tuple[Box, ...]
    links: tuple[Link, ...]

    @property
    def kinds(self) -> tuple[RelationKind, ...]:
        """The kinds of the boxes, for the legend."""
        return tuple(dict.fromkeys(box.kind for box in self.boxes))

    @property
    def note(self) -> str:
        """What the legend says about the detail."""
        return self.detail.value if self.boxes else "no column lineage found"


def select_edges(result: LineageResult, options: ExportOptions) -> tuple[Edge, ...]:
    """The column edges that the options leave; a one-row dummy such as DUAL is drawn with constants only."""
    kinds = result.kinds()
    return tuple(
        edge
        for edge in shown_edges(result, options)
        if options.constants or kinds.get(edge.source.relation) is not RelationKind.CONSTANT
    )


def join_columns(edges: Iterable[Edge]) -> tuple[Link, ...]:
    """One line for each pair of columns that an edge joins."""
    return _merge((edge.source, edge.target, edge) for edge in edges)


def join_relations(result: LineageResult, edges: Iterable[Edge], options: ExportOptions) -> tuple[Link, ...]:
    """One line for each pair of relations that an edge joins, or that the result joins without columns.

    ``INSERT INTO t SELECT 1 FROM s`` is such a case: rows of ``s`` decide how many ``t`` gets.
    """
    links = _merge(
        (ColumnRef(edge.source.relation, None), ColumnRef(edge.target.relation, None), edge) for edge in edges
    )
    known = {(link.source.relation, link.target.relation) for link in links}
    kinds = result.kinds()
    more = []
    # Without intermediates only: the chain through them holds every such step as an edge.
    if options.indirect and options.result_sets is not ResultSets.ALL:
        for edge in result.relation_edges():
            pair = (edge.source, edge.target)
            is_hidden = options.result_sets is ResultSets.NONE and RelationKind.RESULT in map(kinds.get, pair)
            if pair not in known and not is_hidden:
                known.add(pair)
                more.append(Link(ColumnRef(edge.source, None), ColumnRef(edge.target, None), is_direct=False))
    return tuple(
        link
        for link in (*links, *more)
        if options.self_lineage or link.source.relation != link.target.relation
    )


def _merge(ends: Iterable[tuple[ColumnRef, ColumnRef, Edge]]) -> tuple[Link, ...]:
    links: dict[tuple[ColumnRef, ColumnRef], list[Edge]] = {}
    for source, target, edge in ends:
        links.setdefault((source, target), []).append(edge)
    return tuple(
        Link(source, target, any(edge.effect is Effect.DIRECT for edge in edges), tuple(edges))
        for (source, target), edges in links.items()
    )


def plan(
    result: LineageResult,
    title: str,
    options: ExportOptions,
    limits: Limits,
    detail: Detail | None = None,
) -> Drawing:
    """Choose what is drawn.

    Args:
        result: what to draw.
        title: of the drawing.
        options: what to show.
        limits: of the format.
        detail: draw just so much instead of what the limits say.
    """
    edges = select_edges(result, options)
    links = join_columns(edges)
    if options.table_level and detail is None:
        detail = Detail.TABLE_LEVEL
    if detail is None:
        detail = limits.choose(len(used_columns(result, edges)), len(links))
    if not detail.has_columns:
        links = join_relations(result, edges, options)
    return Drawing(title, detail, _boxes(result, links, detail, limits.rows), links)


def _boxes(result: LineageResult, links: Sequence[Link], detail: Detail, most: int) -> tuple[Box, ...]:
    linked: dict[RelationId, set[str]] = {}
    for link in links:
        for end in (link.source, link.target):
            names = linked.setdefault(end.relation, set())
            if end.name is not None:
                names.add(end.name)
    names_of = RelationNames(result)
    boxes = []
    for relation, columns in used_columns(result, links).items():
        rows, more = choose_rows(columns, linked[relation], detail, most)
        boxes.append(Box(relation, names_of.label(relation), names_of.kind(relation), rows, more))
    return tuple(boxes)


def choose_rows(
    columns: Sequence[str], linked: set[str], detail: Detail, most: int
) -> tuple[tuple[str, ...], int]:
    """The columns a box shows, in order, and how many more it has.

    Columns with lineage are never left out; the others only fill up to ``most`` rows.
    """
    if not detail.has_columns:
        return (), len(columns)
    spare = max(most - len(linked), 0) if detail is Detail.FULL else 0
    rows = []
    for column in columns:
        if column in linked:
            rows.append(column)
        elif spare:
            spare -= 1
            rows.append(column)
    return tuple(rows), len(columns) - len(rows)


def explain(link: Link, names: RelationNames) -> str:
    """The line in words: its ends, then for each edge what it does, its expression and its place."""
    lines = [f"{name_end(link.source, names)} \u2192 {name_end(link.target, names)}"]
    facts = dict.fromkeys(_fact(edge) for edge in link.edges)
    lines += list(facts)[:MAX_FACTS]
    if len(facts) > MAX_FACTS:
        lines.append(f"+{len(facts) - MAX_FACTS} more")
    if not facts:
        lines.append("rows decide")
    return "\n".join(lines)


def _fact(edge: Edge) -> str:
    parts = [edge.subtype.value + (" masked" if edge.masking else "")]
    if edge.expression:
        parts.append(shorten(one_line(edge.expression), MAX_TEXT))
    if edge.span:
        parts.append(f"({one_line(str(edge.span))})")
    return " ".join(parts)


def name_end(end: ColumnRef, names: RelationNames) -> str:
    """``schema.table.column``, or ``schema.table`` for a whole row set, on one line."""
    label = one_line(names.label(end.relation))
    return label if end.name is None else f"{label}.{one_line(end.name)}"
