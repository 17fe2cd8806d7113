"""Counts of a document, and the documents of answers that would be too large.

Reference sqlflow-api, sections 1.5 and 4.2.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from airflow_provider_sqlflow.formats.options import ExportOptions, ResultSets
from airflow_provider_sqlflow.formats.sqlflow.graph.contents import Contents, place_of
from airflow_provider_sqlflow.formats.sqlflow.graph.subset import without_columns
from airflow_provider_sqlflow.formats.sqlflow.model import TABLE_COLUMN
from airflow_provider_sqlflow.formats.sqlflow.pieces import JsonObject
from airflow_provider_sqlflow.formats.sqlflow.shapes import is_rows

GLOBAL = "global"
SUMMARY = "summary"

_MOST = 3


def summarize(document: Mapping[str, object]) -> JsonObject:
    """Counts of what the document holds, and the three tables with most relations."""
    contents = Contents(document)
    places = {place_of(item) for key, item in contents.objects.items() if contents.is_stored(key)}
    tables = {key for key, list_name in contents.lists.items() if list_name == "tables"}
    uses: Counter[str] = Counter()
    for relation in contents.relations:
        ends = [relation["target"], *relation["sources"]]
        owners = dict.fromkeys(contents.owner[end["id"]] for end in ends)
        uses.update([owner for owner in owners if owner in tables])
    most = [contents.objects[key] for key, _ in uses.most_common(_MOST)]  # equal counts: reading order
    return {
        "schema": len({place for place in places if place[1]}),
        "process": len(contents.processes),
        "database": len({database for database, _ in places if database}),
        "view": sum(list_name == "views" for list_name in contents.lists.values()),
        "table": len(tables),
        "column": sum(not _is_pseudo(column) for column in contents.columns.values()),
        "relationship": len(contents.relations),
        "mostRelationTables": [{"schema": place_of(item)[1], "table": item["displayName"]} for item in most],
    }


def limited(
    make: Callable[[ExportOptions], JsonObject], options: ExportOptions, limit: int | None
) -> tuple[str, JsonObject]:
    """The mode of an answer, and its document.

    One with more relations than the limit is made again without result sets in between. If that is still
    too large, the mode is :data:`SUMMARY`: only what :func:`objects_only` leaves may be shown.

    Args:
        make: makes the document.
        options: what to show.
        limit: ``None`` for none.
    """
    document = make(options)
    if limit is not None and len(document["relationships"]) > limit and options.result_sets is ResultSets.ALL:
        document = make(replace(options, result_sets=ResultSets.TOP))
    if limit is not None and len(document["relationships"]) > limit:
        return SUMMARY, document
    return GLOBAL, document


def objects_only(document: Mapping[str, object]) -> JsonObject:
    """What an answer of mode ``summary`` holds: the objects' names, and the errors."""
    return without_columns(Contents(document))


def _is_pseudo(column: Mapping[str, Any]) -> bool:
    """Whether a column stands for the rows of its object, or for the object as a whole."""
    is_placeholder = column["name"] == TABLE_COLUMN and column.get("uiVisible") is False
    return is_placeholder or is_rows(column["name"])
