from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from airflow_provider_sqlflow.engine.model import LineageResult
from airflow_provider_sqlflow.formats.sqlflow.document import build_answer
from airflow_provider_sqlflow.formats.sqlflow.graph.graph import build_graph
from airflow_provider_sqlflow.formats.sqlflow.settings import REQUEST_DEFAULTS, apply_settings
from tests.formats.sqlflow.graph.reading import CHAIN, FULL, SIMPLE, Case, drawn, labels

SAMPLE = "select ename from emp, dept where deptid = id"


def test_the_documented_sample() -> None:
    """Reference sqlflow-api, section 4.2: the same members with the same kinds of values."""
    answer = Case(SAMPLE).answer(REQUEST_DEFAULTS)
    assert list(answer) == ["mode", "summary", "sqlflow", "graph"]
    assert answer["mode"] == "global"
    assert list(answer["sqlflow"]) == ["dbvendor", "dbobjs", "relationships", "processes", "errors"]
    graph = answer["graph"]
    assert list(graph) == ["elements", "tooltip", "relationshipIdMap", "listIdMap"]
    tables = {table["label"]["content"]: table for table in graph["elements"]["tables"]}
    assert list(tables) == ["emp", "RS-1"]
    emp, result = tables["emp"], tables["RS-1"]
    assert emp == {
        "id": "n0",
        "label": {
            "content": "emp",
            "fontFamily": "Segoe UI Symbol",
            "fontSize": "12",
            "width": 162,
            "height": 17.96875,
            "x": 0,
            "y": 0,
        },
        "x": 0,
        "y": emp["y"],
        "width": 162,
        "height": 42,
        "columns": [
            {
                "id": "n0::n0",
                "label": {
                    "content": "ename",
                    "fontFamily": "Segoe UI Symbol",
                    "fontSize": "12",
                    "width": 160,
                    "height": 16,
                    "x": 0,
                    "y": 0,
                },
                "x": 1,
                "y": emp["y"] + 22,
                "width": 160,
                "height": 16,
            }
        ],
    }
    assert (result["x"], result["id"]) == (212, "n1")
    assert graph["elements"]["edges"] == [{"id": "e0", "sourceId": "n0::n0", "targetId": "n1::n0"}]
    assert graph["tooltip"] == {}
    (relation,) = answer["sqlflow"]["relationships"]
    assert graph["relationshipIdMap"] == {"e0": [relation["id"], "fdd"]}
    assert graph["listIdMap"]["n0::n0"] == [relation["sources"][0]["id"]]
    assert graph["listIdMap"]["n1::n0"] == [relation["target"]["id"]]
    assert graph["listIdMap"]["n1"] == [relation["target"]["parentId"]]


def test_labels_keep_the_spelling_of_the_text() -> None:
    case = Case('INSERT INTO Tgt SELECT Src.colA, src."b c" FROM Src')
    answer = case.answer(SIMPLE)
    assert drawn(answer) == ["Src.colA -> Tgt.colA", "Src.b c -> Tgt.b c"]
    assert [one["target"]["column"] for one in answer["sqlflow"]["relationships"]] == ["COLA", "B C"]
    assert drawn(case.answer(replace(SIMPLE, normalize_names=False))) == drawn(answer)


def test_numbered_objects_keep_their_numbers() -> None:
    case = Case("WITH q AS (SELECT x FROM t) SELECT x FROM q; WITH q AS (SELECT x FROM t) SELECT x FROM q")
    names = [label for node, label in labels(case.answer(FULL)["graph"]) if "::" not in node]
    assert sorted(names) == ["CTE-q-1", "CTE-q-2", "RS-1", "RS-2", "RS-3", "RS-4", "t"]


def test_boxes_of_one_name_are_told_apart() -> None:
    case = Case("INSERT INTO s1.t SELECT x FROM s2.t; INSERT INTO s1.other SELECT x FROM s1.t")
    graph = case.answer()["graph"]
    names = {table["label"]["content"] for table in graph["elements"]["tables"]}
    assert names == {"S1.t", "S2.t", "other"}
    assert sorted(graph["tooltip"].values()) == ["S1.other"]


def test_long_names_are_cut_and_told_whole_in_the_tooltip() -> None:
    name = "a_very_long_name_of_a_table_that_does_not_fit"
    graph = Case(f"INSERT INTO t (x) SELECT {name}2 FROM {name}").answer()["graph"]
    (table,) = (one for one in graph["elements"]["tables"] if one["label"]["content"] != "t")
    assert table["label"]["content"] == name[:23] + "\u2026"
    assert graph["tooltip"] == {table["id"]: name, table["columns"][0]["id"]: name + "2"}


@pytest.mark.parametrize("show_link_only", [True, False])
def test_columns_without_a_relation(show_link_only: bool) -> None:
    case = Case("CREATE TABLE a (x INT, y INT); CREATE TABLE alone (z INT); INSERT INTO t SELECT x FROM a")
    graph = case.answer(show_link_only=show_link_only)["graph"]
    rows = {one["label"]["content"]: len(one["columns"]) for one in graph["elements"]["tables"]}
    assert rows == ({"a": 1, "t": 1} if show_link_only else {"a": 2, "alone": 1, "t": 1})


def test_objects_are_drawn_where_there_is_no_relation() -> None:
    graph = Case("CREATE TABLE alone (z INT)").answer()["graph"]
    assert [one["label"]["content"] for one in graph["elements"]["tables"]] == ["alone"]


def test_hidden_columns_are_there_and_have_no_height() -> None:
    shown, hidden = (Case(CHAIN).answer(hide_column=hide)["graph"] for hide in (False, True))
    assert hidden["elements"]["edges"] == shown["elements"]["edges"]
    assert hidden["listIdMap"] == shown["listIdMap"]
    columns = [column for table in hidden["elements"]["tables"] for column in table["columns"]]
    assert {column["height"] for column in columns} == {0}
    assert {table["height"] for table in hidden["elements"]["tables"]} == {26}


def test_a_row_set_is_a_row_where_a_relation_uses_it() -> None:
    case = Case("INSERT INTO t SELECT x FROM a WHERE z = 1")
    options = apply_settings({"showRelationType": "fdd,fdr"}, SIMPLE)
    assert drawn(case.answer(options)) == ["a.x -> t.x", "a.z -> t.RelationRows"]
    assert "t.RelationRows" not in dict(labels(case.answer(show_link_only=False)["graph"])).values()


def test_each_source_has_a_line_with_its_relation() -> None:
    answer = Case("INSERT INTO t SELECT a.x + a.y AS z FROM a").answer()
    (relation,) = answer["sqlflow"]["relationships"]
    assert drawn(answer) == ["a.x -> t.z", "a.y -> t.z"]
    assert answer["graph"]["relationshipIdMap"] == {
        "e0": [relation["id"], "fdd"],
        "e1": [relation["id"], "fdd"],
    }


def test_statements_are_boxes_at_table_level() -> None:
    answer = Case(CHAIN).answer(table_level=True)
    assert drawn(answer)[:2] == ["a -> QUERY INSERT-1", "QUERY INSERT-1 -> b"]
    tables = answer["graph"]["elements"]["tables"]
    assert [table["x"] for table in tables] == [424, 0, 848, 1272, 212, 636, 1060]
    assert {len(table["columns"]) for table in tables} == {0}
    process = answer["graph"]["listIdMap"][tables[4]["id"]]
    assert process == [answer["sqlflow"]["processes"][0]["id"]]


def test_tables_joined_without_statements() -> None:
    case = Case(CHAIN)
    answer = case.answer(replace(SIMPLE, table_level=True))
    assert drawn(answer) == ["a -> b", "b -> c", "c -> d"]
    ids = [
        end
        for one in answer["sqlflow"]["relationships"]
        for end in (one["target"]["id"], one["sources"][0]["id"])
    ]
    listed = [item for items in answer["graph"]["listIdMap"].values() for item in items]
    assert set(ids) <= set(listed)


def test_an_empty_document_is_an_empty_graph() -> None:
    for sql in ("", "-- nothing", "SELECT FROM WHERE"):
        graph = Case(sql).answer(FULL)["graph"]
        assert graph == {
            "elements": {"tables": [], "edges": []},
            "tooltip": {},
            "relationshipIdMap": {},
            "listIdMap": {},
        }


def test_names_that_break_other_formats(hostile: LineageResult) -> None:
    document: dict[str, Any] = build_answer(hostile)["data"]["sqlflow"]
    graph = build_graph(document)
    content = [label for _, label in labels(graph)]
    assert all(label.isprintable() and len(label) <= 2 * 24 + 1 for label in content)
    assert len(graph["elements"]["edges"]) == 2


def test_the_same_answer_each_time() -> None:
    case = Case(CHAIN)
    assert case.answer(FULL) == case.answer(FULL) == Case(CHAIN).answer(FULL)
