# ruff: noqa: E501  # a relation a line
"""Documents of every generation, written after the reference (sqlflow-lineage-model, sections 2, 7.5, 8)."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_sqlflow import engine
from airflow_provider_sqlflow.engine import Effect, RelationKind, Severity, StatementKind
from airflow_provider_sqlflow.errors import UnexpectedAnswerError
from airflow_provider_sqlflow.formats.registry import FORMATS, render
from airflow_provider_sqlflow.formats.sqlflow.reading import read_document
from airflow_provider_sqlflow.formats.sqlflow.shapes import is_summary, split_name


def edges_of(result: engine.LineageResult) -> list[str]:
    return [
        f"{edge.source} -> {edge.target} {edge.effect.value} {edge.subtype.value}" for edge in result.edges()
    ]


def place(line: int, column: int, code: str = "0") -> list[dict[str, Any]]:
    return [{"x": line, "y": column, "hashCode": code}, {"x": line, "y": column + 3, "hashCode": code}]


OLD = {
    "dbvendor": "dbvoracle",
    "dbobjs": [
        {"id": "4", "name": "scott.emp", "type": "table", "columns": [{"id": "5", "name": "sal"}, {"id": "6", "name": "dept"}]},
        {"id": "12", "name": "RS-1", "type": "select_list", "columns": [{"id": "13", "name": "sal"}, {"id": "14", "name": "PseudoRows"}]},
        {"id": "20", "name": "FUNCTION-1", "type": "function", "columns": [{"id": "21", "name": "sum"}]},
        {"id": "30", "name": "pay", "type": "table", "database": "hr", "schema": "dbo", "columns": [{"id": "31", "name": "total"}, {"id": "32", "name": "PseudoRows"}]},
        {"id": "40", "name": "Query Insert-1", "type": "process", "coordinates": place(2, 1)},
    ],
    "relations": [
        {"id": "1", "type": "fdd", "effectType": "function", "function": "sum", "target": {"id": "21", "column": "sum"}, "sources": [{"id": "5", "column": "sal"}]},
        {"id": "2", "type": "fdd", "effectType": "select", "target": {"id": "13"}, "sources": [{"id": "21"}]},
        {"id": "3", "type": "frd", "target": {"id": "14"}, "sources": [{"id": "6", "column": "dept", "clauseType": "where"}]},
        {"id": "4", "type": "fdd", "effectType": "insert", "processId": "40", "target": {"id": "31", "coordinates": place(2, 9)}, "sources": [{"id": "13"}]},
        {"id": "5", "type": "fdr", "effectType": "insert", "processId": "40", "target": {"id": "32"}, "sources": [{"id": "14"}]},
        {"id": "6", "type": "join", "target": {"id": "5"}, "sources": [{"id": "6"}]},
    ],
}  # fmt: skip


def test_a_flat_document_of_2020_with_its_full_chain() -> None:
    result = read_document({"code": 200, "data": OLD, "sessionId": "x"}, ["pay.sql"])
    assert result.dialect == "oracle"
    assert edges_of(result) == [
        "scott.emp.sal -> hr.dbo.pay.total DIRECT TRANSFORMATION",
        "scott.emp.dept -> hr.dbo.pay.[rows] INDIRECT FILTER",
    ]
    insert = result.statements[-1]
    assert (insert.kind, str(insert.span)) == (StatementKind.INSERT, "pay.sql:2:1")
    assert [str(name) for name in insert.writes] == ["hr.dbo.pay"]
    assert [str(name) for name in result.targets] == ["hr.dbo.pay"]
    kinds = {relation.id.name: relation.kind for relation in result.relations}
    assert kinds["emp"] is RelationKind.TABLE
    assert kinds["FUNCTION-1"] is RelationKind.SUBQUERY


@pytest.mark.parametrize("key", ["relationships", "relations", "relationship"])
@pytest.mark.parametrize("wrap", ["data.sqlflow", "data", "bare"])
def test_table_to_table_relations_without_objects(key: str, wrap: str) -> None:
    document = {
        key: [
            {
                "id": "1000012311",
                "type": "fdd",
                "sources": [{"id": "10000106", "parentId": "86", "parentName": "ORDERS", "column": "TABLE"}],
                "target": {
                    "id": "10000102",
                    "parentId": "82",
                    "parentName": "SPECIAL_ORDERS",
                    "column": "TABLE",
                },
            }
        ]
    }
    answer: dict[str, Any] = {
        "data.sqlflow": {"code": 200, "data": {"mode": "global", "sqlflow": document}},
        "data": {"code": "200", "data": document},
        "bare": document,
    }[wrap]
    assert edges_of(read_document(answer)) == ["ORDERS.[rows] -> SPECIAL_ORDERS.[rows] DIRECT IDENTITY"]


def test_table_level_lineage_leads_through_statements() -> None:
    answer = {
        "dbobjs": [
            {"id": "10", "name": "TBL_TEMP1", "type": "table"},
            {"id": "4", "name": "TBL_TEMP2", "type": "table"},
            {"id": "6", "name": "QUERY INSERT-1", "type": "process"},
        ],
        "relationships": [
            {"id": "504", "type": "fdd", "target": {"id": "6"}, "sources": [{"id": "10", "sourceId": "10", "sourceName": "TBL_TEMP1"}]},
            {"id": "506", "type": "fdd", "target": {"id": "4"}, "sources": [{"id": "6", "sourceId": "6", "sourceName": "QUERY INSERT-1"}]},
        ],
    }  # fmt: skip
    assert edges_of(read_document(answer)) == ["TBL_TEMP1.[rows] -> TBL_TEMP2.[rows] DIRECT IDENTITY"]


def hierarchical(*, schemas: bool, tables: list[dict[str, Any]]) -> dict[str, Any]:
    holder = {"name": "shop", "schemas": [{"name": "public", "tables": tables}]} if schemas else {"name": "shop", "tables": tables}  # fmt: skip
    server = {
        "name": "DEFAULT_SERVER",
        "supportsCatalogs": True,
        "supportsSchemas": schemas,
        "databases": [holder],
    }
    return {"dbobjs": {"createdBy": "sqlflow v1.0.0", "servers": [server]}, "relationships": []}


@pytest.mark.parametrize(
    ("schemas", "item", "expected"),
    [
        (True, {"name": "t", "database": "shop", "schema": "public"}, ("shop", "public", "t")),
        (True, {"name": "public.t", "database": "shop", "schema": "public"}, ("shop", "public", "t")),
        (True, {"name": "other.t", "database": "DEFAULT", "schema": "DEFAULT"}, (None, "other", "t")),
        (True, {"name": "t", "database": "DEFAULT", "schema": "DEFAULT"}, (None, None, "t")),
        (True, {"name": '"shop"."a.b"."My T"'}, ("shop", "a.b", "My T")),
        (True, {"name": "[dbo].[T]", "database": "[HR]"}, ("HR", "dbo", "T")),
        (False, {"name": "t", "database": "shop"}, (None, "shop", "t")),
        (False, {"name": "shop.t", "database": "shop", "schema": "DEFAULT"}, (None, "shop", "t")),
        (False, {"name": "`t`", "database": "DEFAULT"}, (None, None, "t")),
    ],
)
def test_names_in_every_spelling(
    schemas: bool, item: dict[str, Any], expected: tuple[str | None, ...]
) -> None:
    document = hierarchical(schemas=schemas, tables=[{"id": "1", "type": "table", "columns": [], **item}])
    [relation] = read_document(document).relations
    assert (relation.id.database, relation.id.schema, relation.id.name) == expected


def test_errors_and_notices() -> None:
    answer = {
        "code": 203,
        "error": "several",
        "data": {
            "sqlflow": {
                "dbobjs": [],
                "relationships": [],
                "errors": [
                    {"errorMessage": "bad", "errorType": "SyntaxError", "coordinates": place(3, 7, "1")},
                    {"errorMessage": "odd", "errorType": "SYNTAX_HINT", "coordinates": []},
                    {"errorMessage": "first", "errorType": "LINK_ORPHAN_COLUMN", "coordinates": place(1, 8)},
                    {"errorMessage": "deep", "errorType": "AnalyzeError", "file": "c.sql", "coordinates": place(9, 1)},
                ],
            }
        },
    }  # fmt: skip
    result = read_document(answer, ["a.sql", "b.sql"])
    assert [(item.severity, item.code, item.message, str(item.span)) for item in result.diagnostics] == [
        (Severity.ERROR, "service_error", "bad", "b.sql:3:7"),
        (Severity.WARNING, "service_hint", "odd", ":1:1"),
        (Severity.WARNING, "orphan_column", "first", "a.sql:1:8"),
        (Severity.ERROR, "service_error", "deep", "c.sql:9:1"),
    ]
    assert [statement.is_ok for statement in result.statements] == [False, False]


def test_what_is_unknown_is_passed_over() -> None:
    answer = {
        "dbobjs": [{"id": "1", "name": "t", "type": "hologram"}, 7, {"columns": None}],
        "relationships": [
            {"type": "tunnel", "target": {"parentName": "a"}, "sources": [{"parentName": "b"}]},
            {"type": "fdd", "target": None, "sources": None},
            {"type": "fdd", "target": {"parentName": "a", "column": "x"}, "sources": [{}, None, 3]},
            {"type": "er", "target": {"parentName": "a", "column": "x"}, "sources": [{"parentName": "b", "column": "y"}]},
            "relation",
        ],
        "errors": [None],
    }  # fmt: skip
    assert read_document(answer).edges() == ()


@pytest.mark.parametrize("answer", [{}, {"code": 200}, {"data": None}, {"data": {"x": 1}}, {"data": []}])
def test_no_document(answer: dict[str, Any]) -> None:
    with pytest.raises(UnexpectedAnswerError, match="without a lineage document"):
        read_document(answer)


def test_recursive_queries_end() -> None:
    cte = {"id": "2", "name": "CTE-R-1", "type": "with_cte", "columns": [{"id": "20", "name": "n"}]}
    step = {"id": "3", "name": "RS-1", "type": "select_list", "columns": [{"id": "30", "name": "n"}]}
    table = {"id": "1", "name": "t", "type": "table", "columns": [{"id": "10", "name": "n"}]}
    target = {"id": "4", "name": "u", "type": "table", "columns": [{"id": "40", "name": "n"}]}
    links = [("10", "20"), ("20", "30"), ("30", "20"), ("30", "40")]
    answer = {
        "dbobjs": [table, cte, step, target],
        "relationships": [{"type": "fdd", "target": {"id": end}, "sources": [{"id": start}]} for start, end in links],
    }  # fmt: skip
    assert edges_of(read_document(answer)) == ["t.n -> u.n DIRECT IDENTITY"]


def test_summaries_are_known() -> None:
    assert is_summary({"data": {"mode": "summary"}})
    assert not is_summary({"data": {"mode": "global"}})
    assert not is_summary({"data": None})


def test_names_are_split_outside_quotes() -> None:
    assert split_name('a."b.c".`d.e`.[f.g].h') == ["a", "b.c", "d.e", "f.g", "h"]
    assert split_name("") == [""]


FIXTURES = Path(__file__).parents[2] / "fixtures" / "lineage" / "ansi"
CASES = [
    (f"{path.stem}: {case.splitlines()[0]}", case)
    for path in sorted(FIXTURES.glob("*.sql"))
    for case in re.split(r"^-- case: ", path.read_text(), flags=re.MULTILINE)[1:]
]


@pytest.mark.parametrize("case", [case for _, case in CASES], ids=[name for name, _ in CASES])
def test_what_we_write_we_read(case: str) -> None:
    """Edges between stored relations come back, and every format can be made of them.

    SQLFlow's model says more of aggregates than ours: what filters and groups decides about them, too.
    """
    result = engine.analyze(f"-- {case}", source_name="case.sql")
    again = read_document(json.loads(render("json", result)), ["case.sql"])
    assert stored_ends(result) <= stored_ends(again)
    assert stored_ends(again, Effect.DIRECT) <= stored_ends(result)
    for name in FORMATS:
        if name not in ("svg", "png", "er-svg", "html"):
            render(name, again, title="x")


def stored_ends(result: engine.LineageResult, effect: Effect | None = None) -> set[tuple[str, str]]:
    results = {name for name, kind in result.kinds().items() if kind is RelationKind.RESULT}
    return {
        (str(edge.source), str(edge.target))
        for edge in result.edges()
        if not {edge.source.relation, edge.target.relation} & results and effect in (None, edge.effect)
    }
