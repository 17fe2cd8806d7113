from __future__ import annotations

import pytest

from airflow_provider_sqlflow.formats.sqlflow.graph.er import er_answer
from airflow_provider_sqlflow.formats.sqlflow.graph.selection import Selection
from airflow_provider_sqlflow.formats.sqlflow.settings import REQUEST_DEFAULTS
from tests.formats.sqlflow.graph.reading import Case, check_part, drawn, labels, lines, objects

SCHEMA = """
CREATE TABLE hr.users (id INT PRIMARY KEY, name VARCHAR(10));
CREATE TABLE hr.rooms (id INT PRIMARY KEY, n INT UNIQUE);
CREATE TABLE hr.reservations (
  id INT, user_id INT REFERENCES hr.users (id), room_id INT,
  FOREIGN KEY (room_id) REFERENCES hr.rooms (id));
CREATE TABLE ops.payments (r_id INT, user_id INT REFERENCES hr.users (id));
CREATE TABLE ops.log (at DATE);
CREATE VIEW v AS SELECT name FROM hr.users;
INSERT INTO used_only SELECT x FROM somewhere;
"""


@pytest.fixture(scope="module")
def case() -> Case:
    return Case(SCHEMA)


def test_declared_tables_and_their_foreign_keys(case: Case) -> None:
    answer = er_answer(case.result, REQUEST_DEFAULTS, case.texts)
    assert list(answer) == ["mode", "summary", "sqlflow", "graph"]
    document = answer["sqlflow"]
    check_part(document, document)
    assert lines(document) == [
        "users.id -> er -> reservations.user_id",
        "rooms.id -> er -> reservations.room_id",
        "users.id -> er -> payments.user_id",
    ]
    assert sorted(objects(document)) == ["log", "payments", "reservations", "rooms", "users"]
    assert {relation["type"] for relation in document["relationships"]} == {"er"}
    assert all(len(relation["sources"]) == 1 for relation in document["relationships"])
    assert answer["summary"]["relationship"] == 3
    assert document["processes"] == []


def test_columns_have_types_and_keys(case: Case) -> None:
    document = er_answer(case.result, REQUEST_DEFAULTS, case.texts)["sqlflow"]
    schemas = document["dbobjs"]["servers"][0]["databases"][0]["schemas"]
    users, rooms, reservations = schemas[0]["tables"]
    assert (users["columns"][0]["primaryKey"], users["columns"][0]["dataType"]) == (True, "INT")
    assert rooms["columns"][1]["unqiueKey"] is True
    assert [column.get("foreignKey", False) for column in reservations["columns"]] == [False, True, True]


def test_the_graph_lists_all_columns(case: Case) -> None:
    answer = er_answer(case.result, REQUEST_DEFAULTS, case.texts)
    assert drawn(answer)[0] == "users.id -> reservations.user_id"
    assert {"users.name", "rooms.n", "log.at"} <= set(dict(labels(answer["graph"])).values())
    assert {flow_type for _, flow_type in answer["graph"]["relationshipIdMap"].values()} == {"er"}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ({"table": "rooms"}, {"rooms", "reservations"}),
        ({"table": "HR.Users"}, {"users", "reservations", "payments"}),
        ({"schema": "ops"}, {"payments", "log", "users"}),
        ({"table": "log"}, {"log"}),
        ({"table": "unknown"}, set()),
        ({"table": "users", "server": "elsewhere"}, set()),
        ({}, {"users", "rooms", "reservations", "payments", "log"}),
    ],
)
def test_a_selection_brings_the_tables_next_to_it(
    case: Case, names: dict[str, str], expected: set[str]
) -> None:
    whole = er_answer(case.result, REQUEST_DEFAULTS, case.texts)["sqlflow"]
    part = er_answer(case.result, REQUEST_DEFAULTS, case.texts, Selection(**names))["sqlflow"]  # type: ignore[arg-type]
    assert set(objects(part)) == expected
    check_part(whole, part)


def test_without_declarations_there_is_nothing() -> None:
    case = Case("SELECT a FROM t JOIN u ON t.x = u.y")
    answer = er_answer(case.result, REQUEST_DEFAULTS, case.texts)
    assert answer["sqlflow"]["relationships"] == []
    assert answer["graph"]["elements"] == {"tables": [], "edges": []}


def test_a_table_that_refers_to_itself_and_a_cycle() -> None:
    case = Case(
        "CREATE TABLE emp (id INT PRIMARY KEY, boss INT REFERENCES emp (id), d INT REFERENCES dept (id));"
        "CREATE TABLE dept (id INT PRIMARY KEY, head INT REFERENCES emp (id))"
    )
    answer = er_answer(case.result, REQUEST_DEFAULTS, case.texts)
    assert sorted(drawn(answer)) == ["dept.id -> emp.d", "emp.id -> dept.head", "emp.id -> emp.boss"]
