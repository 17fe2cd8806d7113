"""The lineage of a selection as CSV (``download/metadata_lineage``; reference sqlflow-api, section 4.13).

The columns are those of SQLFlow's other CSV files, and so is the rule that no result set appears.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection
from dataclasses import replace

from airflow_provider_sqlflow.engine.model import LineageResult
from airflow_provider_sqlflow.formats.csv_rows import HEADER, TABLE_HEADER
from airflow_provider_sqlflow.formats.options import ExportOptions, ResultSets
from airflow_provider_sqlflow.formats.sqlflow.chain import Texts, no_texts
from airflow_provider_sqlflow.formats.sqlflow.graph.answer import GraphRequest, make_document
from airflow_provider_sqlflow.formats.sqlflow.graph.contents import Contents, Link, place_of
from airflow_provider_sqlflow.formats.sqlflow.graph.selection import Selection
from airflow_provider_sqlflow.formats.sqlflow.pieces import JsonObject


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
    has_columns = not options.table_level
    named = {key for table in tables for key in contents.find(table)}
    links = [
        link
        for link in contents.links
        if not tables or named & {contents.owner[link.source], contents.owner[link.target]}
    ]
    writer.writerows(dict.fromkeys(_row(contents, link, has_columns=has_columns) for link in links))
    return stream.getvalue()


def _row(contents: Contents, link: Link, *, has_columns: bool) -> tuple[str, ...]:
    relation: JsonObject = contents.relations[link.relation]
    ends: list[str] = []
    for end in (link.source, link.target):
        item = contents.objects[contents.owner[end]]
        ends += [*place_of(item), item["displayName"]]
        if has_columns:
            ends.append(contents.columns[end]["name"])
    return (*ends, link.type, relation.get("effectType", ""))
