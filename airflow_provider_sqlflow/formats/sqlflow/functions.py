"""Function calls as objects between the columns they take and the column they make."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from airflow_provider_sqlflow.engine.calls import Call, Name
from airflow_provider_sqlflow.engine.model import ColumnRef, Edge
from airflow_provider_sqlflow.formats.sqlflow.entities import Entities, Level


@dataclass(slots=True)
class CallNode:
    """A call of an expression as an object.

    Attributes:
        call: the call.
        ref: the object's one column; for the expression itself the column it makes.
        outer: what takes its result; ``None`` for the expression itself.
    """

    call: Call
    ref: ColumnRef
    outer: CallNode | None = None
    inner: list[CallNode] = field(default_factory=list)

    def walk(self) -> Iterator[CallNode]:
        """The node and all inside, inner ones first."""
        for node in self.inner:
            yield from node.walk()
        yield self


def make_nodes(call: Call, made: ColumnRef, entities: Entities, edge: Edge | None) -> CallNode:
    """The objects of an expression's calls.

    Args:
        call: the expression.
        made: the column it makes.
        entities: the document's objects.
        edge: an edge of the expression, for its place.
    """
    return _make(CallNode(call, made), entities, edge)


def _make(node: CallNode, entities: Entities, edge: Edge | None) -> CallNode:
    for call in node.call.calls:
        entity = entities.make("function", Level.FUNCTION, call.name)
        entity.columns = (call.name,)
        entity.span = edge.span if edge else None
        inner = CallNode(call, ColumnRef(entity.id, call.name), node)
        node.inner.append(_make(inner, entities, edge))
    return node


def takers(root: CallNode, source: ColumnRef, sources: Sequence[ColumnRef]) -> list[CallNode]:
    """The innermost calls that take a column; the expression itself where it stands outside calls.

    Args:
        root: the expression.
        source: the column.
        sources: every source of the expression; tells apart columns of one name.
    """
    if source.name is None:
        counts = [node for node in root.walk() if node.call.counts_rows]
        return counts or [_outermost(root)]
    wanted = source.name.casefold()
    same = list(dict.fromkeys(one for one in sources if (one.name or "").casefold() == wanted))
    references = [
        (node, name) for node in root.walk() for name in node.call.columns if name[-1].casefold() == wanted
    ]
    if len(same) > 1:
        references = _of_qualifier(references, source, same)
    found = list({id(node): node for node, _ in references}.values())
    if found:
        return found
    holders = [node for node in root.walk() if node.call.has_query]
    return holders[:1] or [_outermost(root)]


def _of_qualifier(
    references: list[tuple[CallNode, Name]], source: ColumnRef, same: list[ColumnRef]
) -> list[tuple[CallNode, Name]]:
    """Of references of one name those with the source's qualifier.

    A qualifier may be an alias, which only the text knows: qualifiers and sources come in one order.
    """
    own = source.relation.name.casefold()
    exact = [item for item in references if len(item[1]) > 1 and item[1][-2].casefold() == own]
    if exact:
        return exact
    qualifiers = list(dict.fromkeys(name[:-1] for _, name in references))
    index = same.index(source)
    return [item for item in references if index < len(qualifiers) and item[1][:-1] == qualifiers[index]]


def _outermost(root: CallNode) -> CallNode:
    return root.inner[0] if root.inner else root


def is_counted(call: Call, name: str) -> bool:
    """Whether a column stands only inside ``count(…)``: its value does not reach the result."""
    wanted = name.casefold()

    def uses(one: Call, in_count: bool) -> Iterator[bool]:
        in_count = in_count or one.is_count
        for reference in one.columns:
            if reference[-1].casefold() == wanted:
                yield in_count
        for inner in one.calls:
            yield from uses(inner, in_count)

    found = list(uses(call, False))
    return bool(found) and all(found)
