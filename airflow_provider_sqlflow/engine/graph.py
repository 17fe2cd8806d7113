"""The lineage graph of a script while it is being read: nodes, columns, and folding.

A node is a relation; its columns know their inputs. Base nodes (tables, views, files) have columns
without inputs; derived nodes (CTEs, subqueries, temporary tables) fold away. Each derived column's
*leaves*, the base columns it comes from, are computed once when its node is complete, so cost grows with
the text and not with its depth times its width.

Row sets are columns named ``None``. Their links are followed only when a target is written, each node
once, because filters pile up along a chain and copying them at every step would cost its square.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

from airflow_provider_sqlflow.engine.model import ColumnRef, Effect, RelationId, RelationKind, Subtype
from airflow_provider_sqlflow.engine.values import maker

_make_ref = maker(ColumnRef)

# How an input acts on a column. Direct kinds come first and grow stronger; see `combine`.
IDENTITY, TRANSFORMATION, AGGREGATION = 0, 1, 2
JOIN, FILTER, GROUP_BY, SORT, WINDOW, CONDITIONAL = 3, 4, 5, 6, 7, 8
ROWS = 9
"""A row set's link to another row set: the rows there are the rows here."""
DECIDES = 10
"""A link to a row set of which only the deciding columns count, not that rows exist."""
MASKED = 16
"""Added to a direct kind when the source value cannot be recovered."""

_SUBTYPES = (
    Subtype.IDENTITY,
    Subtype.TRANSFORMATION,
    Subtype.AGGREGATION,
    Subtype.JOIN,
    Subtype.FILTER,
    Subtype.GROUP_BY,
    Subtype.SORT,
    Subtype.WINDOW,
    Subtype.CONDITIONAL,
)

Place = tuple[int, ...]
"""Start and end offset in the script.

Two numbers; said so, the compiler would take the pair apart and make a new one for each look-up of it.
"""


class Input:
    """One source of a column: which column, how it acts, and where the text says so."""

    __slots__ = ("column", "kind", "place")

    def __init__(self, column: Column, kind: int, place: Place) -> None:
        self.column = column
        self.kind = kind
        self.place = place


Leaves = dict[tuple["Column", int], Place | None]


class Column:
    """A column of a node, or its row set (``name`` is ``None``). ``inputs`` is ``None`` on a base.

    ``leaves`` is ``None`` until they are folded; those of a base are itself and need no table.
    A column knows the relation of its node and not the node: without that cycle a script's graph goes
    when the script is done, and the garbage collector has nothing to find.
    """

    __slots__ = ("_ref", "inputs", "is_derived", "leaves", "name", "relation")

    def __init__(self, node: Node, name: str | None, inputs: list[Input] | None) -> None:
        self.relation = node.id
        self.is_derived = node.is_derived
        self.name = name
        self.inputs = inputs
        self.leaves: Leaves | None = None
        self._ref: ColumnRef | None = None

    @property
    def ref(self) -> ColumnRef:
        """The column as the result shows it."""
        if self._ref is None:
            self._ref = _make_ref(self.relation, self.name)
        return self._ref

    @property
    def is_folded(self) -> bool:
        """Whether the leaves are known."""
        return self.inputs is None or self.leaves is not None

    def fold(self) -> None:
        """Compute the leaves from the inputs' leaves."""
        fold(self)


_NO_NAMES: frozenset[str] = frozenset()


class Node:
    """A relation.

    ``columns`` maps the compared form of a declared name to the column, in order; ``found`` those that
    were only asked for. ``is_open`` tells that the node has columns nobody declared: any name may be
    asked for. A derived node is open through ``stars`` (it selects ``*`` of open nodes) or
    ``any_inputs`` (every column has these inputs); ``likely`` are names, in lower case, that such a node
    most probably has. The stars of a set operation stand for the same columns, branch by branch: ``starts``
    are the numbers of the stars with which the later branches begin.
    """

    __slots__ = (
        "any_inputs", "columns", "found", "id", "is_derived", "is_open", "kind", "likely", "reads", "rows",
        "star", "stars", "starts",
    )  # fmt: skip

    def __init__(
        self, relation: RelationId, kind: RelationKind, *, is_derived: bool, is_open: bool = False
    ) -> None:
        self.id = relation
        self.is_derived = is_derived
        self.kind = kind
        self.columns: dict[str, Column] = {}
        self.found: dict[str, Column] = {}
        self.is_open = is_open
        self.stars: list[tuple[Node, Place]] = []
        self.starts: list[int] = []
        self.any_inputs: list[Input] | None = None
        self.likely: frozenset[str] = _NO_NAMES
        self.reads: dict[Node, None] = {}
        self.rows = Column(self, None, [] if is_derived else None)
        self.star: Column | None = None

    def add(self, key: str, name: str, inputs: list[Input] | None = None) -> Column:
        """Declare a column. The first of two equal names answers look-ups by name."""
        column = Column(self, name, inputs)
        if key in self.columns:
            key = f"{key}\0{len(self.columns)}"
        self.columns[key] = column
        return column

    def star_column(self) -> Column:
        """The column ``*``: all columns of an open node."""
        if self.star is None:
            self.star = Column(self, "*", [] if self.is_derived else None)
            if self.star.inputs is not None:  # a recursive query may ask for its own star
                below = [Input(node.star_column(), IDENTITY, place) for node, place in self.stars]
                if not self.stars and not self.columns:
                    below = list(self.any_inputs or ())  # of a table function
                self.star.inputs.extend(below)
                fold(self.star)
        return self.star

    @property
    def has_unknown_columns(self) -> bool:
        """Whether a name that is not declared may still be a column."""
        return self.is_open or self.any_inputs is not None or bool(self.stars)

    def find(self, key: str, name: str) -> Column | None:
        """The column of that name; open nodes make it on demand. ``None`` when there is none."""
        column = self.columns.get(key) or self.found.get(key)
        if column is not None:
            return column
        if not self.stars:
            return self._make(key, name)
        # A chain of `SELECT *` may be long, so walk down first and build upward.
        todo: list[Node] = [self]
        seen: set[Node] = set()
        while todo:
            node = todo[-1]
            if key in node.columns or key in node.found:
                todo.pop()
            elif not node.stars:
                node._make(key, name)
                todo.pop()
            elif node in seen:
                node._copy(key, name)
                todo.pop()
            else:
                seen.add(node)
                below = [item[0] for item in node._holders(key)]
                todo.extend([item for item in reversed(below) if item not in seen])
        return self.found.get(key)

    def _make(self, key: str, name: str) -> Column | None:
        """A column that nobody declared, where the node may have such."""
        if not self.has_unknown_columns:
            return None
        inputs = None if not self.is_derived else list(self.any_inputs or ())
        column = self.found[key] = Column(self, name, inputs)
        fold(column)
        return column

    def _copy(self, key: str, name: str) -> None:
        """A column of what the stars stand for; none when nothing behind them has it."""
        inputs: list[Input] = []
        for node, place in self._holders(key):
            below = node.columns.get(key) or node.found.get(key)
            if below is not None:
                inputs.append(Input(below, IDENTITY, place))
        if inputs:
            column = self.found[key] = Column(self, name, inputs)
            fold(column)

    def _holders(self, key: str) -> list[tuple[Node, Place]]:
        """Behind the stars of each branch, the node that names the column, else the first."""
        if not self.starts:
            return [_star_holding(self.stars, key)]
        return [_star_holding(stars, key) for stars in self.branches()]

    def branches(self) -> list[list[tuple[Node, Place]]]:
        """The stars of each branch that has any."""
        bounds = [0, *self.starts, len(self.stars)]
        parts = [self.stars[start:end] for start, end in pairwise(bounds)]
        return [part for part in parts if part]

    def complete(self) -> None:
        """Fold all columns; the node's inputs do not change any more."""
        for column in self.columns.values():
            if column.leaves is None:
                fold(column)

    def complete_cycle(self) -> None:
        """Like :meth:`complete` for a node that reads itself."""
        for column in self.columns.values():
            column.leaves = None
        leaves = [fold_cycle(column) for column in self.columns.values()]
        for column, found in zip(self.columns.values(), leaves, strict=True):
            column.leaves = found


def _star_holding(stars: list[tuple[Node, Place]], key: str) -> tuple[Node, Place]:
    """Of the open nodes behind stars, the one that names the column, else the first."""
    for item in stars:
        if key in item[0].columns:
            return item
    return stars[0]


def combine(outer: int, inner: int) -> int:
    """The kind of a path of two steps.

    An indirect step makes the path indirect (the outer one's kind if both are); among direct steps the
    stronger wins; masking stays (reference: openlineage-marquez, section 3.1, "Chaining").
    """
    outer_kind, inner_kind = outer & 15, inner & 15
    if outer_kind >= JOIN:
        return inner if inner_kind == DECIDES else outer
    if inner_kind >= JOIN:
        return inner
    return max(outer_kind, inner_kind) | ((outer | inner) & MASKED)


def fold(column: Column) -> None:
    """Compute a derived column's leaves from its inputs' leaves."""
    inputs = column.inputs
    if inputs is None:
        return
    if len(inputs) == 1 and inputs[0].kind == IDENTITY and inputs[0].column.is_folded:
        source = inputs[0].column  # a copy quotes what it is a copy of
        column.leaves = {(source, IDENTITY): None} if source.leaves is None else source.leaves
        return
    leaves: Leaves = {}
    for item in inputs:
        kind, place = item.kind, item.place
        source = item.column
        if source.name is None or source.inputs is None:
            leaves.setdefault((source, kind), place)
            continue
        if source.leaves is None:
            source.leaves = fold_cycle(source)
        for (leaf, inner), inner_place in source.leaves.items():
            # The text quoted is that of the outermost step that is more than a copy.
            quoted = (inner_place or place) if kind == IDENTITY else place
            leaves.setdefault((leaf, combine(kind, inner)), quoted)
    column.leaves = leaves


def fold_cycle(column: Column) -> Leaves:
    """Leaves of a column of a recursive CTE: follow inputs until nothing new appears."""
    leaves: Leaves = {}
    seen: dict[tuple[Column, int], None] = {}
    todo: list[tuple[Column, int, Place | None]] = [(column, IDENTITY, None)]
    while todo:
        current, kind, place = todo.pop()
        if (current, kind) in seen:
            continue
        seen[current, kind] = None
        if current.name is None:
            leaves.setdefault((current, kind), place)
        elif current.inputs is None:
            leaves.setdefault((current, kind), None if kind == IDENTITY else place)
        elif current.leaves is not None:
            for (leaf, inner), inner_place in current.leaves.items():
                leaves.setdefault((leaf, combine(kind, inner)), inner_place if kind == IDENTITY else place)
        else:
            for item in current.inputs or ():
                below = item.place if kind == IDENTITY else place
                todo.append((item.column, combine(kind, item.kind), below))
    return leaves


Leaf = tuple[Column, int, Place | None]


def column_leaves(column: Column) -> Iterator[Leaf]:
    """Base columns (or row sets) behind a column, links to row sets followed."""
    if column.inputs is None:
        yield column, IDENTITY, None
        return
    if column.leaves is None:
        fold(column)
    for (leaf, kind), place in (column.leaves or {}).items():
        if leaf.name is None and leaf.is_derived:
            yield from _through_rows([(leaf, place)], kind)
        elif leaf.name is None and kind == DECIDES:
            continue
        else:
            yield leaf, kind, place


def row_leaves(rows: Column) -> Iterator[Leaf]:
    """What decides a row set; ``(base rows, ROWS)`` for the base row sets it is made of."""
    return _through_rows([(rows, None)], ROWS)


def _through_rows(start: Iterable[tuple[Column, Place | None]], kind: int) -> Iterator[Leaf]:
    """Follow row links. ``kind`` says what the rows do to the one who asks.

    AGGREGATION: the base rows are counted. DECIDES: only columns that decide them. ROWS and the
    indirect kinds: both.
    """
    seen: dict[tuple[Column, int], None] = {}
    todo = [(column, kind, place) for column, place in start]
    direct = kind & 15
    while todo:
        rows, current, place = todo.pop()
        if (rows, current) in seen:
            continue
        seen[rows, current] = None
        if rows.inputs is None:
            if current != DECIDES:
                yield rows, current, place
            continue
        below: list[tuple[Column, int, Place | None]] = []
        for item in rows.inputs:
            if item.column.name is None:
                link = current if item.kind == ROWS else item.kind
                if DECIDES in (current, item.kind):
                    link = DECIDES
                if direct == AGGREGATION and item.kind != ROWS:
                    continue  # counting counts the rows themselves
                below.append((item.column, link, item.place if place is None else place))
            elif direct == AGGREGATION:
                continue
            elif item.column.inputs is None:
                yield item.column, item.kind, item.place
            else:
                yield from _deciding(item)
        todo.extend(reversed(below))


def _deciding(item: Input) -> Iterator[Leaf]:
    for leaf, inner, _ in column_leaves(item.column):
        kind = combine(item.kind, inner)
        if leaf.name is None and kind & 15 < JOIN:
            kind = item.kind
        yield leaf, kind, item.place


def _describe(kind: int) -> tuple[Effect, Subtype, bool]:
    plain = kind & 15
    subtype = Subtype.FILTER if plain >= ROWS else _SUBTYPES[plain]
    return (Effect.DIRECT if plain < JOIN else Effect.INDIRECT), subtype, bool(kind & MASKED)


DESCRIPTIONS = {kind: _describe(kind) for kind in range(32)}
"""Effect, subtype and masking of each kind; links between row sets count as filters."""
