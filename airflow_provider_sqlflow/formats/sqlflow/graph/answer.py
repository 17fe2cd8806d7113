"""The answer of a graph operation: mode, summary, document and graph (reference sqlflow-api, section 4.2)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from airflow_provider_sqlflow.engine.model import LineageResult
from airflow_provider_sqlflow.formats.options import ExportOptions
from airflow_provider_sqlflow.formats.sqlflow.chain import Texts, no_texts
from airflow_provider_sqlflow.formats.sqlflow.document import answer_members
from airflow_provider_sqlflow.formats.sqlflow.graph.graph import build_graph
from airflow_provider_sqlflow.formats.sqlflow.graph.labels import Labels, labels_of
from airflow_provider_sqlflow.formats.sqlflow.graph.selection import Selection, select
from airflow_provider_sqlflow.formats.sqlflow.graph.summary import SUMMARY, limited, objects_only, summarize
from airflow_provider_sqlflow.formats.sqlflow.model import Model
from airflow_provider_sqlflow.formats.sqlflow.pieces import JsonObject, plain

RELATION_LIMIT = 1000
"""SQLFlow's own default of ``relation_limit``."""


@dataclass(frozen=True, slots=True)
class GraphRequest:
    """What a graph operation is asked for, besides the options of the document.

    Attributes:
        table_level: relations between tables, through statements.
        selection: the part that is shown; ``None`` for everything.
        relation_limit: with more relations the answer shrinks; ``None`` for no limit.
        return_full: no limit for this request.
        is_return_model: whether ``sqlflow`` is part of the answer.
        show_link_only: list only columns in the graph that a relation joins.
        hide_column: the graph's rows have no height.
    """

    table_level: bool = False
    selection: Selection | None = None
    relation_limit: int | None = RELATION_LIMIT
    return_full: bool = False
    is_return_model: bool = True
    show_link_only: bool = True
    hide_column: bool = False


def graph_answer(
    result: LineageResult,
    options: ExportOptions,
    texts: Texts = no_texts,
    request: GraphRequest | None = None,
) -> JsonObject:
    """The ``data`` of an answer: ``mode``, ``summary``, ``sqlflow`` and ``graph``.

    In mode ``summary`` there is no ``graph``, and ``sqlflow`` lists objects without columns and relations.

    Args:
        result: the lineage.
        options: what to show.
        texts: the SQL texts by file name.
        request: what is asked for.

    Raises:
        ExportOptionError: a pattern of the selection is no regular expression that can be used.
    """
    request = request or GraphRequest()
    mode, document, labels = make_document(result, options, texts, request)
    answer = _head(mode, document, has_document=request.is_return_model)
    if mode != SUMMARY:
        answer["graph"] = build_graph(
            document,
            labels=labels,
            show_link_only=request.show_link_only,
            hide_column=request.hide_column,
        )
    return answer


def document_answer(
    result: LineageResult,
    options: ExportOptions,
    texts: Texts = no_texts,
    request: GraphRequest | None = None,
) -> JsonObject:
    """The same without ``graph``: what the JSON exports of a job answer; arguments as above."""
    mode, document, _ = make_document(result, options, texts, request or GraphRequest())
    return _head(mode, document, has_document=True)


def _head(mode: str, document: JsonObject, *, has_document: bool) -> JsonObject:
    answer: JsonObject = {"mode": mode, "summary": summarize(document)}
    if has_document:
        answer["sqlflow"] = objects_only(document) if mode == SUMMARY else document
    return answer


def make_document(
    result: LineageResult, options: ExportOptions, texts: Texts, request: GraphRequest
) -> tuple[str, JsonObject, Labels]:
    """The mode, the selected document, and the names that a graph of it shows; arguments as above."""
    labels: Labels = {}

    def make(options: ExportOptions) -> JsonObject:
        nonlocal labels
        is_table_level = request.table_level or options.table_level
        model = Model(
            result, replace(options, table_level=is_table_level), texts, is_table_level=is_table_level
        )
        members = answer_members(model, has_processes=request.table_level)
        document: JsonObject = plain(members)["data"]["sqlflow"]
        labels = labels_of(model)
        return select(document, request.selection) if request.selection else document

    limit = None if request.return_full else request.relation_limit
    mode, document = limited(make, options, limit)
    return mode, document, labels
