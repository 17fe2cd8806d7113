"""Folding against the analysis: end to end both must tell the same, on every fixture of the engine."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from airflow_provider_sqlflow.engine import analyze
from airflow_provider_sqlflow.engine.model import (
    ColumnRef,
    LineageResult,
    StatementKind,
)
from airflow_provider_sqlflow.formats.options import ExportOptions, ResultSets
from airflow_provider_sqlflow.formats.sqlflow.entities import Entities
from airflow_provider_sqlflow.formats.sqlflow.flow import Flow
from airflow_provider_sqlflow.formats.sqlflow.flows import iter_flows
from airflow_provider_sqlflow.formats.sqlflow.terms import relation_type_of
from tests.formats.sqlflow import schemas

sys.path.insert(0, str(Path(__file__).parents[2] / "engine"))
import fixture_cases

CASES = list(fixture_cases.load_cases())
ALL = ExportOptions(result_sets=ResultSets.ALL, functions=True, constants=True, joins=True, transforms=True)
# Two columns of a nested MERGE bear one name there, and a chain tells columns by their names.
NAMED_TWICE = {"tsql/more_writes/an-INSERT-of-what-a-nested-MERGE-changed"}
_OWN_RULES = (StatementKind.COPY, StatementKind.CREATE_STREAM)


def flows_of(
    result: LineageResult, options: ExportOptions, texts: dict[str, str] | None = None
) -> list[Flow]:
    return list(iter_flows(result, options, Entities(result, options), lambda: texts or {}))


def is_plain(*ends: ColumnRef) -> bool:
    """Whether no end is a stage: those are taken apart."""
    return not any(end.relation.name.startswith("@") for end in ends)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_folding_the_chain_gives_the_edges_of_the_analysis(case: fixture_cases.Case) -> None:
    result = case.analyze()
    if any(statement.kind in _OWN_RULES for statement in result.statements):
        return
    found = [flow for flow in flows_of(result, ExportOptions()) if is_plain(flow.source, flow.target)]
    edges = [edge for edge in result.edges() if is_plain(edge.source, edge.target)]
    values = {(flow.source, flow.target) for flow in found if flow.type == "fdd"}
    expected = {(edge.source, edge.target) for edge in edges if relation_type_of(edge) == "fdd"}
    assert expected <= values
    if case.id not in NAMED_TWICE:
        assert values == expected
    every = {(flow.source, flow.target) for flow in found}
    assert {(edge.source, edge.target) for edge in edges} <= every


@pytest.mark.parametrize("case", CASES[::9], ids=lambda case: case.id)
def test_every_document_of_every_shape_is_valid(case: fixture_cases.Case) -> None:
    result, texts = case.analyze(), {f"{case.topic}.sql": case.sql}
    for options in (ExportOptions(), ALL, ExportOptions(table_level=True)):
        for name in schemas.SCHEMA_OF:
            schemas.valid(name, result, options, texts)
        assert schemas.xml(result, options, texts).tag == "dlineage"


def test_temporary_tables_pass_on_what_they_held_when_read() -> None:
    result = analyze(
        "CREATE TEMP TABLE x AS SELECT a FROM s; INSERT INTO t (a) SELECT a FROM x;"
        "DROP TABLE x; CREATE TEMP TABLE x AS SELECT b AS a FROM u; INSERT INTO v (a) SELECT a FROM x",
        dialect="postgres",
    )
    found = [f"{flow.source} -> {flow.target}" for flow in flows_of(result, ExportOptions())]
    assert found == ["s.a -> t.a", "u.b -> v.a"]


def test_temporary_tables_that_nothing_reads_are_shown() -> None:
    sql = "CREATE TEMP TABLE x AS SELECT a, c FROM s; UPDATE x SET a = c + 1"
    result = analyze(sql, dialect="postgres")
    found = [f"{flow.source} -> {flow.target}" for flow in flows_of(result, ExportOptions())]
    assert found == ["s.a -> x.a", "s.c -> x.c", "s.c -> x.a"]
    for name in schemas.SCHEMA_OF:
        schemas.valid(name, result, ExportOptions(), {"<sql>": sql})


def test_one_indirect_step_makes_a_way_indirect_and_a_direct_way_wins() -> None:
    sql = (
        "SELECT x.n + x.m AS a, x.m AS b, y.k AS c FROM "
        "(SELECT count(*) AS n, sum(s) AS m FROM t WHERE s > 1 AND p > 0) x, (SELECT k FROM u) y"
    )
    found = {
        (flow.source.name, flow.target.name): flow.type for flow in flows_of(analyze(sql), ExportOptions())
    }
    assert found["p", "a"] == "fdr"  # decides a count that flows on
    assert found["s", "a"] == "fdd"  # decides as well, but also flows
    assert found["k", "c"] == "fdd"


def test_count_arguments_flow_only_when_asked_for() -> None:
    result = analyze(
        "SELECT count(a) AS x, count(a) + max(a) AS y, count(CASE WHEN b THEN 1 END) AS z FROM t"
    )
    off = {(flow.source, flow.target) for flow in flows_of(result, ExportOptions(count_is_direct=False))}
    on = {(flow.source, flow.target) for flow in flows_of(result, ExportOptions())}
    [table] = result.sources
    target = result.statements[0].writes[0]
    counted = {
        (ColumnRef(table, "a"), ColumnRef(target, "x")),
        (ColumnRef(table, "b"), ColumnRef(target, "z")),
    }
    assert counted <= on
    assert not counted & off
    assert (ColumnRef(table, "a"), ColumnRef(target, "y")) in off
    assert (ColumnRef(table, None), ColumnRef(target, "x")) in off


def test_window_functions_are_no_aggregates() -> None:
    result = analyze("SELECT sum(a) OVER (PARTITION BY b) AS s FROM t WHERE c > 1")
    found = {(flow.source.name, flow.target.name, flow.type) for flow in flows_of(result, ExportOptions())}
    assert found == {("a", "s", "fdd"), ("b", "s", "fdd"), ("c", None, "fdr")}


def test_branches_keep_their_conditions_for_themselves() -> None:
    sql = "SELECT sum(a) AS s FROM t WHERE p > 1 UNION ALL SELECT b FROM u WHERE q > 1"
    for texts in ({}, {"<sql>": sql}):
        found = flows_of(analyze(sql), ExportOptions(constants=True), texts)
        assert ("p", "s", "fdr") in {(flow.source.name, flow.target.name, flow.type) for flow in found}
        assert ("q", "s", "fdr") not in {(flow.source.name, flow.target.name, flow.type) for flow in found}


def test_joins_name_kind_and_condition() -> None:
    sql = "SELECT a.x FROM a LEFT JOIN b ON a.id = b.id AND a.k > 3 JOIN c USING (id) WHERE a.y = c.y"
    options = ExportOptions(direct=False, indirect=False, joins=True)
    found = [
        (
            str(flow.source),
            str(flow.target),
            flow.condition and (flow.condition.join_type, flow.condition.text),
        )
        for flow in flows_of(analyze(sql, dialect="postgres"), options, {"<sql>": sql})
    ]
    assert found == [
        ("a.id", "b.id", ("left", "a.id = b.id")),
        ("a.id", "c.id", ("", "a.id = c.id")),
        ("a.y", "c.y", ("", "a.y = c.y")),
    ]


def test_joins_of_queries_fold_to_the_columns_they_copy() -> None:
    sql = "SELECT 1 AS one FROM (SELECT i AS k FROM a) x JOIN (SELECT j AS k FROM b) y ON x.k = y.k"
    options = ExportOptions(direct=False, indirect=False, joins=True)
    found = flows_of(analyze(sql), options)
    assert [(str(flow.source), str(flow.target)) for flow in found] == [("a.i", "b.j")]


def test_a_result_of_edges_alone_is_shown_as_it_is() -> None:
    """An answer about several jobs has no statements and no text."""
    whole = analyze("INSERT INTO t (a) SELECT b FROM s WHERE c > 1")
    alone = replace(whole, statements=())
    found = [(str(flow.source), flow.type, str(flow.target)) for flow in flows_of(alone, ExportOptions())]
    assert found == [("s.b", "fdd", "t.a"), ("s.c", "fdr", "t.[rows]")]
    only_values = flows_of(alone, ExportOptions(indirect=False, result_sets=ResultSets.ALL, functions=True))
    assert [flow.type for flow in only_values] == ["fdd"]
    for name in schemas.SCHEMA_OF:
        schemas.valid(name, alone)
