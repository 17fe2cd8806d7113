"""The shape of a script's queries: select lists, branches of set operations, SET lists, joins.

The lineage result has one relation for a query however many branches it has. Exports that show every
select list as a node ask here for the text's own shape. The script is split and parsed again as the
analysis does it, so an item's span is that of the edges which come from it. No name is resolved.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlglot import exp

from airflow_provider_sqlflow.engine.analyze import Reading, Script
from airflow_provider_sqlflow.engine.collector import Collector
from airflow_provider_sqlflow.engine.definitions import Definitions
from airflow_provider_sqlflow.engine.graph import Place
from airflow_provider_sqlflow.engine.model import Span
from airflow_provider_sqlflow.engine.parse import quiet_sqlglot
from airflow_provider_sqlflow.engine.quote import Quoter
from airflow_provider_sqlflow.engine.rescue import Rescued, RescuedMerge
from airflow_provider_sqlflow.engine.split import RawStatement
from airflow_provider_sqlflow.engine.statements.assignments import behind_equals

SELECT, SET, MERGE_UPDATE, MERGE_INSERT = "select", "set", "merge_update", "merge_insert"
"""Roles of a block."""


@dataclass(frozen=True, slots=True)
class Item:
    """One output of a block.

    Attributes:
        name: the alias, the column's name, or the expression's text.
        text: the expression as written.
        span: where it stands; the span of the edges that come from it.
        is_star: stands for several columns.
    """

    name: str
    text: str
    span: Span
    is_star: bool = False


@dataclass(slots=True)
class Block:
    """A select list, the SET list of an UPDATE, or a branch of a MERGE.

    Attributes:
        role: one of the module's roles.
        items: its outputs.
        union: number of the set operation whose branch it is, counted in the statement.
        name: name of the CTE or alias of the subquery whose query it is.
        is_root: the query of the statement itself, not one inside another.
        where: text of the WHERE condition.
    """

    role: str
    union: int | None = None
    name: str | None = None
    is_root: bool = False
    items: list[Item] = field(default_factory=list)
    where: str = ""


@dataclass(slots=True)
class StatementOutline:
    """The blocks of a statement in reading order.

    Attributes:
        blocks: outer and inner ones.
        target_names: the column list of an INSERT or CREATE, or the partition columns of a load.
        joins: how relations are joined, by the place of the condition: ``inner``, ``left`` …
    """

    blocks: list[Block] = field(default_factory=list)
    target_names: tuple[str, ...] = ()
    joins: dict[Span, str] = field(default_factory=dict)


def outline(text: str, dialect: str, source_name: str) -> dict[Span, StatementOutline]:
    """The outlines of a script's statements by their place; what no parser understands is left out.

    Args:
        text: the script that was analysed.
        dialect: the result's dialect.
        source_name: what spans call the script.
    """
    with quiet_sqlglot(), Collector() as collector:
        reading = _Outlining(Script(source_name, text), dialect)
        reading.run(collector)
        outlines = reading.outlines
        del reading
    return outlines


class _Outlining(Reading):
    """Goes through a script as the analysis does, and keeps the shape of its statements."""

    def __init__(self, script: Script, dialect: str) -> None:
        super().__init__(script, dialect, None, None, None, None)
        self.outlines: dict[Span, StatementOutline] = {}

    def _read(self, raw: RawStatement, tree: Any) -> None:
        self.count += 1
        reader = _Reader(self, raw)
        reader.statement(tree)
        self.outlines[self.session.source.span(raw.start, raw.end)] = reader.found


class _Reader:
    """Reads the outline of one statement."""

    def __init__(self, reading: Reading, raw: RawStatement) -> None:
        self.source = reading.session.source
        self.quoter = Quoter(self.source, raw)
        self.found = StatementOutline()
        self.unions = 0

    def statement(self, tree: Any) -> None:
        """Any statement; those without a query have no blocks."""
        if isinstance(tree, RescuedMerge):
            tree = tree.tree
        if isinstance(tree, Rescued):
            self._query(tree.query, is_root=True)
            return
        if isinstance(tree, Definitions):
            self.found.target_names = tuple(column.name.text for column in tree.columns)
            return
        if not isinstance(tree, exp.Expr):
            return
        for join in tree.find_all(exp.Join):
            self._join(join)
        if isinstance(tree, exp.Query):
            self._query(tree, is_root=True)
            return
        self._ctes(tree)
        if isinstance(tree, exp.Merge):
            self._merge(tree)
        elif isinstance(tree, exp.Update):
            self._update(tree)
        else:
            self._names(tree)
            for query in _queries_below(tree, skip="with_"):
                self._query(query, is_root=True)

    def _names(self, tree: Any) -> None:
        partition = tree.args.get("partition") if isinstance(tree, exp.LoadData) else None
        if isinstance(partition, exp.Expr):
            columns = [column.name for column in partition.find_all(exp.Column)]
            self.found.target_names = tuple(dict.fromkeys(columns))
        schema = tree.args.get("this")
        if isinstance(schema, exp.Schema) and isinstance(tree, (exp.Insert, exp.Create)):
            names = [item.name for item in schema.args.get("expressions") or () if item.name]
            self.found.target_names = tuple(names)

    def _ctes(self, tree: Any) -> None:
        with_ = tree.args.get("with_")
        for cte in (with_.args.get("expressions") if with_ is not None else None) or ():
            alias = cte.args.get("alias")
            self._query(cte.args.get("this"), name=alias.name if alias is not None else None)

    # Queries --------------------------------------------------------------------------------------

    def _query(
        self, query: Any, *, union: int | None = None, name: str | None = None, is_root: bool = False
    ) -> None:
        while True:
            if isinstance(query, exp.Expr):
                self._ctes(query)
            if isinstance(query, (exp.Subquery, exp.Paren)) and not query.args.get("joins"):
                query = query.args["this"]
                continue
            break
        if isinstance(query, exp.SetOperation):
            if union is None:
                self.unions += 1
                union = self.unions
            for branch in _branches(query):
                self._query(branch, union=union, name=name, is_root=is_root)
        elif isinstance(query, exp.Select):
            self._select(query, Block(SELECT, union, name, is_root))

    def _select(self, query: Any, block: Block) -> None:
        self.found.blocks.append(block)
        for projection in query.args.get("expressions") or ():
            block.items.append(self._item(projection))
        where = query.args.get("where")
        if where is not None:
            block.where = self.quoter.text(self.quoter.clause(where))
        for inner in _queries_below(query, skip="with_"):
            self._query(inner, name=_alias_of(inner))

    def _join(self, join: Any) -> None:
        condition = join.args.get("on")
        if condition is not None:
            word = str(join.args.get("side") or join.args.get("kind") or "inner").lower()
            self.found.joins[self._span(self.quoter.clause(condition))] = word

    def _item(self, projection: Any) -> Item:
        is_star = isinstance(projection, exp.Star) or (
            isinstance(projection, exp.Column) and isinstance(projection.args.get("this"), exp.Star)
        )
        place = self.quoter.extent(projection) if is_star else self.quoter.item(projection)
        text = self.quoter.text(place)
        name = "*" if is_star else _name_of(projection) or " ".join(text.split())
        return Item(name, text, self._span(place), is_star)

    def _span(self, place: Place) -> Span:
        return self.source.span(*place)

    # Writes ---------------------------------------------------------------------------------------

    def _update(self, tree: Any) -> None:
        block = Block(SET, is_root=True)
        self.found.blocks.append(block)
        self._assignments(tree.args.get("expressions"), block)
        self._inner(tree)

    def _inner(self, tree: Any) -> None:
        for query in _queries_below(tree, skip="with_"):
            self._query(query, name=_alias_of(query))

    def _assignments(self, expressions: Any, block: Block) -> None:
        for item in expressions if isinstance(expressions, list) else ():
            if isinstance(item, exp.EQ) and isinstance(item.args.get("this"), exp.Column):
                place = behind_equals(self.quoter, self.quoter.clause(item))
                block.items.append(Item(item.this.name, self.quoter.text(place), self._span(place)))

    def _merge(self, tree: Any) -> None:
        self._inner(tree)
        whens = tree.args.get("whens")
        for when in (whens.args.get("expressions") if isinstance(whens, exp.Expr) else None) or ():
            then = when.args.get("then")
            if isinstance(then, exp.Update):
                block = Block(MERGE_UPDATE, is_root=True)
                self.found.blocks.append(block)
                self._assignments(then.args.get("expressions"), block)
            elif isinstance(then, exp.Insert):
                self.found.blocks.append(self._merge_insert(then))

    def _merge_insert(self, then: Any) -> Block:
        block = Block(MERGE_INSERT, is_root=True)
        columns, values = then.args.get("this"), then.args.get("expression")
        names = [item.name for item in columns.args.get("expressions") or ()] if columns is not None else []
        items = values.args.get("expressions") if isinstance(values, exp.Tuple) else None
        for number, item in enumerate(items or ()):
            place = self.quoter.extent(item)
            has_place = place != self.quoter.whole  # a constant has none of its own
            text = self.quoter.text(place) if has_place else item.sql()
            name = names[number] if number < len(names) else text
            block.items.append(Item(name, text, self._span(place)))
        return block


def _name_of(projection: Any) -> str:
    """The alias or the column's name; an expression without an alias has none."""
    if isinstance(projection, exp.Alias):
        return projection.alias
    if isinstance(projection, exp.Column):
        return projection.name
    last = projection.args.get("expression") if isinstance(projection, exp.Dot) else None
    return last.name if isinstance(last, exp.Identifier) else ""


def _branches(query: Any) -> list[Any]:
    branches: list[Any] = []
    while isinstance(query, exp.SetOperation):
        branches.append(query.args["expression"])
        query = query.args["this"]
        if isinstance(query, exp.SetOperation) and query.args.get("with_"):
            break
    branches.append(query)
    return branches[::-1]


def _queries_below(tree: Any, skip: str) -> Iterator[Any]:
    """The outermost queries inside a tree, with the brackets that hold their alias, in reading order."""
    todo = [value for key, value in reversed(tree.args.items()) if key != skip]
    while todo:
        value = todo.pop()
        if isinstance(value, list):
            todo.extend(reversed(value))
        elif isinstance(value, exp.Query) and not isinstance(value, exp.Table):
            yield value
        elif isinstance(value, exp.Expr):
            todo.extend(reversed(list(value.args.values())))


def _alias_of(query: Any) -> str | None:
    alias = query.args.get("alias")
    return alias.name or None if isinstance(alias, exp.Expr) else None
