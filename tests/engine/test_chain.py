"""The chain through intermediates and the folded edges tell the same story, on every fixture."""

from __future__ import annotations

from collections import defaultdict

import pytest
from fixture_cases import Case, load_cases

from airflow_provider_sqlflow.engine import ColumnRef, Effect, LineageResult

Step = tuple[ColumnRef, Effect]


def behind(result: LineageResult) -> dict[ColumnRef, set[Step]]:
    """For every target of an edge: what reaches it along the chain, and whether as a value."""
    steps: dict[ColumnRef, set[Step]] = defaultdict(set)
    for edge in result.edges(intermediates=True):
        steps[edge.target].add((edge.source, edge.effect))
    found: dict[ColumnRef, set[Step]] = {}
    for edge in result.edges():
        if edge.target in found:
            continue
        seen: set[Step] = set()
        todo: list[Step] = [(edge.target, Effect.DIRECT)]
        while todo:
            column, effect = todo.pop()
            for source, own in steps[column]:
                step = (source, effect if own is Effect.DIRECT else Effect.INDIRECT)
                if step not in seen:
                    seen.add(step)
                    todo.append(step)
        found[edge.target] = seen
    return found


@pytest.mark.parametrize("case", [pytest.param(case, id=case.id) for case in load_cases()])
def test_every_folded_edge_is_a_path_of_the_chain(case: Case) -> None:
    result = case.analyze()
    renamed = {column for pair in result.renames for column in pair}
    reached = behind(result)
    lost = [
        f"{edge.source} -> {edge.target} {edge.effect.value}"
        for edge in result.edges()
        if edge.source.name is not None  # whole rows are a matter of relation edges
        and edge.target.relation not in renamed
        and (edge.source, edge.effect) not in reached[edge.target]
    ]
    assert lost == []


def test_folded_edges_have_no_intermediate_ends() -> None:
    for case in load_cases():
        result = case.analyze()
        kinds = result.kinds()
        ends = {end.relation for edge in result.edges() for end in (edge.source, edge.target)}
        ends |= {end for edge in result.relation_edges() for end in (edge.source, edge.target)}
        assert ends <= set(kinds), case.id
        assert not [str(end) for end in ends if end in result.intermediates], case.id
