"""Creators before readers, else the order given."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_sqlflow.engine.program import Program


def order(*texts: str) -> list[int]:
    return list(Program(lambda: texts).order)


def test_few_texts():
    assert order() == []
    assert order("CREATE TABLE a (x INT)") == [0]


@pytest.mark.parametrize(
    "create",
    [
        "CREATE TABLE v (a INT)",
        "create or replace view v as select 1",
        "CREATE TABLE IF NOT EXISTS v (a INT)",
        "CREATE MATERIALIZED VIEW v AS SELECT 1",
        "CREATE OR ALTER VIEW v AS SELECT 1",
        "CREATE TRANSIENT TABLE db.s.v (a INT)",
        "CREATE EXTERNAL TABLE IF NOT EXISTS v (a INT)",
        'CREATE TABLE "s"."v" (a INT)',
        "CREATE TABLE [s].[v] (a INT)",
        "CREATE TABLE `s.v` (a INT)",
        "CREATE\n  TABLE\n  s . v (a INT)",
        "CREATE STREAM v ON TABLE x",
        "CREATE DYNAMIC TABLE v TARGET_LAG = '1 day' AS SELECT 1",
        "ALTER TABLE x RENAME TO v",
        "-- first\nCREATE VIEW v AS SELECT 1",
    ],
)
def test_what_creates(create):
    assert order("SELECT * FROM V", create) == [1, 0]


@pytest.mark.parametrize(
    "text",
    [
        "-- CREATE TABLE v (a INT)\nSELECT 1",
        "/* CREATE TABLE v (a INT) */ SELECT 1",
        "DROP TABLE v",
        "SELECT v",
        "CREATE TEMP TABLE v (a INT)",  # seen by its own script only
    ],
)
def test_what_creates_nothing(text):
    assert order("SELECT * FROM v", text) == [0, 1]


def test_names_in_comments_are_not_read():
    assert order("SELECT 1 -- from v", "CREATE VIEW v AS SELECT 1") == [0, 1]


def test_a_chain_in_any_order_is_read_from_its_beginning():
    chain = ["CREATE TABLE t0 (a INT)"] + [
        f"CREATE VIEW t{i} AS SELECT * FROM t{i - 1}" for i in range(1, 12)
    ]
    numbers = list(range(len(chain)))
    for seed in range(5):
        random.Random(seed).shuffle(numbers)
        shuffled = [chain[number] for number in numbers]
        assert [shuffled[number] for number in order(*shuffled)] == chain


def test_what_does_not_depend_keeps_its_place():
    texts = ["SELECT 1", "SELECT * FROM v", "SELECT 2", "CREATE VIEW v AS SELECT 1", "SELECT 3"]
    assert order(*texts) == [0, 2, 3, 1, 4]


def test_of_several_creators_the_first_comes_before_readers():
    create = "CREATE TABLE v (a INT)"
    found = order("SELECT * FROM v", create, create)
    assert found.index(1) < found.index(0)
    assert sorted(found) == [0, 1, 2]


def test_a_cycle_is_cut_in_the_order_given():
    a, b = "CREATE VIEW a AS SELECT * FROM b", "CREATE VIEW b AS SELECT * FROM a"
    assert order(a, b) == [0, 1]
    assert order(b, a) == [0, 1]


def test_what_reads_a_cycle_comes_behind_it():
    ring = [f"CREATE VIEW v{i} AS SELECT * FROM v{(i + 1) % 4}" for i in range(4)]
    found = order("SELECT * FROM v2", *ring)
    assert sorted(found) == list(range(5))
    assert found.index(3) < found.index(0)


@given(
    st.lists(st.tuples(st.sampled_from("abcdef"), st.sets(st.sampled_from("abcdef"), max_size=3)), max_size=8)
)
def test_every_text_comes_once_whatever_it_needs(items):
    texts = [f"CREATE VIEW {name} AS SELECT * FROM {', '.join(sorted(needs))}" for name, needs in items]
    assert sorted(order(*texts)) == list(range(len(texts)))
    assert order(*texts) == order(*texts)
