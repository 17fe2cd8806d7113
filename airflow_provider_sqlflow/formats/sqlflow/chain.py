"""A result as SQLFlow's full chain: one flow a step, through select lists, functions and constants.

Everything else (end-to-end relations, CSV, table level) is this chain with objects folded away
(:mod:`airflow_provider_sqlflow.formats.sqlflow.folding`). Rules: reference sqlflow-lineage-model,
sections 5.4, 5.5 and 6.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from airflow_provider_sqlflow.engine.calls import read_calls
from airflow_provider_sqlflow.engine.model import (
    ColumnRef,
    Edge,
    Effect,
    LineageResult,
    RelationId,
    Span,
    StatementKind,
    StatementLineage,
    Subtype,
)
from airflow_provider_sqlflow.engine.outline import StatementOutline, outline
from airflow_provider_sqlflow.formats.options import ExportOptions, ResultSets
from airflow_provider_sqlflow.formats.sqlflow.blocks import Hop, Slot, StatementBlocks
from airflow_provider_sqlflow.formats.sqlflow.entities import Entities, Level
from airflow_provider_sqlflow.formats.sqlflow.flow import DIRECT_FLOW, INDIRECT_FLOW, Flow
from airflow_provider_sqlflow.formats.sqlflow.functions import CallNode, is_counted, make_nodes, takers
from airflow_provider_sqlflow.formats.sqlflow.joins import join_flows
from airflow_provider_sqlflow.formats.sqlflow.stages import StageNames
from airflow_provider_sqlflow.formats.sqlflow.terms import clause_type_of, relation_type_of

Texts = Callable[[], Mapping[str, str]]
"""Gives the SQL texts by name, when asked."""

_WINDOW = re.compile(r"\bOVER\b", re.IGNORECASE)
_DECIDING = frozenset({Subtype.FILTER, Subtype.GROUP_BY})


def no_texts() -> Mapping[str, str]:
    """For results whose text is not at hand."""
    return {}


class Chain:
    """The flows of a result, statement by statement.

    Args:
        result: the lineage.
        options: what to show: decides which objects are made at all.
        entities: the document's objects; filled while flows are made.
        texts: the SQL texts, asked for only where the options need the shape of queries.
    """

    def __init__(
        self, result: LineageResult, options: ExportOptions, entities: Entities, texts: Texts = no_texts
    ) -> None:
        self.result = result
        self.options = options
        self.entities = entities
        self.stages = StageNames(result, entities)
        self.shows_sets = options.result_sets is ResultSets.ALL
        needs_text = self.shows_sets or options.constants or options.joins
        self._texts = texts() if needs_text else {}
        self._outlines: dict[str, dict[Span, StatementOutline]] = {}
        self.decided: set[ColumnRef] = set()

    def statements(self) -> Iterator[tuple[StatementLineage, list[Flow]]]:
        """Each statement with its flows, in reading order."""
        for statement in self.result.statements:
            outline = self._outline(statement)
            blocks = StatementBlocks(statement, outline, self.entities, shows_sets=self.shows_sets)
            flows = _StatementChain(self, statement, blocks).flows()
            if self.options.joins:
                flows += join_flows(statement, outline, self.result.dialect)
            yield statement, [moved for flow in flows for moved in self.stages.moved(flow)]

    def _outline(self, statement: StatementLineage) -> StatementOutline | None:
        name = statement.span.source_name
        text = self._texts.get(name)
        if text is None:
            return None
        if name not in self._outlines:
            self._outlines = {name: outline(text, self.result.dialect, name)}  # files come one by one
        return self._outlines[name].get(statement.span)


@dataclass(slots=True)
class _Group:
    """The rows of one block: what decides them, and whose rows they are."""

    deciding: list[Edge] = field(default_factory=list)
    sources: dict[RelationId, None] = field(default_factory=dict)
    is_grouped: bool = False


@dataclass(slots=True)
class _Output:
    """One output of a block: all edges of its expression."""

    slot: Slot
    edges: list[Edge]

    @property
    def aggregates(self) -> list[Edge]:
        """The edges that an aggregate makes; a window function is none."""
        if _WINDOW.search(self.edges[0].expression):
            return []
        return [edge for edge in self.edges if edge.subtype is Subtype.AGGREGATION]


class _StatementChain:
    """Makes the flows of one statement."""

    def __init__(self, chain: Chain, statement: StatementLineage, blocks: StatementBlocks) -> None:
        self.chain = chain
        self.options = chain.options
        self.entities = chain.entities
        self.dialect = chain.result.dialect
        self.statement = statement
        self.blocks = blocks
        self.groups: dict[int, _Group] = defaultdict(_Group)
        self._flows: dict[tuple[ColumnRef, ColumnRef, str], Flow] = {}
        self._constants: RelationId | None = None

    def flows(self) -> list[Flow]:
        """All flows, those of inner queries first."""
        steps: dict[tuple[object, ...], _Output | tuple[Slot, Edge]] = {}
        self._find_decided()
        for edge in self._edges():
            for slot in self.blocks.slots_of(edge):
                if edge.target.name is None:
                    steps[id(slot), edge] = (slot, edge)
                    self._note(slot, edge)
                    continue
                output = steps.setdefault((id(slot), edge.target, edge.span), _Output(slot, []))
                if isinstance(output, _Output):
                    output.edges.append(edge)
                    self.groups[id(slot)].sources[edge.source.relation] = None
        for step in steps.values():
            if isinstance(step, _Output):
                self._output(step)
            else:
                self._rows(*step)
        for branch, union in self.blocks.unions():  # also where nothing decides the rows (reference, E15)
            key = (branch, union, INDIRECT_FLOW)
            flow = Flow(branch, union, INDIRECT_FLOW, "select", None, self.statement)
            self._flows.setdefault(key, flow)
        if self.options.constants or self.options.functions:
            self._outputs_without_edges({edge.span for edge in self.statement.edges})
        return list(self._flows.values())

    def _edges(self) -> Iterator[Edge]:
        """The edges, as SQLFlow counts them: a stream hands on rows; loaded partitions are columns."""
        only_rows = self.statement.kind is StatementKind.CREATE_STREAM
        named = self.blocks.loaded_columns
        for edge in self.statement.edges:
            if only_rows and edge.target.name is not None:
                continue
            if named and edge.target.name == "*":
                for name in named:
                    yield replace(edge, target=replace(edge.target, name=name))
            else:
                yield edge

    def _expression(self, edge: Edge) -> str:
        """The text of an output; nothing where all the statement stands for it, as in a load."""
        return "" if edge.span == self.statement.span else edge.expression

    # Rows -----------------------------------------------------------------------------------------

    def _find_decided(self) -> None:
        """The row sets that something decides, through rows of queries below in whatever order they stand."""
        decided = self.chain.decided
        waiting: dict[ColumnRef, list[ColumnRef]] = defaultdict(list)
        found: list[ColumnRef] = []
        for edge in self.statement.edges:
            if edge.target.name is None and edge.effect is Effect.INDIRECT:
                if edge.source.name is None and edge.source not in decided:
                    waiting[edge.source].append(edge.target)
                else:
                    found.append(edge.target)
        while found:
            rows = found.pop()
            decided.add(rows)
            found.extend(waiting.pop(rows, ()))

    def _note(self, slot: Slot, edge: Edge) -> None:
        """Remember what decides the rows of a block, for its aggregates."""
        group = self.groups[id(slot)]
        group.sources[edge.source.relation] = None
        if edge.source.name is not None and edge.subtype in _DECIDING:
            group.deciding.append(edge)
            group.is_grouped |= edge.subtype is Subtype.GROUP_BY

    def _rows(self, slot: Slot, edge: Edge) -> None:
        """What decides rows; rows of a query below only where something decides those."""
        is_direct = edge.effect is Effect.DIRECT
        if edge.source.name is None and not is_direct and edge.source not in self.chain.decided:
            return
        hops = self.blocks.hops(slot, None, None)
        if is_direct:  # rename, swap, stream: there is no query in between
            hops = hops[-1:]
        self._add(edge.source, hops, relation_type_of(edge), clause_type_of(edge), edge)
        self.chain.decided.update(hop.ref for hop in hops)

    # Outputs --------------------------------------------------------------------------------------

    def _output(self, output: _Output) -> None:
        kept = [edge for edge in output.edges if self._is_shown(edge)]
        if self.options.functions:
            self._through_calls(output, kept)
            return
        for edge in kept:
            self._add(edge.source, self.blocks.path(output.slot, edge), *_words(edge), edge)
        aggregates = output.aggregates
        hops = self.blocks.path(output.slot, output.edges[0])
        if aggregates:
            is_count = any(edge.masking or edge.source.name is None for edge in aggregates)
            self._aggregate(output.slot, hops, is_count=is_count, edge=aggregates[0])
        if self.options.constants:
            call = read_calls(self._expression(output.edges[0]), self.dialect)
            for text in (text for one in call.walk() for text in one.constants):
                self._constant(text, hops, DIRECT_FLOW, output.edges[0])

    def _is_shown(self, edge: Edge) -> bool:
        if edge.source.name is None:
            return edge.effect is Effect.DIRECT or edge.source in self.chain.decided
        if self.options.count_is_direct or "count" not in edge.expression.casefold():
            return True
        return not is_counted(read_calls(self._expression(edge), self.dialect), edge.source.name)

    def _aggregate(
        self, slot: Slot, hops: list[Hop], *, is_count: bool, edge: Edge | None, function: str | None = None
    ) -> None:
        """What decides the rows of an aggregate's query decides its value (reference, section 5.5)."""
        group = self.groups[id(slot)]
        for one in group.deciding:
            self._add(one.source, hops, INDIRECT_FLOW, clause_type_of(one), one, function)
        if is_count or not group.is_grouped:
            for relation in group.sources:
                self._add(ColumnRef(relation, None), hops, INDIRECT_FLOW, "selectList", edge, function)

    def _through_calls(self, output: _Output, edges: list[Edge]) -> None:
        """The same with an object for each call."""
        first = output.edges[0]
        hops = self.blocks.path(output.slot, first)
        root = self._call_nodes(self._expression(first), hops, first)
        sources = [edge.source for edge in output.edges]
        for edge in edges:
            is_star = first.expression.strip().endswith("*")
            for node in takers(root, edge.source, sources):
                if node is root:
                    way = self.blocks.path(output.slot, edge) if is_star else hops
                    self._add(edge.source, way, *_words(edge), edge)
                else:
                    self._add(edge.source, _hop(node), *_words(edge), edge, node.call.name)
        for node in root.walk():
            if node.call.is_aggregate:
                is_count = node.call.is_count
                self._aggregate(
                    output.slot, _hop(node), is_count=is_count, edge=first, function=node.call.name
                )
                if self.chain.shows_sets:
                    self._decide_call(output.slot, node, first)

    def _decide_call(self, slot: Slot, node: CallNode, edge: Edge) -> None:
        """The rows of a query below also reach the rows of an aggregate, without an effect (E6)."""
        for relation in self.groups[id(slot)].sources:
            rows = ColumnRef(relation, None)
            if rows in self.chain.decided:
                self._add(rows, [Hop(ColumnRef(node.ref.relation, None), None)], INDIRECT_FLOW, "", edge)

    def _call_nodes(self, expression: str, hops: list[Hop], edge: Edge | None) -> CallNode:
        """The objects of an expression's calls, linked with each other and with their constants."""
        root = make_nodes(read_calls(expression, self.dialect), hops[0].ref, self.entities, edge)
        for node in root.walk():
            way = hops if node is root else _hop(node)
            for inner in node.inner:
                self._add(
                    inner.ref, way, DIRECT_FLOW, "selectList", edge, None if node is root else node.call.name
                )
            name = None if node is root else node.call.name
            for text in node.call.constants if self.options.constants else ():
                self._constant(text, way, DIRECT_FLOW, edge, function=name)
        return root

    # Constants ------------------------------------------------------------------------------------

    def _outputs_without_edges(self, seen: set[Span | None]) -> None:
        for _slot, item, hops in self.blocks.outputs():
            if item.span in seen and item.span != self.statement.span:
                continue
            if self.options.functions:
                self._call_nodes(item.text, hops, None)
            else:
                call = read_calls(item.text, self.dialect)
                for text in (text for one in call.walk() for text in one.constants):
                    self._constant(text, hops, DIRECT_FLOW, None)
        for hops, where in self.blocks.conditions() if self.options.constants else ():
            call = read_calls(where, self.dialect)
            for text in (text for one in call.walk() for text in one.constants):
                self._constant(text, hops, INDIRECT_FLOW, None, "where")

    def _constant(
        self,
        text: str,
        hops: list[Hop],
        flow_type: str,
        edge: Edge | None,
        clause: str = "selectList",
        function: str | None = None,
    ) -> None:
        if self._constants is None:
            self._constants = self.entities.make("constantTable", Level.CONSTANT, "SQL_CONSTANTS").id
        self._add(ColumnRef(self._constants, text), hops, flow_type, clause, edge, function)

    # Flows ----------------------------------------------------------------------------------------

    def _add(
        self,
        source: ColumnRef,
        hops: list[Hop],
        flow_type: str,
        clause: str,
        edge: Edge | None,
        function: str | None = None,
    ) -> None:
        """A step into the first hop, and the steps from hop to hop: each once."""
        for number, hop in enumerate(hops):
            if number:
                source, clause = hops[number - 1].ref, "selectList"
                flow_type = INDIRECT_FLOW if hop.ref.name is None else DIRECT_FLOW
            key = (source, hop.ref, flow_type)
            if key not in self._flows:
                self._flows[key] = Flow(*key, hop.effect, edge, self.statement, clause, function)
            if hop.ref.name is None:
                self.chain.decided.add(hop.ref)


def _words(edge: Edge) -> tuple[str, str]:
    return relation_type_of(edge), clause_type_of(edge)


def _hop(node: CallNode) -> list[Hop]:
    return [Hop(node.ref, "function")]
