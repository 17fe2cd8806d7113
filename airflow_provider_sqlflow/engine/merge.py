"""Several results as one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from airflow_provider_sqlflow.engine.model import (
    Edge,
    Key,
    KeyKind,
    LineageResult,
    Relation,
    RelationId,
    RelationKind,
    StatementLineage,
)


def merge_results(results: Iterable[LineageResult]) -> LineageResult:
    """Several results as one; relations that several mention are listed once."""
    items = list(results)
    relations: dict[RelationId, Relation] = {}
    statements: list[StatementLineage] = []
    mappings = [_unique_scopes(item, number) for number, item in enumerate(items)]
    for item, mapping in zip(items, mappings, strict=True):
        for relation in item.relations:
            identity = mapping.get(relation.id, relation.id)
            known = relations.get(identity)
            relations[identity] = (
                replace(relation, id=identity) if known is None else _united(known, relation)
            )
        statements.extend(_moved_statement(statement, mapping) for statement in item.statements)
    return LineageResult(
        statements=tuple(statements),
        relations=tuple(relations.values()),
        diagnostics=tuple(one for item in items for one in item.diagnostics),
        folded_edges=tuple(
            _moved(edge, mapping)
            for item, mapping in zip(items, mappings, strict=True)
            for edge in item.folded_edges
        ),
        folded_relation_edges=tuple(
            dict.fromkeys(
                replace(
                    edge,
                    source=mapping.get(edge.source, edge.source),
                    target=mapping.get(edge.target, edge.target),
                )
                for item, mapping in zip(items, mappings, strict=True)
                for edge in item.folded_relation_edges
            )
        ),
        dialect=items[0].dialect if items else "",
        source_name=items[0].source_name if len(items) == 1 else "",
        renames=tuple(dict.fromkeys(rename for item in items for rename in item.renames)),
        keys=_merged_keys(items),
    )


def _unique_scopes(result: LineageResult, number: int) -> dict[RelationId, RelationId]:
    """Relations of statements get the script's number into their scope, so that scripts do not mix."""
    return {
        relation.id: replace(relation.id, scope=f"{number + 1}:{relation.id.scope}")
        for relation in result.relations
        if relation.id.scope is not None
    }


def _united(known: Relation, other: Relation) -> Relation:
    types: dict[str, str] = {}
    for relation in (known, other):
        for number, column in enumerate(relation.columns):
            given = relation.types[number] if number < len(relation.types) else ""
            types[column] = types.get(column) or given
    kind = other.kind if known.kind is RelationKind.TABLE else known.kind
    return replace(known, columns=tuple(types), types=tuple(types.values()), kind=kind)


def _merged_keys(items: list[LineageResult]) -> tuple[Key, ...]:
    """The keys of all; a reference to a relation without columns is to its primary key."""
    keys = [key for item in items for key in item.keys]
    primary = {key.columns[0].relation: key.columns for key in keys if key.kind is KeyKind.PRIMARY}
    found: dict[tuple[object, ...], Key] = {}
    for key in keys:
        if len(key.referenced) == 1 and key.referenced[0].name is None:
            columns = primary.get(key.referenced[0].relation, ())
            if len(columns) == len(key.columns):
                key = replace(key, referenced=columns)
        found.setdefault((key.kind, key.columns, key.referenced, key.name), key)
    return tuple(found.values())


def _moved(edge: Edge, mapping: dict[RelationId, RelationId]) -> Edge:
    source, target = edge.source, edge.target
    if source.relation in mapping:
        source = replace(source, relation=mapping[source.relation])
    if target.relation in mapping:
        target = replace(target, relation=mapping[target.relation])
    return (
        edge
        if source is edge.source and target is edge.target
        else replace(edge, source=source, target=target)
    )


def _moved_statement(statement: StatementLineage, mapping: dict[RelationId, RelationId]) -> StatementLineage:
    if not mapping:
        return statement
    return replace(
        statement,
        reads=tuple(mapping.get(item, item) for item in statement.reads),
        writes=tuple(mapping.get(item, item) for item in statement.writes),
        edges=tuple(_moved(edge, mapping) for edge in statement.edges),
        folded=tuple(_moved(edge, mapping) for edge in statement.folded),
    )
