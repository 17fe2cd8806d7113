from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from airflow_provider_sqlflow.engine.model import LineageResult
from airflow_provider_sqlflow.formats.options import ExportOptions, ResultSets
from airflow_provider_sqlflow.formats.sqlflow.document import build_answer, build_table_answer
from airflow_provider_sqlflow.formats.sqlflow.graph.answer import GraphRequest, document_answer, graph_answer
from airflow_provider_sqlflow.formats.sqlflow.graph.contents import Contents
from airflow_provider_sqlflow.formats.sqlflow.graph.selection import Selection
from airflow_provider_sqlflow.formats.sqlflow.graph.summary import limited, objects_only, summarize
from airflow_provider_sqlflow.formats.sqlflow.reading import read_document
from airflow_provider_sqlflow.formats.sqlflow.shapes import is_summary
from tests.formats.sqlflow.graph.reading import CHAIN, FULL, SIMPLE, Case, objects

EXPORTS = (SIMPLE, FULL, ExportOptions(), ExportOptions(result_sets=ResultSets.NONE))


@pytest.mark.parametrize("options", EXPORTS)
def test_the_summary_of_a_whole_document_is_its_own(shop: LineageResult, options: ExportOptions) -> None:
    for result in (
        shop,
        Case(CHAIN).result,
        Case("SELECT a FROM t; CREATE VIEW v AS SELECT b FROM t").result,
    ):
        data = build_answer(result, options)["data"]
        assert summarize(data["sqlflow"]) == data["summary"]


def test_the_summary_of_a_part() -> None:
    assert Case(CHAIN).answer(selection=Selection(table="a", column="x"))["summary"] == {
        "schema": 1,
        "process": 3,
        "database": 0,
        "view": 0,
        "table": 4,
        "column": 9,
        "relationship": 3,
        "mostRelationTables": [
            {"schema": "HR", "table": "B"},
            {"schema": "", "table": "C"},
            {"schema": "", "table": "A"},
        ],
    }


def test_columns_of_table_level_documents_are_real_ones() -> None:
    summary = Case(CHAIN).answer(table_level=True)["summary"]
    assert (summary["column"], summary["relationship"]) == (9, 6)


@pytest.mark.parametrize("build", [build_answer, build_table_answer])
def test_exports_at_table_level_count_the_same_columns(build: Callable[..., Any]) -> None:
    summary = build(Case(CHAIN).result, replace(SIMPLE, table_level=True))["data"]["summary"]
    assert summary["column"] == 9


def test_up_to_the_limit_everything_is_answered() -> None:
    case = Case(CHAIN)
    count = len(case.document(FULL)["relationships"])
    answer = case.answer(FULL, relation_limit=count)
    assert (answer["mode"], answer["summary"]["relationship"]) == ("global", count)


def test_above_the_limit_result_sets_leave() -> None:
    case = Case(CHAIN)
    simple = case.document(replace(FULL, result_sets=ResultSets.TOP))
    assert len(simple["relationships"]) < len(case.document(FULL)["relationships"])
    answer = case.answer(FULL, relation_limit=len(simple["relationships"]))
    assert (answer["mode"], answer["sqlflow"]) == ("global", simple)
    assert answer["graph"]["elements"]["edges"]


def test_still_above_it_there_are_only_counts_and_names() -> None:
    answer = Case(CHAIN).answer(replace(FULL, functions=False), relation_limit=3)
    assert answer["mode"] == "summary"
    assert "graph" not in answer
    assert answer["summary"]["relationship"] > 3
    assert answer["summary"]["column"] == 9
    assert len(answer["summary"]["mostRelationTables"]) == 3
    assert answer["sqlflow"]["relationships"] == []
    contents = Contents(answer["sqlflow"])
    assert {"a", "b", "c", "d"} <= set(objects(answer["sqlflow"]))
    assert contents.columns == {}
    envelope: dict[str, Any] = {"code": 200, "data": answer}
    assert is_summary(envelope)
    assert read_document(envelope, ["a.sql"]).folded_edges == ()


def test_a_narrower_selection_comes_below_the_limit() -> None:
    case = Case(CHAIN)
    assert case.answer(SIMPLE, relation_limit=3)["mode"] == "summary"
    assert (
        case.answer(SIMPLE, relation_limit=3, selection=Selection(table="d", column="x"))["mode"] == "global"
    )


@pytest.mark.parametrize("unlimited", [{"return_full": True, "relation_limit": 1}, {"relation_limit": None}])
def test_no_limit(unlimited: dict[str, Any]) -> None:
    assert Case(CHAIN).answer(FULL, **unlimited)["mode"] == "global"


def test_the_model_is_left_out_where_it_is_not_asked_for() -> None:
    assert list(Case(CHAIN).answer(is_return_model=False)) == ["mode", "summary", "graph"]
    assert list(Case(CHAIN).answer(is_return_model=False, relation_limit=1)) == ["mode", "summary"]


def test_documents_without_result_sets_are_not_made_twice() -> None:
    made = []

    def make(options: ExportOptions) -> dict[str, Any]:
        made.append(options)
        return {"relationships": [1, 2]}

    assert limited(make, SIMPLE, 1)[0] == "summary"
    assert made == [SIMPLE]


def test_errors_are_kept_everywhere() -> None:
    case = Case(CHAIN + "SELECT FROM WHERE 1")
    assert case.answer(relation_limit=1)["sqlflow"]["errors"]
    assert case.answer(selection=Selection(table="a"))["sqlflow"]["errors"]
    assert objects_only(case.document())["errors"]


def test_answers_without_a_graph() -> None:
    case = Case(CHAIN)
    for request in (
        GraphRequest(),
        GraphRequest(relation_limit=1),
        GraphRequest(selection=Selection(table="c")),
    ):
        whole = graph_answer(case.result, SIMPLE, case.texts, request)
        whole.pop("graph", None)
        assert document_answer(case.result, SIMPLE, case.texts, request) == whole
