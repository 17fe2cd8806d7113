from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest

from airflow_provider_sqlflow.engine import analyze
from airflow_provider_sqlflow.engine.model import LineageResult
from airflow_provider_sqlflow.formats import render
from airflow_provider_sqlflow.formats.options import ExportOptions, ResultSets
from airflow_provider_sqlflow.formats.sqlflow.document import build_answer, build_table_answer
from airflow_provider_sqlflow.formats.sqlflow.settings import REQUEST_DEFAULTS, apply_settings
from tests.formats.sqlflow.schemas import objects_of, valid


def sqlflow(result: LineageResult, options: ExportOptions = ExportOptions()) -> dict[str, Any]:  # noqa: B008
    document: dict[str, Any] = valid("json", result, options)["data"]["sqlflow"]
    return document


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
        "relationship": 8,
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
    assert [(item["name"], item["displayName"], item["type"]) for item in objects_of(document)] == [
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
    ids = [item["id"] for item in objects_of(document)]
    columns = {
        column["id"]: (column["name"], item["id"])
        for item in objects_of(document)
        for column in item["columns"]
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
        (
            "fdr",
            "insert",
            "shop.mart.daily.total",
            [
                "shop.raw.orders.status where",
                "shop.raw.orders.RelationRows selectList",
                "shop.raw.customers.RelationRows selectList",
            ],
        ),
        (
            "fdr",
            "insert",
            "shop.mart.daily.days",
            [
                "shop.raw.orders.RelationRows selectList",
                "shop.raw.orders.status where",
                "shop.raw.customers.RelationRows selectList",
            ],
        ),
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
        for item in objects_of(sqlflow(shop))
        for column in item["columns"]
        if column["name"] == "RelationRows"
    ]
    assert [(column["source"], column["uiVisible"]) for column in rows] == [("system", False)] * 3


def test_coordinates_count_from_one_and_name_the_file(shop: LineageResult) -> None:
    document = sqlflow(shop)
    (source,) = document["relationships"][5]["sources"]
    assert source["coordinates"] == [
        {"x": 1, "y": 30, "hashCode": "1"},
        {"x": 1, "y": 40, "hashCode": "1"},
    ]
    orders = objects_of(document)[0]
    assert orders["columns"][0]["coordinates"][0] == {"x": -1, "y": -1, "hashCode": "0"}


def test_processes_are_the_writing_statements(shop: LineageResult) -> None:
    document = sqlflow(shop)
    assert [(item["name"], item["type"], item["schema"]) for item in document["processes"]] == [
        ("Query Insert-1", "sstinsert", "mart"),
        ("Query Create View-1", "sstcreateview", "mart"),
    ]
    daily = next(item for item in objects_of(document) if item["displayName"] == "daily")
    assert daily["processIds"] == [document["processes"][0]["id"]]


def test_diagnostics_become_errors_except_hints_of_no_weight(shop: LineageResult) -> None:
    assert [(item["errorType"], item["file"], item["errorMessage"]) for item in sqlflow(shop)["errors"]] == [
        ("SyntaxError", "b.sql", "unexpected 'FORM'"),
        ("LinkOrphanColumn", "a.sql", "id is in two tables"),
    ]


def test_names_come_back_as_they_were(hostile: LineageResult) -> None:
    name = hostile.edges()[0].source.name
    (relationship, *_) = sqlflow(hostile)["relationships"]
    assert relationship["sources"][0]["column"] == name
    assert relationship["sources"][0]["parentName"] == f"{name}.{name}"


SQL = "INSERT INTO s.t (x)\nSELECT sum(o.a) AS total FROM s.o AS o WHERE o.b = 'k'"
TEXTS = {"a.sql": SQL}
DIGEST = hashlib.md5(SQL.encode()).hexdigest()
FULL = ExportOptions(
    result_sets=ResultSets.ALL, functions=True, constants=True, transforms=True, normalize_names=True
)


def test_published_sample_of_a_graph_answer() -> None:
    """Reference, section 2.5: the names, ends and clauses of the sample (its ids are its own)."""
    sql = "select emp.ename from emp, dept where emp.deptid = dept.id"
    result = analyze(sql, dialect="dbvoracle", source_name="a.sql")
    options = apply_settings({"showRelationType": "fdd,fdr"}, REQUEST_DEFAULTS)
    sqlflow = valid("json", result, options, {"a.sql": sql})["data"]["sqlflow"]

    def end(item: dict[str, Any]) -> tuple[str, str]:
        return item["parentName"], item["column"]

    assert [
        (
            item["type"],
            item["effectType"],
            end(item["target"]),
            [(*end(source), source["clauseType"]) for source in item["sources"]],
        )
        for item in sqlflow["relationships"]
    ] == [
        ("fdd", "select", ("RS-1", "ENAME"), [("EMP", "ENAME", "selectList")]),
        (
            "fdr",
            "select",
            ("RS-1", "RELATIONROWS"),
            [("EMP", "DEPTID", "where"), ("DEPT", "ID", "where")],
        ),
    ]


def test_the_full_chain_with_every_field() -> None:
    result = analyze(SQL, dialect="oracle", source_name="a.sql")
    sqlflow = valid("json", result, FULL, TEXTS)["data"]["sqlflow"]
    assert [(item["name"], item["type"], item["displayName"]) for item in objects_of(sqlflow)] == [
        ("S.T", "table", "T"),
        ("S.O", "table", "O"),
        ("SUM", "function", "SUM"),
        ("INSERT-SELECT-1", "insert-select", "INSERT-SELECT-1"),
        ("SQL_CONSTANTS-1", "constantTable", "SQL_CONSTANTS-1"),
    ]
    [process] = sqlflow["processes"]
    assert (process["name"], process["queryHashId"], process["schema"]) == ("QUERY INSERT-1", DIGEST, "S")
    into_sum = next(item for item in sqlflow["relationships"] if item.get("function") == "SUM")
    assert (into_sum["type"], into_sum["effectType"], into_sum["sqlHash"]) == ("fdd", "function", DIGEST)
    assert (into_sum["processId"], into_sum["processType"]) == (process["id"], "sstinsert")
    assert into_sum["sources"][0]["transforms"] == [
        {
            "type": "function",
            "code": "sum(o.a)",
            "coordinates": [{"x": 2, "y": 8, "hashCode": "0"}, {"x": 2, "y": 16, "hashCode": "0"}],
        }
    ]
    constants = objects_of(sqlflow)[-1]
    assert [column["name"] for column in constants["columns"]] == ["'k'"]


def test_hashes_are_of_the_statements_text_and_left_out_without_it() -> None:
    result = analyze(f"SELECT 1;\n{SQL};", dialect="oracle", source_name="a.sql")
    texts = {"a.sql": f"SELECT 1;\n{SQL};"}
    [process] = build_answer(result, texts=lambda: texts)["data"]["sqlflow"]["processes"]
    assert process["queryHashId"] == DIGEST
    without = build_answer(result)["data"]["sqlflow"]
    assert "queryHashId" not in without["processes"][0]
    assert all("sqlHash" not in item for item in without["relationships"])


def test_joins_carry_clause_kind_and_condition() -> None:
    sql = "SELECT a.x FROM a LEFT JOIN b ON a.id = b.id"
    result = analyze(sql, dialect="oracle", source_name="a.sql")
    options = apply_settings({"showRelationType": "join"})
    [join] = valid("json", result, options, {"a.sql": sql})["data"]["sqlflow"]["relationships"]
    assert (join["type"], join["clause"], join["joinType"], join["condition"]) == (
        "join",
        "joinCondition",
        "left",
        "a.id = b.id",
    )


def test_columns_carry_types_and_keys_and_foreign_keys_are_relations() -> None:
    """Reference, section 11: the shape of a published E-R answer."""
    sql = (
        "CREATE TABLE users (id INT PRIMARY KEY, mail VARCHAR(50) UNIQUE);\n"
        "CREATE TABLE reservations (id INT, user_id INT REFERENCES users (id));\n"
        "CREATE INDEX by_user ON reservations (id)"
    )
    result = analyze(sql, dialect="postgres", source_name="a.sql")
    document = valid("json", result, apply_settings({"showRelationType": "er"}))["data"]["sqlflow"]
    users, reservations = objects_of(document)
    facts = {
        column["name"]: {key: value for key, value in column.items() if "Key" in key or key == "dataType"}
        for column in users["columns"]
    }
    assert facts == {
        "id": {"dataType": "INT", "primaryKey": True},
        "mail": {"dataType": "VARCHAR(50)", "unqiueKey": True},
    }
    assert reservations["columns"][0]["indexKey"]
    assert reservations["columns"][1]["foreignKey"]
    [relationship] = document["relationships"]
    assert (relationship["type"], "effectType" in relationship) == ("er", False)
    assert (relationship["target"]["parentName"], relationship["target"]["column"]) == (
        "reservations",
        "user_id",
    )
    assert [(one["parentName"], one["column"]) for one in relationship["sources"]] == [("users", "id")]
    assert relationship["target"]["coordinates"][0]["x"] == 2


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        ("a", "simple"),
        ("upper(a)", "function"),
        ("a + 1", "expression"),
        ("upper(a) || b", "expression"),
        ("CASE WHEN a > 1 THEN b END", "case"),
        ("(SELECT max(q) FROM u)", "subquery"),
    ],
)
def test_transforms_say_what_is_done(expression: str, kind: str) -> None:
    result = analyze(f"SELECT {expression} AS x FROM t", dialect="postgres")
    options = ExportOptions(result_sets=ResultSets.ALL, transforms=True, indirect=False)
    [found] = [item for item in sqlflow(result, options)["relationships"] if item["target"]["column"] == "x"]
    assert {transform["type"] for source in found["sources"] for transform in source["transforms"]} == {kind}
    plain = sqlflow(result, ExportOptions(indirect=False))["relationships"]
    assert all("transforms" not in source for item in plain for source in item["sources"])


def test_names_are_normalised_as_the_dialect_folds_them() -> None:
    sql = "INSERT INTO Shop.T (A) SELECT count(*) FROM Shop.S"
    names = {}
    for dialect in ("oracle", "postgres", "tsql", "mysql"):
        document = sqlflow(analyze(sql, dialect=dialect), ExportOptions(normalize_names=True))
        relationship = document["relationships"][0]
        names[dialect] = (
            relationship["target"]["parentName"],
            relationship["sources"][0]["column"],
            relationship["sources"][0]["source"],
        )
    assert names == {
        "oracle": ("SHOP.T", "RELATIONROWS", "SYSTEM"),
        "postgres": ("shop.t", "relationrows", "system"),
        "tsql": ("SHOP.T", "RELATIONROWS", "SYSTEM"),
        "mysql": ("Shop.T", "RelationRows", "system"),
    }


TABLES = (
    "INSERT INTO special_orders SELECT o.id, o.total FROM orders o JOIN customers c ON c.id = o.customer;"
    "UPDATE special_orders SET total = total + 1 WHERE id > 5"
)


def test_table_to_table_joins_tables_by_a_placeholder_column() -> None:
    result = analyze(TABLES, dialect="oracle")
    document = valid("json", result, ExportOptions(table_level=True))["data"]["sqlflow"]
    assert [
        (
            item["type"],
            item["sources"][0]["parentName"],
            item["sources"][0]["column"],
            item["target"]["parentName"],
        )
        for item in document["relationships"]
    ] == [
        ("fdd", "orders", "TABLE", "special_orders"),
        ("fdd", "customers", "TABLE", "special_orders"),
        ("fdd", "special_orders", "TABLE", "special_orders"),
    ]
    assert "effectType" not in document["relationships"][0]
    assert document["relationships"][0]["target"]["coordinates"] == []
    ignored = apply_settings({"tableToTable": "true", "ignoreSelfLineage": "true"})
    assert len(valid("json", result, ignored)["data"]["sqlflow"]["relationships"]) == 2
    direct = apply_settings({"tableToTable": "true", "showRelationType": "fdd"})
    assert [
        item["sources"][0]["parentName"]
        for item in valid("json", result, direct)["data"]["sqlflow"]["relationships"]
    ] == ["orders", "special_orders"]


def test_table_lineage_goes_through_the_statements() -> None:
    result = analyze("CREATE VIEW v1 AS SELECT f1 FROM t2; ALTER TABLE t2 RENAME TO t3;", dialect="oracle")
    document = valid("json-tables", result)["data"]["sqlflow"]
    names = {item["id"]: item["name"] for item in [*objects_of(document), *document["processes"]]}
    assert [
        (names[item["sources"][0]["id"]], names[item["target"]["id"]]) for item in document["relationships"]
    ] == [
        ("t2", "Query Create View-1"),
        ("Query Create View-1", "v1"),
        ("t2", "Query Alter Table-1"),
        ("Query Alter Table-1", "t3"),
    ]
    first, second, *_ = document["relationships"]
    assert first["sources"] == [
        {"id": "4", "sourceId": "4", "sourceName": "t2", "coordinates": []},
    ]
    assert "targetId" not in first["target"]
    assert (second["target"]["targetName"], second["sources"][0]["sourceName"]) == (
        "v1",
        "Query Create View-1",
    )
    assert build_table_answer(result, job_id="j")["jobId"] == "j"


def test_stages_tell_address_and_format() -> None:
    sql = "copy into t from @ext/dir/f.csv; copy into @own/out/ from t"
    document = sqlflow(analyze(sql, dialect="snowflake"))
    found = {
        item["name"]: (item["type"], item["uri"], item.get("location"), item.get("fileType"))
        for item in objects_of(document)
        if "uri" in item
    }
    assert found == {
        "/dir/f.csv": ("path", "/dir/f.csv", None, "CSV"),
        "@ext": ("stage", "@ext", None, None),
        "@own": ("stage", "@own", "out", None),
    }


def test_the_flat_shape_has_processes_among_its_objects(shop: LineageResult) -> None:
    flat = valid("json-flat", shop)["data"]["sqlflow"]
    tree = valid("json", shop)["data"]["sqlflow"]
    assert [item["type"] for item in flat["dbobjs"]] == [
        "table",
        "table",
        "table",
        "view",
        "select_list",
        "process",
        "process",
    ]
    assert flat["dbobjs"][5]["processType"] == "sstinsert"
    assert flat["relationships"] == tree["relationships"]
    assert objects_of(flat) == objects_of(tree)


def test_the_document_is_the_same_whole_or_in_pieces(shop: LineageResult) -> None:
    assert json.loads(render("json", shop)) == build_answer(shop)
    assert render("json", shop) == render("json", shop)
