import pytest

from airflow_provider_sqlflow.engine import analyze
from airflow_provider_sqlflow.engine.model import (
    ColumnRef,
    Edge,
    Effect,
    LineageResult,
    RelationId,
    RelationKind,
    StatementKind,
    Subtype,
)
from airflow_provider_sqlflow.formats import render
from airflow_provider_sqlflow.formats.lookup import RelationNames, StatementLookup, shown_edges, used_columns
from airflow_provider_sqlflow.formats.options import ExportOptions, ResultSets


def test_statements_are_told_apart_by_file(shop: LineageResult) -> None:
    lookup = StatementLookup(shop)
    kinds = [statement.kind for edge in shop.edges() if (statement := lookup.find(edge))]
    assert kinds == [StatementKind.INSERT] * 6 + [StatementKind.CREATE_VIEW] + [StatementKind.SELECT] * 2


def test_an_edge_whose_text_stands_in_another_file_is_found_by_its_target(shop: LineageResult) -> None:
    view_edge = shop.edges()[6]
    moved = Edge(
        view_edge.source,
        view_edge.target,
        Effect.DIRECT,
        Subtype.IDENTITY,
        span=shop.edges()[0].span,
        statement=1,
    )
    found = StatementLookup(shop).find(moved)
    assert found is not None
    assert found.kind is StatementKind.CREATE_VIEW


def test_an_edge_of_no_statement_has_none(shop: LineageResult) -> None:
    stranger = ColumnRef(RelationId(None, None, "elsewhere"), "x")
    assert StatementLookup(shop).find(Edge(stranger, stranger, Effect.DIRECT, Subtype.IDENTITY)) is None


def test_results_are_called_after_their_place(shop: LineageResult) -> None:
    names = RelationNames(shop)
    assert [names.label(relation.id) for relation in shop.relations][-2:] == [
        "shop.mart.top_days",
        "result of b.sql:2",
    ]
    assert names.kind(RelationId(None, None, "never_mentioned")) is RelationKind.TABLE


def test_columns_keep_the_declared_order_and_gain_those_of_edges(shop: LineageResult) -> None:
    columns = used_columns(shop, shop.edges())
    assert [str(relation) for relation in columns] == [
        "shop.raw.orders",
        "shop.mart.daily",
        "shop.raw.customers",
        "shop.mart.top_days",
        "result",
    ]
    assert columns[shop.relations[0].id] == ("id", "amount", "status", "customer_id")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (ExportOptions(), ["s.a -> v.a", "s.c -> v.[rows]", "v.a -> result.a"]),
        (ExportOptions(indirect=False), ["s.a -> v.a", "v.a -> result.a"]),
        (ExportOptions(direct=False), ["s.c -> v.[rows]"]),
        (ExportOptions(result_sets=ResultSets.NONE), ["s.a -> v.a", "s.c -> v.[rows]"]),
        (
            ExportOptions(result_sets=ResultSets.ALL, indirect=False),
            ["s.a -> q.a", "q.a -> v.a", "v.a -> result.a"],
        ),
    ],
)
def test_options_choose_edges(options: ExportOptions, expected: list[str]) -> None:
    result = analyze(
        "CREATE VIEW v AS WITH q AS (SELECT a FROM s WHERE c > 1) SELECT a FROM q; SELECT a FROM v"
    )
    assert [f"{edge.source} -> {edge.target}" for edge in shown_edges(result, options)] == expected
    lines = render("edges", result, options=options).decode().splitlines()
    assert len(lines) == len(expected)
    tree = render("tree", result, options=options).decode()
    assert tree.count("<-") + tree.count("<~") == len(expected)
