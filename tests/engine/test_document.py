"""Results as JSON and back: nothing lost, the same bytes for the same result."""

from __future__ import annotations

import json

import pytest
from fixture_cases import load_cases

from airflow_provider_sqlflow.engine import (
    LineageResult,
    analyze,
    merge_results,
    result_from_json,
    result_to_json,
)


def test_every_fixture_comes_back_as_it_was() -> None:
    for case in load_cases():
        result = case.analyze()
        text = result_to_json(result)
        again = result_from_json(text)
        assert again == result, case.id
        assert result_to_json(again) == text, case.id
        assert result_to_json(case.analyze()) == text, case.id


def test_a_merge_of_all_fixtures_comes_back_as_it_was() -> None:
    merged = merge_results(case.analyze() for case in load_cases())
    assert len(merged.edges()) > 1000
    assert result_from_json(result_to_json(merged)) == merged


def test_an_empty_result_comes_back_as_it_was() -> None:
    assert result_from_json(result_to_json(LineageResult())) == LineageResult()


def test_texts_of_all_languages_and_quotes_survive() -> None:
    result = analyze('INSERT INTO "größe" ("日本") SELECT "a""b" AS x FROM "t\\n😀"', source_name='a"\\b.sql')
    text = result_to_json(result)
    assert "größe" in text  # as it is, not as escapes
    assert result_from_json(text) == result


def test_what_repeats_is_written_once() -> None:
    columns = ", ".join(f"a_rather_long_name_{number}" for number in range(20))
    text = result_to_json(analyze(f"INSERT INTO target_relation SELECT {columns} FROM source_relation"))
    assert text.count("source_relation") == 1 + text.count("INSERT INTO")
    assert text.count('"target_relation"') == 1


@pytest.mark.parametrize("text", ["", "{", "[1]x"])
def test_what_is_no_json(text: str) -> None:
    with pytest.raises(ValueError, match=r"Expecting|Extra data"):
        result_from_json(text)


@pytest.mark.parametrize("version", [None, 0, 1, "2"])
def test_another_version_is_refused(version: object) -> None:
    document = {**json.loads(result_to_json(LineageResult())), "version": version}
    with pytest.raises(ValueError, match=r"lineage document of version .*, not 2"):
        result_from_json(json.dumps(document))
