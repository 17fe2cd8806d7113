import json

from airflow_provider_sqlflow.engine.model import LineageResult
from airflow_provider_sqlflow.formats import render


def test_one_edge_a_line_with_all_it_knows(shop: LineageResult) -> None:
    lines = [json.loads(line) for line in render("edges", shop).decode().splitlines()]
    assert len(lines) == len(shop.edges())
    assert lines[4] == {
        "source": {
            "database": "shop",
            "schema": "raw",
            "relation": "orders",
            "scope": None,
            "kind": "table",
            "column": "status",
        },
        "target": {
            "database": "shop",
            "schema": "mart",
            "relation": "daily",
            "scope": None,
            "kind": "table",
            "column": None,
        },
        "effect": "INDIRECT",
        "subtype": "FILTER",
        "masking": False,
        "expression": "status = 1",
        "statement": 1,
        "statement_kind": "insert",
        "file": "a.sql",
        "line": 5,
        "column": 1,
        "end_line": 5,
        "end_column": 11,
    }


def test_names_come_back_as_they_were(hostile: LineageResult) -> None:
    lines = render("edges", hostile).decode().split("\n")
    assert lines[-1] == ""
    assert len(lines) == 3
    first = json.loads(lines[0])
    assert first["source"]["column"] == hostile.edges()[0].source.name
    assert first["expression"] == hostile.edges()[0].expression
