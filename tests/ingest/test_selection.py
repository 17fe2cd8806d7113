from __future__ import annotations

import time

import pytest

from airflow_provider_sqlflow.errors import ConfigError
from airflow_provider_sqlflow.ingest.selection import EVERYTHING, Selection, split_patterns

PLACES = [("shop", "public"), ("shop", "tmp_a"), ("Shop", "Sales"), ("crm", "public"), ("odd.name", "a/b")]


def chosen(selection: Selection) -> list[str]:
    return [f"{database}/{schema}" for database, schema in PLACES if selection.wants_schema(database, schema)]


@pytest.mark.parametrize(
    ("extract", "exclude", "found"),
    [
        ((), (), ["shop/public", "shop/tmp_a", "Shop/Sales", "crm/public", "odd.name/a/b"]),
        (("shop/public",), (), ["shop/public"]),
        (("SHOP.PUBLIC",), (), ["shop/public"]),
        (("shop",), (), ["shop/public", "shop/tmp_a", "Shop/Sales"]),
        (("*/public",), (), ["shop/public", "crm/public"]),
        (("shop/*", "crm.p*c"), ("*/tmp_*", "shop.sales"), ["shop/public", "crm/public"]),
        ((), ("shop",), ["crm/public", "odd.name/a/b"]),
        (("shop/public",), ("shop/public",), []),
        (('"odd.name"',), (), ["odd.name/a/b"]),
        # Without quotes this leaves out a schema `name` of a database `odd`, which is another one.
        (("odd.name/*",), ("odd.name",), ["odd.name/a/b"]),
        (("shop/publi?", "shop/[p]ublic"), (), []),
    ],
)
def test_schemas(extract: tuple[str, ...], exclude: tuple[str, ...], found: list[str]) -> None:
    assert chosen(Selection(extract, exclude)) == found


def test_one_name_is_a_schema_where_the_database_is_given() -> None:
    selection = Selection(("public", "crm/*"), ("sales",), is_database_given=True)
    assert chosen(selection) == ["shop/public", "crm/public"]
    assert selection.wants_schema(None, "public")
    assert not selection.wants_schema(None, "sales")


def test_where_schemas_are_databases_the_first_part_counts() -> None:
    selection = Selection(("shop", "crm/ignored"))
    assert [name for name in ("shop", "crm", "other") if selection.wants_schema(None, name)] == [
        "shop",
        "crm",
    ]


def test_databases() -> None:
    names = ["shop", "crm", "tmp", "logs"]
    selection = Selection(("shop/public", "crm", "tmp", "l*.x"), ("tmp", "crm/public"))
    assert [name for name in names if selection.wants_database(name)] == ["shop", "crm", "logs"]
    assert all(map(EVERYTHING.wants_database, names))


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ("shop.public.load", True),
        ("public.load", True),
        ("LOAD", True),
        ("*.lo*", True),
        ("*", True),
        ("crm.public.load", False),
        ("sales.load", False),
        ("loa", False),
        ('public."load"', True),
    ],
)
def test_names(pattern: str, matches: bool) -> None:
    assert Selection(routines=(pattern,)).wants_routine("shop", "public", "load") is matches
    assert Selection(views=(pattern,)).wants_view("shop", "public", "load") is matches
    assert Selection(views=(pattern,)).wants_routine("shop", "public", "other")


@pytest.mark.parametrize("item", ["", " ", "a.b.c", "a/b/c", "/", "a/", "/b"])
def test_what_is_no_schema(item: str) -> None:
    for selection in ({"extract": (item,)}, {"exclude": (item,)}):
        with pytest.raises(ConfigError, match="is no schema: write db/schema"):
            Selection(**selection)


@pytest.mark.parametrize("item", ["", ".", "a.b.c.d"])
def test_what_is_no_name(item: str) -> None:
    for selection in ({"routines": (item,)}, {"views": (item,)}):
        with pytest.raises(ConfigError, match=r"is no name: write db\.schema\.name"):
            Selection(**selection)


def test_lists() -> None:
    assert split_patterns(" a/b , c.d,, `x,y` , [m,n].o,") == ("a/b", "c.d", "`x,y`", "[m,n].o")
    assert split_patterns("") == split_patterns(" , ") == ()
    assert split_patterns('a"b,c') == ('a"b', "c")


def test_no_pattern_takes_long() -> None:
    began = time.process_time()
    assert not Selection(views=("*a" * 60 + "b",)).wants_view(None, None, "a" * 120)
    assert split_patterns('"' * 20000)
    assert time.process_time() - began < 2
