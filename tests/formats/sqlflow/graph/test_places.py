from __future__ import annotations

import hashlib
import json

import pytest

from airflow_provider_sqlflow.engine import analyze
from airflow_provider_sqlflow.engine.merge import merge_results
from airflow_provider_sqlflow.errors import ExportOptionError
from airflow_provider_sqlflow.formats.sqlflow.graph.places import find_places
from tests.formats.sqlflow.graph.reading import Case

SQL = "select name from user"


def test_the_documented_sample() -> None:
    """Reference sqlflow-api, section 4.12."""
    case = Case(SQL)
    coordinates = json.dumps([{"x": 1, "y": 8, "hashCode": "0"}, {"x": 1, "y": 12, "hashCode": "0"}])
    assert find_places(coordinates, case.result, case.texts) == [
        {"index": 0, "positions": [{"x": 1, "y": 8}, {"x": 1, "y": 12}], "sql": SQL}
    ]


def test_the_coordinates_of_an_answer_lead_to_its_text() -> None:
    case = Case("select a.name,\n  b.x from user_ a, other b")
    relation = case.document()["relationships"][1]
    (place,) = find_places(json.dumps(relation["sources"][0]["coordinates"]), case.result, case.texts)
    start, end = place["positions"]
    line = place["sql"].splitlines()[start["x"] - 1]
    assert line[start["y"] - 1 : end["y"] - 1] == "b.x"


def test_files_are_told_apart_by_number_or_hash() -> None:
    texts = {"sql/one.sql": SQL, "two.sql": "select a from b"}
    result = merge_results(
        [analyze(text, dialect="oracle", source_name=name) for name, text in texts.items()]
    )
    by_hash = hashlib.md5(SQL.encode(), usedforsecurity=False).hexdigest()
    coordinates = json.dumps([{"x": 1, "y": 1, "hashCode": 1}, [{"x": 1, "y": 8, "hashCode": by_hash}]])
    assert find_places(coordinates, result, lambda: texts, has_files=True) == [
        {
            "index": 1,
            "positions": [{"x": 1, "y": 1}],
            "sql": "select a from b",
            "file": "two.sql",
            "filePath": "two.sql",
        },
        {
            "index": 0,
            "positions": [{"x": 1, "y": 8}],
            "sql": SQL,
            "file": "one.sql",
            "filePath": "sql/one.sql",
        },
    ]


@pytest.mark.parametrize(
    "coordinates",
    [
        "[]",
        '[{"x":-1,"y":-1,"hashCode":"0"}]',
        '[{"x":1,"y":1,"hashCode":"7"}]',
        '[{"x":1,"y":1,"hashCode":"zz"}]',
    ],
)
def test_what_stands_nowhere_is_left_out(coordinates: str) -> None:
    case = Case(SQL)
    assert find_places(coordinates, case.result, case.texts) == []


@pytest.mark.parametrize(
    "coordinates",
    [
        "",
        "x",
        "1",
        '"a"',
        "{}",
        "[1]",
        '[{"x":1}]',
        '[{"x":"1","y":1}]',
        '[{"x":true,"y":1}]',
        "[" * 100_000,
        "null",
    ],
)
def test_what_is_no_list_of_coordinates_is_an_error(coordinates: str) -> None:
    case = Case(SQL)
    with pytest.raises(ExportOptionError, match="coordinates"):
        find_places(coordinates, case.result, case.texts)
