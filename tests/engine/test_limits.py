"""Deep and long statements: an answer or a diagnostic, never the end of the process.

The compiled parser ends the process where nesting is too deep, so each text is read by a process of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest

from airflow_provider_sqlflow.engine import LineageResult, StatementKind, analyze
from airflow_provider_sqlflow.engine.limits import DEFAULT_LIMITS, Limits

# How a text of a depth is made: an expression over `depth`.
NESTED = {
    "brackets": '"SELECT " + "(" * depth + "a" + ")" * depth + " AS x FROM t"',
    "brackets that never close": '"SELECT " + "(" * depth',
    "closing brackets": '"SELECT a" + ")" * depth',
    "calls": '"SELECT " + "f(" * depth + "a" + ")" * depth + " AS x FROM t"',
    "derived tables": '"SELECT a FROM " + "(SELECT a FROM " * depth + "t" + ") s" * depth',
    "queries in brackets": '"(" * depth + "SELECT a FROM t" + ")" * depth',
    "tables in brackets": '"SELECT a FROM " + "(" * depth + "t" + ")" * depth',
    "EXISTS": '"SELECT a FROM t WHERE " + "EXISTS (SELECT 1 FROM u WHERE " * depth + "1 = 1" + ")" * depth',
    "CASE": '"SELECT " + "CASE WHEN a THEN 1 ELSE " * depth + "b" + " END" * depth + " AS x FROM t"',
    "CASE that never ends": '"SELECT " + "CASE WHEN a THEN " * depth',
    "arrays": '"SELECT " + "[" * depth + "a" + "]" * depth + " AS x FROM t"',
    "NOT": '"SELECT a FROM t WHERE " + "NOT " * depth + "b"',
    "signs": '"SELECT " + "- " * depth + "a AS x FROM t"',
    "casts": '"SELECT a" + "::int" * depth + " AS x FROM t"',
    "fields": '"SELECT (a)" + ".b" * depth + " AS x FROM t"',
    "types": '"SELECT CAST(a AS " + "ARRAY<" * depth + "INT" + ">" * depth + ") AS x FROM t"',
    "blocks": '"BEGIN " * depth + "SELECT a FROM t;" + " END;" * depth',
    "WITH in WITH": '"WITH c AS (" * depth + "SELECT a FROM t" + ") SELECT a FROM c" * depth',
    "comments": '"/* " * depth + "*/ " * depth + " SELECT a FROM t"',
    "Jinja": '"{% if a %}" * depth + "SELECT a FROM t" + "{% endif %}" * depth',
}

# Reads all texts of a depth and prints how each came out.
PROGRAM = """
import json, sys
from airflow_provider_sqlflow.engine import analyze
depth, texts = int(sys.argv[1]), json.loads(sys.argv[2])
for name, expression in texts.items():
    print("begin", name, flush=True)
    result = analyze(eval(expression), dialect="postgres")
    codes = sorted({item.code for item in result.diagnostics})
    print("end", json.dumps([name, len(result.edges()), codes]), flush=True)
"""


def read_in_a_process(depth: int, texts: dict[str, str]) -> dict[str, tuple[int, list[str]]]:
    """For each text: how many edges it gave, and which diagnostics."""
    command = [sys.executable, "-c", PROGRAM, str(depth), json.dumps(texts)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, f"{done.stdout[-200:]}\n{done.stderr[-2000:]}"
    answers = [json.loads(line[4:]) for line in done.stdout.splitlines() if line.startswith("end ")]
    return {name: (edges, codes) for name, edges, codes in answers}


@pytest.mark.parametrize("depth", [50, 500, 2_000, 10_000])
def test_nesting_gives_an_answer_or_a_diagnostic(depth):
    answers = read_in_a_process(depth, NESTED)
    assert list(answers) == list(NESTED)
    silent = [name for name, (edges, codes) in answers.items() if not edges and not codes]
    assert silent == []
    assert not [name for name, (_, codes) in answers.items() if "internal_error" in codes]
    # The pure parser of Python 3.10 meets Python's own recursion limit before 50.
    if depth == 50 and sys.version_info >= (3, 11):
        refused = {name for name, (edges, _) in answers.items() if not edges}
        assert refused <= {"brackets that never close", "closing brackets", "CASE that never ends"}
    if depth == 10_000:
        for name in (
            "brackets",
            "calls",
            "derived tables",
            "queries in brackets",
            "EXISTS",
            "CASE",
            "arrays",
        ):
            assert answers[name] == (0, ["nesting_limit"]), name


def test_one_deep_statement_does_not_take_the_others_along():
    result = analyze(f"SELECT a FROM t; SELECT {'(' * 5000}b{')' * 5000} FROM t; SELECT c FROM t")
    assert [str(edge.source) for edge in result.edges()] == ["t.a", "t.c"]
    assert [item.kind for item in result.statements] == [
        StatementKind.SELECT, StatementKind.ERROR, StatementKind.SELECT,
    ]  # fmt: skip


# Wide, not deep -----------------------------------------------------------------------------------


def sources(result: LineageResult) -> set[str]:
    assert result.diagnostics == ()
    return {str(edge.source) for edge in result.edges()}


def test_many_conditions():
    for word in ("OR", "AND"):
        condition = f" {word} ".join(f"b{number % 7} = {number}" for number in range(5_000))
        found = sources(analyze(f"SELECT a FROM t WHERE {condition}", dialect="postgres"))
        assert found == {"t.a", *(f"t.b{number}" for number in range(7))}


def test_many_branches_of_a_union():
    sql = "INSERT INTO o " + " UNION ALL ".join(f"SELECT a FROM t{number}" for number in range(1_000))
    assert len(sources(analyze(sql, dialect="postgres"))) == 1_000


def test_many_joins():
    joins = " ".join(f"JOIN t{n + 1} ON t{n}.id = t{n + 1}.id" for n in range(500))
    assert len(sources(analyze(f"SELECT t0.a FROM t0 {joins}", dialect="postgres"))) == 502


def test_a_long_sum():
    columns = " + ".join(f"c{number}" for number in range(2_000))
    assert len(sources(analyze(f"SELECT {columns} AS x FROM t", dialect="postgres"))) == 2_000


def test_a_long_chain_of_ctes():
    ctes = ", ".join(f"c{n + 1} AS (SELECT a FROM c{n})" for n in range(1_000))
    sql = f"WITH c0 AS (SELECT a FROM t), {ctes} SELECT a FROM c1000"
    assert sources(analyze(sql, dialect="postgres")) == {"t.a"}


def test_a_very_long_statement():
    rows = ", ".join(f"({number}, 'some text of the row')" for number in range(40_000))
    sql = f"INSERT INTO t (a, b) VALUES {rows};\nSELECT c FROM u"
    assert len(sql) > 1_000_000
    assert sources(analyze(sql, dialect="postgres")) == {"u.c"}


@pytest.mark.parametrize(
    ("dialect", "line"),
    [
        ("tsql", "INSERT INTO t{0} (a) SELECT b FROM s{0} WHERE c = {0}"),
        ("tsql", "SELECT a b c FROM s{0}"),  # refused
        ("postgres", "INSERT INTO t{0} (a) SELECT b FROM s{0};"),
        ("postgres", "SELECT a b c FROM s{0};"),  # refused
    ],
)
def test_cost_grows_with_the_number_of_statements_not_its_square(dialect, line):
    def seconds(count: int) -> float:
        text = "\n".join(line.format(number) for number in range(count))
        begin = time.process_time()
        result = analyze(text, dialect=dialect)
        assert len(result.statements) == count
        return time.process_time() - begin

    seconds(50)
    few = min(seconds(300) for _ in range(3))
    assert seconds(2_400) < 24 * few  # eight times as many; the square would be 64 times as long


# Limits given -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("limit", "is_read"), [(17, True), (16, False)])
def test_the_length_of_a_statement(limit, is_read):
    limits = Limits(max_statement_chars=limit)
    result = analyze("SELECT  1 FROM aa; SELECT a FROM t", limits=limits)
    assert [item.is_ok for item in result.statements] == [is_read, True]
    if not is_read:
        [error] = result.errors()
        assert (error.code, error.message) == (
            "statement_too_long", "17 characters long; the limit is 16",
        )  # fmt: skip
        assert (str(error.span), error.span.end_column) == ("<sql>:1:1", 18)


@pytest.mark.parametrize(("limit", "is_read"), [(3, True), (2, False)])
def test_the_depth_of_a_statement(limit, is_read):
    result = analyze("SELECT (([a])) FROM t", dialect="duckdb", limits=Limits(max_nesting=limit))
    assert [item.is_ok for item in result.statements] == [is_read]
    if not is_read:
        [error] = result.errors()
        assert (error.code, error.message) == ("nesting_limit", "nested 3 deep; the limit is 2")


def test_brackets_in_quotes_are_no_depth():
    assert analyze(f"SELECT '{'(' * 1000}' AS a FROM t").diagnostics == ()


def test_the_default_depth_lies_far_below_what_the_parser_survives():
    assert 100 <= DEFAULT_LIMITS.max_nesting <= 1_000
    assert DEFAULT_LIMITS.max_statement_chars >= 1_000_000


class Clock:
    """Goes on by one second each time somebody looks."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


def test_a_statement_that_takes_too_long_loses_only_itself():
    queries = " UNION ALL ".join(f"SELECT a FROM t{number}" for number in range(20))
    script = f"INSERT INTO u (a) SELECT b FROM s;\n  INSERT INTO v (a) {queries};\nSELECT c FROM w"
    result = analyze(script, limits=Limits(max_statement_seconds=10, clock=Clock()))
    assert [item.is_ok for item in result.statements] == [True, False, True]
    [error] = result.diagnostics
    assert (error.code, str(error.span), error.span.end_line) == ("time_limit", "<sql>:2:3", 2)
    assert error.message == "took longer than 10 seconds, the limit of a statement"
    assert sources(analyze("SELECT c FROM w", limits=Limits(max_statement_seconds=10, clock=Clock()))) == {
        "w.c"
    }


@pytest.mark.parametrize("seconds", [0, 1000])
def test_time_that_is_not_limited_or_not_over(seconds):
    queries = " UNION ALL ".join(f"SELECT a FROM t{number}" for number in range(20))
    assert analyze(queries, limits=Limits(max_statement_seconds=seconds, clock=Clock())).diagnostics == ()
    assert analyze(queries, limits=Limits(max_statement_seconds=1)).diagnostics == ()  # no clock


def test_time_of_the_parser_counts():
    clock = iter([0.0, 61.0])  # begin, parsed
    [error] = analyze(
        "SELECT a FROM t", limits=Limits(max_statement_seconds=60, clock=lambda: next(clock))
    ).diagnostics
    assert error.code == "time_limit"


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO u SELECT {items} FROM t",
        "INSERT INTO u SELECT a FROM t WHERE {conditions}",
        "UNLOAD ('SELECT {items} FROM t') TO 's3://bucket/x'",
    ],
)
def test_the_clock_is_looked_at_within_one_query(sql):
    text = sql.format(
        items=", ".join(f"c{number} + 1 AS x{number}" for number in range(3_000)),
        conditions=" AND ".join(f"c{number} = 1" for number in range(3_000)),
    )
    result = analyze(text, dialect="redshift", limits=Limits(max_statement_seconds=6, clock=Clock()))
    assert [item.code for item in result.diagnostics] == ["time_limit"]
