from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from airflow_provider_sqlflow.engine.model import (
    ColumnRef,
    Edge,
    Effect,
    LineageResult,
    Relation,
    RelationId,
    RelationKind,
    Subtype,
)
from airflow_provider_sqlflow.formats import render
from airflow_provider_sqlflow.formats.sqlflow.document import build_answer


def sqlflow(result: LineageResult) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(render("json", result))["data"]["sqlflow"]
    return document


def objects(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for server in document["dbobjs"]["servers"]:
        for database in server["databases"]:
            for schema in database.get("schemas", [database]):
                for name in ("tables", "views", "others"):
                    yield from schema[name]


def test_the_envelope_is_the_documented_one(shop: LineageResult) -> None:
    answer = json.loads(render("json", shop))
    assert list(answer) == ["code", "data"]
    assert answer["code"] == 200
    assert answer["data"]["mode"] == "global"
    assert answer["data"]["summary"] == {
        "schema": 2,
        "process": 2,
        "database": 1,
        "view": 1,
        "table": 3,
        "column": 13,
        "relationship": 7,
        "mostRelationTables": [
            {"schema": "mart", "table": "daily"},
            {"schema": "raw", "table": "orders"},
            {"schema": "raw", "table": "customers"},
        ],
    }
    assert build_answer(shop, job_id="j1")["jobId"] == "j1"


def test_objects_nest_below_database_and_schema(shop: LineageResult) -> None:
    document = sqlflow(shop)
    assert document["dbvendor"] == "dbvpostgresql"
    (server,) = document["dbobjs"]["servers"]
    assert (server["name"], server["supportsCatalogs"], server["supportsSchemas"]) == (
        "DEFAULT_SERVER",
        True,
        True,
    )
    assert [
        (database["name"], [schema["name"] for schema in database["schemas"]])
        for database in server["databases"]
    ] == [("shop", ["raw", "mart"]), ("DEFAULT", ["DEFAULT"])]
    assert [(item["name"], item["displayName"], item["type"]) for item in objects(document)] == [
        ("shop.raw.orders", "orders", "table"),
        ("shop.raw.customers", "customers", "table"),
        ("shop.mart.daily", "daily", "table"),
        ("shop.mart.top_days", "top_days", "view"),
        ("RS-1", "RS-1", "select_list"),
    ]


def test_a_vendor_without_schemas_has_tables_below_the_database(shop: LineageResult) -> None:
    (server,) = sqlflow(replace(shop, dialect="mysql"))["dbobjs"]["servers"]
    assert (server["dbVendor"], server["supportsSchemas"]) == ("dbvmysql", False)
    assert [database["name"] for database in server["databases"]] == ["raw", "mart", "DEFAULT"]
    assert [table["name"] for table in server["databases"][0]["tables"]] == [
        "shop.raw.orders",
        "shop.raw.customers",
    ]


def test_ids_are_unique_and_every_end_exists(shop: LineageResult) -> None:
    document = sqlflow(shop)
    ids = [item["id"] for item in objects(document)]
    columns = {
        column["id"]: (column["name"], item["id"]) for item in objects(document) for column in item["columns"]
    }
    ids += [*columns, *(item["id"] for item in document["processes"] + document["relationships"])]
    assert len(ids) == len(set(ids))
    processes = {process["id"]: process["type"] for process in document["processes"]}
    for relationship in document["relationships"]:
        for end in (relationship["target"], *relationship["sources"]):
            assert columns[end["id"]] == (end["column"], end["parentId"])
        process = relationship.get("processId")
        assert (process is None) == (relationship["effectType"] == "select")
        assert processes.get(process) == relationship.get("processType")


def test_relationships(shop: LineageResult) -> None:
    found = [
        (
            item["type"],
            item["effectType"],
            f"{item['target']['parentName']}.{item['target']['column']}",
            [
                f"{source['parentName']}.{source['column']} {source['clauseType']}"
                for source in item["sources"]
            ],
        )
        for item in sqlflow(shop)["relationships"]
    ]
    assert found == [
        ("fdd", "insert", "shop.mart.daily.total", ["shop.raw.orders.amount selectList"]),
        ("fdr", "insert", "shop.mart.daily.days", ["shop.raw.orders.RelationRows selectList"]),
        (
            "fdd",
            "insert",
            "shop.mart.daily.band",
            ["shop.raw.customers.name selectList", "shop.raw.customers.tier selectList"],
        ),
        (
            "fdr",
            "insert",
            "shop.mart.daily.RelationRows",
            ["shop.raw.orders.status where", "shop.raw.orders.customer_id joinCondition"],
        ),
        ("fdd", "create_view", "shop.mart.top_days.total", ["shop.mart.daily.total selectList"]),
        ("fdd", "select", "RS-1.total", ["shop.mart.top_days.total selectList"]),
        ("fdd", "select", "RS-1.rank", ["shop.mart.top_days.total selectList"]),
    ]


def test_row_sets_are_marked_as_made_by_the_system(shop: LineageResult) -> None:
    rows = [
        column
        for item in objects(sqlflow(shop))
        for column in item["columns"]
        if column["name"] == "RelationRows"
    ]
    assert [(column["source"], column["uiVisible"]) for column in rows] == [("system", False)] * 2


def test_coordinates_count_from_one_and_name_the_file(shop: LineageResult) -> None:
    document = sqlflow(shop)
    (source,) = document["relationships"][4]["sources"]
    assert source["coordinates"] == [
        {"x": 1, "y": 30, "hashCode": "1"},
        {"x": 1, "y": 40, "hashCode": "1"},
    ]
    orders = next(objects(document))
    assert orders["columns"][0]["coordinates"][0] == {"x": -1, "y": -1, "hashCode": "0"}


def test_processes_are_the_writing_statements(shop: LineageResult) -> None:
    document = sqlflow(shop)
    assert [(item["name"], item["type"], item["schema"]) for item in document["processes"]] == [
        ("Query Insert-1", "sstinsert", "mart"),
        ("Query Create View-1", "sstcreateview", "mart"),
    ]
    daily = next(item for item in objects(document) if item["displayName"] == "daily")
    assert daily["processIds"] == [document["processes"][0]["id"]]


def test_diagnostics_become_errors_except_hints_of_no_weight(shop: LineageResult) -> None:
    assert [(item["errorType"], item["file"], item["errorMessage"]) for item in sqlflow(shop)["errors"]] == [
        ("SyntaxError", "b.sql", "unexpected 'FORM'"),
        ("LinkOrphanColumn", "a.sql", "id is in two tables"),
    ]


def test_intermediates_are_result_sets_when_asked_for() -> None:
    table, cte = RelationId(None, None, "t"), RelationId(None, None, "recent", scope="1.1")
    edge = Edge(ColumnRef(table, "a"), ColumnRef(cte, "a"), Effect.DIRECT, Subtype.IDENTITY, statement=1)
    result = LineageResult(
        relations=(Relation(table, RelationKind.TABLE, ("a",)), Relation(cte, RelationKind.CTE, ("a",))),
        dialect="postgres",
    )
    assert [item["name"] for item in objects(build_answer(result)["data"]["sqlflow"])] == ["t"]
    full = replace(result, folded_edges=(edge,))
    assert [(item["name"], item["type"]) for item in objects(build_answer(full)["data"]["sqlflow"])] == [
        ("t", "table"),
        ("CTE-recent-1", "with_cte"),
    ]


def test_names_come_back_as_they_were(hostile: LineageResult) -> None:
    name = hostile.edges()[0].source.name
    (relationship, _) = sqlflow(hostile)["relationships"]
    assert relationship["sources"][0]["column"] == name
    assert relationship["sources"][0]["parentName"] == f"{name}.{name}"
