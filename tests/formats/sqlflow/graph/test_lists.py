"""Columns of a table, origin tables, tables by level, SQL on the way, and the CSV of a selection."""

from __future__ import annotations

import csv
from dataclasses import replace
from typing import Any

import pytest

from airflow_provider_sqlflow.engine.model import LineageResult
from airflow_provider_sqlflow.formats.csv_rows import HEADER, TABLE_HEADER, iter_csv
from airflow_provider_sqlflow.formats.options import ExportOptions, ResultSets
from airflow_provider_sqlflow.formats.sqlflow.graph.columns import list_columns
from airflow_provider_sqlflow.formats.sqlflow.graph.rows import lineage_csv
from airflow_provider_sqlflow.formats.sqlflow.graph.selection import Selection, SelectionKind
from airflow_provider_sqlflow.formats.sqlflow.graph.sql_of import statements_between, statements_making
from airflow_provider_sqlflow.formats.sqlflow.graph.tables import (
    left_most_csv,
    left_most_tables,
    tables_by_level,
)
from tests.formats.sqlflow.graph.reading import CHAIN, FULL, SIMPLE, Case


@pytest.fixture(scope="module")
def chain() -> Case:
    return Case(CHAIN)


# Columns ------------------------------------------------------------------------------------------


def test_the_columns_of_a_table() -> None:
    case = Case("CREATE TABLE hr.t (a INT PRIMARY KEY, b DATE); CREATE TABLE ops.t (c INT)")
    document = case.document(FULL)

    def names(*arguments: str) -> list[tuple[str, str]]:
        return [(item["schema"], item["name"]) for item in list_columns(document, *arguments)]

    assert names("HR.T") == names("t", "", "hr") == [("HR", "A"), ("HR", "B")]
    assert names("t") == [("HR", "A"), ("HR", "B"), ("OPS", "C")]
    assert names("u") == []
    first = list_columns(document, "hr.t")[0]
    assert (first["dataType"], first["primaryKey"], first["table"]) == ("INT", True, "T")


def test_row_sets_and_result_sets_are_no_columns_of_tables(chain: Case) -> None:
    document = chain.document(replace(FULL, indirect=True))
    assert [item["name"] for item in list_columns(document, "b")] == ["X", "N"]
    assert list_columns(document, "INSERT-SELECT-1") == []


# Origins and levels -------------------------------------------------------------------------------


def end(schema: str, table: str, **column: str) -> dict[str, str]:
    return {"database": "", "schema": schema, "table": table, **column}


def test_origin_tables(chain: Case) -> None:
    found = left_most_tables(chain.result, SIMPLE, chain.texts, "hr.b|d")
    assert found == [
        {"source": end("", "A"), "target": end("HR", "B")},
        {"source": end("", "A"), "target": end("", "D")},
    ]
    assert left_most_csv(found) == (
        "source_db,source_schema,source_table,target_db,target_schema,target_table\r\n"
        ",,A,,HR,B\r\n,,A,,,D\r\n"
    )
    assert left_most_tables(chain.result, SIMPLE, chain.texts, "a") == []


def test_origin_columns(chain: Case) -> None:
    found = left_most_tables(chain.result, SIMPLE, chain.texts, "d", "n")
    assert found == [{"source": end("", "A", column="Y"), "target": end("", "D", column="N")}]
    assert left_most_csv(found, "n", ";") == (
        "source_db;source_schema;source_table;source_column;target_db;target_schema;target_table;target_column\r\n"
        ";;A;Y;;;D;N\r\n"
    )


def test_tables_by_level(chain: Case) -> None:
    def levels(table: str, column: str = "", **more: Any) -> list[tuple[int, str, list[str]]]:
        start = Selection(table=table, column=column)
        found = tables_by_level(chain.result, FULL, chain.texts, start, **more)
        return [(item["level"], item["table"], item["columns"]) for item in found]

    assert levels("a", is_forward=True) == [(1, "B", ["X", "N"]), (2, "C", ["X", "N"]), (3, "D", ["X", "N"])]
    assert levels("a", is_forward=True, levels=1) == [(1, "B", ["X", "N"])]
    assert levels("c", "n", is_forward=False) == [(1, "B", ["N"]), (2, "A", ["Y", "Z", "X"])]
    assert levels("d", is_forward=True) == levels("nowhere", is_forward=True) == []


def test_levels_of_a_cycle_end() -> None:
    case = Case("INSERT INTO a SELECT x FROM b; INSERT INTO b SELECT x FROM a")
    found = tables_by_level(case.result, SIMPLE, case.texts, Selection(table="a"), is_forward=True)
    assert [(item["level"], item["table"]) for item in found] == [(1, "B")]


# SQL on the way -----------------------------------------------------------------------------------


def sql_between(case: Case, source: Selection, target: Selection) -> list[str]:
    return [item["sql"] for item in statements_between(case.result, SIMPLE, case.texts, source, target)]


def test_the_statements_on_the_way(chain: Case) -> None:
    first, second, third = (text.strip() for text in CHAIN.strip().rstrip(";").split(";"))
    everything = Selection()
    assert sql_between(chain, Selection(table="a"), Selection(table="c")) == [first, second]
    assert sql_between(chain, Selection(table="hr.b", column="x"), Selection(table="d", column="X")) == [
        second,
        third,
    ]
    assert sql_between(chain, Selection(table="a", column="x"), Selection(table="d", column="n")) == []
    assert sql_between(chain, Selection(table="d"), Selection(table="a")) == []
    assert sql_between(chain, everything, Selection(table="c")) == [first, second]
    assert sql_between(chain, Selection(table="c"), everything) == [third]


def test_a_statement_is_described(chain: Case) -> None:
    (found,) = statements_between(
        chain.result, SIMPLE, chain.texts, Selection(table="c"), Selection(table="d")
    )
    assert list(found) == ["processId", "name", "type", "file", "sql", "coordinates"]
    assert (found["name"], found["type"], found["file"]) == ("QUERY INSERT-3", "sstinsert", "a.sql")
    assert (
        found["processId"] in {item["id"] for item in chain.document(FULL)["processes"]} or found["processId"]
    )


def test_statements_inside_queries_count_once() -> None:
    case = Case("INSERT INTO t WITH q AS (SELECT x FROM s) SELECT x FROM (SELECT x FROM q) r")
    assert len(sql_between(case, Selection(table="s"), Selection(table="t"))) == 1


def test_the_statements_that_make_a_table(chain: Case) -> None:
    first, second, _ = (text.strip() for text in CHAIN.strip().rstrip(";").split(";"))

    def making(**names: str) -> list[str]:
        found = statements_making(chain.result, SIMPLE, chain.texts, Selection(**names))  # type: ignore[arg-type]
        return [item["sql"] for item in found]

    assert making(table="hr.b") == [first]
    assert making(table="c", column="n") == [second]
    assert making(table="a") == making(table="nowhere") == []


# CSV ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        SIMPLE,
        replace(SIMPLE, indirect=True, joins=True),
        ExportOptions(result_sets=ResultSets.NONE),
        replace(SIMPLE, table_level=True, delimiter=";"),
    ],
)
def test_everything_is_what_the_csv_export_writes(shop: LineageResult, options: ExportOptions) -> None:
    for case in (Case(CHAIN), Case('INSERT INTO db.s."t,1" SELECT x AS "q""r" FROM u; SELECT y FROM u')):
        assert lineage_csv(case.result, options, case.texts) == "".join(
            iter_csv(case.result, "", options, case.texts)
        )
    assert lineage_csv(shop, options).splitlines()[1:]


def test_the_csv_of_a_selection(chain: Case) -> None:
    def rows(selection: Selection, options: ExportOptions = FULL) -> list[list[str]]:
        return list(csv.reader(lineage_csv(chain.result, options, chain.texts, selection).splitlines()))

    assert rows(Selection(table="d", column="n"), replace(FULL, indirect=False)) == [
        list(HEADER),
        ["", "", "A", "Y", "", "HR", "B", "N", "fdd", "insert"],
        ["", "HR", "B", "N", "", "", "C", "N", "fdd", "insert"],
        ["", "", "C", "N", "", "", "D", "N", "fdd", "insert"],
    ]
    up = Selection(SelectionKind.UPSTREAM, table_pattern="hr.b")
    assert rows(up, replace(SIMPLE, table_level=True)) == [
        list(TABLE_HEADER),
        ["", "", "A", "", "HR", "B", "fdd", "insert"],
    ]


def test_the_csv_of_some_tables(chain: Case) -> None:
    text = lineage_csv(chain.result, SIMPLE, chain.texts, tables=["hr.b", "unknown"])
    assert [line.split(",")[2::4][:2] for line in text.splitlines()[1:]] == [
        ["A", "B"],
        ["A", "B"],
        ["B", "C"],
        ["B", "C"],
    ]


def test_one_row_for_each_effect_between_two_tables() -> None:
    case = Case("INSERT INTO t SELECT x FROM s; UPDATE t SET x = (SELECT max(x) FROM s)")
    options = replace(SIMPLE, table_level=True)
    assert lineage_csv(case.result, options, case.texts, Selection(table="s")).splitlines()[1:] == [
        ",,S,,,T,fdd,insert",
        ",,S,,,T,fdd,update",
    ]
