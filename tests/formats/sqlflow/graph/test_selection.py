from __future__ import annotations

import time
from dataclasses import replace

import pytest

from airflow_provider_sqlflow.errors import ExportOptionError
from airflow_provider_sqlflow.formats.sqlflow.graph.names import NamePattern
from airflow_provider_sqlflow.formats.sqlflow.graph.selection import Selection, SelectionKind, select
from tests.formats.sqlflow.graph.reading import CHAIN, FULL, SIMPLE, Case, check_part, lines, objects

UP, DOWN, LEFT = SelectionKind.UPSTREAM, SelectionKind.DOWNSTREAM, SelectionKind.LEFT_MOST

BRANCHES = """
INSERT INTO m SELECT s1.x, s2.y + s1.x AS y, s1.z FROM s1 JOIN s2 ON s1.k = s2.k;
INSERT INTO t1 SELECT x, y FROM m;
INSERT INTO t2 SELECT z FROM m;
INSERT INTO other2 SELECT q FROM other1;
"""


@pytest.fixture(scope="module")
def chain() -> Case:
    return Case(CHAIN)


@pytest.fixture(scope="module")
def branches() -> Case:
    return Case(BRANCHES)


def test_nothing_selected_is_everything(chain: Case) -> None:
    assert select(chain.document(), Selection()) == chain.document()


def test_a_table_brings_all_that_it_is_connected_with(branches: Case) -> None:
    assert branches.selected(table="t1") == [
        "s1.x -> fdd -> m.x",
        "s2.y -> fdd -> m.y",
        "s1.x -> fdd -> m.y",
        "m.x -> fdd -> t1.x",
        "m.y -> fdd -> t1.y",
    ]
    assert branches.selected(table="s2") == ["s2.y -> fdd -> m.y", "m.y -> fdd -> t1.y"]


def test_a_column_brings_only_its_own_way(branches: Case) -> None:
    assert branches.selected(table="M", column='"z"') == ["s1.z -> fdd -> m.z", "m.z -> fdd -> t2.z"]
    assert branches.selected(column="q") == ["other1.q -> fdd -> other2.q"]


def test_a_relation_keeps_its_id_and_loses_sources_that_are_not_on_the_way(branches: Case) -> None:
    whole, part = branches.document(), select(branches.document(), Selection(table="s2"))
    (before,) = (
        one for one in whole["relationships"] if one["target"]["column"] == "Y" and len(one["sources"]) > 1
    )
    (after,) = (one for one in part["relationships"] if one["id"] == before["id"])
    assert [one["parentName"] for one in before["sources"]] == ["S2", "S1"]
    assert [one["parentName"] for one in after["sources"]] == ["S2"]


def test_what_has_no_relation_left_leaves(branches: Case) -> None:
    part = select(branches.document(), Selection(table="t2"))
    assert objects(part) == ["m", "s1", "t2"]
    assert [process["name"] for process in part["processes"]] == ["QUERY INSERT-1", "QUERY INSERT-3"]


def test_a_selected_table_stays_even_alone() -> None:
    case = Case("CREATE TABLE alone (a INT); CREATE TABLE too (a INT);" + CHAIN)
    assert objects(select(case.document(), Selection(table="alone"))) == ["alone"]
    assert objects(select(case.document(), Selection(table="unknown"))) == []


@pytest.mark.parametrize(
    "names",
    [
        {"table": "b"},
        {"table": '"HR".[B]'},
        {"table": "`hr`.`b`"},
        {"schema": "Hr", "table": "B"},
        {"database": "DEFAULT", "schema": "hr", "table": "b"},
        {"server": "default_server", "schema": "hr"},
    ],
)
def test_names_are_compared_without_case_and_quotes(chain: Case, names: dict[str, str]) -> None:
    found = chain.selected(**names, column="n")
    assert found[-1] == "c.n -> fdd -> d.n"
    assert chain.selected(**{**names, "schema": "other"}, column="n") == []


def test_a_dot_may_stand_in_a_name() -> None:
    case = Case('INSERT INTO t SELECT x FROM "my.schema"."my.table"', "postgres")
    expected = ["my.table.x -> fdd -> t.x"]
    assert case.selected(table="my.table") == expected
    assert case.selected(table='"my.schema"."my.table"') == expected
    assert case.selected(schema="my.schema") == expected


def test_a_result_set_can_be_selected_too() -> None:
    case = Case("SELECT ename FROM emp; SELECT dname FROM dept")
    assert case.selected(FULL, table="RS-2") == ["dept.dname -> fdd -> rs-2.dname"]


def test_up_and_down(chain: Case) -> None:
    a_b, b_c, c_d = "a.x -> fdd -> b.x", "b.x -> fdd -> c.x", "c.x -> fdd -> d.x"

    def x(kind: SelectionKind, pattern: str, **more: object) -> list[str]:
        return [line for line in chain.selected(kind=kind, table_pattern=pattern, **more) if ".x" in line]

    assert x(UP, "c") == [a_b, b_c]
    assert x(DOWN, "c") == [c_d]
    assert x(DOWN, "a", distance=2) == [a_b, b_c]
    assert x(UP, "d", distance=1) == [c_d]
    assert x(UP, "d", distance=0) == []
    assert x(DOWN, "a", stop_at="c") == [a_b, b_c]
    assert x(DOWN, "c", stop_at="c") == [c_d]
    assert x(DOWN, "a", stop_at="hr") == [a_b, b_c, c_d]  # all of the name has to match
    assert x(DOWN, "a|c") == [a_b, b_c, c_d]
    assert x(UP, ".*") == [a_b, b_c, c_d]


def test_hops_count_tables_not_the_steps_of_statements(chain: Case) -> None:
    assert chain.selected(FULL, kind=UP, table_pattern="d", distance=1) == [
        "c.x -> fdd -> insert-select-3.x",
        "insert-select-3.x -> fdd -> d.x",
        "c.n -> fdd -> insert-select-3.n",
        "insert-select-3.n -> fdd -> d.n",
    ]


def test_a_pattern_matches_the_whole_qualified_name(chain: Case) -> None:
    for pattern in ("hr.b", "HR\\.B", "default.hr.b", "h.*"):
        assert chain.selected(kind=DOWN, table_pattern=pattern, distance=1) == [
            "b.x -> fdd -> c.x",
            "b.n -> fdd -> c.n",
        ]
    for pattern in ("b", "r.b", "hr", ""):
        assert chain.selected(kind=DOWN, table_pattern=pattern) == []


def test_one_column_of_the_tables(chain: Case) -> None:
    assert chain.selected(kind=UP, table_pattern=".*", table_column="N", distance=1) == [
        "a.y -> fdd -> b.n",
        "b.n -> fdd -> c.n",
        "c.n -> fdd -> d.n",
    ]


def test_left_most_leads_from_origin_to_table(chain: Case) -> None:
    assert chain.selected(kind=LEFT, table_pattern="d") == ["a.x -> fdd -> d.x", "a.y -> fdd -> d.n"]
    assert chain.selected(kind=LEFT, table_pattern="d", table_level=True) == ["a -> fdd -> d"]
    assert chain.selected(kind=LEFT, table_pattern="a") == []


def test_left_most_is_indirect_where_every_way_has_an_indirect_step(chain: Case) -> None:
    options = replace(SIMPLE, indirect=True)
    assert chain.selected(options, kind=LEFT, table_pattern="c", table_column="n") == [
        "a.y -> fdd -> c.n",
        "a.x -> fdr -> c.n",
        "a.z -> fdr -> c.n",
    ]


def test_left_most_relations_have_ids_of_their_own(chain: Case) -> None:
    document = chain.document()
    part = select(document, Selection(LEFT, table_pattern="d"))
    used = {relation["id"] for relation in document["relationships"]}
    assert used.isdisjoint(relation["id"] for relation in part["relationships"])
    assert [one["effectType"] for one in part["relationships"]] == ["insert", "insert"]


def test_tables_that_only_feed_each_other_have_no_origin() -> None:
    case = Case(
        "INSERT INTO a SELECT x FROM b; INSERT INTO b SELECT x FROM a; UPDATE s SET x = x + 1;"
        "INSERT INTO t SELECT x FROM s"
    )
    assert case.selected(kind=LEFT, table_pattern="a|b|t|s") == ["s.x -> fdd -> t.x"]


def test_cycles_and_self_loops_end() -> None:
    case = Case("INSERT INTO a SELECT x FROM b; INSERT INTO b SELECT x FROM a; INSERT INTO a SELECT x FROM a")
    everything = lines(case.document())
    assert len(everything) == 3
    for kind in (UP, DOWN):
        assert case.selected(kind=kind, table_pattern="a") == everything
    assert case.selected(table="b") == everything


def test_left_most_of_a_long_chain_takes_a_moment() -> None:
    case = Case(";".join(f"INSERT INTO t{n} SELECT x, y FROM t{n - 1}" for n in range(1, 1000)))
    document = case.document()
    started = time.monotonic()
    assert len(select(document, Selection(LEFT))["relationships"]) == 2 * 999
    assert time.monotonic() - started < 5


def test_table_level_leads_through_statements(chain: Case) -> None:
    assert chain.selected(table="c", table_level=True) == [
        "a -> fdd -> query insert-1",
        "query insert-1 -> fdd -> b",
        "b -> fdd -> query insert-2",
        "query insert-2 -> fdd -> c",
        "c -> fdd -> query insert-3",
        "query insert-3 -> fdd -> d",
    ]
    assert chain.selected(kind=UP, table_pattern="c", distance=1, table_level=True) == [
        "b -> fdd -> query insert-2",
        "query insert-2 -> fdd -> c",
    ]
    assert chain.selected(kind=DOWN, table_pattern="c", table_column="n", table_level=True)[0].startswith("c")


def test_joins_are_shown_and_not_walked() -> None:
    case = Case("INSERT INTO t SELECT a.x FROM a JOIN b ON a.k = b.k; INSERT INTO b SELECT k FROM c")
    options = replace(SIMPLE, joins=True)
    found = case.selected(options, table="t")
    assert [line for line in found if "c." in line] == []
    joins = [line for line in case.selected(options, table="a") if "join" in line]
    assert len(joins) == 1
    assert joins[0].count(".k") == 2


@pytest.mark.parametrize("pattern", ["(", "a{2", "(?=a)", r"(a)\1", "(a{1000}){1000}", "a)|(b", "*", "[z-a]"])
def test_a_pattern_that_cannot_be_used_is_an_error_with_its_name(chain: Case, pattern: str) -> None:
    with pytest.raises(ExportOptionError, match="tableNamePattern"):
        select(chain.document(), Selection(UP, table_pattern=pattern))
    with pytest.raises(ExportOptionError, match="stopat"):
        select(chain.document(), Selection(UP, stop_at=pattern))


@pytest.mark.parametrize(
    "pattern", ["(a+)+b", "(a|a)*b", "(.*)*b", "(.*.*.*.*.*)*b", "([a-z]+)*b", "(a?){30}a{30}b"]
)
def test_no_pattern_takes_long(pattern: str) -> None:
    started = time.monotonic()
    assert not NamePattern("p", pattern).matches("a" * 20_000)
    assert time.monotonic() - started < 1


def test_names_of_any_kind_can_be_matched() -> None:
    assert NamePattern("p", "\u00e9.\u4e2d").matches("\u00c9\n\u4e2d")
    assert not NamePattern("p", "a").matches("a\n")


def test_a_part_of_a_part(chain: Case) -> None:
    whole = chain.document(FULL)
    upstream = select(whole, Selection(UP, table_pattern="c"))
    part = select(upstream, Selection(table="hr.b", column="x"))
    check_part(whole, part)
    assert {line for line in lines(part) if "fdd" in line} == {
        "a.x -> fdd -> insert-select-1.x",
        "insert-select-1.x -> fdd -> b.x",
        "b.x -> fdd -> insert-select-2.x",
        "insert-select-2.x -> fdd -> c.x",
    }
