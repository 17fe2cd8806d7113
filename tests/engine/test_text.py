"""Offsets to lines and columns and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_sqlflow.engine import Script, Span
from airflow_provider_sqlflow.engine.text import SourceText


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_lines_and_columns_count_from_one(newline):
    source = SourceText("a", f"ab{newline}{newline}cd")
    assert source.position(0) == (1, 1)
    assert source.position(1) == (1, 2)
    assert source.position(2 + len(newline)) == (2, 1)
    assert source.position(2 + 2 * len(newline)) == (3, 1)
    assert source.position(len(source.text)) == (3, 3)


def test_columns_count_characters_not_bytes():
    assert SourceText("a", "é日😀x").position(3) == (1, 4)


def test_a_span_ends_just_behind_its_last_character():
    source = SourceText("dir/a.sql", "SELECT\n  a,\n  b")
    span = source.span(9, 15)
    assert span == Span("dir/a.sql", 2, 3, 3, 4)
    assert str(span) == "dir/a.sql:2:3"


def test_equal_places_share_one_span():
    source = SourceText("a", "SELECT 1")
    assert source.span(0, 6) is source.span(0, 6)


@pytest.mark.parametrize(
    ("line", "column", "offset"), [(0, 0, 0), (1, -5, 0), (2, 1, 3), (9, 1, 3), (2, 99, 5), (1, 3, 2)]
)
def test_offsets_stay_inside_the_text(line, column, offset):
    assert SourceText("a", "ab\ncd").offset(line, column) == offset


@given(st.lists(st.sampled_from(["a", "é", "\n", "\r\n", "\r", " ", "\u2028"])).map("".join), st.data())
def test_every_offset_is_found_again(text, data):
    source = SourceText("a", text)
    offset = data.draw(st.integers(0, len(text)))
    assert source.offset(*source.position(offset)) == offset


def test_what_stands_around_the_text_has_no_places_of_its_own():
    script = Script("m.sql", "SELECT a\nFROM s -- end", prefix="CREATE VIEW v AS ", suffix="\n)  ")
    source = SourceText(script.name, script.whole_text, len(script.prefix), len(script.suffix))
    places = {0: (1, 1), 16: (1, 1), 17: (1, 1), 19: (1, 3), 26: (2, 1), 39: (2, 14), 43: (2, 14)}
    assert {offset: source.position(offset) for offset in places} == places
