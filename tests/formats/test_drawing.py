from __future__ import annotations

from collections.abc import Callable

from airflow_provider_sqlflow.engine import analyze
from airflow_provider_sqlflow.engine.model import LineageResult
from airflow_provider_sqlflow.formats.dot import LIMITS
from airflow_provider_sqlflow.formats.drawing import (
    Detail,
    Drawing,
    choose_rows,
    explain,
    join_columns,
    plan,
    select_edges,
)
from airflow_provider_sqlflow.formats.lookup import RelationNames
from airflow_provider_sqlflow.formats.options import DEFAULT_OPTIONS, ExportOptions, ResultSets

SCRIPT = """
CREATE VIEW v AS WITH c AS (SELECT id, a FROM s WHERE b = 1) SELECT id, sum(a) AS total FROM c GROUP BY id;
SELECT total FROM v;
INSERT INTO t (id) SELECT id FROM t WHERE id > 3;
INSERT INTO n (x) SELECT 1 FROM m
"""


def draw(result: LineageResult, **options: object) -> Drawing:
    return plan(result, "", ExportOptions(**options), LIMITS)  # type: ignore[arg-type]


def lines(drawing: Drawing) -> set[str]:
    arrows = {True: "->", False: "~>"}
    return {f"{link.source} {arrows[link.is_direct]} {link.target}" for link in drawing.links}


def test_detail_shrinks_with_size() -> None:
    assert LIMITS.choose(60, 800) is Detail.FULL
    assert LIMITS.choose(61, 10) is Detail.LINKED
    assert LIMITS.choose(150, 800) is Detail.LINKED
    assert LIMITS.choose(151, 10) is Detail.RELATIONS
    assert LIMITS.choose(2, 801) is Detail.RELATIONS


def test_columns_with_lineage_are_never_left_out() -> None:
    columns = [f"c{number}" for number in range(40)]
    rows, more = choose_rows(columns, set(columns[10:]), Detail.FULL, 25)
    assert (rows, more) == (tuple(columns[10:]), 10)
    rows, more = choose_rows(columns, {"c39"}, Detail.FULL, 25)
    assert (len(rows), more, rows[-1]) == (25, 15, "c39")
    assert choose_rows(columns, {"c3"}, Detail.LINKED, 25) == (("c3",), 39)
    assert choose_rows(columns, {"c3"}, Detail.RELATIONS, 25) == ((), 40)


def test_direct_and_indirect_edges_can_be_left_out() -> None:
    result = analyze(SCRIPT)
    assert lines(draw(result, indirect=False)) == {
        "s.id -> v.id",
        "s.a -> v.total",
        "v.total -> result.total",
        "t.id -> t.id",
    }
    assert lines(draw(result, direct=False)) == {"s.b ~> v.[rows]", "s.id ~> v.[rows]", "t.id ~> t.[rows]"}


def test_result_sets_all_shows_every_step_and_none_only_what_is_stored() -> None:
    result = analyze(SCRIPT)
    assert {"s.a -> c.a", "c.a -> v.total", "s.b ~> c.[rows]"} <= lines(
        draw(result, result_sets=ResultSets.ALL)
    )
    stored = draw(result, result_sets=ResultSets.NONE)
    assert [box.label for box in stored.boxes] == ["s", "v", "t"]


def test_the_table_level_also_knows_lines_without_columns() -> None:
    result = analyze(SCRIPT)
    drawing = draw(result, table_level=True)
    assert drawing.detail is Detail.TABLE_LEVEL
    assert lines(drawing) == {
        "s.[rows] -> v.[rows]",
        "v.[rows] -> result.[rows]",
        "t.[rows] -> t.[rows]",
        "m.[rows] ~> n.[rows]",
    }
    assert all(box.rows == () for box in drawing.boxes)
    others = draw(result, table_level=True, self_lineage=False, indirect=False, result_sets=ResultSets.NONE)
    assert lines(others) == {"s.[rows] -> v.[rows]"}


def test_lines_between_the_same_ends_are_drawn_once_and_solid_wins(shop: LineageResult) -> None:
    links = plan(shop, "", DEFAULT_OPTIONS, LIMITS, Detail.RELATIONS).links
    assert [(link.source.relation.name, link.target.relation.name, link.is_direct) for link in links] == [
        ("orders", "daily", True),
        ("customers", "daily", True),
        ("daily", "top_days", True),
        ("top_days", "result", True),
    ]
    assert [len(link.edges) for link in links] == [4, 2, 1, 2]


def test_a_line_is_explained_by_its_edges(shop: LineageResult) -> None:
    links = join_columns(select_edges(shop, DEFAULT_OPTIONS))
    assert explain(links[0], RelationNames(shop)).splitlines() == [
        "shop.raw.orders.amount \u2192 shop.mart.daily.total",
        "AGGREGATION sum(o.amount) (a.sql:3:8)",
    ]
    whole = plan(shop, "", DEFAULT_OPTIONS, LIMITS, Detail.RELATIONS).links[0]
    assert explain(whole, RelationNames(shop)).splitlines()[0] == "shop.raw.orders \u2192 shop.mart.daily"


def test_a_long_explanation_is_cut(warehouse: Callable[[int, int], LineageResult]) -> None:
    result = warehouse(8, 40)
    whole = plan(result, "", ExportOptions(table_level=True), LIMITS).links[0]
    assert explain(whole, RelationNames(result)).splitlines()[-1] == "+14 more"
