"""Random graphs: the store answers what a plain search in memory answers."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from airflow_provider_sqlflow.errors import NameNotFoundError
from airflow_provider_sqlflow.jobs.lineage.model import Direction, Reach

pytestmark = pytest.mark.slow

TABLES = ["r", "s", "t", "u"]
NAMES = ["a", "b", "*", "[rows]"]

Node = tuple[str, str]
Arc = tuple[Node, Node, bool]

columns = st.tuples(st.sampled_from(TABLES), st.sampled_from(["a", "b"]))
anything = st.tuples(st.sampled_from(TABLES), st.sampled_from(NAMES))
plain_graphs = st.lists(st.tuples(columns, columns, st.just(True)), min_size=1, max_size=12, unique=True)
graphs = st.lists(st.tuples(anything, anything, st.booleans()), min_size=1, max_size=12, unique=True)

several = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
_numbers = itertools.count()


def write(store, arcs: list[Arc]) -> str:
    """Two jobs with a half of the arcs each, in tables of their own; gives their prefix."""
    prefix = f"g{next(_numbers)}"
    for part in range(2):
        lines = [
            f"{prefix}.{source[0]}.{source[1]} {'-' if is_direct else '~'}> {prefix}.{target[0]}.{target[1]}"
            for source, target, is_direct in arcs[part::2]
        ]
        store.run(f"{prefix}-{part}", lines)
    return prefix


def search(start: Node, steps: Callable[[Node], Iterator[Node]], depth: int | None = None) -> set[Node]:
    """Breadth first, as in any textbook."""
    seen, level = {start}, [start]
    for _ in itertools.count() if depth is None else range(depth):
        level = sorted({node for here in level for node in steps(here)} - seen)
        if not level:
            break
        seen.update(level)
    return seen


def reached(lineage, prefix: str, start: Node, direction: Direction, reach: Reach) -> set[Node]:
    graph = lineage.closure(f"{prefix}.{start[0]}", direction, reach, column=start[1])
    return {(node.table.name, "[rows]" if node.column is None else node.column) for node in graph.nodes}


@several
@given(plain_graphs, st.one_of(st.none(), st.integers(0, 4)))
def test_columns_and_depth(store, lineage, arcs, depth):
    prefix = write(store, arcs)
    for start in {end for arc in arcs for end in arc[:2]}:
        for direction, near, far in ((Direction.UPSTREAM, 1, 0), (Direction.DOWNSTREAM, 0, 1)):
            wanted = search(start, lambda node: (arc[far] for arc in arcs if arc[near] == node), depth)  # noqa: B023
            assert reached(lineage, prefix, start, direction, Reach(depth=depth)) == wanted


def steps_up(arcs: list[Arc], *, direct: bool) -> Callable[[Node], Iterator[Node]]:
    """What feeds a node, by the rules of ``jobs/lineage/traversal.py`` in their shortest form."""

    def steps(node: Node) -> Iterator[Node]:
        table, name = node
        for source, (target_table, target), is_direct in arcs:
            if target_table != table or (direct and not is_direct):
                continue
            if target == name or (target == "[rows]" and not direct) or (name == "*" and target != "[rows]"):
                yield source
            elif target == "*" and name != "[rows]":
                yield (source[0], name) if source[1] == "*" and is_direct else source

    return steps


@several
@given(graphs, st.booleans())
def test_stars_and_row_sets(store, lineage, arcs, direct):
    prefix = write(store, arcs)
    for start in {target for _, target, _ in arcs}:
        wanted = search(start, steps_up(arcs, direct=direct))
        found = reached(lineage, prefix, start, Direction.UPSTREAM, Reach(direct=direct))
        # A column may be there as `*` only; row sets and columns stand beside the nodes they act on.
        assert {node for node in wanted - found if (node[0], "*") not in found} == set()
        assert found - wanted <= {target for _, target, _ in arcs}


@several
@given(graphs, st.booleans())
def test_up_and_down_are_one_relation(store, lineage, arcs, direct):
    """What lies upstream of a column has it downstream, where no star and no row set stands for others."""
    arcs = [arc for arc in arcs if "*" not in (arc[0][1], arc[1][1])]
    prefix = write(store, arcs)
    nodes = {end for arc in arcs for end in arc[:2] if end[1] != "[rows]"}
    reach = Reach(direct=direct)
    for node in nodes:
        for source in reached(lineage, prefix, node, Direction.UPSTREAM, reach) & nodes:
            below = reached(lineage, prefix, source, Direction.DOWNSTREAM, reach)
            assert node in below or (node[0], "[rows]") in below


@several
@given(plain_graphs)
def test_origins(store, lineage, arcs):
    prefix = write(store, arcs)

    def up(node: Node) -> set[Node]:
        return search(node, lambda here: (source for source, target, _ in arcs if target == here))

    for start in {target for _, target, _ in arcs}:
        # An origin is fed by nothing but what it feeds itself.
        wanted = {node for node in up(start) if all(node in up(other) for other in up(node))}
        found = lineage.origins(f"{prefix}.{start[0]}", column=start[1])
        assert {(node.table.name, node.column) for node in found} == wanted


@several
@given(plain_graphs, columns, columns)
def test_paths(store, lineage, arcs, source, target):
    prefix = write(store, arcs)
    first, last = (f"{prefix}.{end[0]}.{end[1]}" for end in (source, target))
    try:
        ways = lineage.paths(first, last, limit=1_000)
    except NameNotFoundError:
        assert {source, target} - {end for arc in arcs for end in arc[:2]}
        return
    distances = [
        depth
        for depth in range(len(arcs) + 1)
        if target in search(source, lambda node: (to for at, to, _ in arcs if at == node), depth)
    ]
    assert bool(ways) == bool(distances)
    for way in ways:
        assert len(way.edges) == distances[0]
        ends = [(edge.source, edge.target) for edge in way.edges]
        assert all(before[1] == after[0] for before, after in itertools.pairwise(ends))
    assert len(set(ways)) == len(ways)
