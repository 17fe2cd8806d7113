"""Which relation of a catalog a name means, and names as text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_sqlflow.engine import InMemoryCatalog, LayeredCatalog
from airflow_provider_sqlflow.engine.catalog import join_name, split_name

CATALOG = InMemoryCatalog(
    {
        "shop.raw.orders": ["id"],
        "shop.mart.orders": ["day"],
        "Sales.Customers": ["Name"],
        "bare": ["b"],
        "x.twice": ["long"],
        "twice": ["short"],
        "one.two.three": ["deep"],
    }
)


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        (("shop", "raw", "orders"), ("id",)),
        (("shop", "mart", "orders"), ("day",)),
        ((None, "raw", "orders"), ("id",)),  # the end of one name only
        ((None, None, "orders"), None),  # the end of two: no guess
        ((None, None, "customers"), ("Name",)),  # names compare without case, columns keep theirs
        ((None, "SALES", "CUSTOMERS"), ("Name",)),
        (("any", "sales", "customers"), ("Name",)),  # the catalog gives fewer parts than the text
        (("any", "any", "bare"), ("b",)),
        (("other", "raw", "orders"), None),  # the catalog gives as many parts, and others
        ((None, "other", "customers"), None),
        ((None, None, "twice"), ("short",)),  # the exact name before a longer one
        ((None, "x", "twice"), ("long",)),
        ((None, "y", "twice"), ("short",)),
        (("one", None, "three"), None),  # parts that do not end the name together
        (("", "", "bare"), ("b",)),  # an empty part was not given
        ((None, None, "nothing"), None),
    ],
)
def test_which_relation_a_name_means(asked, answer):
    assert CATALOG.columns(*asked) == answer


def test_an_empty_catalog_knows_nothing():
    assert InMemoryCatalog().columns(None, None, "t") is None
    assert InMemoryCatalog({"t": []}).columns(None, None, "t") == ()


def test_adding_again_replaces_and_keeps_the_place():
    catalog = InMemoryCatalog({"s.t": ["a"], "u": ["b"]})
    catalog.add(["S", "T"], iter(["c", "d"]))
    assert catalog.columns(None, None, "t") == ("c", "d")
    assert list(catalog.items()) == [(["S", "T"], ["c", "d"]), (["u"], ["b"])]


def test_a_second_relation_makes_the_short_name_ambiguous():
    catalog = InMemoryCatalog({"a.t": ["x"]})
    assert catalog.columns(None, None, "t") == ("x",)
    catalog.add(["b", "t"], ["y"])
    assert catalog.columns(None, None, "t") is None
    assert catalog.columns(None, "b", "t") == ("y",)


def test_of_layers_the_first_that_knows_answers():
    upper = InMemoryCatalog({"t": ["upper"], "s.u": ["u"], "r.u": ["u"]})
    lower = InMemoryCatalog({"t": ["lower"], "u": ["plain"], "only": ["x"]})
    layers = LayeredCatalog(upper, lower)
    assert layers.columns(None, None, "t") == ("upper",)
    assert layers.columns(None, None, "only") == ("x",)
    assert layers.columns(None, None, "u") == ("plain",)  # ambiguous above is not known above
    assert layers.columns(None, None, "none") is None
    assert LayeredCatalog().columns(None, None, "t") is None
    assert LayeredCatalog(LayeredCatalog(upper), lower).columns(None, None, "t") == ("upper",)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("t", ("t",)),
        ("db.s.t", ("db", "s", "t")),
        ('"a.b".c', ("a.b", "c")),
        ("`a.b`.[c.d]", ("a.b", "c.d")),
        (" a . b ", ("a", "b")),
        ("db..t", ("db", "t")),
        ("", ()),
        ('"open', ("open",)),
    ],
)
def test_the_parts_of_a_name(text, parts):
    assert split_name(text) == parts


PART = st.text(st.characters(exclude_characters='"`[]', exclude_categories=["Z", "C"]), min_size=1)


@given(st.lists(PART, min_size=1, max_size=4))
def test_joined_names_come_apart_again(parts):
    assert split_name(join_name(parts)) == tuple(parts)


@given(
    st.lists(
        st.tuples(PART, PART, PART),
        min_size=1,
        max_size=5,
        unique_by=lambda item: tuple(map(str.casefold, item)),
    )
)
def test_every_relation_is_found_by_its_full_name_in_any_case(relations):
    catalog = InMemoryCatalog({join_name(parts): [join_name(parts)] for parts in relations})
    for parts in relations:
        assert catalog.columns(*parts) == (join_name(parts),)
        assert catalog.columns(*(part.casefold() for part in parts)) == (join_name(parts),)
