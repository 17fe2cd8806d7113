"""Types and keys of declared relations: what ER diagrams and schemas are made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqlglot.tokenizer_core import Token

from airflow_provider_sqlflow.engine.catalog import split_name
from airflow_provider_sqlflow.engine.definitions import ColumnDefinition, Definitions, KeyDefinition
from airflow_provider_sqlflow.engine.graph import Column, Node
from airflow_provider_sqlflow.engine.model import ColumnRef, Key, KeyKind, RelationId
from airflow_provider_sqlflow.engine.session import DeclaredKey, Name, Session
from airflow_provider_sqlflow.engine.statements.context import Statement


def relation_parts(statement: Statement, tokens: Iterable[Token]) -> list[Name]:
    """The parts of a relation's name; BigQuery quotes a dotted name as a whole."""
    session, base = statement.session, statement.raw.base
    parts: list[Name] = []
    for token in tokens:
        name = session.token_name(token, base, is_column=False)
        pieces = split_name(name.text) if session.rules.name == "bigquery" else (name.text,)
        if len(pieces) < 2:
            parts.append(name)
            continue
        parts += [
            Name(piece, session.rules.relation_key(piece, False), name.start, name.end) for piece in pieces
        ]
    return parts


def note_declared(statement: Statement, node: Node, found: Definitions) -> None:
    """Keep the types and keys of a relation that CREATE TABLE has just declared."""
    session = statement.session
    session.types[node.id] = {}
    _note_types(statement, node, found.columns)
    rules = session.rules
    skipped = [
        column
        for column in found.columns
        if (column.is_computed and rules.skips_computed) or (column.is_identity and rules.skips_identity)
    ]
    base = statement.raw.base
    session.skipped[node.id] = frozenset(session.token_key(column.name, base) for column in skipped)
    session.keys[:] = [key for key in session.keys if key.node is not node]
    note_keys(statement, node, found.keys)


def note_altered(statement: Statement, node: Node, found: Definitions) -> None:
    """Keep the types and keys that ALTER TABLE adds or changes, or CREATE INDEX adds."""
    for column in found.columns:
        name = _column_name(statement, column.name)
        node.find(name.key, name.text)  # an open relation lists it from now on
    _note_types(statement, node, [*found.columns, *found.retyped])
    note_keys(statement, node, found.keys)


def _note_types(statement: Statement, node: Node, columns: Iterable[ColumnDefinition]) -> None:
    types = statement.session.types.setdefault(node.id, {})
    text, base = statement.session.source.text, statement.raw.base
    for column in columns:
        if column.type:
            written = text[column.type[0].start + base : column.type[-1].end + base + 1]
            key = statement.session.token_key(column.name, base)
            types[key] = " ".join(written.split()) if len(column.type) > 1 else written


def note_keys(statement: Statement, node: Node, keys: Iterable[KeyDefinition]) -> None:
    """Keep keys; a temporary table has none that anybody sees."""
    if node.is_derived:
        return
    session, base = statement.session, statement.raw.base
    for key in keys:
        target = session.relation(relation_parts(statement, key.target)) if key.target else None
        referenced: list[Column] = []
        if target is not None:
            referenced = [_column(target, _column_name(statement, token)) for token in key.target_columns]
        session.keys.append(
            DeclaredKey(
                key.kind,
                node,
                [_column(node, _column_name(statement, token)) for token in key.columns],
                target,
                referenced,
                session.token_name(key.name, base, is_column=True).text if key.name is not None else "",
                (key.first.start + base, key.last.end + base + 1),
                statement.index,
            )
        )


def _column_name(statement: Statement, token: Token) -> Name:
    return statement.session.token_name(token, statement.raw.base, is_column=True)


def _column(node: Node, name: Name) -> Column:
    return node.find(name.key, name.text) or Column(node, name.text, None)


def forget_keys(session: Session, node: Node) -> None:
    """DROP TABLE: its keys are gone, and those that reference it."""
    session.keys[:] = [key for key in session.keys if key.node is not node and key.target is not node]


def declared_keys(session: Session) -> tuple[Key, ...]:
    """The keys of a script that was read, under the relations' last names, without doubles."""
    primary = {key.node: key.columns for key in session.keys if key.kind is KeyKind.PRIMARY}
    found: dict[tuple[object, ...], Key] = {}
    for key in session.keys:
        referenced = key.referenced
        if not referenced and key.target is not None:
            default = primary.get(key.target, [])
            referenced = default if len(default) == len(key.columns) else [key.target.rows]
        item = Key(
            key.kind,
            tuple(_refs(session, key.columns, key.statement)),
            tuple(_refs(session, referenced, key.statement)),
            key.name,
            session.source.span(*key.place),
        )
        found.setdefault((item.kind, item.columns, item.referenced, item.name), item)
    return tuple(found.values())


def _refs(session: Session, columns: Iterable[Column], statement: int) -> Iterator[ColumnRef]:
    for column in columns:
        yield ColumnRef(_last_name(session, column.relation, statement), column.name)


def _last_name(session: Session, relation: RelationId, statement: int) -> RelationId:
    for old, new, index in session.renames:
        if index > statement and old == relation:
            relation = new
    return relation
