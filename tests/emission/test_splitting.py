from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_sqlflow.emission import EventLimits
from airflow_provider_sqlflow.engine import analyze

Emit = Callable[..., list[dict[str, Any]]]
Validate = Callable[[list[dict[str, Any]]], list[str]]


def wide(columns: int, tables: int = 1) -> str:
    """An INSERT of many columns, each from two columns of each table."""
    names = ", ".join(f"column_{number}" for number in range(columns))
    values = ", ".join(
        " + ".join(f"t{table}.source_{number} * t{table}.rate" for table in range(tables))
        for number in range(columns)
    )
    joins = " ".join(f"JOIN s.table_{table} t{table} ON t{table}.id = t0.id" for table in range(1, tables))
    return f"INSERT INTO s.target ({names}) SELECT {values} FROM s.table_0 t0 {joins} WHERE t0.ok = 1"


def links(events: list[dict[str, Any]]) -> set[tuple[str, ...]]:
    """Every column edge of the events."""
    found = set()
    for event in events:
        for output in event["outputs"]:
            facet = output["facets"].get("columnLineage", {"fields": {}, "dataset": []})
            for column, entry in facet["fields"].items():
                found |= {(output["name"], column, *end(field)) for field in entry["inputFields"]}
                if not entry["inputFields"]:
                    found.add((output["name"], column))
            found |= {(output["name"], "*", *end(field)) for field in facet["dataset"]}
    return found


def end(field: dict[str, Any]) -> tuple[str, str]:
    return field["name"], field["field"]


def count(event: dict[str, Any]) -> int:
    return len(links([event]))


@pytest.mark.parametrize(
    ("columns", "tables", "limits"),
    [
        (300, 1, EventLimits(max_column_links=100)),
        pytest.param(300, 1, EventLimits(max_bytes=60_000), marks=pytest.mark.slow),
        pytest.param(
            *(40, 30, EventLimits(max_bytes=150_000, max_column_links=200, max_table_links=7)),
            marks=pytest.mark.slow,
        ),
        (1, 30, EventLimits(max_table_links=1)),
    ],
)
def test_nothing_is_lost_and_limits_are_kept(
    columns: int, tables: int, limits: EventLimits, emit: Emit, validate: Validate
) -> None:
    sql = wide(columns, tables)
    result = analyze(sql, dialect="postgres", source_name="wide.sql", default_database="shop")
    roomy = EventLimits(max_bytes=10**9, max_column_links=10**9, max_table_links=10**9)
    whole = emit(result, texts={"wide.sql": sql}, limits=roomy)
    parts = emit(result, texts={"wide.sql": sql}, limits=limits)
    assert len(whole) == 2 < len(parts)
    assert [event["eventType"] for event in parts] == [
        "START", *["RUNNING"] * (len(parts) - 2), "COMPLETE"
    ]  # fmt: skip
    assert len({event["run"]["runId"] for event in parts}) == 1
    assert links(parts) == links(whole)
    assert sum(map(count, parts)) == len(links(whole)), "a link travels once"
    datasets = {(item["namespace"], item["name"]) for item in whole[1]["inputs"]}
    assert {(item["namespace"], item["name"]) for event in parts for item in event["inputs"]} == datasets
    for event in parts:
        assert count(event) <= limits.max_column_links
        assert len(event["inputs"]) * len(event["outputs"]) <= limits.max_table_links
        assert len(json.dumps(event)) <= limits.max_bytes
    assert validate(parts) == []


def test_every_part_has_all_datasets_while_they_fit(emit: Emit) -> None:
    result = analyze(wide(50, 3), dialect="postgres", source_name="wide.sql", default_database="shop")
    for event in emit(result, limits=EventLimits(max_column_links=20)):
        assert len(event["inputs"]) == 3
        assert len(event["outputs"][0]["facets"]["schema"]["fields"]) == 50


def test_a_drop_of_many_tables_is_split_too(emit: Emit) -> None:
    sql = "DROP TABLE " + ", ".join(f"s.t{number}" for number in range(25))
    result = analyze(sql, dialect="postgres", source_name="x.sql", default_database="shop")
    events = emit(result, limits=EventLimits(max_table_links=10))
    assert [len(event["outputs"]) for event in events] == [10, 10, 10, 5]


def test_a_huge_statement_is_cut_with_a_mark(emit: Emit) -> None:
    sql = f"INSERT INTO s.t (x) SELECT a FROM s.u WHERE b IN ({', '.join(['1234567'] * 50_000)})"
    result = analyze(sql, dialect="postgres", source_name="x.sql", default_database="shop")
    events = emit(result, texts={"x.sql": sql}, limits=EventLimits(max_bytes=100_000))
    query = events[0]["job"]["facets"]["sql"]["query"]
    assert query.endswith("…")
    assert all(len(json.dumps(event)) <= 100_000 for event in events)
