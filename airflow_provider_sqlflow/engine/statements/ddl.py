"""Statements that change names and session state: ALTER, DROP, TRUNCATE, USE, SET, streams."""

from __future__ import annotations

import re
from typing import Any

from sqlglot import exp

from airflow_provider_sqlflow.engine.catalog import split_name
from airflow_provider_sqlflow.engine.graph import IDENTITY, Input, Node
from airflow_provider_sqlflow.engine.model import RelationKind, StatementKind
from airflow_provider_sqlflow.engine.session import Name
from airflow_provider_sqlflow.engine.statements.context import Statement, value_column

_SEARCH_PATH = re.compile(
    r"^\s*(?:LOCAL\s+|SESSION\s+)?search_path\s*(?:=|TO)\s*(.+)$", re.IGNORECASE | re.DOTALL
)
_SCHEMA = re.compile(r"^\s*(?:CURRENT\s+)?SCHEMA\s*=?\s*(\S+)\s*$", re.IGNORECASE)
_STREAM = re.compile(
    r"^\s*CREATE\s+(?:OR\s+REPLACE\s+)?STREAM\s+(?:IF\s+NOT\s+EXISTS\s+)?(\S+)\s+.*?\bON\s+"
    r"(?:EXTERNAL\s+)?(?:TABLE|VIEW|STAGE|DYNAMIC\s+TABLE)\s+([^\s;(]+)",
    re.IGNORECASE | re.DOTALL,
)
_SYNONYM = re.compile(
    r"^\s*CREATE\s+(?:OR\s+REPLACE\s+)?(?:PUBLIC\s+)?SYNONYM\s+(\S+)\s+FOR\s+([^\s;]+)", re.IGNORECASE
)
_RENAME = re.compile(r"^\s*RENAME\s+(?:TABLE\s+)?(.+)$", re.IGNORECASE | re.DOTALL)
_PAIR = re.compile(r"(\S+)\s+TO\s+([^\s,;]+)", re.IGNORECASE)


def read_alter(statement: Statement, tree: Any) -> None:
    """ALTER TABLE: renames, swaps, exchanged partitions, added columns."""
    statement.kind = StatementKind.ALTER
    parts = statement.parts(tree.args.get("this"))
    if not parts:
        return
    for action in tree.args.get("actions") or ():
        if isinstance(action, exp.AlterRename):
            target = statement.parts(action.args["this"])
            if len(target) == 1:
                target = [*parts[:-1], *target]
            rename(statement, parts, target)
        elif isinstance(action, exp.SwapTable):
            _swap(statement, parts, statement.parts(action.args["this"]))
        elif isinstance(action, (exp.ColumnDef, exp.AddConstraint)):
            for name in statement.names([action]) if isinstance(action, exp.ColumnDef) else ():
                _add_column(statement, parts, name)
        elif type(action).__name__ == "ExchangePartition":
            other = next(iter(action.find_all(exp.Table)), None)
            if other is not None:
                _swap(statement, parts, statement.parts(other))


def _add_column(statement: Statement, parts: list[Name], name: Name) -> None:
    node = statement.session.relation(parts)
    if node.columns and name.key not in node.columns and not node.has_unknown_columns:
        column = node.add(name.key, name.text, [] if node.is_derived else None)
        column.fold()
        if not node.is_derived:
            known = [one.name or "" for one in node.columns.values()]
            identity = node.id
            statement.session.declared.add(
                [part for part in (identity.database, identity.schema, identity.name) if part], known
            )


def rename(statement: Statement, old: list[Name], new: list[Name]) -> None:
    """A relation gets another name; what is known of it moves along."""
    statement.kind = StatementKind.RENAME
    session = statement.session
    if not old or not new:
        return
    source = session.relation(old)
    if source.is_derived:  # a temporary table of this script
        session.forget(source)
        session.temporary[new[-1].key] = source
        return
    columns = (
        None
        if source.has_unknown_columns
        else [Name(column.name or "", key, -1, -1) for key, column in source.columns.items()]
    )
    target = session.declare(new, source.kind, columns)
    _link_rows(statement, source, target)
    session.renamed(source.id, target.id, statement.index)


def _swap(statement: Statement, left: list[Name], right: list[Name]) -> None:
    statement.kind = StatementKind.SWAP
    if not left or not right:
        return
    first, second = statement.session.relation(left), statement.session.relation(right)
    _link_rows(statement, second, first)
    _link_rows(statement, first, second)
    statement.extra_reads.append(second)
    statement.swapped = (first, second)


def _link_rows(statement: Statement, source: Node, target: Node) -> None:
    """All rows of ``source`` are now those of ``target`` (SQLFlow: RelationRows fdd RelationRows)."""
    place = statement.reader.quoter.whole
    statement.row_links.append((source, target, place))


def read_drop(statement: Statement, tree: Any) -> None:
    """DROP: a temporary table's name is free again."""
    statement.kind = StatementKind.DROP
    kind = str(tree.args.get("kind") or "").upper()
    if kind not in ("TABLE", "VIEW", ""):
        return
    for table in [tree.args.get("this"), *(tree.args.get("expressions") or ())]:
        parts = statement.parts(table)
        if len(parts) == 1:
            temporary = statement.session.temporary.get(parts[0].key)
            if temporary is not None:
                statement.session.forget(temporary)


def read_use(statement: Statement, tree: Any) -> None:
    """``USE DATABASE x``, ``USE SCHEMA x``, ``USE x.y``."""
    statement.kind = StatementKind.USE
    kind = str(tree.args["kind"].name if isinstance(tree.args.get("kind"), exp.Expr) else "").upper()
    this = tree.args.get("this")
    parts = [part.text for part in statement.parts(this)] if isinstance(this, exp.Table) else []
    session = statement.session
    if not parts or kind in ("ROLE", "WAREHOUSE", "SECONDARY ROLES"):
        return
    if len(parts) > 1:
        session.database, session.schema = parts[-2], parts[-1]
    elif kind in ("SCHEMA",):
        session.schema = parts[0]
    elif kind in ("DATABASE", "CATALOG") or (
        session.rules.has_schemas
        and session.rules.name
        not in (
            "databricks",
            "spark",
            "presto",
            "trino",
            "duckdb",
        )
    ):
        session.database = parts[0]
    else:
        session.schema = parts[0]


def read_command(statement: Statement, text: str) -> None:
    """Statements that sqlglot keeps as text: search paths, streams, synonyms, MySQL's RENAME."""
    head, _, rest = text.strip().partition(" ")
    word = head.upper()
    if word == "SET":
        _set(statement, rest)
    elif word == "RENAME":
        match = _RENAME.match(text)
        for old, new in _PAIR.findall(match.group(1)) if match else ():
            rename(statement, _text_name(statement, old), _text_name(statement, new))
    elif word == "CREATE":
        match = _STREAM.match(text) or _SYNONYM.match(text)
        if match:
            source = statement.session.relation(_text_name(statement, match.group(2)))
            is_stream = "STREAM" in text[: match.start(1)].upper()
            kind = RelationKind.STREAM if is_stream else RelationKind.VIEW
            columns = (
                None
                if source.has_unknown_columns
                else [Name(column.name or "", key, -1, -1) for key, column in source.columns.items()]
            )
            target = statement.session.declare(_text_name(statement, match.group(1)), kind, columns)
            statement.kind = StatementKind.CREATE_STREAM if is_stream else StatementKind.CREATE_VIEW
            place = statement.reader.quoter.whole
            pairs = [
                (
                    Name(column.name or "", key, -1, -1),
                    value_column(target, column.name or "", [Input(column, IDENTITY, place)]),
                )
                for key, column in source.columns.items()
            ] or [
                (
                    Name("*", "*", -1, -1),
                    value_column(target, "*", [Input(source.star_column(), IDENTITY, place)]),
                )
            ]
            statement.write(target, pairs, None, [source])
            _link_rows(statement, source, target)


def _set(statement: Statement, rest: str) -> None:
    path = _SEARCH_PATH.match(rest)
    if path:
        first = next((part.strip() for part in path.group(1).split(",")), "")
        names = split_name(first.strip("'"))
        statement.kind = StatementKind.USE
        if names and names[0] not in ("$user", "DEFAULT"):
            statement.session.schema = names[0]
            rest_names = [split_name(part.strip().strip("'")) for part in path.group(1).split(",")[1:]]
            statement.session.search_path = tuple(names[0] for names in rest_names if names)
        return
    schema = _SCHEMA.match(rest)
    if schema:
        statement.kind = StatementKind.USE
        statement.session.schema = split_name(schema.group(1).strip("'"))[-1]


def _text_name(statement: Statement, text: str) -> list[Name]:
    rules = statement.session.rules
    return [Name(part, rules.relation_key(part, False), -1, -1) for part in split_name(text)]
