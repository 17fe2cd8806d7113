"""Hand-built results: small ones with every feature, and large ones for drawings."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from airflow_provider_sqlflow.engine.model import (
    ColumnRef,
    Diagnostic,
    Edge,
    Effect,
    LineageResult,
    Relation,
    RelationId,
    RelationKind,
    Severity,
    Span,
    StatementKind,
    StatementLineage,
    Subtype,
)

ORDERS = RelationId("shop", "raw", "orders")
CUSTOMERS = RelationId("shop", "raw", "customers")
DAILY = RelationId("shop", "mart", "daily")
TOP = RelationId("shop", "mart", "top_days")
RESULT = RelationId(None, None, "result", scope="b.sql:2")


def span(name: str, line: int, start: int = 1, length: int = 10) -> Span:
    return Span(name, line, start, line, start + length)


def direct(
    source: ColumnRef, target: ColumnRef, subtype: Subtype, text: str, place: Span, statement: int = 1
) -> Edge:
    return Edge(source, target, Effect.DIRECT, subtype, text, place, statement)


def indirect(
    source: ColumnRef, target: ColumnRef, subtype: Subtype, text: str, place: Span, statement: int = 1
) -> Edge:
    return Edge(source, target, Effect.INDIRECT, subtype, text, place, statement)


def build_result(
    statements: list[tuple[StatementKind, Span, tuple[RelationId, ...], tuple[RelationId, ...], list[Edge]]],
    relations: list[Relation],
    diagnostics: list[Diagnostic] | None = None,
    dialect: str = "postgres",
) -> LineageResult:
    """A result whose statements count from 1 in each file."""
    counts: dict[str, int] = {}
    lineages = []
    for kind, place, reads, writes, edges in statements:
        counts[place.source_name] = counts.get(place.source_name, 0) + 1
        lineages.append(
            StatementLineage(
                counts[place.source_name], kind, place, reads, writes, tuple(edges), tuple(edges)
            )
        )
    return LineageResult(
        statements=tuple(lineages),
        relations=tuple(relations),
        diagnostics=tuple(diagnostics or ()),
        folded_edges=tuple(edge for lineage in lineages for edge in lineage.folded),
        dialect=dialect,
    )


@pytest.fixture
def shop() -> LineageResult:
    """Two files: an INSERT with every effect, a view on it, and a bare SELECT with a broken neighbour."""
    total, days, band = (ColumnRef(DAILY, name) for name in ("total", "days", "band"))
    rows = ColumnRef(DAILY, None)
    top = ColumnRef(TOP, "total")
    insert = [
        direct(ColumnRef(ORDERS, "amount"), total, Subtype.AGGREGATION, "sum(o.amount)", span("a.sql", 3, 8)),
        direct(ColumnRef(ORDERS, None), days, Subtype.AGGREGATION, "count(*)", span("a.sql", 3, 24)),
        direct(ColumnRef(CUSTOMERS, "name"), band, Subtype.IDENTITY, "c.name", span("a.sql", 4, 5)),
        indirect(ColumnRef(CUSTOMERS, "tier"), band, Subtype.CONDITIONAL, "c.tier = 1", span("a.sql", 4, 9)),
        indirect(ColumnRef(ORDERS, "status"), rows, Subtype.FILTER, "status = 1", span("a.sql", 5)),
        indirect(
            ColumnRef(ORDERS, "customer_id"), rows, Subtype.JOIN, "o.customer_id = c.id", span("a.sql", 6)
        ),
    ]
    view = [direct(total, top, Subtype.IDENTITY, "total", span("b.sql", 1, 30))]
    query = [
        direct(top, ColumnRef(RESULT, "total"), Subtype.IDENTITY, "total", span("b.sql", 2, 8), 2),
        indirect(top, ColumnRef(RESULT, "rank"), Subtype.WINDOW, "rank() over ()", span("b.sql", 2, 15), 2),
    ]
    return build_result(
        [
            (StatementKind.INSERT, span("a.sql", 2), (ORDERS, CUSTOMERS), (DAILY,), insert),
            (StatementKind.CREATE_VIEW, span("b.sql", 1), (DAILY,), (TOP,), view),
            (StatementKind.SELECT, span("b.sql", 2), (TOP,), (RESULT,), query),
            (StatementKind.ERROR, span("b.sql", 3), (), (), []),
        ],
        [
            Relation(
                ORDERS,
                RelationKind.TABLE,
                ("id", "amount", "status", "customer_id"),
                span("a.sql", 5, 6, 10),
            ),
            Relation(CUSTOMERS, RelationKind.TABLE, ("id", "name", "tier"), span("a.sql", 6)),
            Relation(DAILY, RelationKind.TABLE, ("total", "days", "band"), span("a.sql", 2, 13)),
            Relation(TOP, RelationKind.VIEW, ("total",), span("b.sql", 1, 13)),
            Relation(RESULT, RelationKind.RESULT, ("total", "rank"), span("b.sql", 2)),
        ],
        [
            Diagnostic(Severity.ERROR, "parse_error", "unexpected 'FORM'", span("b.sql", 3, 9, 4)),
            Diagnostic(Severity.WARNING, "ambiguous_column", "id is in two tables", span("a.sql", 3)),
            Diagnostic(Severity.INFO, "template", "placeholder kept", span("a.sql", 1)),
        ],
    )


HOSTILE = 'a<b>&"c"\n\x07\x00\u00e9\u4e2d{x}|\\N,=1;]]>'
"""A name with everything that a format may trip over."""


@pytest.fixture
def hostile() -> LineageResult:
    """Names that no format may break on; twice, as relation and as column."""
    left, right = RelationId(None, HOSTILE, HOSTILE), RelationId(None, None, HOSTILE + "2")
    edge = direct(
        ColumnRef(left, HOSTILE), ColumnRef(right, HOSTILE), Subtype.IDENTITY, HOSTILE, span(HOSTILE, 1), 1
    )
    rows = indirect(ColumnRef(left, ""), ColumnRef(right, None), Subtype.FILTER, "", span(HOSTILE, 2), 1)
    return build_result(
        [(StatementKind.INSERT, span(HOSTILE, 1), (left,), (right,), [edge, rows])],
        [Relation(left, RelationKind.TABLE, (HOSTILE, "")), Relation(right, RelationKind.VIEW)],
        [Diagnostic(Severity.WARNING, "odd", HOSTILE, span(HOSTILE, 1))],
    )


@pytest.fixture
def warehouse() -> Callable[[int, int], LineageResult]:
    """``warehouse(tables, columns)``: layers of tables, each reading two of the layer before."""

    def build(tables: int, columns: int) -> LineageResult:
        names = [f"column_{number}" for number in range(columns)]
        layer_size = max(tables // 4, 1)
        ids = [RelationId(None, f"layer{n // layer_size}", f"table_{n}") for n in range(tables)]
        statements = []
        for number in range(layer_size, tables):
            first = ids[number - layer_size]
            # The neighbour in the layer before; the last of a layer has none.
            second = ids[number - layer_size + 1] if (number + 1) % layer_size else first
            place = span(f"{ids[number].name}.sql", 1)
            edges = [
                direct(
                    ColumnRef((first, second)[index % 2], name),
                    ColumnRef(ids[number], name),
                    Subtype.IDENTITY,
                    name,
                    place,
                    1,
                )
                for index, name in enumerate(names)
            ]
            edges.append(
                indirect(
                    ColumnRef(second, names[0]), ColumnRef(ids[number], None), Subtype.JOIN, "", place, 1
                )
            )
            statements.append((StatementKind.CREATE_TABLE, place, (first, second), (ids[number],), edges))
        return build_result(statements, [Relation(one, RelationKind.TABLE, tuple(names)) for one in ids])

    return build
