"""The SQL of the statements between two tables or columns (fetchLeftMostTableLineageSQL, section 5.16)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from airflow_provider_sqlflow.engine.model import LineageResult
from airflow_provider_sqlflow.engine.text import SourceText
from airflow_provider_sqlflow.formats.options import ExportOptions, ResultSets
from airflow_provider_sqlflow.formats.sqlflow.chain import Texts
from airflow_provider_sqlflow.formats.sqlflow.document import build_answer
from airflow_provider_sqlflow.formats.sqlflow.graph.contents import Contents
from airflow_provider_sqlflow.formats.sqlflow.graph.selection import Selection, find_starts, walk
from airflow_provider_sqlflow.formats.sqlflow.model import file_numbers
from airflow_provider_sqlflow.formats.sqlflow.pieces import JsonObject


def statements_between(
    result: LineageResult, options: ExportOptions, texts: Texts, source: Selection, target: Selection
) -> list[JsonObject]:
    """The statements that write on some way from source to target, in the order of the text.

    Each is ``{processId, name, type, file, sql, coordinates}``.

    Args:
        result: the lineage.
        options: which relations count (``direct``, ``indirect``) and how names are written.
        texts: the SQL texts by file name.
        source: table and column by name; a selection of everything means wherever it comes from.
        target: likewise, wherever it goes to.
    """
    options = replace(options, result_sets=ResultSets.ALL, functions=False, table_level=False)
    contents = Contents(build_answer(result, options, texts)["data"]["sqlflow"])
    forward = walk(contents, find_starts(contents, source), is_forward=True).links
    backward = set(walk(contents, find_starts(contents, target), is_forward=False).links)
    used = {contents.relations[link.relation].get("processId") for link in forward if link in backward}
    return _statements(contents, used, result, texts)


def statements_making(
    result: LineageResult, options: ExportOptions, texts: Texts, target: Selection
) -> list[JsonObject]:
    """The statements that write a table, or one of its columns; arguments as above."""
    options = replace(options, result_sets=ResultSets.NONE, functions=False, table_level=False)
    contents = Contents(build_answer(result, options, texts)["data"]["sqlflow"])
    ends = set(find_starts(contents, target))
    used = {
        contents.relations[link.relation].get("processId") for link in contents.links if link.target in ends
    }
    return _statements(contents, used, result, texts)


def _statements(
    contents: Contents, used: Collection[str | None], result: LineageResult, texts: Texts
) -> list[JsonObject]:
    files = list(file_numbers(result))
    sources: dict[str, SourceText] = {}
    given = texts()
    found = []
    for process_id, process in contents.processes.items():
        if process_id not in used:
            continue
        start, end = process["coordinates"]
        name = files[int(start["hashCode"])]
        if name not in sources:
            sources[name] = SourceText(name, given.get(name, ""))
        text = sources[name]
        sql = text.text[text.offset(start["x"], start["y"]) : text.offset(end["x"], end["y"])]
        found.append(
            {
                "processId": process_id,
                "name": process["name"],
                "type": process["type"],
                "file": name,
                "sql": sql,
                "coordinates": process["coordinates"],
            }
        )
    return found
