from typing import Any

from airflow_provider_sqlflow.engine import analyze
from airflow_provider_sqlflow.formats.options import ExportOptions
from tests.formats.sqlflow.schemas import valid

SQL = (
    "INSERT INTO t (a, b, c, d) SELECT o.x, o.x + o.y, upper(o.z), sum(o.w) FROM o WHERE o.k > 1 GROUP BY o.x"
)


def edges(document: dict[str, Any]) -> list[tuple[str, str, str, str | None]]:
    names = {node["id"]: node["qualifiedName"].removeprefix("DEFAULT.DEFAULT.") for node in document["nodes"]}
    return [
        (item["type"], names[item["source"]], names[item["target"]], item.get("effectType"))
        for item in document["relationships"]
        if item["type"] != "has"
    ]


def test_every_edge_has_one_source_one_target_and_a_strength() -> None:
    document = valid("json-v2", analyze(SQL, dialect="postgres", source_name="a.sql"))
    found = edges(document)
    assert [edge for edge in found if edge[0] == "data_flow"] == [
        ("data_flow", "o.x", "t.a", "EXACT_COPY"),
        ("data_flow", "o.x", "t.b", "PARTIAL_COPY"),
        ("data_flow", "o.y", "t.b", "PARTIAL_COPY"),
        ("data_flow", "o.z", "t.c", "MODIFIED_COPY"),
        ("data_flow", "o.w", "t.d", "AGGREGATION"),
    ]
    assert ("restricts", "o.k", "t", None) in found
    assert ("groups", "o.x", "t", None) in found


def test_columns_belong_to_relations_and_rows_are_no_nodes() -> None:
    document = valid("json-v2", analyze(SQL, dialect="postgres"))
    assert "RelationRows" not in {node["name"] for node in document["nodes"]}
    has = {(item["source"], item["target"]) for item in document["relationships"] if item["type"] == "has"}
    assert len(has) == sum(node["type"] == "column" for node in document["nodes"])


def test_edges_of_a_statement_share_its_key_and_prove_their_place() -> None:
    sql = f"{SQL};\nINSERT INTO u (a) SELECT a FROM t"
    document = valid("json-v2", analyze(sql, dialect="postgres", source_name="a.sql"), texts={"a.sql": sql})
    keys = [statement["statementKey"] for statement in document["statements"]]
    assert keys == ["a.sql#1", "a.sql#2"]
    assert all(len(statement["queryHashId"]) == 32 for statement in document["statements"])
    last = document["relationships"][-1]
    assert last["statementKey"] == "a.sql#2"
    assert last["observations"] == [{"file": "a.sql", "line": 2, "column": 26, "endLine": 2, "endColumn": 27}]


def test_a_guessed_column_is_ambiguous() -> None:
    document = valid("json-v2", analyze("SELECT name FROM emp, dept", dialect="postgres"))
    assert [edge[3] for edge in edges(document)] == ["AMBIGUOUS"]


def test_functions_and_joins_are_no_edges_here() -> None:
    options = ExportOptions(functions=True, joins=True)
    document = valid("json-v2", analyze(SQL, dialect="postgres"), options)
    assert {node["type"] for node in document["nodes"]} == {"table", "column"}
