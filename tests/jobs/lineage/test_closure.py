"""Upstream and downstream, origins and paths, on small graphs that a person can follow."""

from __future__ import annotations

import pytest

from airflow_provider_sqlflow.errors import ConfigError
from airflow_provider_sqlflow.jobs.lineage.model import Direction, LineageGraph, Reach
from airflow_provider_sqlflow.jobs.lineage.rows import ROW_LINK

UP, DOWN = Direction.UPSTREAM, Direction.DOWNSTREAM

SHOP = {
    "stage": ["raw.orders.id -> stage.orders.id", "raw.orders.amount -> stage.orders.amount",
              "raw.orders.status ~> stage.orders.[rows]"],
    "mart": ["stage.orders.amount -> mart.daily.total", "ref.rates.rate ~> mart.daily.total"],
    "report": ["mart.daily.total -> report.month.total", "mart.daily.total -> report.year.total"],
}  # fmt: skip


def fill(store, jobs: dict[str, list[str]]) -> None:
    for job_id, lines in jobs.items():
        store.run(job_id, lines)


def names(graph: LineageGraph) -> list[str]:
    return [str(node) for node in graph.nodes]


def drawn(graph: LineageGraph) -> set[str]:
    return {f"{edge.source} {'-' if edge.is_direct else '~'}> {edge.target}" for edge in graph.edges}


def test_upstream_goes_across_jobs(store, lineage):
    fill(store, SHOP)
    graph = lineage.closure("report.month.total", UP)
    assert drawn(graph) == {
        "mart.daily.total -> report.month.total",
        "stage.orders.amount -> mart.daily.total",
        "ref.rates.rate ~> mart.daily.total",
        "raw.orders.amount -> stage.orders.amount",
        "raw.orders.status ~> stage.orders.[rows]",
    }
    assert names(graph)[:2] == ["report.month.total", "mart.daily.total"]
    assert [str(node) for node in graph.start] == ["report.month.total"]
    assert graph.ends == ()


def test_downstream_goes_across_jobs(store, lineage):
    fill(store, SHOP)
    graph = lineage.closure("RAW.Orders.Amount", DOWN)
    assert names(graph) == [
        "raw.orders.amount", "stage.orders.amount", "mart.daily.total",
        "report.month.total", "report.year.total",
    ]  # fmt: skip


def test_what_decides_rows_reaches_all_columns(store, lineage):
    fill(store, SHOP)
    graph = lineage.closure("raw.orders.status", DOWN)
    assert "report.year.total" in names(graph)
    assert "stage.orders.[rows]" in names(graph)
    assert lineage.closure("raw.orders.status", DOWN, Reach(direct=True)).edges == ()


def test_direct_only(store, lineage):
    fill(store, SHOP)
    graph = lineage.closure("report.month.total", UP, Reach(direct=True))
    assert names(graph) == [
        "report.month.total", "mart.daily.total", "stage.orders.amount", "raw.orders.amount"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("depth", "met", "ends"),
    [
        (0, ["report.month.total"], ["report.month.total"]),
        (1, ["report.month.total", "mart.daily.total"], ["mart.daily.total"]),
        (9, ["report.month.total", "mart.daily.total", "stage.orders.amount", "raw.orders.amount"], []),
    ],
)
def test_depth(store, lineage, depth, met, ends):
    fill(store, SHOP)
    graph = lineage.closure("report.month.total", UP, Reach(depth=depth, direct=True))
    assert names(graph) == met
    assert [str(node) for node in graph.ends] == ends


@pytest.mark.parametrize("stop", [r"^stage\.", r"ORDERS\.amount$", r"^stage\.orders$"])
def test_stop_shows_what_it_stops_at_and_nothing_beyond(store, lineage, stop):
    fill(store, SHOP)
    graph = lineage.closure("report.month.total", UP, Reach(stop=stop, direct=True))
    assert names(graph) == ["report.month.total", "mart.daily.total", "stage.orders.amount"]
    assert [str(node) for node in graph.ends] == ["stage.orders.amount"]


def test_the_start_may_match_the_stop_pattern(store, lineage):
    fill(store, SHOP)
    assert len(lineage.closure("report.month.total", UP, Reach(stop="^report")).edges) == 5


@pytest.mark.parametrize("values", [{"depth": -1}, {"stop": "("}])
def test_reach_that_cannot_be(values):
    with pytest.raises(ConfigError):
        Reach(**values)


def test_circles_end(store, lineage):
    fill(store, {"a": ["t.a -> u.a", "u.a -> t.a", "s.x -> t.a", "t.a -> t.a"]})
    assert drawn(lineage.closure("u.a", UP)) == {
        "t.a -> u.a", "u.a -> t.a", "s.x -> t.a", "t.a -> t.a"
    }  # fmt: skip
    assert set(names(lineage.closure("t.a", DOWN))) == {"t.a", "u.a"}


def test_a_table_stands_for_all_its_columns(store, lineage):
    fill(store, SHOP)
    graph = lineage.closure("stage.orders", UP)
    assert [str(node) for node in graph.start] == ["stage.orders"]
    assert set(names(graph)) == {
        "stage.orders.id", "stage.orders.amount", "stage.orders.[rows]",
        "raw.orders.id", "raw.orders.amount", "raw.orders.status",
    }  # fmt: skip


def test_a_table_that_nothing_feeds(store, lineage):
    fill(store, SHOP)
    graph = lineage.closure("raw.orders", UP)
    assert (graph.nodes, graph.edges) == ((), ())
    assert [str(node) for node in graph.start] == ["raw.orders"]


# Tables as nodes ---------------------------------------------------------------------------------


def test_table_level(store, lineage):
    fill(store, SHOP | {"load": ["rows land.files -> raw.orders"]})
    graph = lineage.closure("mart.daily", UP, Reach(table_level=True))
    assert [(str(edge.source), str(edge.target)) for edge in graph.edges] == [
        ("stage.orders", "mart.daily"), ("ref.rates", "mart.daily"),
        ("raw.orders", "stage.orders"), ("land.files", "raw.orders"),
    ]  # fmt: skip
    assert names(graph) == ["mart.daily", "stage.orders", "ref.rates", "raw.orders", "land.files"]
    assert {edge.subtype for edge in graph.edges} == {""}


def test_table_level_direct_only(store, lineage):
    fill(store, SHOP | {"load": ["rows land.files -> raw.orders"]})
    graph = lineage.closure("mart.daily", UP, Reach(table_level=True, direct=True))
    assert names(graph) == ["mart.daily", "stage.orders", "raw.orders"]


def test_row_links_are_not_column_edges(store, lineage):
    fill(store, {"a": ["rows s -> t", "s.[rows] ~> t.n"]})
    graph = lineage.closure("s", DOWN)
    assert drawn(graph) == {"s.[rows] ~> t.n"}
    assert ROW_LINK not in {edge.subtype for edge in graph.edges}


# Columns that nobody knows -----------------------------------------------------------------------


def test_a_column_keeps_its_name_through_stars(store, lineage):
    fill(store, {"a": ["raw.t.* -> stage.t.*"], "b": ["stage.t.x -> mart.t.x"], "c": ["src.u.x -> raw.t.x"]})
    graph = lineage.closure("mart.t.x", UP)
    assert names(graph) == ["mart.t.x", "stage.t.x", "raw.t.x", "src.u.x"]
    assert names(lineage.closure("src.u.x", DOWN)) == ["src.u.x", "raw.t.x", "stage.t.x", "mart.t.x"]


def test_a_star_stands_for_every_column(store, lineage):
    fill(store, {"a": ["src.a -> raw.x", "src.b -> raw.y"], "b": ["raw.* -> stage.*"]})
    assert set(names(lineage.closure("stage.*", UP))) == {
        "stage.*", "raw.*", "raw.x", "raw.y", "src.a", "src.b"
    }  # fmt: skip
    assert names(lineage.closure("src.a", DOWN)) == ["src.a", "raw.x", "stage.x"]


def test_a_column_that_only_a_star_has_can_be_asked_for(store, lineage):
    fill(store, {"a": ["raw.t.* -> stage.t.*"]})
    assert names(lineage.closure("stage.t.Anything", UP)) == ["stage.t.anything", "raw.t.anything"]


# Origins -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "reach", "wanted"),
    [
        ("report.month.total", Reach(), {"raw.orders.amount", "ref.rates.rate", "raw.orders.status"}),
        ("report.month.total", Reach(direct=True), {"raw.orders.amount"}),
        ("report.month.total", Reach(stop="^stage", direct=True), {"stage.orders.amount"}),
        ("raw.orders.amount", Reach(), {"raw.orders.amount"}),
        ("raw.orders", Reach(), {"raw.orders"}),
        ("report.month", Reach(table_level=True), {"raw.orders", "ref.rates"}),
    ],
)
def test_origins(store, lineage, name, reach, wanted):
    fill(store, SHOP)
    assert {str(node) for node in lineage.origins(name, reach)} == wanted


def test_a_circle_that_nothing_feeds_is_an_origin(store, lineage):
    fill(store, {"a": ["a.x -> b.x", "b.x -> a.x", "b.x -> c.x", "d.x -> d.x", "d.x -> c.x"]})
    assert {str(node) for node in lineage.origins("c.x")} == {"a.x", "b.x", "d.x"}


def test_a_circle_that_is_fed_is_none(store, lineage):
    fill(store, {"a": ["a.x -> b.x", "b.x -> a.x", "b.x -> c.x", "s.x -> a.x"]})
    assert {str(node) for node in lineage.origins("c.x")} == {"s.x"}


def test_a_filter_does_not_feed_the_column(store, lineage):
    fill(store, {"a": ["raw.id ~> raw.[rows]", "raw.amount -> t.total"]})
    assert {str(node) for node in lineage.origins("t.total")} == {"raw.amount", "raw.id"}


def test_a_star_that_columns_feed_is_no_origin(store, lineage):
    fill(store, {"a": ["src.a -> raw.x"], "b": ["raw.* -> stage.*"]})
    assert {str(node) for node in lineage.origins("stage.*")} == {"src.a"}


# Paths -------------------------------------------------------------------------------------------


def ways(lineage, source, target, *arguments, **options):
    found = lineage.paths(source, target, *arguments, **options)
    return [[str(edge.source) for edge in way.edges] + [str(way.edges[-1].target)] for way in found]


def test_the_shortest_path(store, lineage):
    fill(store, SHOP | {"more": ["report.year.total -> x.y", "raw.orders.amount -> x.z", "x.z -> x.y"]})
    assert ways(lineage, "raw.orders.amount", "x.y") == [["raw.orders.amount", "x.z", "x.y"]]
    assert ways(lineage, "raw.orders.amount", "report.year.total") == [
        ["raw.orders.amount", "stage.orders.amount", "mart.daily.total", "report.year.total"]
    ]


def test_all_shortest_paths_and_the_limit(store, lineage):
    fill(store, {"a": ["s.x -> a.x", "s.x -> b.x", "a.x -> t.x", "b.x -> t.x", "a.x -> b.x"]})
    assert ways(lineage, "s.x", "t.x") == [["s.x", "a.x", "t.x"], ["s.x", "b.x", "t.x"]]
    assert len(ways(lineage, "s.x", "t.x", limit=1)) == 1


def test_no_path(store, lineage):
    fill(store, SHOP)
    assert lineage.paths("report.month.total", "raw.orders.amount") == ()
    assert lineage.paths("raw.orders.id", "mart.daily.total", Reach(direct=True)) == ()
    assert lineage.paths("raw.orders.amount", "report.year", Reach(depth=2)) == ()
    with pytest.raises(ConfigError, match="positive"):
        lineage.paths("raw.orders.id", "mart.daily.total", limit=0)


def test_a_path_may_end_in_the_rows_of_the_target(store, lineage):
    fill(store, SHOP)
    assert ways(lineage, "raw.orders.status", "stage.orders.amount") == [
        ["raw.orders.status", "stage.orders.[rows]"]
    ]
    assert ways(lineage, "raw.orders.status", "mart.daily.total") == [
        ["raw.orders.status", "stage.orders.amount", "mart.daily.total"]
    ]


def test_paths_between_tables(store, lineage):
    fill(store, SHOP)
    assert ways(lineage, "raw.orders", "report.year", Reach(table_level=True)) == [
        ["raw.orders", "stage.orders", "mart.daily", "report.year"]
    ]
    assert ways(lineage, "raw.orders", "mart.daily", Reach(direct=True)) == [
        ["raw.orders.amount", "stage.orders.amount", "mart.daily.total"]
    ]


# Who made it -------------------------------------------------------------------------------------


def test_edges_tell_who_made_them(store, lineage):
    store.run("one", {"a.sql": ["s.x -> t.x"], "b.sql": ["s.x -> t.x"]})
    store.run("two", {"c.sql": ["s.x -> t.x"]})
    [edge] = lineage.closure("t.x", UP, with_makers=True).edges
    assert [(maker.job_id, maker.run, maker.path) for maker in edge.made_by] == [
        ("one", 1, "a.sql"), ("one", 1, "b.sql"), ("two", 1, "c.sql")
    ]  # fmt: skip
    [edge] = lineage.closure("t.x", UP).edges
    assert edge.made_by == ()
    [way] = lineage.paths("s.x", "t.x", with_makers=True)
    assert len(way.edges[0].made_by) == 3
