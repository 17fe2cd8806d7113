"""Which shard gets which files."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_sqlflow.jobs.sharding.grouping import PAYS_BELOW, Shards, closure, make_shards


def shards_of(needs: dict[int, set[int]], count: int, weights: dict[int, int] | None = None) -> Shards:
    return make_shards(sorted(needs), needs, weights or dict.fromkeys(needs, 10), count)


def test_files_without_needs_are_all_of_the_second_stage_and_balanced_by_weight():
    weights = {0: 100, 1: 30, 2: 40, 3: 30, 4: 0}
    shards = shards_of({number: set() for number in weights}, 2, weights)
    assert shards.declare == ()
    assert shards.analyze == ((0, 4), (1, 2, 3))


def test_a_chain_stays_in_one_shard_and_chains_are_spread():
    needs = {0: set(), 1: {0}, 2: {1}, 10: set(), 11: {10}, 12: {11}}
    shards = shards_of(needs, 2)
    assert shards.declare == ((0, 1), (10, 11))
    assert sorted(shards.analyze) == [(2,), (12,)]


def test_a_long_chain_is_not_cut_for_that_would_only_repeat_work():
    needs = {number: {number - 1} if number else set() for number in range(100)}
    shards = shards_of(needs, 4)
    assert shards.declare == (tuple(range(99)),)
    assert shards.analyze == ((99,),)


def test_many_views_over_one_table_are_cut():
    views = range(1, 101)
    needs = {0: set(), **{view: {0} for view in views}, **{100 + view: {view} for view in views}}
    shards = shards_of(needs, 4)
    assert len(shards.declare) == 4
    assert max(map(len, shards.declare)) <= 30
    assert len({len(shard) for shard in shards.analyze}) == 1


PROGRAMS = st.integers(1, 30).flatmap(
    lambda size: st.tuples(
        st.lists(st.sets(st.integers(0, size), max_size=3), min_size=size, max_size=size),
        st.lists(st.integers(1, 50), min_size=size, max_size=size),
        st.integers(1, 6),
    )
)


@given(PROGRAMS)
def test_each_file_is_in_one_shard_and_declared_before_it_is_needed(drawn):
    sets, sizes, count = drawn
    needs = {number: {one for one in some if one < number} for number, some in enumerate(sets)}
    weights = dict(enumerate(sizes))
    shards = make_shards(range(len(sets)), needs, weights, count)
    placed = [number for shard in (*shards.declare, *shards.analyze) for number in shard]
    assert sorted(placed) == list(range(len(sets)))
    declared = {number for shard in shards.declare for number in shard}
    assert declared == set().union(*needs.values())
    assert 1 <= shards.count <= count
    assert all(shard == tuple(sorted(shard)) for shard in (*shards.declare, *shards.analyze))
    for shard in shards.declare:
        # Whatever is read twice still leaves the shard smaller than all that is declared.
        read = sum(weights[number] for number in closure(shard, needs.__getitem__))
        own = sum(weights[number] for number in shard)
        assert read == own or read <= sum(weights[number] for number in declared)
    assert 0 < PAYS_BELOW < 1
