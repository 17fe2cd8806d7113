"""One statement being read: what it reads, what it writes, and the lineage that comes of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlglot import exp

from airflow_provider_sqlflow.engine.catalog import split_name
from airflow_provider_sqlflow.engine.graph import (
    IDENTITY,
    ROWS,
    Column,
    Input,
    Node,
    Place,
    column_leaves,
    row_leaves,
)
from airflow_provider_sqlflow.engine.malformed import MalformedTextError
from airflow_provider_sqlflow.engine.model import (
    Edge,
    RelationEdge,
    RelationId,
    RelationKind,
    Severity,
    StatementKind,
    StatementLineage,
)
from airflow_provider_sqlflow.engine.queries import QueryReader
from airflow_provider_sqlflow.engine.reader import Written
from airflow_provider_sqlflow.engine.session import Name, Session, table_parts
from airflow_provider_sqlflow.engine.split import RawStatement, split
from airflow_provider_sqlflow.engine.statements.edges import Chain, Edges, Step, without_aliases
from airflow_provider_sqlflow.engine.values import maker

_make_relation_edge = maker(RelationEdge)
_make_lineage = maker(StatementLineage)
_TEMPORARY = RelationKind.TEMP_TABLE


@dataclass(slots=True)
class Write:
    """Columns of one target and what each gets; ``rows`` is the row set that decides the target's."""

    target: Node
    pairs: list[tuple[Column, Column]]
    rows: Column | None
    reads: list[Node]


@dataclass(slots=True)
class Outcome:
    """A statement's lineage and its relation edges with temporary tables folded, some perhaps twice."""

    lineage: StatementLineage
    relation_edges: tuple[RelationEdge, ...] = ()


@dataclass(slots=True)
class Statement:
    """The context that the readers of ``statements/`` share."""

    session: Session
    raw: RawStatement
    index: int
    kind: StatementKind = StatementKind.OTHER
    reader: QueryReader = field(init=False)
    writes: list[Write] = field(default_factory=list)
    results: list[Node] = field(default_factory=list)
    extra_reads: list[Node] = field(default_factory=list)
    row_links: list[tuple[Node, Node, Place]] = field(default_factory=list)
    column_links: list[tuple[Column, Column, Place]] = field(default_factory=list)
    swapped: tuple[Node, Node] | None = None
    changes: list[Node] = field(default_factory=list)
    only_caches: bool = False
    edges: Edges = field(init=False)
    bases: dict[Node, list[Node]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Make the reader of this statement's queries."""
        self.reader = QueryReader(self.session, self.raw, self.index)
        self.reader.write_nested = self._write_nested
        self.edges = Edges(self.session.source, self.index, self.reader.quoter.whole)

    # For readers ----------------------------------------------------------------------------------

    def parts(self, table: Any) -> list[Name]:
        """Name parts of a table expression."""
        while isinstance(table, (exp.Schema, exp.Alias, exp.Paren)):
            table = table.args["this"]
        return table_parts(self.session, table, self.raw.base) if isinstance(table, exp.Table) else []

    def named(self, text: str) -> list[Name]:
        """Name parts of a relation's name given as text.

        Raises:
            MalformedTextError: there is no name in it.
        """
        fold = self.session.rules.relation_key
        parts = [Name(part, fold(part, False), -1, -1) for part in split_name(text)]
        if not parts:
            raise MalformedTextError(f"{text!r} is no name")
        return parts

    def inner(self, text: str, base: int) -> Statement | None:
        """A statement that stands in a string of this one."""
        raw = next(iter(split(text, self.session.rules.name)), None)
        if not isinstance(raw, RawStatement):
            return None
        raw.shift(base)
        return Statement(self.session, raw, self.index)

    def _write_nested(self, tree: Any, ctes: dict[str, Node]) -> Written | None:
        """The write of a data-modifying CTE met in a query."""
        from airflow_provider_sqlflow.engine.statements.dispatch import read_nested

        before = len(self.writes)
        read_nested(self, tree, ctes)
        if len(self.writes) == before:
            return None
        write = self.writes[-1]
        pairs = [(self._name_of(column), value) for column, value in write.pairs]
        return write.target, pairs, write.rows

    def _name_of(self, column: Column) -> Name:
        text = column.name or ""
        return Name(text, self.session.rules.column_key(text, False), -1, -1)

    def names(self, columns: Iterable[Any]) -> list[Name]:
        """Column names of a column list; constraints are left out."""
        found = []
        for column in columns:
            identifier = (
                column.args.get("this")
                if isinstance(column, (exp.ColumnDef, exp.Column, exp.Table))
                else column
            )
            if isinstance(identifier, exp.Dot):
                identifier = identifier.args["expression"]
            if isinstance(identifier, exp.Identifier):
                found.append(self.session.column_name(identifier, self.raw.base))
        return found

    def warn(self, code: str, message: str, place: Place | None = None) -> None:
        """A warning at a place, by default the whole statement."""
        start, end = place or (self.raw.start, self.raw.end)
        self.session.report(Severity.WARNING, code, message, start, end)

    def write(
        self, target: Node, values: list[tuple[Name, Column]], rows: Column | None, reads: list[Node]
    ) -> Node:
        """Record a write; returns the node that later statements read under the target's name."""
        if target.is_derived:
            target = self.session.next_version(target)
        pairs = []
        before = list(target.columns.items()) if target.is_derived else []
        for name, value in values:
            column = self._target_column(target, name)
            if target.is_derived and value.inputs is not None:
                column.inputs = [*(column.inputs or ()), *value.inputs]
                column.fold()
            pairs.append((column, value))
        if target.is_derived:
            written = {column for column, _ in pairs}
            others = [(key, column) for key, column in before if column not in written]
            for node in reads:
                pairs += _add_stars(target, node, others)
            if target.star is not None:
                target.star.fold()
            if rows is not None and target.rows.inputs is not None:
                target.rows.inputs.append(Input(rows, ROWS, self.reader.quoter.whole))
            for node in reads:
                target.reads[node] = None
        self.writes.append(Write(target, pairs, rows, reads))
        return target

    def _target_column(self, target: Node, name: Name) -> Column:
        if name.text == "*":
            target.is_open = target.is_open or target.is_derived
            return target.star_column()
        column = target.columns.get(name.key) or target.found.get(name.key)
        if column is None and not target.is_open and target.columns:
            folded = name.key.lower()
            column = next((one for key, one in target.columns.items() if key.lower() == folded), None)
        if column is None:
            if target.is_derived:
                above = target.find(name.key, name.text) if target.stars else None
                inputs = list(above.inputs or ()) if above is not None else []
                column = target.add(name.key, name.text, inputs)
            else:
                column = target.found[name.key] = Column(target, name.text, None)
        return column

    def release(self) -> None:
        """Cut the cycles between the readers, so that all but the tree goes at once."""
        self.reader.release()

    # Outcome --------------------------------------------------------------------------------------

    def outcome(self) -> Outcome:
        """The lineage of the statement."""
        reads = self._reads()
        self.session.last_result = self.results[-1] if self.results else None
        writes = dict.fromkeys(write.target.id for write in self.writes)
        writes.update(dict.fromkeys(node.id for node in self.results))
        if self.swapped is not None:
            writes[self.swapped[0].id] = None
        lineage = _make_lineage(
            self.index,
            self.kind,
            self.session.source.span(*self.reader.quoter.whole),
            tuple(reads),
            tuple(writes),
            tuple(self._chain()),  # first: it makes the edges that both have
            tuple(self._folded()),
            True,
            tuple(dict.fromkeys(node.id for node in self.changes)),
        )
        return Outcome(lineage, tuple(self._relation_edges()))

    def _reads(self) -> dict[RelationId, None]:
        if self.only_caches:
            return {}
        read = [node for write in self.writes for node in write.reads]
        return {
            base.id: None for node in [*read, *self.results, *self.extra_reads] for base in self._bases(node)
        }

    def _bases(self, node: Node) -> list[Node]:
        """Base relations and temporary tables behind a node, in reading order."""
        bases = self.bases.get(node)
        if bases is None:
            bases = self.bases[node] = base_relations(node, through_temporary=False)
        return bases

    def _relation_edges(self) -> Iterable[RelationEdge]:
        links = [(node, write.target) for write in self.writes for node in write.reads]
        links += [(node, node) for node in self.results]
        pairs = [(base, target) for node, target in links for base in self._through_temporary(node)]
        pairs += [(source, target) for source, target, _ in self.row_links]
        for source, target in dict.fromkeys(pairs):
            yield _make_relation_edge(source.id, target.id, self.index)

    def _through_temporary(self, node: Node) -> Iterable[Node]:
        """Base relations behind a node; of a temporary table, those that it was made of."""
        for base in self._bases(node):
            if base.is_derived:
                yield from base_relations(base, through_temporary=True)
            else:
                yield base

    def _folded(self) -> Iterable[Edge]:
        edges: dict[Step, Edge] = {}
        for write in self.writes:
            for target, value in write.pairs:
                self._fold_into(edges, target, value)
            if write.rows is not None:
                self._fold_rows(edges, write.target.rows, write.rows)
        for node in self.results:
            for column in [*node.columns.values(), *([node.star_column()] if node.stars else [])]:
                self._fold_into(edges, column, column)
            self._fold_rows(edges, node.rows, node.rows)
        for source, target, place in self._links():
            if source.inputs is None or source.name is None:  # a temporary table's column keeps its sources
                key = (source, target, IDENTITY)
                edges[key] = self.edges.of(key, place)
        return edges.values()

    def _links(self) -> Iterable[tuple[Column, Column, Place]]:
        """What a statement hands on under another name: row sets and columns."""
        for source, target, place in self.row_links:
            yield source.rows, target.rows, place
        yield from self.column_links

    def _fold_into(self, edges: dict[Step, Edge], target: Column, value: Column) -> None:
        first = value.inputs[0].place if value.inputs else None
        self.session.watch.step()
        for leaf, kind, place in column_leaves(value):
            key = (leaf, target, kind)
            if key not in edges:
                edges[key] = self.edges.of(key, place or first)

    def _fold_rows(self, edges: dict[Step, Edge], target: Column, rows: Column) -> None:
        step = self.session.watch.step
        for leaf, kind, place in row_leaves(rows):
            step()
            key = (leaf, target, kind)
            if kind != ROWS and key not in edges:
                edges[key] = self.edges.of(key, place)

    def _chain(self) -> list[Edge]:
        chain = Chain(self.edges)
        for node in self.results:
            if node.stars:
                node.star_column()  # makes those below that it needs
        for node in self.reader.nodes:
            chain.add_node(node)
        has_aliases = self.session.rules.has_lateral_alias
        for write in self.writes:
            node = write.target
            for target, value in write.pairs:
                chain.link(without_aliases(value.inputs, node) if has_aliases else value.inputs, target)
            if write.rows is not None:
                chain.link(write.rows.inputs, node.rows)
        for node in self.results:
            chain.add_node(node)
        for read in [node for write in self.writes for node in write.reads] + self.results:
            for node in self._bases(read):
                # Columns asked of a temporary table that was made by SELECT *.
                for column in node.found.values() if node.is_derived else ():
                    whole = self.reader.quoter.whole  # the star stands in an earlier statement
                    inputs = [Input(item.column, item.kind, whole) for item in column.inputs or ()]
                    chain.link(inputs, column)
        for before, after, place in self._links():
            chain.found.append(self.edges.of((before, after, IDENTITY), place))
        return chain.found


def _add_stars(target: Node, written: Node, others: list[tuple[str, Column]]) -> list[tuple[Column, Column]]:
    """What a temporary table gets by ``SELECT *``; returns what flows into columns it had before."""
    if not written.stars:
        return []
    pairs = []
    for key, column in others:
        below = written.find(key, column.name or "")
        if below is not None and column.inputs is not None:
            column.inputs.extend(below.inputs or ())
            column.fold()
            pairs.append((column, below))
    if target.stars:
        target.starts.append(len(target.stars))
    target.starts.extend(len(target.stars) + start for start in written.starts)
    target.stars.extend(written.stars)
    target.found.clear()
    return pairs


def base_relations(node: Node, *, through_temporary: bool) -> list[Node]:
    """Base relations behind a node, in reading order."""
    found: dict[Node, None] = {}
    seen: dict[Node, None] = {}
    todo = [node]
    while todo:
        current = todo.pop()
        if current in seen:
            continue
        seen[current] = None
        if not current.is_derived or (current.kind is _TEMPORARY and not through_temporary):
            found[current] = None
        else:
            todo.extend(reversed(current.reads))
    return list(found)


def value_column(node: Node, name: str, inputs: list[Input]) -> Column:
    """A column that only carries inputs to a target."""
    column = Column(node, name, inputs)
    column.fold()
    return column
