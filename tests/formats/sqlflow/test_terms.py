import pytest

from airflow_provider_sqlflow.engine.model import (
    ColumnRef,
    Diagnostic,
    Edge,
    Effect,
    RelationId,
    RelationKind,
    Severity,
    Span,
    StatementKind,
    StatementLineage,
    Subtype,
)
from airflow_provider_sqlflow.formats.sqlflow.terms import (
    OBJECT_SHAPES,
    effect_type_of,
    error_type_of,
    layers_of,
    process_name_of,
    relation_type_of,
)

TABLE = RelationId(None, None, "t")


@pytest.mark.parametrize(
    ("source", "target", "effect", "subtype", "expected"),
    [
        ("a", "b", Effect.DIRECT, Subtype.IDENTITY, "fdd"),
        ("a", "b", Effect.DIRECT, Subtype.AGGREGATION, "fdd"),
        (None, "b", Effect.DIRECT, Subtype.AGGREGATION, "fdr"),
        (None, None, Effect.DIRECT, Subtype.IDENTITY, "fdd"),
        ("a", "b", Effect.INDIRECT, Subtype.CONDITIONAL, "fdd"),
        ("a", "b", Effect.INDIRECT, Subtype.WINDOW, "fdd"),
        ("a", None, Effect.INDIRECT, Subtype.WINDOW, "fdr"),
        ("a", None, Effect.INDIRECT, Subtype.CONDITIONAL, "fdr"),
        ("a", None, Effect.INDIRECT, Subtype.FILTER, "fdr"),
        ("a", "b", Effect.INDIRECT, Subtype.GROUP_BY, "fdr"),
        ("a", None, Effect.INDIRECT, Subtype.JOIN, "fdr"),
    ],
)
def test_relation_types(
    source: str | None, target: str | None, effect: Effect, subtype: Subtype, expected: str
) -> None:
    edge = Edge(ColumnRef(TABLE, source), ColumnRef(TABLE, target), effect, subtype)
    assert relation_type_of(edge) == expected


def test_effect_types_are_of_the_documented_list() -> None:
    documented = {
        "select", "insert", "update", "merge_update", "merge_insert", "create_view", "create_table", "merge",
        "delete", "function", "rename_table", "swap_table", "like_table", "cursor", "trigger",
    }  # fmt: skip
    place = Span("a.sql", 1, 1, 1, 2)
    for kind in StatementKind:
        word = effect_type_of(StatementLineage(1, kind, place))
        assert word is None or word in documented
    assert effect_type_of(StatementLineage(1, StatementKind.COPY, place)) is None
    assert effect_type_of(None) is None


def test_every_kind_has_a_place_and_a_name() -> None:
    assert set(OBJECT_SHAPES) == set(RelationKind)
    assert all(process_name_of(kind).type.startswith("sst") for kind in StatementKind)


@pytest.mark.parametrize(
    ("severity", "code", "expected"),
    [
        (Severity.ERROR, "parse_error", "SyntaxError"),
        (Severity.ERROR, "too_deep", "AnalyzeError"),
        (Severity.WARNING, "ambiguous_column", "LinkOrphanColumn"),
        (Severity.WARNING, "orphan_column", "LinkOrphanColumn"),
        (Severity.WARNING, "template", "SyntaxHint"),
    ],
)
def test_error_types(severity: Severity, code: str, expected: str) -> None:
    assert error_type_of(Diagnostic(severity, code, "", Span("a.sql", 1, 1, 1, 2))) == expected


def test_layers() -> None:
    name = RelationId("d", "s", "t")
    assert layers_of("snowflake").qualifiers(name) == ("d", "s")
    assert layers_of("mysql").qualifiers(RelationId(None, "s", "t")) == ("s", None)
    assert layers_of("mysql").qualifiers(RelationId("d", None, "t")) == ("d", None)
