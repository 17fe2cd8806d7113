"""SQLFlow's lineage document back to a :class:`LineageResult`, whatever its generation.

The shapes of 2020 to today differ in names (``relations``, ``relationships``, ``relationship``;
``PseudoRows``, ``RelationRows``) and in ``dbobjs``, which is a flat list or a tree of servers. Facts:
reference sqlflow-lineage-model, sections 2, 4, 5, 7.5 and 8. What the document does not say (expressions, how
an aggregate changes a value) stays unsaid in the result.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from airflow_provider_sqlflow.engine.dialects import resolve_dialect
from airflow_provider_sqlflow.engine.model import (
    ColumnRef,
    Diagnostic,
    Edge,
    Effect,
    LineageResult,
    Relation,
    RelationEdge,
    RelationId,
    RelationKind,
    Severity,
    Span,
    StatementKind,
    StatementLineage,
    Subtype,
)
from airflow_provider_sqlflow.errors import UnknownDialectError
from airflow_provider_sqlflow.formats.sqlflow.shapes import (
    CLAUSES,
    FLOWS,
    KINDS,
    OBJECT_LISTS,
    RELATION_LISTS,
    TABLE_PLACEHOLDER,
    JsonObject,
    document_of,
    given,
    holders,
    integer,
    is_rows,
    objects_in,
    split_name,
    statement_kind,
    unquoted,
)
from airflow_provider_sqlflow.formats.sqlflow.shortcuts import fold_edges


def read_document(answer: JsonObject, file_names: Sequence[str] = (), dialect: str = "") -> LineageResult:
    """The lineage in an answer.

    Args:
        answer: the JSON object.
        file_names: names of the job's files in input order; a place's ``hashCode`` counts them.
        dialect: what to call the dialect where the document does not.

    Raises:
        UnexpectedAnswerError: there is no lineage document in it.
    """
    document = document_of(answer)
    reader = _Reader(document, file_names, dialect)
    statements = reader.statements()
    chain = [edge for statement in statements for edge in statement.edges]
    kinds = {relation.id: relation.kind for relation in reader.relations.values()}
    folded = fold_edges(chain, kinds)
    by_statement: dict[tuple[str, int], list[Edge]] = {}
    for edge in folded:
        by_statement.setdefault((edge.span.source_name if edge.span else "", edge.statement), []).append(edge)
    finished = tuple(
        _finished(statement, by_statement.get((statement.span.source_name, statement.index), []), kinds)
        for statement in statements
    )
    pairs = dict.fromkeys(
        RelationEdge(edge.source.relation, edge.target.relation, edge.statement) for edge in folded
    )
    diagnostics, failed = reader.diagnostics(len(statements))
    return LineageResult(
        statements=(*finished, *failed),
        relations=tuple(reader.listed(chain)),
        diagnostics=diagnostics,
        folded_edges=tuple(folded),
        folded_relation_edges=tuple(pairs),
        dialect=reader.dialect,
        source_name=file_names[0] if len(file_names) == 1 else "",
    )


def _finished(
    statement: StatementLineage, folded: list[Edge], kinds: Mapping[RelationId, RelationKind]
) -> StatementLineage:
    reads = dict.fromkeys(edge.source.relation for edge in folded)
    writes = dict.fromkeys(
        edge.target.relation for edge in folded if kinds[edge.target.relation] is not RelationKind.RESULT
    )
    return StatementLineage(
        statement.index,
        statement.kind,
        statement.span,
        tuple(reads),
        tuple(writes),
        statement.edges,
        tuple(folded),
    )


@dataclass(slots=True)
class _Group:
    """Relations that one statement made."""

    kind: StatementKind
    span: Span
    edges: list[Edge] = field(default_factory=list)


class _Reader:
    """Looks objects up by id while the relations are read."""

    def __init__(self, document: JsonObject, file_names: Sequence[str], dialect: str) -> None:
        self._document = document
        self._files = tuple(file_names)
        self.dialect = _dialect(str(document.get("dbvendor") or document.get("dbVendor") or ""), dialect)
        self.relations: dict[str, Relation] = {}
        self._columns: dict[str, ColumnRef] = {}
        self._processes: dict[str, JsonObject] = {}
        self._names: dict[str, Relation] = {}
        self._valued: set[ColumnRef | None] = set()
        """Columns that take a value from somewhere, and not only the number of rows."""
        self._has_schemas = True
        self._read_objects(document.get("dbobjs"))
        for process in objects_in(document.get("processes")):
            self._add_process(process)

    # -- objects

    def _read_objects(self, objects: object) -> None:
        if isinstance(objects, list):
            from airflow_provider_sqlflow.formats.sqlflow.terms import layers_of

            self._has_schemas = layers_of(self.dialect).supports_schemas
            for item in objects_in(objects):
                self._add_object(item)
            return
        if not isinstance(objects, Mapping):
            return
        for server in objects_in(objects.get("servers")):
            self._has_schemas = server.get("supportsSchemas") is not False
            for holder in holders(server):
                for name in OBJECT_LISTS:
                    for item in objects_in(holder.get(name)):
                        self._add_object(item)
                for process in objects_in(holder.get("processes")):
                    self._add_process(process)

    def _add_object(self, item: JsonObject) -> None:
        kind_word = str(item.get("type") or "table").lower()
        if kind_word == "process":
            self._add_process(item)
            return
        kind = KINDS.get(kind_word, RelationKind.SUBQUERY)
        if kind is RelationKind.TABLE and str(item.get("subType") or "").lower() == "function":
            kind = RelationKind.FUNCTION
        name = str(item.get("name") or item.get("displayName") or "")
        if not name:
            return
        object_id = str(item.get("id") or f"name {name.lower()}")
        relation_id = self._relation_id(item, kind)
        names = []
        for column in objects_in(item.get("columns")):
            text = str(column.get("name") or "")
            reference = ColumnRef(relation_id, None if is_rows(text) else unquoted(text))
            self._columns[str(column.get("id") or "")] = reference
            if reference.name is not None:
                names.append(reference.name)
        place = self._span(item.get("coordinates"))
        relation = Relation(relation_id, kind, tuple(dict.fromkeys(names)), place)
        self.relations[object_id] = relation
        self._names.setdefault(name.lower(), relation)

    def _add_process(self, item: JsonObject) -> None:
        """A statement; a node too, since table-level relations lead through it."""
        process_id = str(item.get("id") or "")
        self._processes[process_id] = item
        name = RelationId(None, None, str(item.get("name") or "process"), f"process {process_id}")
        self.relations[process_id] = Relation(name, RelationKind.SUBQUERY)

    def _relation_id(self, item: JsonObject, kind: RelationKind) -> RelationId:
        name = str(item.get("name") or item.get("displayName") or "")
        if kind not in (RelationKind.TABLE, RelationKind.VIEW, RelationKind.STREAM, RelationKind.FUNCTION):
            scope = None if kind in (RelationKind.PATH, RelationKind.STAGE) else f"object {item.get('id')}"
            return RelationId(None, None, name, scope)
        *qualifiers, last = split_name(name)
        database, schema = given(item.get("database")), given(item.get("schema"))
        if qualifiers:
            schema = qualifiers[-1]
            database = qualifiers[-2] if len(qualifiers) > 1 else database
        if not self._has_schemas and (schema is None or not qualifiers):
            return RelationId(None, schema or database, last)
        return RelationId(database if self._has_schemas else None, schema, last)

    def listed(self, chain: Sequence[Edge]) -> Iterator[Relation]:
        """Relations in reading order: stored ones, and others where an edge touches them."""
        touched = {end.relation for edge in chain for end in (edge.source, edge.target)}
        seen: set[RelationId] = set()
        for relation in self.relations.values():
            stored = relation.kind in (RelationKind.TABLE, RelationKind.VIEW)
            if relation.id not in seen and (stored or relation.id in touched):
                seen.add(relation.id)
                yield relation

    # -- relations

    def statements(self) -> list[StatementLineage]:
        """Statements with the edges that they made, numbered in each file."""
        groups: dict[tuple[str, ...], _Group] = {}
        direct = [
            item for item in self._relation_items() if FLOWS.get(str(item.get("type"))) is Effect.DIRECT
        ]
        self._valued = {self._end(item.get("target"), "target") for item in direct}
        for item in self._relation_items():
            effect = FLOWS.get(str(item.get("type") or "fdd").lower())
            target = self._end(item.get("target"), "target")
            if effect is None or target is None:
                continue
            group = self._group(groups, item, target)
            for source in objects_in(item.get("sources") or [item.get("source")]):
                start = self._end(source, "source")
                if start is not None:
                    group.edges.append(self._edge(item, source, start, target, effect))
        counts: dict[str, int] = {}
        found = []
        for group in groups.values():
            if not group.edges:
                continue
            name = group.span.source_name
            index = counts[name] = counts.get(name, 0) + 1
            edges = tuple(_placed(edge, group.span, index) for edge in group.edges)
            found.append(StatementLineage(index, group.kind, group.span, edges=edges))
        return found

    def _relation_items(self) -> Iterator[JsonObject]:
        for name in RELATION_LISTS:
            yield from objects_in(self._document.get(name))

    def _group(self, groups: dict[tuple[str, ...], _Group], item: JsonObject, target: ColumnRef) -> _Group:
        process_id = str(item.get("processId") or "")
        process = self._processes.get(process_id, {})
        word = str(item.get("processType") or process.get("processType") or process.get("type") or "")
        if word.lower() in ("", "process"):
            word = str(item.get("effectType") or "")
        place = self._span((item.get("target") or {}).get("coordinates"))
        file = place.source_name if place else ""
        key = (process_id,) if process_id else (file, word, str(target.relation), str(target.relation.scope))
        if key not in groups:
            span = self._span(process.get("coordinates")) or place or Span(self._only_file(), 1, 1, 1, 1)
            groups[key] = _Group(statement_kind(word), span)
        return groups[key]

    def _edge(
        self, item: JsonObject, source: JsonObject, start: ColumnRef, target: ColumnRef, effect: Effect
    ) -> Edge:
        transforms = objects_in(source.get("transforms"))
        text = str(transforms[-1].get("code") or "") if transforms else ""
        subtype = Subtype.IDENTITY
        if start.name is None and target.name is not None and target not in self._valued:
            effect, subtype = Effect.DIRECT, Subtype.AGGREGATION  # count(*): SQLFlow calls it indirect
        elif effect is Effect.INDIRECT:
            subtype = CLAUSES.get(str(source.get("clauseType") or "").lower(), Subtype.FILTER)
        elif item.get("function") or any(step.get("type", "simple") != "simple" for step in transforms):
            subtype = Subtype.TRANSFORMATION
        return Edge(start, target, effect, subtype, text, self._span(source.get("coordinates")))

    def _end(self, element: object, side: str) -> ColumnRef | None:
        """The column, or row set, that an end of a relation stands for."""
        if not isinstance(element, Mapping):
            return None
        element_id = str(element.get("id") or "")
        if element_id and element_id in self._columns:
            return self._columns[element_id]
        keys = (element.get("parentId"), element.get(f"{side}Id"), element_id)
        relation = next(
            (self.relations[str(key)] for key in keys if key and str(key) in self.relations), None
        )
        name = str(element.get("parentName") or element.get(f"{side}Name") or "")
        if relation is None and name:
            relation = self._met(name)
        if relation is None:
            return None
        column = str(element.get("column") or "")
        if not column or is_rows(column) or column == TABLE_PLACEHOLDER:
            return ColumnRef(relation.id, None)
        return ColumnRef(relation.id, unquoted(column))

    def _met(self, name: str) -> Relation:
        """A relation that only a relation's end names."""
        key = name.lower()
        if key not in self._names:
            relation = Relation(self._relation_id({"name": name}, RelationKind.TABLE), RelationKind.TABLE)
            self._names[key] = self.relations[f"name {key}"] = relation
        return self._names[key]

    # -- places and errors

    def diagnostics(self, count: int) -> tuple[tuple[Diagnostic, ...], list[StatementLineage]]:
        """The document's errors, and the statements that gave nothing because of them."""
        found: list[Diagnostic] = []
        failed: list[StatementLineage] = []
        for item in objects_in(self._document.get("errors")):
            span = self._span(item.get("coordinates"), str(item.get("file") or "")) or Span(
                self._only_file(), 1, 1, 1, 1
            )
            message = str(item.get("errorMessage") or "")
            word = str(item.get("errorType") or "").replace("_", "").lower()
            if word == "linkorphancolumn":
                found.append(Diagnostic(Severity.WARNING, "orphan_column", message, span))
            elif word == "syntaxhint":
                found.append(Diagnostic(Severity.WARNING, "service_hint", message, span))
            else:
                found.append(Diagnostic(Severity.ERROR, "service_error", message, span))
                index = count + len(failed) + 1
                failed.append(StatementLineage(index, StatementKind.ERROR, span, is_ok=False))
        return tuple(found), failed

    def _span(self, coordinates: object, file: str = "") -> Span | None:
        places = objects_in(coordinates)
        if not places:
            return None
        start, end = places[0], places[-1]
        if integer(start.get("x")) < 1:
            return None
        return Span(
            file or self._file(start.get("hashCode")),
            integer(start.get("x")),
            max(integer(start.get("y")), 1),
            max(integer(end.get("x")), integer(start.get("x"))),
            max(integer(end.get("y")), 1),
        )

    def _file(self, code: object) -> str:
        """The file of a place: newer services number the files, older ones hash them."""
        text = str(code if code is not None else "")
        if text.isdecimal() and int(text) < len(self._files):
            return self._files[int(text)]
        return self._only_file()

    def _only_file(self) -> str:
        return self._files[0] if len(self._files) == 1 else ""


def _placed(edge: Edge, span: Span, index: int) -> Edge:
    place = edge.span or Span(
        span.source_name, span.start_line, span.start_column, span.end_line, span.end_column
    )
    if place.source_name != span.source_name:
        place = Span(span.source_name, *_corners(place))
    return Edge(edge.source, edge.target, edge.effect, edge.subtype, edge.expression, place, index)


def _corners(span: Span) -> tuple[int, int, int, int]:
    return span.start_line, span.start_column, span.end_line, span.end_column


def _dialect(vendor: str, default: str) -> str:
    try:
        return resolve_dialect(vendor or default)
    except UnknownDialectError:
        return ""
