from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_sqlflow.formats.layers import find_layers


def test_a_node_is_behind_all_that_lead_to_it() -> None:
    assert find_layers("abcd", ["ab", "bc", "ac", "bd"]) == {"a": 0, "b": 1, "c": 2, "d": 2}  # type: ignore[list-item]


def test_a_cycle_is_cut_where_it_closes() -> None:
    assert find_layers(["a", "b"], [("a", "b"), ("b", "a"), ("a", "a")]) == {"a": 0, "b": 1}


def test_what_follows_a_cycle_is_behind_it_even_when_it_is_listed_first() -> None:
    assert find_layers(["c", "a", "b"], [("a", "b"), ("b", "a"), ("b", "c")]) == {"c": 2, "a": 0, "b": 1}


@given(st.integers(1, 8), st.data())
def test_without_cycles_every_link_leads_on(count: int, data: st.DataObject) -> None:
    number = st.integers(0, count - 1)
    links = data.draw(st.lists(st.tuples(number, number).filter(lambda ends: ends[0] < ends[1])))
    nodes = data.draw(st.permutations(range(count)))
    layers = find_layers(nodes, links)
    assert all(layers[source] < layers[target] for source, target in links)
    assert all(
        not layer or any(layers[s] == layer - 1 for s, t in links if t == n) for n, layer in layers.items()
    )
