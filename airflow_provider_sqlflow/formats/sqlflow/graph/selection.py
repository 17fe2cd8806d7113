"""A part of a document: one object and what it is connected with, or the ways to and from some tables.

Reference sqlflow-api, sections 4.5, 4.8 and 4.9. What is selected keeps its ids.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from airflow_provider_sqlflow.formats.sqlflow.graph.contents import (
    Contents,
    Link,
    full_name,
    qualified_name,
)
from airflow_provider_sqlflow.formats.sqlflow.graph.left_most import collapse
from airflow_provider_sqlflow.formats.sqlflow.graph.names import EVERY_TABLE, NamePattern
from airflow_provider_sqlflow.formats.sqlflow.graph.subset import keep_links, keep_relations
from airflow_provider_sqlflow.formats.sqlflow.pieces import JsonObject


class SelectionKind(str, Enum):
    """What is asked for."""

    OBJECT = "object"
    """Named objects with everything connected upstream and downstream."""
    UPSTREAM = "upstream"
    """What feeds the tables that match a pattern."""
    DOWNSTREAM = "downstream"
    """What the tables that match a pattern feed."""
    LEFT_MOST = "left_most"
    """Where the tables that match a pattern have everything from in the end, without the way."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What to select.

    Attributes:
        kind: which of the following count.
        server: for ``OBJECT``, like the next four: a name, without case and quotes; empty matches any.
        database: likewise.
        schema: likewise.
        table: likewise; may be qualified.
        column: likewise.
        table_pattern: for the other kinds: a regular expression on the whole qualified name, without case.
            A name is tried with the parts it has and with ``DEFAULT`` for those it has not.
        table_column: of those tables only this column; empty: all.
        distance: how many tables to follow from the selected ones, ``None`` for all. Result sets,
            functions and statements in between do not count.
        stop_at: a regular expression like ``table_pattern``: tables that match are shown but not passed.
            Empty: no table stops.
    """

    kind: SelectionKind = SelectionKind.OBJECT
    server: str = ""
    database: str = ""
    schema: str = ""
    table: str = ""
    column: str = ""
    table_pattern: str = EVERY_TABLE
    table_column: str = ""
    distance: int | None = None
    stop_at: str = ""

    @property
    def is_everything(self) -> bool:
        """Whether nothing is left out."""
        names = (self.server, self.database, self.schema, self.table, self.column)
        return self.kind is SelectionKind.OBJECT and not any(names)


def select(document: Mapping[str, object], selection: Selection) -> JsonObject:
    """The selected part of a document, under the same ids.

    An object that is selected by its name stays even where nothing is connected with it; all else without
    a relation leaves. A column selects its table where relations join whole tables.

    Args:
        document: ``data.sqlflow`` of an answer, at column or table level.
        selection: what to select.

    Raises:
        ExportOptionError: a pattern is no regular expression that can be used.
    """
    if selection.is_everything:
        return dict(document)
    contents = Contents(document)
    starts = find_starts(contents, selection)
    if selection.kind is SelectionKind.LEFT_MOST:
        return keep_relations(contents, collapse(contents, starts))
    stop = NamePattern("stopat", selection.stop_at) if selection.stop_at else None

    def stops(owner: str) -> bool:
        return stop is not None and owner in contents.objects and _matches(stop, contents.objects[owner])

    links: dict[Link, None] = {}
    reached = set(starts)
    for is_forward in _DIRECTIONS[selection.kind]:
        way = walk(contents, starts, is_forward=is_forward, distance=selection.distance, stops=stops)
        links.update(dict.fromkeys(way.links))
        reached.update(way.distances)
    links.update(dict.fromkeys(_comparisons(contents, set(starts), reached)))
    extra: list[str] = []
    if selection.kind is SelectionKind.OBJECT and (selection.table or selection.column):
        extra = [contents.owner[start] for start in starts]
    return keep_links(contents, links, extra)


_DIRECTIONS = {
    SelectionKind.OBJECT: (False, True),
    SelectionKind.UPSTREAM: (False,),
    SelectionKind.DOWNSTREAM: (True,),
}


def find_starts(contents: Contents, selection: Selection) -> list[str]:
    """Ids of the columns and tables that the selection names."""
    column = selection.table_column
    if selection.kind is SelectionKind.OBJECT:
        column = selection.column
        found = contents.find(selection.table, selection.database, selection.schema, selection.server)
    else:
        pattern = NamePattern("tableNamePattern", selection.table_pattern)
        found = [
            object_id
            for object_id, item in contents.objects.items()
            if contents.is_stored(object_id) and _matches(pattern, item)
        ]
    starts: list[str] = []
    for object_id in found:
        if not column:
            starts += contents.ends_of(object_id)
        elif columns := contents.columns_named(object_id, column):
            starts += [object_id, *columns]  # the object: for relations between whole tables
    return starts


@dataclass(frozen=True, slots=True)
class Way:
    """What can be reached.

    Attributes:
        links: the links that lead there.
        distances: how many stored objects away each column or table is; 0 for where it began.
    """

    links: tuple[Link, ...]
    distances: Mapping[str, int]


def walk(
    contents: Contents,
    starts: Iterable[str],
    *,
    is_forward: bool,
    distance: int | None = None,
    stops: Callable[[str], bool] = lambda owner: False,
) -> Way:
    """Follow all ways from the starts along the flow, or against it.

    A step that leaves a stored object is one further away; steps within a statement are free.
    """
    steps: dict[str, list[Link]] = {}
    for link in contents.links:
        if link.is_flow:
            steps.setdefault(link.source if is_forward else link.target, []).append(link)
    begun = dict.fromkeys(starts, 0)
    far = dict(begun)
    queue = deque(begun.items())
    found: dict[Link, None] = {}
    while queue:
        node, cost = queue.popleft()
        owner = contents.owner[node]
        if cost > far[node] or (node not in begun and stops(owner)):
            continue
        for link in steps.get(node, ()):
            other = link.target if is_forward else link.source
            price = int(contents.is_stored(owner) and contents.owner[other] != owner)
            if distance is not None and cost + price > distance:
                continue
            found[link] = None
            if cost + price < far.get(other, cost + price + 1):
                far[other] = cost + price
                (queue.append if price else queue.appendleft)((other, cost + price))
    return Way(tuple(found), far)


def _comparisons(contents: Contents, starts: set[str], reached: set[str]) -> list[Link]:
    """Joins and foreign keys: of what is selected, and between what was reached."""
    return [
        link
        for link in contents.links
        if not link.is_flow
        and (
            (link.source in reached and link.target in reached)
            or link.source in starts
            or link.target in starts
        )
    ]


def _matches(pattern: NamePattern, item: JsonObject) -> bool:
    return pattern.matches(qualified_name(item)) or pattern.matches(full_name(item))
