"""Runs the transcribed examples of SQLFlow's documents and compares relation by relation.

The conventions are those of the corpus's README: names compare without case and quotes, ``RESULT`` is the
top-level select list, numbers behind the names of result sets may differ.
"""

from __future__ import annotations

import re
from typing import Any

from airflow_provider_sqlflow.engine import LineageResult, analyze
from airflow_provider_sqlflow.engine.model import ColumnRef, RelationId
from airflow_provider_sqlflow.formats.options import DEFAULT_OPTIONS, ExportOptions
from airflow_provider_sqlflow.formats.sqlflow.entities import Entities, Level
from airflow_provider_sqlflow.formats.sqlflow.flows import iter_flows
from airflow_provider_sqlflow.formats.sqlflow.settings import apply_settings
from airflow_provider_sqlflow.formats.sqlflow.table_level import table_options, table_pairs

Relation = tuple[str, str, str]

NAME = "a.sql"
_MODES = {
    "end_to_end": {"result_sets": "top", "functions": "false"},
    "full": {"result_sets": "all", "functions": "true"},
    "table_level": {"result_sets": "top"},
}


def options_of(case: dict[str, Any]) -> ExportOptions:
    """The case's settings: fdd and fdr unless it says otherwise."""
    settings = {name: str(value).lower() for name, value in case.get("options", {}).items()}
    options = apply_settings(_MODES[case["mode"]], DEFAULT_OPTIONS)
    return apply_settings({**settings, "showER": "true"}, options)


def relations_of(case: dict[str, Any]) -> set[Relation]:
    """What we produce for the case, in its notation."""
    result = analyze(case["sql"], dialect=case["vendor"], source_name=NAME)
    options = options_of(case)
    if case["mode"] == "table_level":
        return _table_relations(result, options)
    entities = Entities(result, options)
    is_full = case["mode"] == "full"
    found = set()
    for flow in iter_flows(result, options, entities, lambda: {NAME: case["sql"]}):
        source, target = (_end(end, entities, is_full) for end in (flow.source, flow.target))
        found.add((source, flow.type, target))
        if flow.type == "join":  # the direction of a join relation is not significant
            found.add((target, flow.type, source))
    return found


def _table_relations(result: LineageResult, options: ExportOptions) -> set[Relation]:
    entities = Entities(result, table_options(options))
    return {
        (_table(pair.source, entities), "fdd", _table(pair.target, entities))
        for pair in table_pairs(result, options, entities)
    }


def _table(relation: RelationId, entities: Entities) -> str:
    word = entities.of(relation).type
    name = _plain(entities.name(relation))
    return f"{word}:{name}" if word in ("path", "stage") else f"{name}.*"


def _end(end: ColumnRef, entities: Entities, is_full: bool) -> str:
    entity = entities.of(end.relation)
    name, column = _plain(entities.name(end.relation)), _plain(entities.column(end))
    if entity.level is Level.FUNCTION:
        return f"fn:{name}"
    if entity.type == "path":
        return f"path:{name}"
    if entity.type == "stage":
        return f"stage:{name}({column})"
    if entity.level is Level.TOP and not is_full:
        return f"result.{column}"
    return f"{_unnumbered(name) if entity.prefix else name}.{column}"


def _plain(text: str) -> str:
    return re.sub(r"[\"`\[\]]", "", text).casefold()


def _unnumbered(name: str) -> str:
    return re.sub(r"-\d+$", "", name)


def _wanted(text: str, is_full: bool) -> str:
    text = _plain(text)
    if text.startswith(("fn:", "path:", "stage:")):
        return text
    if is_full and text.startswith("result."):
        return "rs." + text.removeprefix("result.")
    return re.sub(r"^((?:rs|cte|insert-select|update-set|sql_constants|result_of)[^.]*?)-\d+\.", r"\1.", text)


def holds(case: dict[str, Any]) -> tuple[bool, str]:
    """Whether the case's expectation holds, and what differs."""
    is_full = case["mode"] == "full"
    got = relations_of(case)
    want = {
        (_wanted(item["source"], is_full), item["type"], _wanted(item["target"], is_full))
        for item in case["expected"]
    }
    got = {_lenient(relation, want) for relation in got}
    absent = {
        (_wanted(item["source"], is_full), item["type"], _wanted(item["target"], is_full))
        for item in case.get("absent", ())
    }
    missing, extra = want - got, got & absent
    if case["match"] == "exact_fdd":
        extra |= {relation for relation in got - want if relation[1] == "fdd"}
    elif case["match"] == "exact":
        types = {relation[1] for relation in want}
        extra |= {relation for relation in got - want if relation[1] in types or not want}
    return not missing and not extra, f"missing {sorted(missing)}; extra {sorted(extra)}"


def _lenient(relation: Relation, want: set[Relation]) -> Relation:
    """The relation as the case writes it, where its notes allow two ways.

    A stage without its column; a table function with or without its schema; foreign keys as fdd.
    """
    source, kind, target = relation
    if kind == "er" and (source, "fdd", target) in want:
        kind = "fdd"
    for wanted in want:
        ends = tuple(
            theirs if _same(ours, theirs) else ours
            for ours, theirs in ((source, wanted[0]), (target, wanted[2]))
        )
        if (ends[0], kind, ends[1]) == wanted:
            return wanted
    return source, kind, target


def _same(ours: str, theirs: str) -> bool:
    if ours.startswith("stage:"):
        return theirs in (ours, ours.partition("(")[0], ours.partition("(")[0].replace("@", ""))
    return ours == theirs or (theirs.count(".") == 1 and ours.endswith(f".{theirs}"))
