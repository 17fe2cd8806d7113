"""The objects between which documents draw relations, and the names that SQLFlow gives them.

Stored relations and files are those of the analysis. Result sets, function calls and tables of constants
are made up here, because SQLFlow shows every select list as an object. Names with a number
(``RS-1``) are given when an object is first met, so the numbers follow the document. Facts: reference
sqlflow-lineage-model, section 4.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from airflow_provider_sqlflow.engine.model import (
    ColumnRef,
    LineageResult,
    Relation,
    RelationId,
    RelationKind,
    Span,
)
from airflow_provider_sqlflow.formats.options import ExportOptions, ResultSets
from airflow_provider_sqlflow.formats.sqlflow.spelling import Spelling
from airflow_provider_sqlflow.formats.sqlflow.terms import OBJECT_SHAPES, ROWS_COLUMN


class Level(Enum):
    """How long an object lives; options hide whole levels."""

    STORED = "stored"
    TEMPORARY = "temporary"
    TOP = "top"
    RESULT_SET = "result_set"
    FUNCTION = "function"
    CONSTANT = "constant"


@dataclass(slots=True)
class Entity:
    """An object of a document.

    Attributes:
        id: its relation id; made up for what the analysis does not know.
        type: SQLFlow's type.
        level: what hides it.
        list_name: the list of ``dbobjs`` that holds it.
        sub_type: SQLFlow's subType.
        prefix: the name is this and a number; empty: the relation's own name.
        is_numbered: whether the first of a prefix already gets a number.
        alias: the name that the query gives it.
        columns: columns that are known before any flow is looked at.
        span: where the text mentions it.
        is_unread: a temporary table in which data ends: shown whatever the options hide.
    """

    id: RelationId
    type: str
    level: Level
    list_name: str = "others"
    sub_type: str | None = None
    prefix: str = ""
    is_numbered: bool = True
    alias: str | None = None
    columns: tuple[str, ...] = ()
    span: Span | None = None
    kind: RelationKind | None = None
    is_unread: bool = False


_LEVELS: Mapping[RelationKind, Level] = {
    RelationKind.TEMP_TABLE: Level.TEMPORARY,
    RelationKind.CTE: Level.RESULT_SET,
    RelationKind.SUBQUERY: Level.RESULT_SET,
    RelationKind.RESULT: Level.TOP,
    RelationKind.CONSTANT: Level.CONSTANT,
}
# The engine's names for relations that the text does not name, and SQLFlow's for the same.
_UNNAMED = {
    "pivot": ("pivot_table", "PIVOT-TABLE"),
    "unpivot": ("unpivot_table", "UNPIVOT-TABLE"),
    "alias": ("alias", "ALIAS"),
}


class Entities:
    """All objects of one document."""

    def __init__(self, result: LineageResult, options: ExportOptions) -> None:
        self.spelling = Spelling(result.dialect, is_normalized=options.normalize_names)
        self._relations = {relation.id: relation for relation in result.relations}
        self._known: dict[RelationId, Entity] = {}
        self._names: dict[RelationId, str] = {}
        self._counts: Counter[str] = Counter()
        self._made = 0
        self._hidden = _hidden_levels(options)

    def of(self, relation: RelationId) -> Entity:
        """The object of a relation; one that the result does not list counts as a table."""
        entity = self._known.get(relation)
        if entity is None:
            found = self._relations.get(relation) or Relation(relation, RelationKind.TABLE)
            entity = self._known[relation] = _entity_of(found)
        return entity

    def make(self, type: str, level: Level, prefix: str, *, is_numbered: bool = True) -> Entity:
        """A new object that the analysis does not know."""
        self._made += 1
        identity = RelationId(None, None, prefix, f"sqlflow.{self._made}")
        entity = Entity(identity, type, level, prefix=prefix, is_numbered=is_numbered)
        self._known[identity] = entity
        return entity

    def add(self, entity: Entity) -> Entity:
        """Put an object in the place of what the analysis knows under its id."""
        return self._known.setdefault(entity.id, entity)

    def is_visible(self, relation: RelationId) -> bool:
        """Whether the options show the object."""
        entity = self.of(relation)
        return entity.is_unread or entity.level not in self._hidden

    def is_end(self, relation: RelationId) -> bool:
        """Whether a way ends at the object: shown, and read by nothing but itself (by aliases, updates)."""
        level = self.of(relation).level
        return level is not Level.TOP and level not in self._hidden

    def name(self, relation: RelationId) -> str:
        """The object's name; a numbered one gets its number when first asked for."""
        name = self._names.get(relation)
        if name is None:
            name = self._names[relation] = self._new_name(self.of(relation))
        return name

    def _new_name(self, entity: Entity) -> str:
        if not entity.prefix:
            return self.spelled(entity, str(entity.id))
        prefix = self.spelling.relation(entity.prefix)
        if entity.level is Level.FUNCTION:
            return prefix
        self._counts[prefix] += 1
        number = self._counts[prefix]
        return f"{prefix}-{number}" if entity.is_numbered or number > 1 else prefix

    def spelled(self, entity: Entity, name: str) -> str:
        """A name of the object; an address is no identifier that a dialect folds."""
        return name if entity.kind is RelationKind.PATH else self.spelling.relation(name)

    def column(self, ref: ColumnRef) -> str:
        """The column's name; a constant's is its text, which no dialect folds."""
        if ref.name is not None and self.of(ref.relation).level is Level.CONSTANT:
            return ref.name
        return self.spelling.column(ROWS_COLUMN if ref.name is None else ref.name)


def _hidden_levels(options: ExportOptions) -> frozenset[Level]:
    hidden: set[Level] = set()
    if options.result_sets is not ResultSets.ALL:
        hidden |= {Level.RESULT_SET, Level.TEMPORARY}
    if options.result_sets is ResultSets.NONE:
        hidden.add(Level.TOP)
    if not options.functions:
        hidden.add(Level.FUNCTION)
    if not options.constants:
        hidden.add(Level.CONSTANT)
    return frozenset(hidden)


def _entity_of(relation: Relation) -> Entity:
    shape = OBJECT_SHAPES[relation.kind]
    entity = Entity(
        relation.id,
        shape.type,
        _LEVELS.get(relation.kind, Level.STORED),
        shape.list_name,
        shape.sub_type,
        columns=relation.columns,
        span=relation.span,
        kind=relation.kind,
        is_unread=relation.is_unread,
    )
    if relation.kind is RelationKind.FUNCTION and relation.id.scope is not None:
        entity.level = Level.RESULT_SET  # FLATTEN, UNNEST: the rows are made of the arguments
    elif relation.kind is RelationKind.CTE:
        entity.prefix = f"CTE-{relation.id.name}"
        entity.alias = relation.id.name
    elif relation.kind is RelationKind.RESULT:
        entity.prefix = "RS"
    elif relation.kind is RelationKind.SUBQUERY:
        if relation.span is not None:
            entity.prefix, entity.is_numbered = f"RESULT_OF_{relation.id.name}", False
            entity.alias = relation.id.name
        else:
            word = relation.id.name.rstrip("0123456789").rstrip("_")
            entity.type, entity.prefix = _UNNAMED.get(word, (entity.type, "RS"))
    return entity
