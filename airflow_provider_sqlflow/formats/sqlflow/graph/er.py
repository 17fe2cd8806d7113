"""The answer of an E-R operation: declared tables, and foreign keys as relations of type ``er``.

Facts: reference sqlflow-api, section 4.10, and sqlflow-lineage-model, section 11.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from airflow_provider_sqlflow.engine.model import LineageResult
from airflow_provider_sqlflow.formats.options import ExportOptions, ResultSets
from airflow_provider_sqlflow.formats.sqlflow.chain import Texts, no_texts
from airflow_provider_sqlflow.formats.sqlflow.graph.answer import GraphRequest, make_document
from airflow_provider_sqlflow.formats.sqlflow.graph.contents import Contents
from airflow_provider_sqlflow.formats.sqlflow.graph.graph import build_graph
from airflow_provider_sqlflow.formats.sqlflow.graph.labels import Labels
from airflow_provider_sqlflow.formats.sqlflow.graph.selection import Selection
from airflow_provider_sqlflow.formats.sqlflow.graph.subset import keep_links
from airflow_provider_sqlflow.formats.sqlflow.graph.summary import GLOBAL, summarize
from airflow_provider_sqlflow.formats.sqlflow.pieces import JsonObject

_DECLARED = frozenset({"dataType", "primaryKey", "foreignKey", "unqiueKey", "indexKey"})


def er_answer(
    result: LineageResult,
    options: ExportOptions,
    texts: Texts = no_texts,
    selection: Selection | None = None,
) -> JsonObject:
    """The ``data`` of an answer: ``mode``, ``summary``, ``sqlflow`` and ``graph``, all columns listed.

    Args:
        result: the lineage.
        options: only how names are written counts.
        texts: the SQL texts by file name.
        selection: the names of its tables count: these are shown, and those that a foreign key joins with
            one of them.
    """
    document, labels = er_document(result, options, texts, selection)
    graph = build_graph(document, labels=labels, show_link_only=False)
    return {"mode": GLOBAL, "summary": summarize(document), "sqlflow": document, "graph": graph}


def er_document(
    result: LineageResult, options: ExportOptions, texts: Texts, selection: Selection | None
) -> tuple[JsonObject, Labels]:
    """The document of such an answer, and the names that its graph shows."""
    options = replace(
        options,
        direct=False,
        indirect=False,
        joins=False,
        calls=False,
        functions=False,
        constants=False,
        table_level=False,
        keys=True,
        result_sets=ResultSets.NONE,
    )
    _, whole, labels = make_document(result, options, texts, GraphRequest(relation_limit=None))
    contents = Contents(whole)
    shown = _entities(contents)
    links = contents.links
    if selection is not None and not selection.is_everything:
        found = contents.find(selection.table, selection.database, selection.schema, selection.server)
        named = {
            key for key in found if not selection.column or contents.columns_named(key, selection.column)
        }
        shown = [key for key in shown if key in named]
        links = tuple(link for link in links if named & _owners(contents, (link.source, link.target)))
    document = keep_links(contents, links, shown)
    document["processes"] = []
    return document, labels


def _entities(contents: Contents) -> list[str]:
    """Tables whose declaration is known."""
    return [
        key
        for key, item in contents.objects.items()
        if contents.lists[key] == "tables" and any(map(_is_declared, item["columns"]))
    ]


def _is_declared(column: Mapping[str, Any]) -> bool:
    return not _DECLARED.isdisjoint(column)


def _owners(contents: Contents, ends: Collection[str]) -> set[str]:
    return {contents.owner[end] for end in ends}
