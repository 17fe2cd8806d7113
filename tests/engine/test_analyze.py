"""The public functions on one text: what a result holds, and what its arguments change."""

from __future__ import annotations

import gc

import pytest

from airflow_provider_sqlflow.engine import (
    Edge,
    Effect,
    InMemoryCatalog,
    LineageResult,
    RelationId,
    RelationKind,
    Severity,
    StatementKind,
    Subtype,
    analyze,
    declared_columns,
)
from airflow_provider_sqlflow.errors import UnknownDialectError


def arrows(edges: tuple[Edge, ...]) -> list[str]:
    return [f"{edge.source} -> {edge.target}" for edge in edges]


def names(relations: tuple[RelationId, ...]) -> list[str]:
    return [str(relation) for relation in relations]


# Arguments ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("sql", ["", " \n\t", ";;", "-- a comment\n/* another */"])
def test_text_without_a_statement_gives_an_empty_result(sql):
    assert analyze(sql, dialect="postgres") == LineageResult(dialect="postgres", source_name="<sql>")


def test_defaults_fill_the_parts_a_name_does_not_give():
    result = analyze(
        "INSERT INTO t (x) SELECT a FROM s; INSERT INTO o.t (x) SELECT a FROM p.o.s",
        default_database="d",
        default_schema="main",
    )
    assert arrows(result.edges()) == ["d.main.s.a -> d.main.t.x", "p.o.s.a -> d.o.t.x"]


def test_without_defaults_missing_parts_stay_none():
    [edge] = analyze("INSERT INTO t (x) SELECT a FROM o.s").edges()
    assert edge.target.relation == RelationId(None, None, "t")
    assert edge.source.relation == RelationId(None, "o", "s")


def test_a_name_with_and_without_its_defaults_is_one_relation():
    result = analyze(
        "INSERT INTO d.main.t (x) SELECT a FROM s; INSERT INTO t (y) SELECT a FROM main.s",
        default_database="d",
        default_schema="main",
    )
    assert names(result.sources) == ["d.main.s"]
    assert names(result.targets) == ["d.main.t"]


def test_the_catalog_spells_stars_out():
    catalog = InMemoryCatalog({"main.s": ["a", "b"]})
    sql = "INSERT INTO t SELECT * FROM s"
    known = analyze(sql, catalog=catalog)
    assert arrows(known.edges()) == ["s.a -> t.a", "s.b -> t.b"]
    assert arrows(analyze(sql).edges()) == ["s.* -> t.*"]


def test_what_the_script_declares_wins_over_the_catalog():
    catalog = InMemoryCatalog({"s": ["old"]})
    result = analyze("CREATE TABLE s (a INT, b INT); INSERT INTO t SELECT * FROM s", catalog=catalog)
    assert arrows(result.edges()) == ["s.a -> t.a", "s.b -> t.b"]


@pytest.mark.parametrize(
    ("name", "same_as"),
    [("dbvmssql", "tsql"), ("dbvpostgresql", "postgres"), ("SNOWFLAKE", "snowflake"), ("mariadb", "mysql")],
)
def test_a_dialect_by_any_of_its_names(name, same_as):
    sql = (
        "INSERT INTO t (x) SELECT TOP 3 a FROM s"
        if same_as == "tsql"
        else "INSERT INTO t (x) SELECT a FROM s"
    )
    result = analyze(sql, dialect=name)
    assert result == analyze(sql, dialect=same_as)
    assert (result.dialect, arrows(result.edges())) == (same_as, ["s.a -> t.x"])


def test_an_unknown_dialect_names_its_neighbours():
    with pytest.raises(UnknownDialectError, match=r"unknown SQL dialect 'postgers': did you mean .*postgres"):
        analyze("SELECT 1", dialect="postgers")


def test_the_source_name_stands_in_every_span():
    result = analyze(
        "INSERT INTO t (x) SELECT a FROM s; SELECT a b c", dialect="postgres", source_name="x/y.sql"
    )
    spans = [edge.span for edge in result.edges()]
    spans += [statement.span for statement in result.statements]
    spans += [relation.span for relation in result.relations]
    spans += [diagnostic.span for diagnostic in result.diagnostics]
    assert {span.source_name for span in spans} == {"x/y.sql"}
    assert result.source_name == "x/y.sql"


# What a result holds ------------------------------------------------------------------------------


def test_an_edge_tells_effect_subtype_text_place_and_masking():
    edges = analyze(
        "INSERT INTO t (n, h)\nSELECT sum(a), md5(b)\nFROM s\nWHERE c > 1", dialect="postgres"
    ).edges()
    told = [(edge.effect, edge.subtype, edge.expression, str(edge.span), edge.masking) for edge in edges]
    assert told == [
        (Effect.DIRECT, Subtype.AGGREGATION, "sum(a)", "<sql>:2:8", False),
        (Effect.DIRECT, Subtype.TRANSFORMATION, "md5(b)", "<sql>:2:16", True),
        (Effect.INDIRECT, Subtype.FILTER, "c > 1", "<sql>:4:7", False),
    ]
    assert str(edges[2].target) == "t.[rows]"


def test_statements_are_numbered_from_one_in_reading_order():
    result = analyze("USE d; INSERT INTO t (a) SELECT b FROM s; SELECT a b c; DELETE FROM t", dialect="mysql")
    assert [(item.index, item.kind, item.is_ok) for item in result.statements] == [
        (1, StatementKind.USE, True),
        (2, StatementKind.INSERT, True),
        (3, StatementKind.ERROR, False),
        (4, StatementKind.DELETE, True),
    ]
    assert {edge.statement for edge in result.edges()} == {2}
    assert [str(item.span) for item in result.statements] == [
        "<sql>:1:1", "<sql>:1:8", "<sql>:1:43", "<sql>:1:57",
    ]  # fmt: skip


def test_a_statement_knows_what_it_reads_and_writes():
    result = analyze("INSERT INTO t (a) SELECT b FROM (SELECT b FROM s) q JOIN u ON u.i = q.b")
    [statement] = result.statements
    assert (names(statement.reads), names(statement.writes)) == (["s", "u"], ["t"])


def test_sources_and_targets_are_without_intermediates_and_results():
    result = analyze(
        "CREATE TEMP TABLE tmp AS SELECT a FROM s; WITH q AS (SELECT a FROM tmp) SELECT a FROM q;"
        "INSERT INTO t (a) SELECT a FROM tmp",
        dialect="postgres",
    )
    assert (names(result.sources), names(result.targets)) == (["s"], ["t"])
    kinds = result.kinds()
    assert {str(relation): kind for relation, kind in kinds.items()} == {
        "s": RelationKind.TABLE,
        "tmp": RelationKind.TEMP_TABLE,
        "q": RelationKind.CTE,
        "result": RelationKind.RESULT,
        "t": RelationKind.TABLE,
    }


def test_relations_list_columns_and_first_mention():
    result = analyze("INSERT INTO t (x)\nSELECT s.a FROM s WHERE s.b > 0")
    told = [(str(item.id), item.columns, str(item.span)) for item in result.relations]
    assert told == [("t", ("x",), "<sql>:1:13"), ("s", ("a", "b"), "<sql>:2:17")]


def test_a_bare_select_writes_to_a_result():
    result = analyze("SELECT a AS x FROM t; SELECT a FROM t")
    assert arrows(result.edges()) == ["t.a -> result.x", "t.a -> result.a"]
    first, second = (edge.target.relation for edge in result.edges())
    assert first != second
    assert result.kinds()[first] is RelationKind.RESULT
    assert result.targets == ()


def test_relation_edges_fold_intermediates_and_are_listed_once():
    result = analyze(
        "CREATE TEMP TABLE tmp AS SELECT a FROM s JOIN d ON d.i = s.i;"
        "INSERT INTO t (a) WITH q AS (SELECT a FROM tmp) SELECT q.a FROM q, q AS again",
        dialect="postgres",
    )
    told = [(str(edge.source), str(edge.target), edge.statement) for edge in result.relation_edges()]
    assert told == [("s", "t", 2), ("d", "t", 2)]


def test_relation_edges_exist_where_no_column_is_read():
    result = analyze("INSERT INTO t (a) SELECT 1 FROM s")
    assert [(str(edge.source), str(edge.target)) for edge in result.relation_edges()] == [("s", "t")]


def test_a_broken_statement_is_a_diagnostic_and_the_rest_is_read():
    result = analyze(
        "INSERT INTO t (a) SELECT b FROM s;\nSELECT a b c;\nINSERT INTO u (a) SELECT c FROM s",
        dialect="snowflake",
    )
    assert arrows(result.edges()) == ["s.b -> t.a", "s.c -> u.a"]
    [error] = result.errors()
    assert (error.severity, error.code, str(error.span)) == (Severity.ERROR, "parse_error", "<sql>:2:12")


def test_diagnostics_come_in_reading_order():
    result = analyze("SELECT x.a FROM t;\nSELECT a b c;\nSELECT y.a FROM t", dialect="postgres")
    places = [(item.span.start_line, item.span.start_column) for item in result.diagnostics]
    assert [item.code for item in result.diagnostics] == [
        "unknown_qualifier", "parse_error", "unknown_qualifier",
    ]  # fmt: skip
    assert places == sorted(places)


# Intermediates ------------------------------------------------------------------------------------


def test_the_chain_goes_through_temporary_tables_and_ctes():
    result = analyze(
        "CREATE TEMP TABLE tmp AS SELECT a AS b FROM s;"
        "INSERT INTO t (c) WITH q AS (SELECT b + 1 AS z FROM tmp) SELECT z FROM q",
        dialect="postgres",
    )
    direct = tuple(edge for edge in result.edges(intermediates=True) if edge.effect is Effect.DIRECT)
    assert arrows(direct) == ["s.a -> tmp.b", "tmp.b -> q.z", "q.z -> t.c"]
    [folded] = result.edges()
    assert (str(folded.source), str(folded.target), folded.subtype) == ("s.a", "t.c", Subtype.TRANSFORMATION)
    assert folded.expression == "b + 1"


# Renames ------------------------------------------------------------------------------------------


def test_what_was_written_before_a_rename_is_shown_under_the_last_name():
    result = analyze(
        "CREATE TABLE n AS SELECT a FROM s; ALTER TABLE n RENAME TO m; ALTER TABLE m RENAME TO k;"
        "INSERT INTO k SELECT b FROM u",
        dialect="postgres",
    )
    assert arrows(result.edges()) == ["s.a -> k.a", "u.b -> k.a"]
    assert names(result.targets) == ["k"]
    assert [(str(old), str(new)) for old, new in result.renames] == [("n", "k"), ("m", "k")]


def test_a_rename_of_what_another_script_wrote_is_an_edge_between_row_sets():
    result = analyze("ALTER TABLE n RENAME TO m", dialect="postgres")
    assert arrows(result.edges()) == ["n.[rows] -> m.[rows]"]
    assert result.renames == ()


# Columns from DDL ---------------------------------------------------------------------------------


def test_declared_columns_of_tables_queries_and_views():
    columns, diagnostics = declared_columns(
        'CREATE TABLE a (x INT, y INT); CREATE TABLE "odd.name" AS SELECT x AS z FROM a;'
        "CREATE VIEW v (k) AS SELECT y FROM a; CREATE VIEW w AS SELECT * FROM a",
        dialect="postgres",
        default_schema="main",
    )
    assert columns == {
        "main.a": ("x", "y"),
        'main."odd.name"': ("z",),
        "main.v": ("k",),
        "main.w": ("x", "y"),
    }
    assert diagnostics == ()
    assert InMemoryCatalog(columns).columns(None, None, "odd.name") == ("z",)


def test_declared_columns_leave_out_what_is_not_known():
    columns, _ = declared_columns(
        "SELECT 1; CREATE TABLE p AS SELECT * FROM q; CREATE TEMP TABLE t (a INT)", dialect="postgres"
    )
    assert columns == {}


def test_declared_columns_tell_what_was_not_understood():
    columns, [error] = declared_columns(
        "CREATE TABLE a (x INT);\nCREATE TABLE b (;\nCREATE TABLE c (y INT)", source_name="ddl.sql"
    )
    assert columns == {"a": ("x",), "c": ("y",)}
    assert (error.code, error.span.source_name, error.span.start_line) == ("parse_error", "ddl.sql", 2)


def test_declared_columns_of_an_unknown_dialect():
    with pytest.raises(UnknownDialectError):
        declared_columns("CREATE TABLE a (x INT)", dialect="klingon")


# The garbage collector ----------------------------------------------------------------------------


@pytest.mark.parametrize("enabled", [True, False])
def test_the_garbage_collector_is_left_as_it_was(enabled):
    was_enabled, threshold, frozen = gc.isenabled(), gc.get_threshold(), gc.get_freeze_count()
    (gc.enable if enabled else gc.disable)()
    try:
        analyze("SELECT a FROM t;" * 200)
        declared_columns("CREATE TABLE t (a INT)")
        with pytest.raises(UnknownDialectError):
            analyze("SELECT 1", dialect="klingon")
        assert gc.isenabled() is enabled
        assert (gc.get_threshold(), gc.get_freeze_count()) == (threshold, frozen)
    finally:
        (gc.enable if was_enabled else gc.disable)()


def test_nothing_but_the_result_stays_behind():
    script = "WITH c AS (SELECT a + b AS x FROM t WHERE d > 1) INSERT INTO u SELECT x FROM c;" * 40
    analyze(script)
    gc.collect()
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        before = len(gc.get_objects())
        result = analyze(script)
        assert len(result.edges()) == 40 * 3
        del result
        assert gc.collect() < 100
        assert len(gc.get_objects()) - before < 100
    finally:
        if was_enabled:
            gc.enable()
