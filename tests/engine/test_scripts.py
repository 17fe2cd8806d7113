"""Several scripts that read what others declare, and their results as one."""

from __future__ import annotations

import gc
from collections.abc import Sequence

import pytest

from airflow_provider_sqlflow.engine import (
    InMemoryCatalog,
    LineageResult,
    RelationKind,
    Script,
    analyze,
    iter_scripts,
    merge_results,
)
from airflow_provider_sqlflow.errors import UnknownDialectError


def read(*texts: str, **options: object) -> dict[int, LineageResult]:
    """Results by number, in the order they came."""
    scripts = [Script(f"{number}.sql", text) for number, text in enumerate(texts)]
    return dict(iter_scripts(scripts, **{"dialect": "postgres", **options}))


def arrows(result: LineageResult) -> list[str]:
    return [f"{edge.source} -> {edge.target}" for edge in result.edges()]


def names(items: Sequence[object]) -> list[str]:
    return [str(item) for item in items]


# iter_scripts -------------------------------------------------------------------------------------


def test_creators_come_before_readers_and_columns_reach_across_files():
    results = read(
        "INSERT INTO mart SELECT * FROM middle",
        "CREATE VIEW middle AS SELECT * FROM base",
        "CREATE TABLE base (a INT, b INT)",
    )
    assert list(results) == [2, 1, 0]
    assert arrows(results[1]) == ["base.a -> middle.a", "base.b -> middle.b"]
    assert arrows(results[0]) == ["middle.a -> mart.a", "middle.b -> mart.b"]


def test_independent_scripts_keep_the_order_given():
    assert list(read("SELECT a FROM x", "SELECT a FROM y", "SELECT a FROM z")) == [0, 1, 2]


def test_no_scripts():
    assert read() == {}


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 1, 0], [1, 2, 0]])
def test_every_script_of_a_cycle_is_read_once(order):
    texts = [
        "CREATE VIEW a AS SELECT x FROM b",
        "CREATE VIEW b AS SELECT x FROM a",
        "INSERT INTO t SELECT * FROM a",
    ]
    results = read(*(texts[number] for number in order))
    assert sorted(results) == [0, 1, 2]
    by_text = {order[number]: result for number, result in results.items()}
    assert arrows(by_text[0]) == ["b.x -> a.x"]
    assert arrows(by_text[1]) == ["a.x -> b.x"]
    assert arrows(by_text[2]) == ["a.x -> t.x"]


def test_scripts_of_one_name_and_one_text_all_give_their_result():
    script = Script("same.sql", "CREATE TABLE s (a INT); INSERT INTO t SELECT * FROM s")
    results = dict(iter_scripts([script, script]))
    assert sorted(results) == [0, 1]
    assert results[0] == results[1] == analyze(script.text, source_name="same.sql")


def test_spans_name_the_script():
    results = read("INSERT INTO t (a) SELECT b FROM s", "INSERT INTO u (a) SELECT b FROM s")
    assert [results[number].edges()[0].span.source_name for number in (0, 1)] == ["0.sql", "1.sql"]


def test_declarations_of_scripts_win_over_the_catalog_and_the_catalog_fills_the_rest():
    results = read(
        "CREATE TABLE s (a INT)",
        "INSERT INTO t SELECT s.*, u.* FROM s, u",
        catalog=InMemoryCatalog({"s": ["old"], "u": ["b"]}),
    )
    assert arrows(results[1]) == ["s.a -> t.a", "u.b -> t.b"]


def test_defaults_make_short_and_full_names_meet():
    results = read(
        "INSERT INTO t SELECT * FROM d.main.s",
        "CREATE TABLE s (a INT)",
        default_database="d",
        default_schema="main",
    )
    assert arrows(results[0]) == ["d.main.s.a -> d.main.t.a"]


def test_temporary_tables_stay_in_their_script():
    results = read("CREATE TEMP TABLE s (a INT)", "INSERT INTO t SELECT * FROM s")
    assert arrows(results[1]) == ["s.* -> t.*"]


def test_a_broken_script_does_not_stop_the_others():
    results = read("SELECT 'open", "INSERT INTO t (a) SELECT b FROM s")
    assert [item.code for item in results[0].diagnostics] == ["unreadable_text"]
    assert arrows(results[1]) == ["s.b -> t.a"]


def test_scripts_are_read_one_by_one_and_the_collector_runs_in_between():
    scripts = [Script("a", "SELECT a FROM t"), Script("b", "SELECT a FROM t")]
    was_enabled = gc.isenabled()
    gc.enable()
    try:
        iterator = iter_scripts(scripts)
        next(iterator)
        assert gc.isenabled()
        iterator.close()
        assert gc.isenabled()
    finally:
        (gc.enable if was_enabled else gc.disable)()


def test_an_unknown_dialect():
    with pytest.raises(UnknownDialectError):
        next(iter_scripts([Script("a", "SELECT 1")], dialect="klingon"))


# merge_results ------------------------------------------------------------------------------------


def test_merging_nothing_and_one():
    assert merge_results([]) == LineageResult()
    result = analyze("INSERT INTO t (a) SELECT b FROM s", dialect="postgres", source_name="a.sql")
    assert merge_results([result]) == result


def test_merged_edges_statements_and_diagnostics_keep_the_order_given():
    first = analyze("INSERT INTO t (a) SELECT b FROM s; SELECT a b c", dialect="postgres", source_name="1")
    second = analyze("INSERT INTO u (a) SELECT c FROM s", dialect="postgres", source_name="2")
    merged = merge_results(iter([first, second]))
    assert arrows(merged) == ["s.b -> t.a", "s.c -> u.a"]
    assert merged.statements == first.statements + second.statements
    assert merged.diagnostics == first.diagnostics + second.diagnostics
    assert merged.relation_edges() == first.relation_edges() + second.relation_edges()
    assert (names(merged.sources), names(merged.targets)) == (["s"], ["t", "u"])
    assert (merged.dialect, merged.source_name) == ("postgres", "")


def test_a_relation_of_several_scripts_is_listed_once_with_all_its_columns_and_best_kind():
    merged = merge_results(
        [analyze("INSERT INTO t (x) SELECT a FROM v"), analyze("CREATE VIEW v AS SELECT b FROM s")]
    )
    [view] = [relation for relation in merged.relations if str(relation.id) == "v"]
    assert (view.kind, view.columns) == (RelationKind.VIEW, ("a", "b"))


def test_relations_of_a_statement_stay_apart_when_scripts_merge():
    texts = ["WITH q AS (SELECT a FROM t) SELECT a FROM q", "WITH q AS (SELECT b FROM u) SELECT b FROM q"]
    merged = merge_results(analyze(text) for text in texts)
    relations = [relation.id for relation in merged.relations]
    assert len(relations) == len(set(relations)) == 6  # for each: a table, q, the result
    assert {str(item.source): item.target for item in merged.edges()}.keys() == {"t.a", "u.b"}
    targets = {edge.target.relation for edge in merged.edges()}
    assert len(targets) == 2
    known = set(relations)
    for edge in merged.edges(intermediates=True):
        assert {edge.source.relation, edge.target.relation} <= known
    for statement in merged.statements:
        assert {*statement.reads, *statement.writes} <= known
    for edge in merged.relation_edges():
        assert {edge.source, edge.target} <= known


def test_temporary_tables_of_two_scripts_stay_apart_when_they_merge():
    texts = [
        f"CREATE TEMP TABLE tmp AS SELECT {name} AS x FROM s; INSERT INTO t_{name} SELECT x FROM tmp"
        for name in "ab"
    ]
    merged = merge_results(analyze(text, dialect="postgres") for text in texts)
    assert arrows(merged) == ["s.a -> t_a.x", "s.b -> t_b.x"]
    temporary = [item for item in merged.relations if item.kind is RelationKind.TEMP_TABLE]
    assert len({item.id for item in temporary}) == 2


def test_a_temporary_table_that_nothing_reads_is_where_data_ends():
    sql = "CREATE TEMP TABLE one AS SELECT a FROM s; CREATE TEMP TABLE two AS SELECT a FROM one;"
    result = analyze(sql, dialect="postgres")
    assert arrows(result) == ["s.a -> two.a"]
    assert [f"{edge.source} -> {edge.target}" for edge in result.relation_edges()] == ["s -> two"]
    assert (names(result.sources), names(result.targets)) == (["s"], ["two"])
    assert [str(relation) for relation in result.intermediates] == ["one"]
    assert [str(item.id) for item in result.relations if item.is_unread] == ["two"]
    dropped = analyze(f"{sql} DROP TABLE two", dialect="postgres")
    assert (arrows(dropped), dropped.relation_edges(), dropped.targets) == ([], (), ())
    read = analyze(f"{sql} SELECT a FROM two", dialect="postgres")
    assert arrows(read) == ["s.a -> result.a"]
    assert not [item for item in read.relations if item.is_unread]


def test_unread_temporary_tables_of_two_scripts_stay_apart_when_they_merge():
    texts = ["CREATE TEMP TABLE t AS SELECT a FROM s", "CREATE TEMP TABLE t AS SELECT b FROM s"]
    merged = merge_results(analyze(text, dialect="postgres") for text in texts)
    assert arrows(merged) == ["s.a -> t.a", "s.b -> t.b"]
    assert len(merged.targets) == 2
    assert not merged.intermediates


def test_targets_of_a_merge_follow_the_renames_of_each_script():
    result = analyze("CREATE TABLE n AS SELECT a FROM s; ALTER TABLE n RENAME TO m", dialect="postgres")
    other = analyze("SELECT 1", dialect="postgres")
    assert names(merge_results([result, other]).targets) == names(result.targets) == ["m"]


def test_scripts_bring_their_own_defaults_and_what_stands_around_their_text():
    scripts = [
        Script("b", "INSERT INTO u SELECT * FROM s1.t"),
        Script("a", "SELECT x FROM s", "d1", "s1", prefix="CREATE TABLE t AS "),
    ]
    results = dict(iter_scripts(scripts, dialect="postgres", default_database="d1", default_schema="p"))
    found = [
        f"{edge.source} -> {edge.target} {edge.span}" for number in (0, 1) for edge in results[number].edges()
    ]
    assert found == ["d1.s1.t.x -> d1.p.u.x b:1:22", "d1.s1.s.x -> d1.s1.t.x a:1:8"]
