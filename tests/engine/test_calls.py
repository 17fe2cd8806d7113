import pytest

from airflow_provider_sqlflow.engine.calls import CASE, Call, read_calls, read_comparisons


def names(call: Call) -> list[str]:
    return [one.name for one in call.walk() if one.name]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("round(salary)", ["round"]),
        ("SUM(e.sal + Nvl(e.comm, 0))", ["SUM", "Nvl"]),
        ("a + b", []),
        ("x IN (1, 2)", []),
        ("dbo.stock(p.id)", ["stock"]),
        ("CASE WHEN upper(a) = 'X' THEN b END", [CASE, "upper"]),
        ("left(a, 3) || replace(b, 'x', 'y')", ["left", "replace"]),
        ("cast(a as decimal(10, 2)) + trunc(b)", ["cast", "trunc"]),
        ("coalesce((select max(q) from z), upper(a))", ["coalesce", "upper"]),
        ("now()", ["now"]),
    ],
)
def test_calls_stand_in_reading_order_without_those_of_queries_inside(text: str, expected: list[str]) -> None:
    assert names(read_calls(text)) == expected


def test_columns_and_constants_belong_to_the_innermost_call() -> None:
    call = read_calls("""SUM(e.sal + NVL(e."Comm", 0)) || 'x'""", "oracle")
    assert call.constants == ["'x'"]
    [outer] = call.calls
    assert (outer.columns, outer.constants) == ([("e", "sal")], [])
    assert (outer.calls[0].columns, outer.calls[0].constants) == ([("e", "Comm")], ["0"])


def test_over_makes_a_window_function_and_its_columns_are_arguments() -> None:
    [call] = read_calls("SUM(x) OVER (PARTITION BY a.p ORDER BY b.q DESC)").calls
    assert not call.is_aggregate
    assert call.columns == [("x",), ("a", "p"), ("b", "q")]
    assert read_calls("SUM(x)").calls[0].is_aggregate
    assert read_calls("array_agg(x ORDER BY y) FILTER (WHERE z > 1)").calls[0].columns == [
        ("x",),
        ("y",),
        ("z",),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("count(*)", True), ("COUNT()", True), ("count(1)", True), ("count(a)", False), ("sum(1)", False)],
)
def test_counts_of_rows(text: str, expected: bool) -> None:
    assert read_calls(text).calls[0].counts_rows is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.id = b.id", ["a.id = b.id"]),
        ("(a.id = b.id AND (a.x > b.y OR c.z = 1))", ["a.id = b.id", "a.x > b.y"]),
        ("a.id = 5", []),
        ("upper(a.k) = b.k", ["upper(a.k) = b.k"]),
        ("a.id IN (SELECT x FROM t WHERE t.y = a.y)", []),
        ("id", []),
    ],
)
def test_comparisons_have_columns_on_both_sides(text: str, expected: list[str]) -> None:
    assert [one.text for one in read_comparisons(text)] == expected


def test_text_that_is_no_sql_has_no_calls() -> None:
    assert read_calls("'never closed") == Call("")
    assert read_calls(")))") == Call("")
    assert read_calls("f((((").calls[0].name == "f"
