from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_sqlflow.engine.limits import Limits
from airflow_provider_sqlflow.engine.syntax_tree import syntax_tree
from airflow_provider_sqlflow.errors import UnknownDialectError


def test_each_statement_is_an_element_with_roles() -> None:
    root = ElementTree.fromstring(
        syntax_tree("select a as b from t; insert into u values ('x<y')", "postgres")
    )
    assert (root.tag, root.get("dialect")) == ("statements", "postgres")
    assert [child.tag for child in root] == ["Select", "Insert"]
    alias = root.find("Select/Alias")
    assert alias is not None
    assert alias.get("role") == "expressions"
    column = alias.find("Column/Identifier")
    assert column is not None
    assert column.get("this") == "a"
    literal = root.find(".//Literal")
    assert literal is not None
    assert literal.get("this") == "x<y"


def test_what_cannot_be_read_is_an_error_and_the_rest_is_there() -> None:
    root = ElementTree.fromstring(syntax_tree("select from from; select 1", "postgres"))
    assert [child.tag for child in root] == ["error", "Select"]
    assert "table name" in (root[0].get("message") or "")


def test_a_table_of_columns_has_a_tree_though_its_lineage_needs_none() -> None:
    [table] = ElementTree.fromstring(syntax_tree("create table t (a int primary key, b text)", "postgres"))
    assert table.tag == "Create"
    assert [column.get("this") for column in table.findall(".//ColumnDef/Identifier")] == ["a", "b"]


def test_limits_stand_before_the_parser() -> None:
    deep = "select " + "(" * 5000 + "1" + ")" * 5000
    [error] = ElementTree.fromstring(syntax_tree(deep, ""))
    assert "nested 5000 deep" in (error.get("message") or "")
    [error] = ElementTree.fromstring(syntax_tree("select 1 + 2", "", Limits(max_statement_chars=5)))
    assert "longer than 5" in (error.get("message") or "")


def test_an_unknown_dialect() -> None:
    with pytest.raises(UnknownDialectError):
        syntax_tree("select 1", "klingon")


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=40))
def test_any_text_gives_xml(text: str) -> None:
    ElementTree.fromstring(syntax_tree(f"select '{text}'; {text}", "postgres"))
