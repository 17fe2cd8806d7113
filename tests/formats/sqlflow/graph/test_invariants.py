"""What holds for every graph and every selection, whatever the SQL."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_provider_sqlflow.formats.sqlflow.graph.contents import Contents
from airflow_provider_sqlflow.formats.sqlflow.graph.graph import build_graph
from airflow_provider_sqlflow.formats.sqlflow.graph.selection import Selection, SelectionKind, select
from airflow_provider_sqlflow.formats.sqlflow.graph.summary import summarize
from airflow_provider_sqlflow.formats.sqlflow.settings import apply_settings
from tests.formats.sqlflow.graph.reading import FULL, SIMPLE, Case, check_part, lines

TABLES = ("a", "b", '"c d"', '"\u00e9<b>&"', "s.e", '"x""y"')
COLUMNS = ("x", '"\u4e2d"', '"<i>"')
OPTIONS = (SIMPLE, FULL, apply_settings({"showRelationType": "fdd,fdr", "ignoreFunction": "true"}, FULL))


@st.composite
def scripts(draw: st.DrawFn) -> str:
    """Statements between a few tables: cycles and self loops are common."""
    table, column = st.sampled_from(TABLES), st.sampled_from(COLUMNS)
    statements = []
    for _ in range(draw(st.integers(0, 5))):
        target, left, right = draw(table), draw(table), draw(table)
        one, two, three = draw(column), draw(column), draw(column)
        names = f"{one}, {two}" if one != two else one
        values = f"l.{one}, sum(r.{two})" if one != two else f"r.{three} + l.{one}"
        condition = f" WHERE l.{three} = 1" if draw(st.booleans()) else ""
        group = f" GROUP BY l.{one}" if one != two else ""
        statements.append(
            f"INSERT INTO {target} ({names}) SELECT {values} FROM {left} l JOIN {right} r "
            f"ON l.{one} = r.{three}{condition}{group}"
        )
    return ";\n".join(statements)


@st.composite
def selections(draw: st.DrawFn) -> Selection:
    name = draw(st.sampled_from(["", *TABLES]))
    pattern = draw(st.sampled_from([".*", "a", "b|a", "s\\..*", "(default\\.)*c d"]))
    return Selection(
        kind=draw(st.sampled_from(SelectionKind)),
        table=name,
        column=draw(st.sampled_from(["", "x", "<I>"])),
        table_pattern=pattern,
        table_column=draw(st.sampled_from(["", "X"])),
        distance=draw(st.sampled_from([None, 0, 1, 2])),
        stop_at=draw(st.sampled_from(["", "b", ".*"])),
    )


def check_graph(document: dict[str, Any], graph: dict[str, Any]) -> None:
    tables = graph["elements"]["tables"]
    nodes = [node["id"] for table in tables for node in (table, *table["columns"])]
    assert len(nodes) == len(set(nodes))
    assert set(graph["listIdMap"]) == set(nodes)
    contents = Contents(document)
    assert all(item in contents.owner for items in graph["listIdMap"].values() for item in items)
    edges = graph["elements"]["edges"]
    assert list(graph["relationshipIdMap"]) == [edge["id"] for edge in edges]
    types = {relation["id"]: relation["type"] for relation in contents.relations}
    ids = {node: set(items) for node, items in graph["listIdMap"].items()}
    ends = {}
    for link in contents.links:
        relation = contents.relations[link.relation]["id"]
        ends.setdefault(relation, set()).add((link.source, link.target))
    for edge in edges:
        relation, flow_type = graph["relationshipIdMap"][edge["id"]]
        assert types[relation] == flow_type
        pairs = {(s, t) for s in ids[edge["sourceId"]] for t in ids[edge["targetId"]]}
        assert pairs & ends[relation]
    assert len(edges) == len(contents.links)
    assert set(graph["tooltip"]) <= set(nodes)
    check_boxes(tables)


def check_boxes(tables: list[dict[str, Any]]) -> None:
    for number, table in enumerate(tables):
        for column in table["columns"]:
            assert table["x"] <= column["x"]
            assert column["x"] + column["width"] <= table["x"] + table["width"]
            assert table["y"] <= column["y"]
            assert column["y"] + column["height"] <= table["y"] + table["height"] + 0.01
        for other in tables[:number]:
            assert (
                table["x"] + table["width"] < other["x"]
                or other["x"] + other["width"] < table["x"]
                or table["y"] + table["height"] < other["y"]
                or other["y"] + other["height"] < table["y"]
            )


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(scripts(), selections(), st.sampled_from(OPTIONS), st.booleans())
def test_graphs_and_selections(sql: str, selection: Selection, options: Any, table_level: bool) -> None:
    whole = Case(sql, "postgres").document(options, table_level=table_level)
    part = select(whole, selection)
    check_part(whole, part)
    check_graph(part, build_graph(part, show_link_only=bool(selection.table)))
    found = Contents(part)
    joined = {found.owner[end] for link in found.links for end in (link.source, link.target)}
    assert selection.is_everything or selection.kind is SelectionKind.OBJECT or set(found.objects) <= joined
    assert summarize(part)["relationship"] == len(part["relationships"])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(scripts(), st.sampled_from(TABLES), st.sampled_from(("", *COLUMNS)), st.sampled_from(OPTIONS))
def test_a_selection_is_what_can_be_reached(sql: str, table: str, column: str, options: Any) -> None:
    """The same by a slow and simple rule: grow the set of columns until it grows no more."""
    whole = Case(sql, "postgres").document(options)
    contents = Contents(whole)
    starts = {
        end
        for key in contents.find(table)
        for end in (contents.columns_named(key, column) if column else contents.ends_of(key))
    }
    flows = [link for link in contents.links if link.is_flow]
    above, below = set(starts), set(starts)
    for _ in range(len(contents.owner)):
        above |= {link.source for link in flows if link.target in above}
        below |= {link.target for link in flows if link.source in below}
    expected = {
        (contents.relations[link.relation]["id"], link.source)
        for link in contents.links
        if (link.is_flow and (link.target in above or link.source in below))
        or (
            not link.is_flow
            and ({link.source, link.target} & starts or {link.source, link.target} <= above | below)
        )
    }
    part = select(whole, Selection(table=table, column=column))
    got = {
        (relation["id"], source["id"]) for relation in part["relationships"] for source in relation["sources"]
    }
    assert got == expected
    again = select(part, Selection(table=table, column=column))
    assert lines(again) == lines(part)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(scripts(), st.sampled_from(OPTIONS), st.booleans())
def test_left_most_is_where_the_way_back_ends(sql: str, options: Any, table_level: bool) -> None:
    """The same by walking back from each target: along direct flow only, then along all."""
    whole = Case(sql, "postgres").document(options, table_level=table_level)
    contents = Contents(whole)
    flows = [link for link in contents.links if link.is_flow and link.source != link.target]
    fed = {link.target for link in flows}

    def origins(target: str, types: set[str]) -> set[str]:
        reached = {target}
        for _ in range(len(contents.owner)):
            reached |= {link.source for link in flows if link.target in reached and link.type in types}
        return {end for end in reached - fed - {target} if contents.is_stored(contents.owner[end])}

    expected = set()
    for target in contents.owner:
        if contents.is_stored(contents.owner[target]):
            direct = origins(target, {"fdd"})
            expected |= {(end, "fdd", target) for end in direct}
            expected |= {(end, "fdr", target) for end in origins(target, {"fdd", "fdr"}) - direct}
    part = Contents(select(whole, Selection(SelectionKind.LEFT_MOST)))
    assert {(link.source, link.type, link.target) for link in part.links} == expected
    assert len(part.links) == len(expected)
