"""Everything that may stand in FROM, and joins."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from airflow_provider_sqlflow.engine.function_sources import FunctionReader
from airflow_provider_sqlflow.engine.graph import (
    JOIN,
    TRANSFORMATION,
    Input,
    Node,
)
from airflow_provider_sqlflow.engine.model import RelationKind
from airflow_provider_sqlflow.engine.reader import identifier_of
from airflow_provider_sqlflow.engine.scope import Scope
from airflow_provider_sqlflow.engine.session import Name, names_of_text, table_parts
from airflow_provider_sqlflow.engine.table_functions import function_name

_FILE_FORMATS = frozenset({"parquet", "csv", "json", "delta", "orc", "text", "avro", "binaryfile"})
_SPARK_LIKE = frozenset({"spark", "spark2", "databricks", "duckdb"})
_SEMI = frozenset({"SEMI", "ANTI"})


# What reads which class of sqlglot, the special ones before the general.
_READERS: tuple[tuple[Any, str], ...] = (
    (exp.Table, "_table"),
    (exp.Subquery, "_subquery"),
    (exp.Lateral, "_lateral"),
    (exp.Unnest, "_unnest"),
    (exp.Values, "_values_source"),
    (exp.Join, "_join"),
    ((exp.Final, exp.TableSample, exp.Stream), "_wrapped"),
    (exp.Pivot, "_pivot_source"),
    (exp.TableFromRows, "_table_of_name"),
    ((exp.Alias, exp.Column), "_array_join"),
    (exp.Query, "_query_source"),
    (exp.Tuple, "_tuple"),
    (exp.AtIndex, "_indexed_array"),
)


_READER_OF: dict[type, str] = {}  # a cache, bounded by sqlglot's classes


def _reader_of(cls: type) -> str:
    if cls not in _READER_OF:
        _READER_OF[cls] = next((name for known, name in _READERS if issubclass(cls, known)), "_function")
    return _READER_OF[cls]


class FromReader(FunctionReader):
    """Brings relations into scope."""

    def add_join(self, join: Any, scope: Scope) -> None:
        """A JOIN: its relation comes into scope, its condition decides rows."""
        args = join.args
        before = len(scope.sources)
        if _is_comma(args):
            scope.group = before  # JOIN binds closer than the comma
        is_hidden = (
            str(args.get("kind") or "").upper() in _SEMI or str(args.get("side") or "").upper() in _SEMI
        )
        self.add_source(args["this"], scope, is_visible=not is_hidden)
        for key in ("on", "match_condition"):
            if args.get(key) is not None:
                self.decide(args[key], scope, scope.owner, JOIN)
        if args.get("using"):
            names = [self.session.column_name(identifier_of(item), self.base) for item in args["using"]]
            self._merge_columns(names, before, scope, join)
        elif str(args.get("method") or "").upper() == "NATURAL":
            self._natural(before, scope, join)

    def add_source(self, item: Any, scope: Scope, is_visible: bool = True) -> None:
        """Something in FROM, with the joins and laterals that hang on it."""
        if type(item) is exp.Table:
            self._table(item, scope, is_visible)
        else:
            getattr(self, _reader_of(type(item)))(item, scope, is_visible)
        for join in item.args.get("joins") or ():
            self.add_join(join, scope)
        for lateral in item.args.get("laterals") or ():
            self.add_source(lateral, scope)

    def _join(self, item: Any, scope: Scope, is_visible: bool) -> None:
        self.add_join(item, scope)

    def _values_source(self, item: Any, scope: Scope, is_visible: bool) -> None:
        node = self._new_source_node(item, "values")
        self._values(item, node, self.scope(node, scope, scope.ctes))
        self._finish_source(item, node, scope, is_visible)

    def _wrapped(self, item: Any, scope: Scope, is_visible: bool) -> None:
        """``t FINAL``, ``STREAM(t)``, a sample: the relation inside."""
        inner = item.args["this"]
        is_bare = isinstance(item, exp.Stream) and isinstance(inner, exp.Subquery)
        self.add_source(inner.args["this"] if is_bare else inner, scope, is_visible)

    def _table_of_name(self, item: Any, scope: Scope, is_visible: bool) -> None:
        """Snowflake's ``TABLE('a.b')``; other arguments are table functions."""
        inner = item.args.get("this")
        if isinstance(inner, exp.Literal) and inner.is_string:
            node = self.session.relation(names_of_text(self.session, inner.name))
            self._finish_source(item, node, scope, is_visible)
        else:
            self._function(item, scope, is_visible)

    def _query_source(self, item: Any, scope: Scope, is_visible: bool) -> None:
        node = self._new_source_node(item, "subquery")
        self.read(item, node, None, scope.ctes)
        self._finish_source(item, node, scope, is_visible)

    def _tuple(self, item: Any, scope: Scope, is_visible: bool) -> None:
        for part in item.args.get("expressions") or ():
            self.add_source(part, scope, is_visible)

    def _table(self, item: Any, scope: Scope, is_visible: bool) -> None:
        parts = table_parts(self.session, item, self.base)
        if not parts:
            self._function(item, scope, is_visible)
            return
        node = scope.ctes.get(parts[-1].key) if len(parts) == 1 else None
        if node is None:
            correlated = self._correlated_array(parts, scope, item)
            if correlated is not None:
                self._finish_source(item, correlated, scope, is_visible)
                return
            if len(parts) == 2 and parts[0].key.lower() in _FILE_FORMATS and self.rules.name in _SPARK_LIKE:
                node = self.session.relation(parts[1:], RelationKind.PATH)  # parquet.`path/to/file`
            elif len(parts) == 1 and parts[0].text.startswith("@") and self.rules.name == "snowflake":
                node = self.session.relation(parts, RelationKind.STAGE)
            else:
                node = self.session.relation(parts)
        qualifier = tuple([part.key for part in parts])
        self._finish_source(item, node, scope, is_visible, qualifier)

    def _correlated_array(self, parts: list[Name], scope: Scope, item: Any) -> Node | None:
        """BigQuery: ``FROM t, t.items`` reads an array of ``t``."""
        if self.rules.name != "bigquery" or len(parts) < 2 or not scope.sources:
            return None
        owner = scope.find_source(parts[:1])
        if owner is None:
            return None
        column = owner.node.find(parts[1].key, parts[1].text)
        if column is None:
            return None
        node = self._new_source_node(item, parts[-1].text)
        place = (parts[0].start, parts[-1].end)
        node.any_inputs = [Input(column, TRANSFORMATION, place)]
        self.unfold(node.any_inputs, scope)
        return node

    def _subquery(self, item: Any, scope: Scope, is_visible: bool) -> None:
        inner = item.args["this"]
        if not item.args.get("alias") and _is_parenthesised_join(inner):
            group, scope.group = scope.group, len(scope.sources)
            self.add_source(inner, scope, is_visible)
            scope.group = group
            return
        node = self._new_source_node(item, "subquery")
        ctes = self.read_ctes(item, scope, scope.ctes)
        if isinstance(inner, exp.Query) or not isinstance(inner, exp.Expr):
            # It sees the queries around this one; in DuckDB also what stands left of it, as LATERAL does.
            self.read(inner, node, scope if self.rules.name == "duckdb" else scope.parent, ctes)
        else:
            self.read(inner, node, scope, ctes)
        self._finish_source(item, node, scope, is_visible)

    def _lateral(self, item: Any, scope: Scope, is_visible: bool) -> None:
        inner = item.args["this"]
        node = self._new_source_node(item, "lateral")
        if isinstance(inner, exp.Query):
            self.read(inner, node, scope, scope.ctes)
            self._finish_source(item, node, scope, is_visible)
            return
        alias = item.args.get("alias")
        self._function_columns(inner, node, scope, self.alias_columns(alias))
        qualifier = self._own_name(function_name(inner), node) if alias is None else ()
        self._finish_source(item, node, scope, is_visible, qualifier)


def _is_comma(args: Any) -> bool:
    """Whether a join is the comma between relations."""
    return not any(args.get(key) for key in ("kind", "side", "method", "on", "using", "match_condition"))


def _is_parenthesised_join(inner: Any) -> bool:
    """``FROM ((a JOIN b ON …))``: brackets that group joins and make no name space."""
    while isinstance(inner, exp.Subquery):
        if inner.args.get("joins") or inner.args.get("alias"):
            return True
        inner = inner.args["this"]
    return isinstance(inner, exp.Table)
