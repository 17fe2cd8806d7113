"""One result as SQLFlow's objects, processes and relationships, numbered and ready to be written.

All shapes of the document (hierarchical, flat, v2, XML) are written from this one. Ids count in reading
order in one id space, so the same result gives the same document. Facts: reference
sqlflow-lineage-model, sections 2 to 5.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from airflow_provider_sqlflow.engine.model import (
    ColumnRef,
    LineageResult,
    RelationId,
    RelationKind,
    Span,
    StatementLineage,
    Subtype,
)
from airflow_provider_sqlflow.engine.text import SourceText
from airflow_provider_sqlflow.formats.options import ExportOptions
from airflow_provider_sqlflow.formats.sqlflow.chain import Texts, no_texts
from airflow_provider_sqlflow.formats.sqlflow.entities import Entities, Entity, Level
from airflow_provider_sqlflow.formats.sqlflow.flow import DIRECT_FLOW, FOREIGN_KEY, JOIN, Flow
from airflow_provider_sqlflow.formats.sqlflow.flows import iter_flows
from airflow_provider_sqlflow.formats.sqlflow.table_level import TablePair, table_options, table_pairs
from airflow_provider_sqlflow.formats.sqlflow.terms import layers_of, process_name_of

TABLE_COLUMN = "TABLE"
"""Placeholder column of relations between whole tables (reference, section 7.5)."""

_ALWAYS_LISTED = frozenset({RelationKind.TABLE, RelationKind.VIEW, RelationKind.MATERIALIZED_VIEW})
_OWN_PLACE = frozenset({Level.TOP, Level.RESULT_SET, Level.FUNCTION})

StatementKey = tuple[str, int]
"""File and 1-based number: what tells the statements of a merged result apart."""


def key_of(statement: StatementLineage) -> StatementKey:
    """The key of a statement."""
    return statement.span.source_name, statement.index


def file_numbers(result: LineageResult) -> dict[str, int]:
    """The number of each file in input order: the ``hashCode`` of its coordinates."""
    files: dict[str, int] = {}
    for statement in result.statements:
        files.setdefault(statement.span.source_name, len(files))
    return files


@dataclass(frozen=True, slots=True)
class Relationship:
    """Flows into one column that share type, effect and statement."""

    id: str
    flows: tuple[Flow, ...]

    @property
    def first(self) -> Flow:
        """The flow that tells what all share."""
        return self.flows[0]


@dataclass(frozen=True, slots=True)
class Process:
    """A statement that writes: ``name`` as ``Query Insert-1``, ``hash`` of its text where known."""

    id: str
    name: str
    type: str
    statement: StatementLineage
    target: RelationId
    hash: str | None


class Model:
    """The numbered document.

    Args:
        result: the lineage.
        options: what to show.
        texts: the SQL texts, for hashes and the shape of queries.
        is_table_level: relations between whole tables; the pairs are in ``pairs`` then.

    Attributes:
        entities: names and kinds of the objects.
        objects: the objects in reading order.
        columns: the columns of each object; the row set (``None``) only where a relation uses it, last.
        processes: the statements that write.
        relationships: the relations between columns.
        pairs: the relations between tables.
    """

    def __init__(
        self,
        result: LineageResult,
        options: ExportOptions,
        texts: Texts = no_texts,
        *,
        is_table_level: bool = False,
    ) -> None:
        self.result = result
        self.options = options
        self.layers = layers_of(result.dialect)
        self._last_id = 0
        self._texts = texts()
        self._sources: dict[str, SourceText] = {}
        self._hashes: dict[StatementKey, str | None] = {}
        self._files = file_numbers(result)
        self.pairs: list[TablePair] = []
        flows: list[Flow] = []
        if is_table_level:
            self.entities = Entities(result, table_options(options))
            self.pairs = table_pairs(result, options, self.entities, lambda: self._texts)
        else:
            self.entities = Entities(result, options)
            flows = list(iter_flows(result, options, self.entities, lambda: self._texts))
        self.spans = _spans_of(flows, self.entities)
        self.objects, self.columns = self._list_objects(flows)
        self.ids: dict[RelationId, str] = {}
        self.column_ids: dict[ColumnRef, str] = {}
        for entity in self.objects:
            self.ids[entity.id] = self.next_id()
            for name in self.columns[entity.id]:
                self.column_ids[ColumnRef(entity.id, name)] = self.next_id()
        self.processes = self._number_processes()
        self.process_of = {key_of(process.statement): process for process in self.processes}
        self.relationships = [Relationship(self.next_id(), group) for group in _groups(flows)]

    def next_id(self) -> str:
        """A new id."""
        self._last_id += 1
        return str(self._last_id)

    # Objects --------------------------------------------------------------------------------------

    def _list_objects(
        self, flows: list[Flow]
    ) -> tuple[list[Entity], dict[RelationId, tuple[str | None, ...]]]:
        met: dict[RelationId, dict[str | None, None]] = {}
        for flow in flows:
            for end in (flow.source, flow.target):
                met.setdefault(end.relation, {})[end.name] = None
        for pair in self.pairs:
            met.setdefault(pair.source, {})
            met.setdefault(pair.target, {})
        listed = [item.id for item in self.result.relations if item.kind in _ALWAYS_LISTED or item.id in met]
        relations = dict.fromkeys([*listed, *met])
        for relation in met:
            self.entities.name(relation)  # numbers follow the relations, not the list of objects
        columns: dict[RelationId, tuple[str | None, ...]] = {}
        for relation in relations:
            names: dict[str | None, None] = dict.fromkeys(self.entities.of(relation).columns)
            names.update(met.get(relation, {}))
            columns[relation] = tuple(sorted(names, key=lambda name: name is None))  # keeps the order
        if self.pairs:
            columns = {
                relation: (*names, TABLE_COLUMN) if relation in met else names
                for relation, names in columns.items()
            }
        return [self.entities.of(relation) for relation in relations], columns

    def _number_processes(self) -> list[Process]:
        counts: Counter[str] = Counter()
        processes = []
        for statement in self.result.statements:
            written = [item for item in _written(statement) if self._is_written(item)]
            if written:
                word = process_name_of(statement.kind)
                counts[word.title] += 1
                name = self.entities.spelling.relation(f"{word.title}-{counts[word.title]}")
                hash_id = self.hash_of(statement)
                processes.append(Process(self.next_id(), name, word.type, statement, written[0], hash_id))
        return processes

    def _is_written(self, relation: RelationId) -> bool:
        is_stored = self.entities.of(relation).level in (Level.STORED, Level.TEMPORARY)
        return is_stored and self.entities.is_visible(relation)

    def process_ids(self) -> dict[RelationId, list[str]]:
        """The processes that write each relation."""
        found: dict[RelationId, list[str]] = {}
        for process in self.processes:
            for relation in _written(process.statement):
                found.setdefault(relation, []).append(process.id)
        return found

    # Texts and places -----------------------------------------------------------------------------

    def hash_of(self, statement: StatementLineage | None) -> str | None:
        """MD5 of a statement's text, SQLFlow's queryHashId; ``None`` where the text is not at hand."""
        if statement is None:
            return None
        key = key_of(statement)
        if key not in self._hashes:
            text = self._text_of(statement.span)
            digest = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest() if text else None
            self._hashes[key] = digest
        return self._hashes[key]

    def _text_of(self, span: Span) -> str:
        source = self._sources.get(span.source_name)
        if source is None:
            text = self._texts.get(span.source_name)
            if text is None:
                return ""
            source = SourceText(span.source_name, text)
            self._sources = {span.source_name: source}  # statements come file by file
        start = source.offset(span.start_line, span.start_column)
        return source.text[start : source.offset(span.end_line, span.end_column)]

    def file_number(self, span: Span | None) -> str:
        """The number of a span's file in input order."""
        return str(self._files.get(span.source_name, 0)) if span else "0"


def _written(statement: StatementLineage) -> tuple[RelationId, ...]:
    """What a statement writes; for a rename the new name, into which only rows flow."""
    rows = (edge.target.relation for edge in statement.edges if edge.source.name is edge.target.name is None)
    stored = (relation for relation in rows if relation.scope is None)
    return statement.writes or tuple(dict.fromkeys(stored))


def _groups(flows: Iterable[Flow]) -> Iterator[tuple[Flow, ...]]:
    """Flows into one column with all that a relationship says once; comparisons stand alone."""
    groups: dict[tuple[object, ...], list[Flow]] = {}
    for number, flow in enumerate(flows):
        statement = key_of(flow.statement) if flow.statement else None
        key: tuple[object, ...] = (flow.target, flow.type, flow.effect, statement, flow.function)
        if flow.type in (JOIN, FOREIGN_KEY):
            key = (*key, number)
        groups.setdefault(key, []).append(flow)
    return map(tuple, groups.values())


def _spans_of(flows: Iterable[Flow], entities: Entities) -> dict[ColumnRef, Span]:
    """Where columns stand: an output at its expression, a column that is copied at the first copy."""
    spans: dict[ColumnRef, Span] = {}
    for flow in flows:
        edge = flow.edge
        if edge is None or edge.span is None or flow.type != DIRECT_FLOW:
            continue
        if entities.of(flow.target.relation).level in _OWN_PLACE:
            spans.setdefault(flow.target, edge.span)
        if edge.subtype is Subtype.IDENTITY and edge.source == flow.source:
            spans.setdefault(flow.source, edge.span)
    return spans
