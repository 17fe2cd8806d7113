"""Spellings of one program give the same folded edges; hash seeds change no byte.

Edges are compared as sets without text, places and statement numbers, names without case.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from queries import queries
from sample_tables import TABLES, catalog
from sqltree import PLAIN, Query, Style, shows_made_columns, spell, sql

from airflow_provider_sqlflow.engine import (
    LineageResult,
    Script,
    analyze,
    iter_scripts,
    merge_results,
    result_to_json,
)

GAPS = (" ", "\n", "\t", "  \r\n ", "\n\n", " /* x, y FROM z */ ", " -- '; SELECT 1\n")
DIALECTS = ("postgres", "duckdb")
Edges = set[tuple[str, str, str, str]]

_settings = settings(
    max_examples=100,
    database=None,
    deadline=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.generate, Phase.shrink),
)
_seeds = st.integers(0, 2**32 - 1)


def folded(result: LineageResult) -> Edges:
    assert not list(result.errors())
    return {
        (str(edge.source).lower(), str(edge.target).lower(), edge.subtype.value, edge.effect.value)
        for edge in result.edges()
    }


def edges_of(text: str, dialect: str) -> Edges:
    return folded(analyze(text, dialect=dialect, catalog=catalog()))


def assert_same(first: str, second: str, dialect: str) -> None:
    before, after = edges_of(first, dialect), edges_of(second, dialect)
    assert before == after, "\n".join(
        [f"lost: {sorted(before - after)}", f"new: {sorted(after - before)}", first, "", second]
    )


@pytest.mark.parametrize("dialect", DIALECTS)
@_settings
@given(query=queries(is_portable=True), seed=_seeds)
def test_format_does_not_matter(dialect: str, query: Query, seed: int) -> None:
    generator = random.Random(seed)
    tokens = [_recased(token, generator, token.isupper()) for token in query.tokens(PLAIN, is_top=True)]
    assert_same(sql(query), spell(tokens, lambda: generator.choice(GAPS)), dialect)


@pytest.mark.parametrize("dialect", DIALECTS)
@_settings
@given(query=queries(is_portable=True), seed=_seeds)
def test_case_of_identifiers_does_not_matter(dialect: str, query: Query, seed: int) -> None:
    """Where the dialect folds: names without quotes in both."""
    generator = random.Random(seed)
    tokens = [_recased(token, generator, token.islower()) for token in query.tokens(PLAIN, is_top=True)]
    assert_same(sql(query), spell(tokens), dialect)


def _recased(token: str, generator: random.Random, is_wanted: bool) -> str:
    if not is_wanted or not token.isidentifier():
        return token
    return generator.choice((str.upper, str.lower, str.title))(token)


@pytest.mark.parametrize("dialect", DIALECTS)
@_settings
@given(query=queries(is_portable=True))
def test_aliases_do_not_matter(dialect: str, query: Query) -> None:
    """Names of CTEs, of relations' aliases and of inner columns."""
    column: Callable[[str], str] = str if shows_made_columns(query) else "renamed_{}".format
    assert_same(sql(query), sql(query, Style(relation="other_{}".format, column=column)), dialect)


@pytest.mark.parametrize("dialect", DIALECTS)
@_settings
@given(query=queries(is_portable=True))
def test_ctes_may_be_derived_tables(dialect: str, query: Query) -> None:
    assert_same(sql(query), sql(query, Style(is_inline=True)), dialect)


# Scripts ------------------------------------------------------------------------------------------


@st.composite
def scripts(draw: Callable[..., list[Query]]) -> list[str]:
    """Statements of which none reads what another writes."""
    found = draw(st.lists(queries(is_portable=True, depth=1), min_size=2, max_size=4))
    heads = ("CREATE TABLE made_{}", "CREATE VIEW made_{}")
    statements = [f"{heads[number % 2].format(number)} AS {sql(query)}" for number, query in enumerate(found)]
    return [*statements, "INSERT INTO sales (id, state) SELECT age, name FROM people WHERE team > 1"]


@pytest.mark.parametrize("dialect", DIALECTS)
@_settings
@given(statements=scripts(), data=st.data())
def test_order_of_independent_statements_does_not_matter(
    dialect: str, statements: list[str], data: st.DataObject
) -> None:
    other = data.draw(st.permutations(statements))
    assert_same(";\n".join(statements), ";\n".join(other), dialect)


@pytest.mark.parametrize("dialect", DIALECTS)
@_settings
@given(statements=scripts(), data=st.data())
def test_one_script_or_several_files(dialect: str, statements: list[str], data: st.DataObject) -> None:
    """A chain through files: each reads what the one before wrote."""
    chain = [
        *statements,
        "CREATE TABLE step_1 AS SELECT * FROM made_0",
        "CREATE VIEW step_2 AS SELECT step_1.*, 1 AS one FROM step_1",
        "CREATE TABLE step_3 AS SELECT * FROM step_2",
    ]
    cuts = sorted(data.draw(st.sets(st.integers(1, len(chain) - 1))))
    bounds = [0, *cuts, len(chain)]
    files = [chain[start:end] for start, end in pairwise(bounds)]
    parts = [Script(f"{number}.sql", ";\n".join(part)) for number, part in enumerate(files)]
    whole, split = edges_of(";\n".join(chain), dialect), _merged(parts, dialect)
    assert whole == split, "\n".join(
        [f"lost: {sorted(whole - split)}", f"new: {sorted(split - whole)}", *(part.text for part in parts)]
    )
    shuffled = data.draw(st.permutations(parts))
    assert _merged(shuffled, dialect) == split, "\n".join(part.name for part in shuffled)


def _merged(parts: Iterable[Script], dialect: str) -> Edges:
    found = list(iter_scripts(list(parts), dialect=dialect, catalog=catalog()))
    return folded(merge_results([result for _, result in sorted(found, key=lambda item: item[0])]))


# Bytes --------------------------------------------------------------------------------------------

_PRINT = """
import sys
from airflow_provider_sqlflow.engine import InMemoryCatalog, analyze, result_to_json
tables = {tables!r}
for number, text in enumerate(sys.stdin.read().split(chr(0))):
    catalog = InMemoryCatalog(tables) if number % 2 else None
    print(result_to_json(analyze(text, dialect="duckdb", catalog=catalog)))
"""


def test_same_bytes_under_any_hash_seed() -> None:
    texts = [text for text in some_queries(150) for _ in range(2)]
    first, second = (_printed("\0".join(texts), seed) for seed in ("0", "4242"))
    assert first == second
    # What was compared are results, and those of this process too.
    assert first.splitlines() == [
        result_to_json(analyze(text, dialect="duckdb", catalog=catalog() if number % 2 else None))
        for number, text in enumerate(texts)
    ]


def some_queries(count: int) -> list[str]:
    found: list[str] = []

    @settings(_settings, max_examples=count, phases=(Phase.generate,))
    @given(query=queries())
    def collect(query: Query) -> None:
        found.append(sql(query))

    collect()
    return found


def _printed(texts: str, seed: str) -> str:
    code = _PRINT.format(tables={table: list(columns) for table, columns in TABLES.items()})
    run = subprocess.run(
        [sys.executable, "-c", code],
        input=texts,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONHASHSEED": seed},
        cwd=Path(__file__).parents[2],
    )
    assert run.returncode == 0, run.stderr
    return run.stdout
