"""Through which result sets an edge of the analysis goes on its way into a relation.

The analysis has one relation for a query and reads the query that a statement writes straight into its
target. SQLFlow shows each select list as an object of its own: ``RS-1`` in front of a view,
``UPDATE-SET-1`` in front of a table, one ``RS-n`` for each branch in front of ``RESULT_OF_UNION-n``. The
text's own shape comes from :mod:`airflow_provider_sqlflow.engine.outline`; without the text there is one
select list for each relation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from airflow_provider_sqlflow.engine.model import (
    ColumnRef,
    Edge,
    RelationId,
    RelationKind,
    Span,
    StatementKind,
    StatementLineage,
    Subtype,
)
from airflow_provider_sqlflow.engine.outline import (
    MERGE_INSERT,
    MERGE_UPDATE,
    SELECT,
    SET,
    Block,
    Item,
    StatementOutline,
)
from airflow_provider_sqlflow.formats.sqlflow.entities import Entities, Level
from airflow_provider_sqlflow.formats.sqlflow.terms import effect_type_of

_CLAUSES = frozenset({Subtype.FILTER, Subtype.GROUP_BY, Subtype.JOIN, Subtype.SORT})
_FILES = frozenset({RelationKind.PATH, RelationKind.STAGE, RelationKind.STREAM})
# What a statement without an outline writes through: role of the block that stands for its text.
_IMPLIED: Mapping[StatementKind, str] = {
    StatementKind.INSERT: SELECT,
    StatementKind.CREATE_TABLE: SELECT,
    StatementKind.CREATE_VIEW: SELECT,
    StatementKind.UPDATE: SET,
    StatementKind.MERGE: MERGE_UPDATE,
}
# Type and name of the object that a block is.
_SHAPES: Mapping[str, tuple[str, str]] = {
    SELECT: ("select_list", "RS"),
    SET: ("update-set", "UPDATE-SET"),
    MERGE_UPDATE: ("merge-update", "MERGE-UPDATE"),
    MERGE_INSERT: ("merge-insert", "MERGE-INSERT"),
}
_EFFECTS: Mapping[str, str] = {SET: "update", MERGE_UPDATE: "merge_update", MERGE_INSERT: "merge_insert"}


@dataclass(slots=True)
class Hop:
    """One object on the way into a relation: its column and the effect of the step into it."""

    ref: ColumnRef
    effect: str | None


@dataclass(slots=True)
class Slot:
    """A block of a relation, and the object that stands for it once somebody asks.

    Attributes:
        owner: the relation that the block fills.
        block: the text's block; ``None`` where it stands for all of the relation's text.
        node: the object; ``None`` where edges go straight into the owner.
        union: the object of the set operation around, between node and owner.
        start: line and column from which on clauses belong to this block.
    """

    owner: RelationId
    block: Block | None = None
    node: RelationId | None = None
    union: RelationId | None = None
    start: tuple[int, int] = (0, 0)
    reads: set[RelationId] = field(default_factory=set)

    @property
    def is_merge(self) -> bool:
        """Whether the block is a branch of a MERGE: all branches share the conditions."""
        return self.block is not None and self.block.role in (MERGE_UPDATE, MERGE_INSERT)


class StatementBlocks:
    """The slots of one statement.

    Args:
        statement: the statement.
        outline: the shape of its text; ``None``: not known.
        entities: the document's objects.
        shows_sets: whether result sets are objects; if not, edges go straight into their relations and
            slots only tell branches apart.
    """

    def __init__(
        self,
        statement: StatementLineage,
        outline: StatementOutline | None,
        entities: Entities,
        *,
        shows_sets: bool,
    ) -> None:
        self.statement = statement
        self.outline = outline
        self.entities = entities
        self.shows_sets = shows_sets
        self.effect = effect_type_of(statement)
        self._items: dict[Span, tuple[Block, Item]] = {}
        self._slots: dict[RelationId, list[Slot]] = {}
        self._unions: dict[tuple[RelationId, int], RelationId] = {}
        for block in outline.blocks if outline is not None else ():
            for item in block.items:
                self._items.setdefault(item.span, (block, item))
        self._place_blocks()
        for target in dict.fromkeys(edge.target.relation for edge in statement.edges):
            if target not in self._slots:
                self._slots[target] = self._implied(target)
        self._note_reads()

    @property
    def loaded_columns(self) -> tuple[str, ...]:
        """The columns that a load names where the target's are not known: those of its partition."""
        is_load = self.statement.kind is StatementKind.COPY and self.outline is not None
        return self.outline.target_names if is_load and self.outline is not None else ()

    # Slots ----------------------------------------------------------------------------------------

    def _place_blocks(self) -> None:
        """Find the relation that each block of the text fills."""
        if self.outline is None:
            return
        owners: dict[int, RelationId] = {}
        for edge in self.statement.edges:
            found = self._items.get(edge.span) if edge.span else None
            if found is not None and edge.target.name is not None:
                owners.setdefault(id(found[0]), edge.target.relation)
        for block in self.outline.blocks:
            owner = owners.get(id(block)) or self._named(block)
            if owner is not None:
                self._slots.setdefault(owner, []).append(self._slot(owner, block))

    def _named(self, block: Block) -> RelationId | None:
        """The relation of a block from which no edge comes: all its outputs are constants."""
        if block.is_root:
            return self.statement.writes[0] if self.statement.writes else None
        for edge in self.statement.edges if block.name else ():
            name = edge.source.relation
            if name.scope is not None and name.name.casefold() == (block.name or "").casefold():
                return name
        return None

    def _slot(self, owner: RelationId, block: Block | None, role: str = SELECT) -> Slot:
        start = block.items[0].span if block is not None and block.items else None
        slot = Slot(owner, block, start=(start.start_line, start.start_column) if start else (0, 0))
        if not self.shows_sets:
            return slot
        role = block.role if block is not None else role
        entity = self.entities.of(owner)
        is_query = entity.level is Level.TOP or entity.kind is RelationKind.SUBQUERY
        if block is not None and block.union is not None:
            slot.union = self._union(owner, block.union, is_query=is_query)
        elif is_query:
            return slot  # the relation is the select list itself
        shape = _SHAPES[role]
        if role == SELECT and not is_query and slot.union is None and entity.kind is not RelationKind.CTE:
            shape = ("insert-select", "INSERT-SELECT") if self._is_insert else shape
        made = self.entities.make(shape[0], Level.RESULT_SET, shape[1])
        made.span = self.statement.span if start is None else start
        slot.node = made.id
        if slot.union == owner:
            slot.union = None
        return slot

    @property
    def _is_insert(self) -> bool:
        return self.statement.kind is StatementKind.INSERT

    def _union(self, owner: RelationId, number: int, *, is_query: bool) -> RelationId:
        found = self._unions.get((owner, number))
        if found is None:
            if is_query:
                entity = self.entities.of(owner)
                entity.type, entity.prefix, entity.is_numbered = "select_union", "RESULT_OF_UNION", True
            else:
                entity = self.entities.make("select_union", Level.RESULT_SET, "RESULT_OF_UNION")
            found = self._unions[owner, number] = entity.id
        return found

    def _implied(self, target: RelationId) -> list[Slot]:
        """The slots of a relation for which the text shows no block."""
        entity = self.entities.of(target)
        edges = [edge for edge in self.statement.edges if edge.target.relation == target]
        if entity.level in (Level.STORED, Level.TEMPORARY):
            role = _IMPLIED.get(self.statement.kind)
            is_loaded = all(self.entities.of(edge.source.relation).kind in _FILES for edge in edges)
            is_bare = self.outline is not None and not self.outline.blocks
            if role is None or is_loaded or is_bare:
                return [Slot(target)]
            return [self._slot(target, None, role)]
        if entity.kind is RelationKind.CTE or self.shows_sets:
            return [self._slot(target, None)]
        return [Slot(target, start=start) for start in _branch_starts(self.statement, edges)]

    # Edges ----------------------------------------------------------------------------------------

    def _note_reads(self) -> None:
        for edge in self.statement.edges:
            if edge.target.name is not None:
                for slot in self.slots_of(edge):
                    slot.reads.add(edge.source.relation)

    def slots_of(self, edge: Edge) -> list[Slot]:
        """The blocks to which an edge belongs: one, but for what all branches share."""
        slots = self._slots[edge.target.relation]
        if len(slots) == 1:
            return slots
        found = self._items.get(edge.span) if edge.span else None
        if found is not None:
            same = [slot for slot in slots if slot.block is found[0]]
            if same:
                return same
        if edge.target.name is None and slots[0].is_merge:
            if edge.subtype is Subtype.JOIN or edge.span is None:
                return slots
            place = (edge.span.start_line, edge.span.start_column)  # the condition before its branch
            return [slot for slot in slots if slot.start > place][:1] or slots
        if edge.source.name is None and edge.target.name is None:
            return [slot for slot in slots if edge.source.relation in slot.reads] or slots
        place = (edge.span.start_line, edge.span.start_column) if edge.span else (0, 0)
        return [[slot for slot in slots if slot.start <= place][-1:] or slots[:1]][0]

    def path(self, slot: Slot, edge: Edge) -> list[Hop]:
        """The objects through which an edge goes, the relation itself last."""
        column = edge.target.name
        inner = column
        found = self._items.get(edge.span) if edge.span else None
        if column is not None and found is not None and found[0] is slot.block:
            inner = edge.source.name if found[1].is_star else found[1].name
        return self.hops(slot, inner, column)

    def hops(self, slot: Slot, inner: str | None, column: str | None) -> list[Hop]:
        """From a block's column to the column of the relation that it fills."""
        hops: list[Hop] = []
        role = slot.block.role if slot.block is not None else _IMPLIED.get(self.statement.kind, SELECT)
        if slot.node is not None:
            hops.append(Hop(ColumnRef(slot.node, inner), _EFFECTS.get(role, "select")))
        if slot.union is not None:
            hops.append(Hop(ColumnRef(slot.union, column), "select"))
        last = self.effect
        if self.entities.of(slot.owner).level is Level.RESULT_SET:
            last = "select"
        elif role in (MERGE_UPDATE, MERGE_INSERT) and (slot.node is not None or slot.block is not None):
            last = _EFFECTS[role]
        hops.append(Hop(ColumnRef(slot.owner, column), last))
        return hops

    def outputs(self) -> Iterator[tuple[Slot, Item, list[Hop]]]:
        """Every output of every block with its way, also of those from which no edge comes."""
        seen = {edge.span: edge.target.name for edge in self.statement.edges if edge.target.name is not None}
        for slots in self._slots.values():
            for slot in slots:
                if slot.block is None:
                    continue
                for number, item in enumerate(slot.block.items):
                    if not item.is_star:
                        column = seen.get(item.span) or self._target_name(slot, number, item)
                        yield slot, item, self.hops(slot, item.name, column)

    def unions(self) -> Iterator[tuple[ColumnRef, ColumnRef]]:
        """The rows of each branch, and those of the set operation that they become."""
        for slots in self._slots.values():
            for slot in slots:
                if slot.node is not None and slot.block is not None and slot.block.union is not None:
                    union = slot.owner if slot.union is None else slot.union
                    yield ColumnRef(slot.node, None), ColumnRef(union, None)

    def conditions(self) -> Iterator[tuple[list[Hop], str]]:
        """The WHERE conditions: the way of what decides the rows, and the text."""
        for slots in self._slots.values():
            for slot in slots:
                if slot.block is not None and slot.block.where:
                    yield self.hops(slot, None, None), slot.block.where

    def _target_name(self, slot: Slot, number: int, item: Item) -> str:
        """The target's column for an output that no edge shows: by position where there is a list."""
        block = slot.block
        if block is None or block.role != SELECT or any(one.is_star for one in block.items[:number]):
            return item.name
        entity = self.entities.of(slot.owner)
        if block.is_root and self.outline is not None and number < len(self.outline.target_names):
            return self.outline.target_names[number]
        is_positional = self._is_insert or block.union is not None or entity.kind is RelationKind.CTE
        if is_positional and len(entity.columns) == len(block.items):
            return entity.columns[number]
        return item.name


def _branch_starts(statement: StatementLineage, edges: list[Edge]) -> list[tuple[int, int]]:
    """Where the branches of a query begin, by the order of its text: outputs come before clauses.

    Only branches with clauses are told apart, which is what matters for aggregates.
    """
    placed = sorted(
        (edge.span.start_line, edge.span.start_column, edge.target.name is None)
        for edge in edges
        if edge.span is not None
        and edge.span != statement.span
        and (edge.target.name is not None or edge.subtype in _CLAUSES)
    )
    starts = [(0, 0)]
    was_clause = False
    for line, column, is_clause in placed:
        if was_clause and not is_clause:
            starts.append((line, column))
        was_clause = is_clause
    return starts
