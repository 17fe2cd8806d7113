"""Tables as lists: where tables have everything from in the end, and what lies how far up or down.

Reference sqlflow-api, sections 4.13 and 5.16; the shapes are ours.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from airflow_provider_sqlflow.engine.model import LineageResult
from airflow_provider_sqlflow.formats.csv_rows import HEADER, TABLE_HEADER
from airflow_provider_sqlflow.formats.options import ExportOptions
from airflow_provider_sqlflow.formats.sqlflow.chain import Texts
from airflow_provider_sqlflow.formats.sqlflow.graph.answer import GraphRequest, make_document
from airflow_provider_sqlflow.formats.sqlflow.graph.contents import Contents, place_of
from airflow_provider_sqlflow.formats.sqlflow.graph.names import EVERY_TABLE
from airflow_provider_sqlflow.formats.sqlflow.graph.selection import (
    Selection,
    SelectionKind,
    find_starts,
    walk,
)
from airflow_provider_sqlflow.formats.sqlflow.pieces import JsonObject

_COLUMN_ENDS = HEADER[:8]
_TABLE_ENDS = TABLE_HEADER[:6]


def left_most_tables(
    result: LineageResult,
    options: ExportOptions,
    texts: Texts,
    table_pattern: str = EVERY_TABLE,
    table_column: str = "",
) -> list[JsonObject]:
    """Origin tables of the tables that match: ``{source, target}``, each ``{database, schema, table}``.

    Where a column is asked for, both ends have their ``column``, and the ways are those of columns.

    Raises:
        ExportOptionError: the pattern is no regular expression that can be used.
    """
    selection = Selection(SelectionKind.LEFT_MOST, table_pattern=table_pattern, table_column=table_column)
    request = GraphRequest(table_level=not table_column, selection=selection, relation_limit=None)
    contents = Contents(make_document(result, options, texts, request)[1])
    pairs: dict[tuple[str, ...], JsonObject] = {}
    for link in contents.links:
        source, target = (_named(contents, end, table_column) for end in (link.source, link.target))
        pairs.setdefault((*source.values(), *target.values()), {"source": source, "target": target})
    return list(pairs.values())


def left_most_csv(pairs: Iterable[JsonObject], table_column: str = "", delimiter: str = ",") -> str:
    """Such pairs as CSV, with the names of SQLFlow's other CSV files."""
    keys = ("database", "schema", "table", "column") if table_column else ("database", "schema", "table")
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=delimiter)
    writer.writerow(_COLUMN_ENDS if table_column else _TABLE_ENDS)
    for pair in pairs:
        writer.writerow([pair[end][key] for end in ("source", "target") for key in keys])
    return stream.getvalue()


def tables_by_level(
    result: LineageResult,
    options: ExportOptions,
    texts: Texts,
    start: Selection,
    *,
    is_forward: bool,
    levels: int | None = None,
) -> list[JsonObject]:
    """The stored objects downstream or upstream of a table or column, nearest first.

    Each is ``{level, database, schema, table, columns}``: ``level`` 1 is one statement away, ``columns`` are
    those that were reached.

    Args:
        result: the lineage.
        options: which relations count and how names are written.
        texts: the SQL texts by file name.
        start: table and column by name.
        is_forward: downstream.
        levels: how far to go; ``None`` for to the end.
    """
    contents = Contents(make_document(result, options, texts, GraphRequest(relation_limit=None))[1])
    starts = find_starts(contents, start)
    begun = {contents.owner[end] for end in starts}
    way = walk(contents, starts, is_forward=is_forward, distance=levels)
    nearest: dict[str, int] = {}
    columns: dict[str, list[str]] = {}
    for end, distance in way.distances.items():
        owner = contents.owner[end]
        if owner in begun or not contents.is_stored(owner):
            continue
        nearest[owner] = min(distance, nearest.get(owner, distance))
        column = contents.columns.get(end, {})
        if column and column.get("uiVisible") is not False:
            columns.setdefault(owner, []).append(column["name"])
    ranked = sorted(nearest, key=nearest.__getitem__)  # stable: equal levels keep the order of the walk
    return [
        {"level": nearest[owner], **_named(contents, owner), "columns": columns.get(owner, [])}
        for owner in ranked
    ]


def _named(contents: Contents, end: str, column: str = "") -> dict[str, str]:
    """Database, schema and table of an end; its column where columns are asked for."""
    item = contents.objects[contents.owner[end]]
    database, schema = place_of(item)
    named = {"database": database, "schema": schema, "table": item["displayName"]}
    return {**named, "column": contents.columns[end]["name"]} if column else named
