from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from airflow_provider_sqlflow.engine import analyze
from airflow_provider_sqlflow.errors import ExportError
from airflow_provider_sqlflow.formats import render
from airflow_provider_sqlflow.formats.er import Diagram, Relationship, build_diagram
from airflow_provider_sqlflow.formats.er_joins import find_joins

SVG = "{http://www.w3.org/2000/svg}"
TABLES = """
CREATE TABLE countries (code CHAR(2) PRIMARY KEY, name TEXT);
CREATE TABLE customers (id INT PRIMARY KEY, email TEXT UNIQUE, country CHAR(2) REFERENCES countries);
CREATE TABLE items (order_id INT, line INT, PRIMARY KEY (order_id, line),
  CONSTRAINT fk_order FOREIGN KEY (order_id) REFERENCES orders (id));
CREATE TABLE orders (id INT PRIMARY KEY, customer_id INT, day DATE);
CREATE INDEX ix_day ON orders (day);
CREATE TABLE profiles (customer_id INT PRIMARY KEY REFERENCES customers (id));
CREATE TABLE lonely (a INT);
"""


def diagram(sql: str, dialect: str = "postgres") -> Diagram:
    return build_diagram(analyze(sql, dialect=dialect))


def words(one: Relationship) -> str:
    left, right = (" ".join(map(str, ends)) for ends in (one.columns, one.referred))
    return f"{one.kind.value} {left} -> {right} {one.cardinality.value}"


def joins(sql: str, dialect: str = "postgres") -> list[str]:
    found = find_joins(analyze(sql, dialect=dialect))
    return [" ".join(f"{a}={b}" for a, b in zip(one.left, one.right, strict=True)) for one in found]


def document(sql: str) -> dict[str, Any]:
    return dict(
        json.loads(render("er-json", analyze(sql, dialect="postgres", source_name="a.sql"), title="T"))
    )


def test_foreign_keys_lead_to_what_they_refer_to() -> None:
    assert [words(one) for one in diagram(TABLES).relationships] == [
        "foreign_key customers.country -> countries.code many_to_one",
        "foreign_key items.order_id -> orders.id many_to_one",
        "foreign_key profiles.customer_id -> customers.id one_to_one",
    ]


def test_entities_are_declared_tables_with_types_and_marks() -> None:
    found = diagram(TABLES + "SELECT x FROM elsewhere; SELECT customer_id FROM orders WHERE id = 1").entities
    assert [one.label for one in found] == [
        "countries", "customers", "items", "orders", "profiles", "lonely",
    ]  # fmt: skip
    orders = found[3]
    assert [(one.name, one.type, [mark.value for mark in one.marks]) for one in orders.attributes] == [
        ("id", "INT", ["primary"]),
        ("customer_id", "INT", []),
        ("day", "DATE", ["index"]),
    ]
    assert [mark.value for mark in found[2].attributes[0].marks] == ["primary", "foreign"]
    assert [(key.kind.value, key.name) for key in orders.keys] == [("primary", ""), ("index", "ix_day")]


def test_a_join_along_a_foreign_key_counts_as_its_use() -> None:
    sql = TABLES + "SELECT 1 FROM orders o JOIN items AS i ON o.id = i.order_id"
    found = diagram(sql).relationships
    assert len(found) == 3
    assert [join.condition for join in found[1].joins] == ["o.id = i.order_id"]


def test_a_join_is_a_relationship_and_keys_tell_its_one_side() -> None:
    sql = TABLES + (
        "SELECT 1 FROM customers c JOIN orders o ON c.id = o.customer_id;"
        "SELECT 1 FROM lonely l JOIN orders o ON l.a = o.customer_id;"
        "SELECT 1 FROM lonely l JOIN orders o ON o.day = l.a"
    )
    assert [words(one) for one in diagram(sql).relationships[3:]] == [
        "join orders.customer_id -> customers.id many_to_one",
        "join lonely.a -> orders.customer_id unknown",
        "join lonely.a -> orders.day unknown",
    ]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT 1 FROM a JOIN b ON a.x = b.y", ["a.x=b.y"]),
        ("SELECT 1 FROM a, b WHERE a.x = b.y AND a.z = 3", ["a.x=b.y"]),
        ("SELECT 1 FROM a AS s JOIN b AS t ON s.k = t.k AND s.r = t.r", ["a.k=b.k a.r=b.r"]),
        ("SELECT 1 FROM a AS s JOIN b AS t ON t.k = s.k AND s.x = t.y", ["b.k=a.k", "a.x=b.y"]),
        ("SELECT 1 FROM a JOIN b USING (k)", ["a.k=b.k"]),
        ("WITH c AS (SELECT x AS y FROM a) SELECT 1 FROM c JOIN b ON c.y = b.z", ["a.x=b.z"]),
        ("SELECT 1 FROM a AS p JOIN a AS q ON p.boss = q.id", ["a.boss=a.id"]),
        ("SELECT 1 FROM a JOIN b ON a.x < b.y", []),
        ("SELECT 1 FROM a JOIN b ON a.x LIKE b.y", []),
        ("SELECT 1 FROM a JOIN b ON a.x + a.v = b.y", []),
        ("SELECT 1 FROM a JOIN b ON a.x = '=' || 'b.y'", []),
    ],
)  # fmt: skip
def test_what_a_condition_sets_equal(sql: str, expected: list[str]) -> None:
    assert joins(sql) == expected


def test_null_safe_equality_counts() -> None:
    assert joins("SELECT 1 FROM a JOIN b ON a.x <=> b.y", "mysql") == ["a.x=b.y"]


def test_json_in_full() -> None:
    sql = (
        "CREATE TABLE p (id INT PRIMARY KEY);\n"
        "CREATE TABLE c (p_id INT, CONSTRAINT fk FOREIGN KEY (p_id) REFERENCES p (id));\n"
        "SELECT 1 FROM c JOIN p ON c.p_id = p.id"
    )
    found = document(sql)
    assert found["title"] == "T"
    assert found["entities"][0] == {
        "id": "e0",
        "database": None,
        "schema": None,
        "name": "p",
        "kind": "table",
        "columns": [{"name": "id", "type": "INT", "keys": ["primary"]}],
        "keys": [{"kind": "primary", "name": None, "columns": ["id"], "place": "a.sql:1:24"}],
    }
    assert found["relationships"] == [
        {
            "id": "r0",
            "kind": "foreign_key",
            "name": "fk",
            "cardinality": "many_to_one",
            "from": {"entity": "e1", "columns": ["p_id"]},
            "to": {"entity": "e0", "columns": ["id"]},
            "place": "a.sql:2:27",
            "joins": [{"condition": "c.p_id = p.id", "place": "a.sql:3:27"}],
        }
    ]


def test_a_reference_without_known_columns_leads_to_the_table() -> None:
    found = document("CREATE TABLE c (p_id INT REFERENCES p)")
    assert found["relationships"][0]["to"] == {"entity": "e1", "columns": []}
    assert "b1:head" not in render("er-svg", analyze("CREATE TABLE c (p_id INT REFERENCES p)")).decode()


def test_nothing_found_is_a_document_too() -> None:
    assert document("SELECT 1") == {"title": "T", "entities": [], "relationships": []}
    assert "no tables found" in render("er-svg", analyze("SELECT 1")).decode()


def lines(image: bytes, word: str) -> list[ET.Element]:
    found = [one for one in ET.fromstring(image).iter(f"{SVG}g") if word in one.get("class", "").split()]
    return sorted(found, key=lambda one: one.get("id", ""))


def test_the_picture_tells_keys_from_joins() -> None:
    sql = TABLES + "SELECT 1 FROM lonely l JOIN orders o ON l.a = o.customer_id"
    image = render("er-svg", analyze(sql, dialect="postgres"), title="Shop")
    keys, dashed = lines(image, "foreign_key"), lines(image, "join")
    assert (len(keys), len(dashed)) == (3, 1)
    assert all(one.find(f"{SVG}path[@stroke-dasharray]") is None for one in keys)
    assert dashed[0].find(f"{SVG}path[@stroke-dasharray]") is not None
    assert (keys[1].findtext(f"{SVG}title") or "").startswith(
        "items.order_id \u2192 orders.id\nforeign key fk_order ("
    )
    texts = [one.text for one in ET.fromstring(image).iter(f"{SVG}text")]
    assert {"Shop", "CHAR(2)", "PK FK", "UQ", "IX"} <= {(text or "").strip() for text in texts}
    assert ET.fromstring(image).findtext(f"{SVG}desc") == "6 tables with 3 foreign keys and 1 other joins."


def test_hostile_names_are_drawn_as_text() -> None:
    evil = '</title>"<b>&\\N'
    quoted = evil.replace('"', '""')
    sql = f'CREATE TABLE "{quoted}" ("{quoted}" INT PRIMARY KEY REFERENCES "{quoted}" ("{quoted}"))'
    image = render("er-svg", analyze(sql, dialect="postgres"), title=evil)
    assert evil in [one.text for one in ET.fromstring(image).iter(f"{SVG}text")]
    assert len(lines(image, "foreign_key")) == 1


def test_many_tables_show_less_and_too_many_are_refused() -> None:
    def tables(count: int) -> bytes:
        sql = "".join(
            f"CREATE TABLE t{number} (id INT PRIMARY KEY, plain INT, up INT REFERENCES t{number // 2} (id));"
            for number in range(count)
        )
        return render("er-svg", analyze(sql, dialect="postgres"))

    shown = tables(60).decode()
    assert "only columns of keys and joins are shown" in shown
    assert "+1 more" in shown
    assert ">plain<" not in shown
    assert "tables only" in tables(160).decode()
    with pytest.raises(ExportError, match=r"501 tables .*er-json"):
        tables(501)
