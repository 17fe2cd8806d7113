"""Which columns an expression reads, and how: the walk over value expressions.

What stands inside an output expression without being its value, such as a CASE condition or OVER (…), is
indirect (reference: openlineage-marquez, section 3.1).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlglot import exp

from airflow_provider_sqlflow.engine.graph import (
    AGGREGATION,
    CONDITIONAL,
    DECIDES,
    FILTER,
    IDENTITY,
    JOIN,
    MASKED,
    SORT,
    TRANSFORMATION,
    WINDOW,
    Column,
    Input,
    Node,
    Place,
    combine,
)
from airflow_provider_sqlflow.engine.lambdas import read_lambda
from airflow_provider_sqlflow.engine.scope import Scope
from airflow_provider_sqlflow.engine.session import Name, Session
from airflow_provider_sqlflow.engine.structs import read_map, read_owner, read_struct

Expression = Any
"""A sqlglot node. Its classes are compiled and many; the walk dispatches on the class."""


class Walker:
    """Walks the expressions of one statement.

    ``read_query`` turns a subquery into a node; it is passed in because queries read expressions too.
    """

    def __init__(self, session: Session, base: int, read_query: Callable[[Expression, Scope], Node]) -> None:
        self.session = session
        self.base = base
        self.read_query = read_query

    def release(self) -> None:
        """Forget who reads subqueries, so that walker and reader do not keep each other."""
        self.read_query = _no_reader

    def inputs(self, expression: Expression, scope: Scope, kind: int, place: Place) -> list[Input]:
        """The inputs of an expression whose text stands at ``place``.

        ``kind`` is how the whole expression acts: IDENTITY for a value, an indirect kind for a
        condition.
        """
        self.session.watch.step()
        out: list[Input] = []
        handler = _HANDLERS[type(expression)]
        if handler is not None:
            handler(self, expression, scope, kind, place, out)
        return out

    def visit(self, expression: Expression, scope: Scope, kind: int, place: Place, out: list[Input]) -> None:
        """Append the inputs of an expression."""
        handler = _HANDLERS[type(expression)]
        if handler is not None:
            handler(self, expression, scope, kind, place, out)

    def children(
        self, expression: Expression, scope: Scope, kind: int, place: Place, out: list[Input], skip: str = ""
    ) -> None:
        """Visit everything below an expression with one kind."""
        for key, value in expression.args.items():
            if key == skip or not value:
                continue
            if isinstance(value, list):
                for item in value:
                    if isinstance(item, exp.Expr):
                        self.visit(item, scope, kind, place, out)
            elif isinstance(value, exp.Expr):
                self.visit(value, scope, kind, place, out)

    def names(self, column: exp.Column) -> list[Name]:
        """The parts of a column reference, outermost first."""
        session, base, args = self.session, self.base, column.args
        name = session.column_name(args["this"], base)
        table = args.get("table")
        if table is None:
            return [name]
        if args.get("db") is None:
            return [session.relation_name(table, base), name]
        return [*self.names_of_table(column), name]

    def column(self, column: exp.Column, scope: Scope, kind: int, place: Place, out: list[Input]) -> None:
        """A column reference; ``t.*`` inside a function reads the whole relation."""
        found = self._quickly(column.args, scope)
        if found is not None:
            out.append(Input(found, kind, place))
            return
        this = column.args.get("this")
        if isinstance(this, exp.Star):
            source = scope.find_source(self.names_of_table(column))
            if source is not None and kind & 15 == AGGREGATION:
                out.append(Input(source.node.rows, AGGREGATION, place))  # count(t.*)
            elif source is not None:
                self.all_columns(source.node, kind, place, out)
            return
        if isinstance(this, exp.Parameter):
            self.stage_column(this, self.names_of_table(column), scope, kind, place, out)
            return
        if not isinstance(this, exp.Identifier):
            self._tuple_field(column, scope, kind, place, out)
            return
        parts = self.names(column)
        if parts[-1].text.lower() in _SEQUENCE_VALUES and len(parts) > 1:
            return
        if len(parts) == 1 and parts[0].is_placeholder:
            return
        if len(parts) == 1 and scope.names_relation(parts[0]) and self._is_row(parts[0], scope, kind):
            self._whole_row(parts[0], scope, kind, place, out)
            return
        for found, access in scope.resolve(parts):
            out.append(Input(found, combine(kind, access), place))

    def _tuple_field(
        self, column: exp.Column, scope: Scope, kind: int, place: Place, out: list[Input]
    ) -> None:
        """ClickHouse's ``pair.1``: the number is no column, the qualifier is."""
        owner = column.args.get("table")
        if isinstance(column.args.get("this"), exp.Literal) and isinstance(owner, exp.Identifier):
            for found, _ in scope.resolve([self.session.column_name(owner, self.base)]):
                out.append(Input(found, combine(kind, TRANSFORMATION), place))

    def _quickly(self, args: dict[str, Any], scope: Scope) -> Column | None:
        """The short way for ``alias.column`` and ``column``, most references; ``None``: take the long one."""
        table, this = args.get("table"), args.get("this")
        session = self.session
        if session.is_templated or not isinstance(this, exp.Identifier):
            return None
        if table is None:
            return scope.plain(session.column_key(this), this.args["this"])
        if args.get("db") is not None or not isinstance(table, exp.Identifier):
            return None
        sources = scope.by_name.get(session.relation_key(table))
        if not sources or sources[0].node.stars:
            return None
        node, key = sources[0].node, session.column_key(this)
        column = node.columns.get(key) or node.found.get(key)
        if column is None and node.is_open and not node.is_derived and node.any_inputs is None:
            column = node.find(key, this.args["this"])
        return column

    def stage_column(
        self,
        number: Expression,
        qualifier: list[Name],
        scope: Scope,
        kind: int,
        place: Place,
        out: list[Input],
    ) -> None:
        """Snowflake's ``$1`` of a staged file; a parameter of the session is no column."""
        if self.session.rules.name != "snowflake" or not number.name.isdigit():
            return
        source = scope.find_source(qualifier) if qualifier else next(iter(scope.sources), None)
        if source is not None and source.node.has_unknown_columns:
            name = f"${number.name}"
            column = source.node.find(name, name)
            if column is not None:
                out.append(Input(column, kind, place))

    def names_of_table(self, column: exp.Column) -> list[Name]:
        """The qualifier of ``t.*``."""
        return [
            self.session.relation_name(part, self.base)
            for key in ("catalog", "db", "table")
            if (part := column.args.get(key)) is not None
        ]

    def _is_row(self, name: Name, scope: Scope, kind: int) -> bool:
        """Whether a relation's name stands for its row: ``status`` of ``FROM status`` may be a column of it.

        It is one where rows are no values, and where it stands by itself: functions take rows.
        """
        source = scope.find_source([self.session.relation_name_of(name)])
        if source is None or not source.node.has_unknown_columns or source.node.is_derived:
            return True
        if not self.session.rules.has_row_values:
            return False
        return source.name is not None or not (kind == IDENTITY or kind & 15 >= JOIN)

    def _whole_row(self, name: Name, scope: Scope, kind: int, place: Place, out: list[Input]) -> None:
        """``to_json(t)``: a relation's name used as a value reads all its columns."""
        source = scope.find_source([self.session.relation_name_of(name)])
        if source is not None:
            self.all_columns(source.node, kind, place, out)

    def all_columns(self, node: Node, kind: int, place: Place, out: list[Input]) -> None:
        """A relation used as a value reads every column of it."""
        step = max(kind, TRANSFORMATION) if kind & 15 < JOIN else kind
        out.extend(Input(column, step, place) for column in node.columns.values())
        if node.has_unknown_columns:
            out.append(Input(node.star_column(), step, place))

    # Subqueries -----------------------------------------------------------------------------------

    def subquery(self, query: Expression, scope: Scope, kind: int, place: Place, out: list[Input]) -> None:
        """A query used as a value: its first column flows, what decides its rows decides."""
        node = self.read_query(query, scope)
        scope.owner.reads[node] = None
        for column in node.columns.values():
            out.append(Input(column, kind, place))
        if not node.columns and node.has_unknown_columns:
            out.append(Input(node.star_column(), kind, place))
        out.append(Input(node.rows, DECIDES, place))

    def exists(self, query: Expression, scope: Scope, kind: int, place: Place, out: list[Input]) -> None:
        """EXISTS: that rows are there decides; what the select list says does not matter."""
        node = self.read_query(query, scope)
        scope.owner.reads[node] = None
        out.append(Input(node.rows, kind if kind & 15 >= JOIN else FILTER, place))


def _no_reader(query: Expression, scope: Scope) -> Node:
    raise AssertionError("the statement is read")


def _default(walker: Walker, e: Expression, scope: Scope, kind: int, place: Place, out: list[Input]) -> None:
    """Any operator or function: all its operands, transformed.

    A loop and not a recursion, because ``a || b || …`` is a tree as deep as it is long.
    """
    step = TRANSFORMATION if kind == IDENTITY else kind
    todo = _operands(e)
    while todo:
        current = todo.pop()
        handler = _HANDLERS[type(current)]
        if handler is _default or handler is _same:
            todo.extend(_operands(current))
        elif handler is not None:
            handler(walker, current, scope, step, place, out)


def _operands(e: Expression) -> list[Expression]:
    """Expressions right below, last first."""
    found: list[Expression] = []
    for value in e.args.values():
        if isinstance(value, exp.Expr):
            found.append(value)
        elif isinstance(value, list):
            found += [item for item in value if isinstance(item, exp.Expr)]
    found.reverse()
    return found


def _same(walker: Walker, e: Expression, scope: Scope, kind: int, place: Place, out: list[Input]) -> None:
    this = e.args.get("this")
    if isinstance(this, exp.Expr):
        walker.visit(this, scope, kind, place, out)


def _aggregate(
    walker: Walker, e: Expression, scope: Scope, kind: int, place: Place, out: list[Input]
) -> None:
    step = kind if kind & 15 >= JOIN else AGGREGATION | (kind & MASKED)
    if isinstance(e, (exp.Count, exp.CountIf, exp.ApproxDistinct)):
        if not e.args.get("this") or isinstance(e.args["this"], (exp.Star, exp.Literal)):
            for source in scope.sources:
                out.append(Input(source.node.rows, step, place))
            return
        step |= MASKED if step & 15 < JOIN else 0
    walker.children(e, scope, step, place, out)


def _order_inside(
    walker: Walker, e: Expression, scope: Scope, kind: int, place: Place, out: list[Input]
) -> None:
    """``array_agg(x ORDER BY y)``: x is the value, y decides its order."""
    this = e.args.get("this")
    if isinstance(this, exp.Expr):
        walker.visit(this, scope, kind, place, out)
    for item in e.args.get("expressions") or ():
        walker.visit(item, scope, SORT if kind & 15 < JOIN else kind, place, out)


def _within_group(
    walker: Walker, e: Expression, scope: Scope, kind: int, place: Place, out: list[Input]
) -> None:
    """``percentile_cont(0.5) WITHIN GROUP (ORDER BY x)``: x is the value."""
    value = e.args.get("this")
    walker.visit(value, scope, kind, place, out)
    is_value = isinstance(value, (exp.PercentileCont, exp.PercentileDisc, exp.Mode))
    order = e.args.get("expression")
    if isinstance(order, exp.Expr):
        step = AGGREGATION if is_value else SORT
        walker.children(order, scope, step if kind & 15 < JOIN else kind, place, out)


def _filter(walker: Walker, e: Expression, scope: Scope, kind: int, place: Place, out: list[Input]) -> None:
    walker.visit(e.args["this"], scope, kind, place, out)
    condition = e.args.get("expression")
    if isinstance(condition, exp.Expr):
        walker.visit(condition, scope, CONDITIONAL if kind & 15 < JOIN else kind, place, out)


_SEQUENCE_VALUES = frozenset({"nextval", "currval"})
_POSITIONAL = (exp.Lag, exp.Lead, exp.FirstValue, exp.LastValue, exp.NthValue)


def _window(walker: Walker, e: Expression, scope: Scope, kind: int, place: Place, out: list[Input]) -> None:
    this = e.args.get("this")
    function = this
    while isinstance(function, (exp.IgnoreNulls, exp.RespectNulls)):
        function = function.args.get("this")
    if isinstance(function, _POSITIONAL):
        _default(walker, function, scope, kind, place, out)
    elif isinstance(this, exp.Expr):
        walker.visit(this, scope, kind, place, out)
    is_keep = str(e.args.get("over") or "").upper() == "KEEP"  # Oracle: which row's value is taken
    step = (SORT if is_keep else WINDOW) if kind & 15 < JOIN else kind
    walker.children(e, scope, step, place, out, skip="this")
    alias = e.args.get("alias")
    for _ in scope.windows:  # one named window may go on from another
        named = scope.windows.get(alias.name.lower()) if isinstance(alias, exp.Expr) else None
        if named is None:
            break
        walker.children(named, scope, step, place, out)
        alias = named.args.get("alias")


def _case(walker: Walker, e: Expression, scope: Scope, kind: int, place: Place, out: list[Input]) -> None:
    condition = CONDITIONAL if kind & 15 < JOIN else kind
    operand = e.args.get("this")
    if isinstance(operand, exp.Expr):
        walker.visit(operand, scope, condition, place, out)
    for branch in e.args.get("ifs") or ():
        walker.visit(branch.args["this"], scope, condition, place, out)
        if isinstance(branch.args.get("true"), exp.Expr):
            walker.visit(branch.args["true"], scope, kind, place, out)
    if isinstance(e.args.get("default"), exp.Expr):
        walker.visit(e.args["default"], scope, kind, place, out)


def _if(walker: Walker, e: Expression, scope: Scope, kind: int, place: Place, out: list[Input]) -> None:
    walker.visit(e.args["this"], scope, CONDITIONAL if kind & 15 < JOIN else kind, place, out)
    for key in ("true", "false"):
        if isinstance(e.args.get(key), exp.Expr):
            walker.visit(e.args[key], scope, kind, place, out)


def _nullif(walker: Walker, e: Expression, scope: Scope, kind: int, place: Place, out: list[Input]) -> None:
    walker.visit(e.args["this"], scope, kind, place, out)
    walker.visit(e.args["expression"], scope, CONDITIONAL if kind & 15 < JOIN else kind, place, out)


def _nvl2(walker: Walker, e: Expression, scope: Scope, kind: int, place: Place, out: list[Input]) -> None:
    _if(walker, e, scope, kind, place, out)


def _decode(walker: Walker, e: Expression, scope: Scope, kind: int, place: Place, out: list[Input]) -> None:
    """``DECODE(x, a, r1, b, r2, default)``: x and a, b decide, r1, r2 and default flow."""
    condition = CONDITIONAL if kind & 15 < JOIN else kind
    arguments = e.args.get("expressions") or ()
    for number, argument in enumerate(arguments):
        is_result = number >= 2 and (number % 2 == 0 or number == len(arguments) - 1)
        walker.visit(argument, scope, kind if is_result else condition, place, out)


def _arg_max(walker: Walker, e: Expression, scope: Scope, kind: int, place: Place, out: list[Input]) -> None:
    """``argMax(value, by)``: ``by`` only decides whose value is taken."""
    walker.visit(e.args["this"], scope, kind if kind & 15 >= JOIN else AGGREGATION, place, out)
    by = e.args.get("expression")
    if isinstance(by, exp.Expr):
        walker.visit(by, scope, SORT if kind & 15 < JOIN else kind, place, out)


def _combined(walker: Walker, e: Expression, scope: Scope, kind: int, place: Place, out: list[Input]) -> None:
    """ClickHouse's combinators: the last argument of ``…If`` is a condition."""
    arguments = list(e.args.get("expressions") or ())
    step = kind if kind & 15 >= JOIN else AGGREGATION
    is_conditional = str(e.args.get("this") or "").lower().endswith("if")
    for number, argument in enumerate(arguments):
        is_condition = is_conditional and number == len(arguments) - 1
        walker.visit(argument, scope, CONDITIONAL if is_condition and step < JOIN else step, place, out)


def _array(walker: Walker, e: Expression, scope: Scope, kind: int, place: Place, out: list[Input]) -> None:
    """``ARRAY(SELECT …)`` gathers the rows of a query; ``ARRAY[a, b]`` is a function."""
    parts: list[Expression] = e.args.get("expressions") or []
    if len(parts) == 1 and isinstance(parts[0], exp.Query):
        walker.subquery(parts[0], scope, kind if kind & 15 >= JOIN else AGGREGATION, place, out)
    else:
        _default(walker, e, scope, kind, place, out)


def _coalesce(walker: Walker, e: Expression, scope: Scope, kind: int, place: Place, out: list[Input]) -> None:
    arguments = [e.args["this"], *(e.args.get("expressions") or ())]
    for number, argument in enumerate(arguments):
        walker.visit(argument, scope, TRANSFORMATION if kind == IDENTITY else kind, place, out)
        if number < len(arguments) - 1 and kind & 15 < JOIN:
            walker.visit(argument, scope, CONDITIONAL, place, out)


def _masking(walker: Walker, e: Expression, scope: Scope, kind: int, place: Place, out: list[Input]) -> None:
    step = kind if kind & 15 >= JOIN else max(kind & 15, TRANSFORMATION) | MASKED
    walker.children(e, scope, step, place, out)


_MASKING_NAMES = frozenset(
    {
        "hash", "mask", "hmac", "sha", "sha1", "sha224", "sha256", "sha384", "sha512", "sha2", "md5",
        "crc32", "xxhash64", "murmur_hash3_32", "murmurhash", "checksum",
        "hashbytes", "fingerprint", "farmhash", "farm_fingerprint", "hash_md5", "digest", "ora_hash",
        "standard_hash", "mask_first_n", "mask_last_n", "mask_hash", "binary_checksum",
        "siphash64", "cityhash64",
    }
)  # fmt: skip
AGGREGATE_NAMES = frozenset(
    {
        "collect", "map_agg", "multimap_agg", "histogram", "numeric_histogram", "max_by", "min_by",
        "string_agg", "json_agg", "jsonb_agg", "json_object_agg", "jsonb_object_agg", "group_concat",
        "listagg",
        "wm_concat", "collect_list", "collect_set", "any_value", "bool_and", "bool_or", "every", "mode",
        "regr_slope", "regr_intercept", "regr_count", "corr", "xmlagg", "hll_count",
        "approx_top_count",
        "approx_quantiles", "uniq", "uniqexact", "grouparray", "sumif", "countif", "avgif", "argmax",
        "argmin",
    }
)  # fmt: skip


def _multi_if(walker: Walker, e: Expression, scope: Scope, kind: int, place: Place, out: list[Input]) -> None:
    """ClickHouse's ``multiIf(c1, a, c2, b, else)``."""
    arguments = e.args.get("expressions") or ()
    for number, argument in enumerate(arguments):
        is_condition = number % 2 == 0 and number < len(arguments) - 1
        walker.visit(argument, scope, CONDITIONAL if is_condition and kind & 15 < JOIN else kind, place, out)


def _choose(walker: Walker, e: Expression, scope: Scope, kind: int, place: Place, out: list[Input]) -> None:
    """T-SQL's ``CHOOSE(which, a, b)``: the first argument decides."""
    for number, argument in enumerate(e.args.get("expressions") or ()):
        walker.visit(argument, scope, CONDITIONAL if number == 0 and kind & 15 < JOIN else kind, place, out)


def _proposed_row(
    walker: Walker, e: Expression, scope: Scope, kind: int, place: Place, out: list[Input]
) -> bool:
    """MySQL's ``VALUES(column)`` in ON DUPLICATE KEY UPDATE: the row that was to be inserted."""
    arguments: list[Expression] = e.args.get("expressions") or []
    source = next((one for one in scope.by_name.get("values", ()) if not one.is_visible), None)
    if source is None or len(arguments) != 1:
        return False
    identifier = arguments[0].args["this"] if isinstance(arguments[0], exp.Column) else arguments[0]
    if not isinstance(identifier, exp.Identifier):
        return False
    name = walker.session.column_name(identifier, walker.base)
    column = source.node.find(name.key, name.text)
    if column is not None:
        out.append(Input(column, kind, place))
    return True


def _having_max(
    walker: Walker, e: Expression, scope: Scope, kind: int, place: Place, out: list[Input]
) -> None:
    """BigQuery's ``ANY_VALUE(x HAVING MAX y)``: y decides whose x."""
    walker.visit(e.args["this"], scope, kind, place, out)
    walker.visit(e.args["expression"], scope, SORT, place, out)


def _comprehension(
    walker: Walker, e: Expression, scope: Scope, kind: int, place: Place, out: list[Input]
) -> None:
    """``[x * y FOR x IN list IF x > z]``: the list, y and z are read; x is its own variable."""
    step = TRANSFORMATION if kind == IDENTITY else kind
    variable = e.args["expression"].name
    if isinstance(e.args.get("iterator"), exp.Expr):
        walker.visit(e.args["iterator"], scope, step, place, out)
    for key in ("this", "condition"):
        part = e.args.get(key)
        for column in part.find_all(exp.Column) if isinstance(part, exp.Expr) else ():
            if column.parts[0].name != variable:
                walker.visit(column, scope, step, place, out)


def _anonymous(
    walker: Walker, e: Expression, scope: Scope, kind: int, place: Place, out: list[Input]
) -> None:
    name = str(e.args.get("this") or "").lower()
    if name.startswith("dictget"):  # ClickHouse: the first argument names a dictionary
        for argument in (e.args.get("expressions") or ())[1:]:
            walker.visit(argument, scope, TRANSFORMATION if kind == IDENTITY else kind, place, out)
    elif name == "multiif":
        _multi_if(walker, e, scope, kind, place, out)
    elif name == "choose":
        _choose(walker, e, scope, kind, place, out)
    elif name == "values" and _proposed_row(walker, e, scope, kind, place, out):
        return
    elif name in _MASKING_NAMES:
        _masking(walker, e, scope, kind, place, out)
    elif name in AGGREGATE_NAMES:
        _aggregate(walker, e, scope, kind, place, out)
    else:
        _default(walker, e, scope, kind, place, out)


def _query(walker: Walker, e: Expression, scope: Scope, kind: int, place: Place, out: list[Input]) -> None:
    walker.subquery(e, scope, kind, place, out)


def _exists(walker: Walker, e: Expression, scope: Scope, kind: int, place: Place, out: list[Input]) -> None:
    query = e.args.get("this")
    if isinstance(query, exp.Query):
        walker.exists(query, scope, kind, place, out)
    else:
        _default(walker, e, scope, kind, place, out)  # the higher-order function exists(array, x -> …)


def _is_relation(walker: Walker, field: Expression, scope: Scope) -> bool:
    """SQLite's and ClickHouse's ``a IN t``; in ClickHouse an array may stand there, too."""
    dialect = walker.session.rules.name
    if not isinstance(field, exp.Column) or dialect not in ("sqlite", "clickhouse"):
        return False
    if dialect == "sqlite" or field.args.get("table") is not None:
        return dialect == "sqlite"
    key = walker.session.column_key(field.args["this"])
    return key not in scope.named_values and not any(key in source.node.columns for source in scope.sources)


def _in(walker: Walker, e: Expression, scope: Scope, kind: int, place: Place, out: list[Input]) -> None:
    step = TRANSFORMATION if kind == IDENTITY else kind
    for key in ("this", "expressions", "query", "unnest", "field"):
        value = e.args.get(key)
        if key == "field" and _is_relation(walker, value, scope):
            relation = exp.Table(this=value.args["this"], db=value.args.get("table"))
            walker.subquery(relation, scope, step, place, out)
            continue
        for item in value if isinstance(value, list) else (value,):
            if isinstance(item, exp.Expr):
                walker.visit(item, scope, step, place, out)


def _table(walker: Walker, e: Expression, scope: Scope, kind: int, place: Place, out: list[Input]) -> None:
    """A relation's name where a value stands: ``IN t`` or a function over a table."""


def _parameter(
    walker: Walker, e: Expression, scope: Scope, kind: int, place: Place, out: list[Input]
) -> None:
    walker.stage_column(e, [], scope, kind, place, out)


def _dot(walker: Walker, e: Expression, scope: Scope, kind: int, place: Place, out: list[Input]) -> None:
    """Field access: the expression before the dot is read; ``(alias).column`` is that column."""
    inner = e.args["this"]
    field = e.args.get("expression")
    if (
        isinstance(inner, exp.Paren)
        and isinstance(inner.this, exp.Column)
        and isinstance(field, exp.Identifier)
    ):
        is_row = isinstance(inner.this.this, exp.Star)  # (t.*).a
        qualifier = walker.names_of_table(inner.this) if is_row else walker.names(inner.this)
        if len(qualifier) == 1 and scope.names_relation(qualifier[0]):
            for found, access in scope.resolve([*qualifier, walker.session.column_name(field, walker.base)]):
                out.append(Input(found, combine(kind, access), place))
            return
    step = TRANSFORMATION if kind == IDENTITY else kind
    struct = read_struct(walker, inner, scope, place) if isinstance(field, exp.Identifier) else None
    if struct is not None:
        part = struct[0].get(walker.session.column_key(field))
        for item in part.inputs if part is not None else struct[1]:
            out.append(Input(item.column, combine(step, item.kind), place))
        return
    if isinstance(field, exp.Func) and isinstance(inner, (exp.Identifier, exp.Dot)):
        read_owner(walker, inner, field, scope, step, place, out)
    else:
        walker.visit(inner, scope, step, place, out)
    if isinstance(field, exp.Func):
        walker.visit(field, scope, step, place, out)


def _keyed(walker: Walker, e: Expression, scope: Scope, kind: int, place: Place, out: list[Input]) -> None:
    """``name => value`` and ``value AS field``: the left side is no column."""
    value = e.args.get("expression")
    if isinstance(value, exp.Expr):
        walker.visit(value, scope, kind, place, out)


def _star(walker: Walker, e: Expression, scope: Scope, kind: int, place: Place, out: list[Input]) -> None:
    """A bare ``*`` inside a function other than COUNT: every column of every relation in scope."""
    for source in scope.sources:
        walker.all_columns(source.node, kind, place, out)


_EXACT: dict[type, Callable[..., None]] = {
    exp.Column: Walker.column,
    exp.Alias: _same,
    exp.Paren: _same,
    exp.Cast: _same,
    exp.TryCast: _same,
    exp.Distinct: _default,
    exp.Window: _window,
    exp.Filter: _filter,
    exp.Order: _order_inside,
    exp.WithinGroup: _within_group,
    exp.Case: _case,
    exp.If: _if,
    exp.Nullif: _nullif,
    exp.Coalesce: _coalesce,
    exp.Nvl2: _nvl2,
    exp.HavingMax: _having_max,
    exp.Comprehension: _comprehension,
    exp.DecodeCase: _decode,
    exp.ArgMax: _arg_max,
    exp.ArgMin: _arg_max,
    exp.CombinedAggFunc: _combined,
    exp.Array: _array,
    exp.Exists: _exists,
    exp.In: _in,
    exp.Anonymous: _anonymous,
    exp.Dot: _dot,
    exp.Parameter: _parameter,
    exp.Kwarg: _keyed,
    exp.PropertyEQ: _keyed,
    exp.ToMap: read_map,
    exp.Lambda: read_lambda,
    exp.Star: _star,
    exp.Table: _table,
    exp.Collate: _same,
}
_LEAF = (
    exp.Literal,
    exp.Null,
    exp.Boolean,
    exp.DataType,
    exp.Identifier,
    exp.Var,
    exp.Parameter,
    exp.Placeholder,
)
_MASKING = (exp.MD5, exp.MD5Digest, exp.SHA, exp.SHA1Digest, exp.SHA2, exp.SHA2Digest, exp.FarmFingerprint)


class _Handlers(dict[type, Callable[..., None] | None]):
    """What reads a class of expressions; ``None`` for those that hold no column.

    Filled as classes are met, so it is bounded by sqlglot's classes.
    """

    def __missing__(self, cls: type) -> Callable[..., None] | None:
        self[cls] = _choose_handler(cls)
        return self[cls]


_HANDLERS = _Handlers()


def _choose_handler(cls: type) -> Callable[..., None] | None:
    exact = _EXACT.get(cls)
    if exact is not None:
        return exact
    if issubclass(cls, exp.Column):
        return Walker.column
    if issubclass(cls, _LEAF):
        return None
    if issubclass(cls, exp.Query):
        return _query
    if issubclass(cls, _MASKING):
        return _masking
    if issubclass(cls, exp.AggFunc):
        return _aggregate
    if issubclass(cls, exp.Case):
        return _case
    return _default
