"""The entities and relationships of an E-R diagram: from declared keys, and from what joins set equal.

Foreign keys are facts, joins are evidence. A join along a foreign key only counts it as used. What the
"one" side of a join is, declared primary and unique keys tell.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum

from airflow_provider_sqlflow.engine.model import (
    ColumnRef,
    Key,
    KeyKind,
    LineageResult,
    RelationId,
    RelationKind,
    Span,
)
from airflow_provider_sqlflow.formats.er_joins import Join, find_joins
from airflow_provider_sqlflow.formats.lookup import RelationNames

_STORED = frozenset({RelationKind.TABLE, RelationKind.TEMP_TABLE})
_ENTITIES = _STORED | {RelationKind.VIEW, RelationKind.MATERIALIZED_VIEW}


class RelationshipKind(str, Enum):
    """How a relationship is known."""

    FOREIGN_KEY = "foreign_key"
    JOIN = "join"


class Cardinality(str, Enum):
    """How many rows of the referring side belong to one of the referred side."""

    MANY_TO_ONE = "many_to_one"
    ONE_TO_ONE = "one_to_one"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Attribute:
    """A column: its name, its declared type (empty: unknown), and the keys that it is part of."""

    name: str
    type: str
    marks: tuple[KeyKind, ...]


@dataclass(frozen=True, slots=True)
class Entity:
    """A relation with its columns in order and its own keys (foreign ones are relationships)."""

    relation: RelationId
    label: str
    kind: RelationKind
    attributes: tuple[Attribute, ...]
    keys: tuple[Key, ...]


@dataclass(slots=True)
class Relationship:
    """Columns that refer to columns of another entity, or of the same.

    ``columns`` and ``referred`` belong together pair by pair. ``referred`` of a foreign key without known
    columns is the row set of its relation. Of a join whose cardinality is unknown the sides stand as the
    condition names them. ``joins`` are the conditions that use the pairs.
    """

    kind: RelationshipKind
    columns: tuple[ColumnRef, ...]
    referred: tuple[ColumnRef, ...]
    cardinality: Cardinality
    name: str = ""
    span: Span | None = None
    joins: list[Join] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Diagram:
    """Entities and relationships in reading order."""

    entities: tuple[Entity, ...]
    relationships: tuple[Relationship, ...]


def build_diagram(result: LineageResult) -> Diagram:
    """The E-R diagram of a result.

    Entities are tables whose declaration is known, and all tables and views that a relationship joins.
    """
    relationships = _Relationships(result.keys)
    kinds = result.kinds()
    for join in find_joins(result):
        ends = (join.left[0].relation, join.right[0].relation)
        if all(kinds.get(end, RelationKind.TABLE) in _ENTITIES for end in ends):
            relationships.add(join)
    found = tuple(relationships.found.values())
    return Diagram(_entities(result, found), found)


class _Relationships:
    """Collects relationships: first those that keys declare, then joins.

    Attributes:
        found: by the pairs of columns.
    """

    def __init__(self, keys: Iterable[Key]) -> None:
        self.found: dict[frozenset[tuple[ColumnRef, ColumnRef]], Relationship] = {}
        self._unique: dict[RelationId, list[frozenset[ColumnRef]]] = {}
        self._directions: set[tuple[RelationId, RelationId]] = set()
        for key in keys:
            if key.kind in (KeyKind.PRIMARY, KeyKind.UNIQUE) and key.columns:
                self._unique.setdefault(key.columns[0].relation, []).append(frozenset(key.columns))
        for key in keys:
            if key.kind is KeyKind.FOREIGN and key.columns and key.referenced:
                is_one = self._is_unique(key.columns)
                self._put(
                    Relationship(
                        RelationshipKind.FOREIGN_KEY,
                        key.columns,
                        key.referenced,
                        Cardinality.ONE_TO_ONE if is_one else Cardinality.MANY_TO_ONE,
                        key.name,
                        key.span,
                    )
                )

    def add(self, join: Join) -> None:
        """A join is a use of a relationship, or a relationship of its own."""
        columns, referred = join.left, join.right
        known = self.found.get(_pairs(columns, referred)) or self.found.get(_pairs(referred, columns))
        if known is not None:
            known.joins.append(join)
            return
        ones = (self._is_unique(columns), self._is_unique(referred))
        cardinality = Cardinality.UNKNOWN
        if any(ones):
            cardinality = Cardinality.ONE_TO_ONE if all(ones) else Cardinality.MANY_TO_ONE
        direction = (referred[0].relation, columns[0].relation)
        # Where keys leave it open, all joins of two relations lead one way, which draws better.
        if ones == (True, False) or (ones[0] == ones[1] and direction in self._directions):
            columns, referred = referred, columns
        self._put(
            Relationship(RelationshipKind.JOIN, columns, referred, cardinality, span=join.span, joins=[join])
        )

    def _put(self, one: Relationship) -> None:
        self.found.setdefault(_pairs(one.columns, one.referred), one)
        self._directions.add((one.columns[0].relation, one.referred[0].relation))

    def _is_unique(self, columns: Iterable[ColumnRef]) -> bool:
        """Whether at most one row has these values: they hold a whole primary or unique key."""
        given = frozenset(columns)
        relation = next(iter(given)).relation
        return any(key <= given for key in self._unique.get(relation, ()))


def _pairs(
    columns: Iterable[ColumnRef], referred: Iterable[ColumnRef]
) -> frozenset[tuple[ColumnRef, ColumnRef]]:
    return frozenset(zip(columns, referred, strict=False))


def _entities(result: LineageResult, relationships: Iterable[Relationship]) -> tuple[Entity, ...]:
    names = RelationNames(result)
    marks: dict[ColumnRef, dict[KeyKind, None]] = {}
    own: dict[RelationId, list[Key]] = {}
    for key in result.keys:
        for column in key.columns:
            marks.setdefault(column, {})[key.kind] = None
        if key.kind is not KeyKind.FOREIGN and key.columns:
            own.setdefault(key.columns[0].relation, []).append(key)
    columns: dict[RelationId, dict[str, str]] = {}
    joined = {end.relation for one in relationships for end in (*one.columns, *one.referred)}
    for relation in result.relations:
        is_declared = relation.kind in _STORED and any(relation.types)
        if is_declared or relation.id in own or relation.id in joined:
            types = relation.types or ("",) * len(relation.columns)
            columns[relation.id] = dict(zip(relation.columns, types, strict=True))
    ends = (end for one in relationships for end in (*one.columns, *one.referred))
    for end in (*marks, *ends):
        known = columns.setdefault(end.relation, {})
        if end.name is not None:
            known.setdefault(end.name, "")
    return tuple(
        Entity(
            relation,
            names.label(relation),
            names.kind(relation),
            tuple(
                Attribute(name, type_, tuple(marks.get(ColumnRef(relation, name), ())))
                for name, type_ in fields.items()
            ),
            tuple(own.get(relation, ())),
        )
        for relation, fields in columns.items()
    )
