"""The lineage of a selection as CSV (``download/metadata_lineage``; reference sqlflow-api, section 4.13).

The columns are those of SQLFlow's other CSV files, and so is the rule that no result set appears.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace

from airflow_provider_sqlflow.engine.model import LineageResult
from airflow_provider_sqlflow.formats.csv_rows import HEADER, TABLE_HEADER, Row, iter_rows
from airflow_provider_sqlflow.formats.options import ExportOptions, ResultSets
from airflow_provider_sqlflow.formats.sqlflow.chain import Texts, no_texts
from airflow_provider_sqlflow.formats.sqlflow.graph.answer import GraphRequest, make_document
from airflow_provider_sqlflow.formats.sqlflow.graph.contents import Contents, Link, place_of
from airflow_provider_sqlflow.formats.sqlflow.graph.selection import Selection
from airflow_provider_sqlflow.formats.sqlflow.pieces import JsonObject

_TABLE_NAMES = 6


def lineage_csv(
    result: LineageResult,
    options: ExportOptions,
    texts: Texts = no_texts,
    selection: Selection | None = None,
    tables: Collection[str] = (),
) -> str:
    """Header and rows; the same row once.

    Args:
        result: the lineage.
        options: what to show; ``table_level`` leaves the columns out, ``delimiter`` separates values.
        texts: the SQL texts by file name.
        selection: the part to write; ``None`` for all.
        tables: only relations that begin or end in one of these, qualified or not; empty for all.

    Raises:
        ExportOptionError: a pattern of the selection is no regular expression that can be used.
    """
    if options.result_sets is ResultSets.ALL:
        options = replace(options, result_sets=ResultSets.TOP)
    options = replace(options, functions=False)
    request = GraphRequest(selection=selection, relation_limit=None)
    contents = Contents(make_document(result, options, texts, request)[1])
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=options.delimiter)
    writer.writerow(TABLE_HEADER if options.table_level else HEADER)
    named = {key for table in tables for key in contents.find(table)}
    links = [
        link
        for link in contents.links
        if not tables or named & {contents.owner[link.source], contents.owner[link.target]}
    ]
    make = _table_rows(result, options, texts) if options.table_level else _column_rows
    writer.writerows(dict.fromkeys(row for link in links for row in make(contents, link)))
    return stream.getvalue()


def _column_rows(contents: Contents, link: Link) -> Iterator[Row]:
    relation: JsonObject = contents.relations[link.relation]
    ends: list[str] = []
    for end in (link.source, link.target):
        ends += [*_names(contents, end), contents.columns[end]["name"]]
    yield (*ends, link.type, relation.get("effectType", ""))


def _table_rows(
    result: LineageResult, options: ExportOptions, texts: Texts
) -> Callable[[Contents, Link], Iterator[Row]]:
    """Makes rows of links between tables. Their effects are those of the CSV export: documents name none."""
    effects: dict[Row, list[str]] = {}
    for row in iter_rows(result, options, texts):
        effects.setdefault(row[:_TABLE_NAMES], []).append(row[-1])

    def rows(contents: Contents, link: Link) -> Iterator[Row]:
        ends = (*_names(contents, link.source), *_names(contents, link.target))
        for effect in effects.get(ends, [""]):
            yield (*ends, link.type, effect)

    return rows


def _names(contents: Contents, end: str) -> Row:
    item = contents.objects[contents.owner[end]]
    return (*place_of(item), item["displayName"])
