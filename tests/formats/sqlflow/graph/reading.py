"""Reads graph answers the way a client does: names instead of ids."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from airflow_provider_sqlflow.engine import analyze
from airflow_provider_sqlflow.engine.model import LineageResult
from airflow_provider_sqlflow.formats.options import ExportOptions
from airflow_provider_sqlflow.formats.sqlflow.graph.answer import GraphRequest, graph_answer, make_document
from airflow_provider_sqlflow.formats.sqlflow.graph.contents import Contents
from airflow_provider_sqlflow.formats.sqlflow.graph.selection import Selection, select
from airflow_provider_sqlflow.formats.sqlflow.settings import REQUEST_DEFAULTS, apply_settings
from tests.formats.sqlflow.schemas import check_ends, validator

FILE = "a.sql"

CHAIN = """
INSERT INTO hr.b SELECT a.x, SUM(a.y) n FROM a WHERE a.z = 1 GROUP BY a.x;
INSERT INTO c SELECT x, n FROM hr.b;
INSERT INTO d SELECT x, n FROM c;
"""
"""a -> hr.b -> c -> d"""

SIMPLE = apply_settings({"ignoreRecordSet": "true", "ignoreFunction": "true"}, REQUEST_DEFAULTS)
"""Tables only, direct flow only."""
FULL = apply_settings({"showRelationType": "fdd,fdr,join,er"}, REQUEST_DEFAULTS)
"""Everything there is."""


class Case:
    """SQL with its lineage."""

    def __init__(self, sql: str, dialect: str = "oracle") -> None:
        self.sql = sql
        self.result: LineageResult = analyze(sql, dialect=dialect, source_name=FILE)

    def texts(self) -> dict[str, str]:
        return {FILE: self.sql}

    def document(self, options: ExportOptions = SIMPLE, *, table_level: bool = False) -> dict[str, Any]:
        request = GraphRequest(table_level=table_level, relation_limit=None)
        return make_document(self.result, options, self.texts, request)[1]

    def answer(self, options: ExportOptions = SIMPLE, **request: Any) -> dict[str, Any]:
        return graph_answer(self.result, options, self.texts, GraphRequest(**request))

    def selected(
        self, options: ExportOptions = SIMPLE, *, table_level: bool = False, **selection: Any
    ) -> list[str]:
        document = self.document(options, table_level=table_level)
        part = select(document, Selection(**selection))
        check_part(document, part)
        return lines(part)


def lines(document: dict[str, Any]) -> list[str]:
    """``a.x -> fdd -> b.x`` for each source of each relation."""
    contents = Contents(document)

    def name(end: str) -> str:
        owner = contents.owner[end]
        item = contents.objects.get(owner) or contents.processes[owner]
        table = item.get("displayName", item["name"]).lower()
        return table if end == owner else f"{table}.{contents.columns[end]['name'].lower()}"

    return [f"{name(link.source)} -> {link.type} -> {name(link.target)}" for link in contents.links]


def drawn(answer: dict[str, Any]) -> list[str]:
    """``a.x -> b.x`` for each line of a graph, by labels."""
    names = dict(labels(answer["graph"]))
    return [
        f"{names[edge['sourceId']]} -> {names[edge['targetId']]}"
        for edge in answer["graph"]["elements"]["edges"]
    ]


def labels(graph: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for table in graph["elements"]["tables"]:
        name = table["label"]["content"]
        yield table["id"], name
        for column in table["columns"]:
            yield column["id"], f"{name}.{column['label']['content']}"


def objects(document: dict[str, Any]) -> list[str]:
    return [item["displayName"].lower() for item in Contents(document).objects.values()]


def check_part(whole: dict[str, Any], part: dict[str, Any]) -> None:
    """A part is a valid document in which every id means what it meant in the whole."""
    answer = {"code": 200, "data": {"mode": "global", "summary": _summary(part), "sqlflow": part}}
    errors = [f"{error.json_path}: {error.message[:300]}" for error in validator("json").iter_errors(answer)]
    assert not errors, "\n".join(errors[:5])
    check_ends(part)
    before, after = Contents(whole), Contents(part)
    for column_id, column in after.columns.items():
        assert before.columns[column_id] == column
        assert before.owner[column_id] == after.owner[column_id]
    for object_id, item in after.objects.items():
        assert {**item, "processIds": 0, "isTarget": 0} == {
            **before.objects[object_id],
            "processIds": 0,
            "isTarget": 0,
        }
        assert set(item.get("processIds", ())) <= set(after.processes)
    assert after.processes.items() <= before.processes.items()
    known = {relation["id"]: relation for relation in before.relations}
    for relation in after.relations:
        if relation["id"] in known:  # left-most relations are new
            old = known[relation["id"]]
            assert all(source in old["sources"] for source in relation["sources"])
            assert {**relation, "sources": 0} == {**old, "sources": 0}


def _summary(document: dict[str, Any]) -> dict[str, Any]:
    from airflow_provider_sqlflow.formats.sqlflow.graph.summary import summarize

    return summarize(document)
