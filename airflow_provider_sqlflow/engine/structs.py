"""Values with parts: the fields of a struct that a query builds, and the columns of a table function.

What is built in the same script is followed field by field; the fields of stored columns are not known,
there a field reads its column.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from airflow_provider_sqlflow.engine.graph import IDENTITY, TRANSFORMATION, Input, Place, combine
from airflow_provider_sqlflow.engine.scope import Scope
from airflow_provider_sqlflow.engine.session import StructField

if TYPE_CHECKING:
    from airflow_provider_sqlflow.engine.expressions import Walker


def read_struct(
    walker: Walker, value: Any, scope: Scope, place: Place
) -> tuple[dict[str, StructField], list[Input]] | None:
    """The fields of ``STRUCT(x AS a, y AS b)`` and the inputs of the whole; ``None`` for other values.

    A cast names the fields: ``CAST(ROW(x, y) AS ROW(a INT, b INT))``.
    """
    names: list[Any] = []
    while isinstance(value, (exp.Paren, exp.Cast)):
        if isinstance(value, exp.Cast):
            to = value.args.get("to")
            parts = to.args.get("expressions") if isinstance(to, exp.DataType) else None
            names = [
                part.args.get("this") if isinstance(part, exp.ColumnDef) else None for part in parts or ()
            ]
        value = value.args.get("this")
    if not isinstance(value, exp.Struct):
        return None
    fields: dict[str, StructField] = {}
    whole: list[Input] = []
    for number, item in enumerate(value.args.get("expressions") or ()):
        inner = item.args.get("expression") if isinstance(item, exp.PropertyEQ) else item
        nested = read_struct(walker, inner, scope, place)
        inputs = nested[1] if nested else walker.inputs(inner, scope, TRANSFORMATION, place)
        name = names[number] if number < len(names) else _field_name(item)
        if isinstance(name, exp.Identifier):
            key, text = walker.session.column_spelling(name, walker.base)
            fields[key] = StructField(inputs, nested[0] if nested else {}, text)
        whole += inputs
    return fields, whole


def read_map(walker: Walker, e: Any, scope: Scope, kind: int, place: Place, out: list[Input]) -> None:
    """DuckDB's ``MAP {key: value}``: keys are values, where those of a struct are names."""
    step = TRANSFORMATION if kind == IDENTITY else kind
    struct = e.args["this"]
    for pair in (struct.args.get("expressions") or ()) if isinstance(struct, exp.Struct) else ():
        if isinstance(pair.args.get("this"), exp.Expr):
            walker.visit(pair.args["this"], scope, step, place, out)
    walker.visit(struct, scope, step, place, out)


def _field_name(item: Any) -> Any:
    """The name of an unnamed field is that of its column."""
    return item.args.get("this") if isinstance(item, (exp.PropertyEQ, exp.Column)) else None


def read_stack(walker: Walker, call: Any, scope: Scope, place: Place, named: int = 0) -> list[list[Input]]:
    """Hive's ``stack(rows, a, b, c, d)``: the inputs of each column, for its values are dealt out in turn.

    Empty for another call, when it does not say how many rows there are, and when that does not fit the
    number of columns that are named.
    """
    if not isinstance(call, exp.Stack):
        return []
    rows = call.args.get("this")
    values: Sequence[Any] = call.args.get("expressions") or ()
    count = int(rows.name) if isinstance(rows, exp.Literal) and rows.name.isdigit() else 0
    width = -(-len(values) // count) if count else 0
    if named and named != width:
        return []
    return [
        [
            found
            for value in values[number::width]
            for found in walker.inputs(value, scope, TRANSFORMATION, place)
        ]
        for number in range(width)
    ]


_XML_METHODS = frozenset({"value", "query", "nodes", "exist", "modify"})


def read_owner(
    walker: Walker, owner: Any, call: Any, scope: Scope, kind: int, place: Place, out: list[Input]
) -> None:
    """What stands before a call: T-SQL's ``t.doc.value('…')`` reads ``doc``; a schema nothing."""
    parts: list[Any] = []
    while isinstance(owner, exp.Dot):
        parts.insert(0, owner.args.get("expression"))
        owner = owner.args["this"]
    parts.insert(0, owner)
    if not all(isinstance(part, exp.Identifier) for part in parts):
        for part in parts:
            if isinstance(part, exp.Expr):
                walker.visit(part, scope, kind, place, out)
        return
    session = walker.session
    qualifier = [session.relation_name(part, walker.base) for part in parts[:-1]]
    name = session.column_name(parts[-1], walker.base)
    if qualifier:
        is_column = scope.find_source(qualifier) is not None
    else:
        is_xml = session.rules.name in ("tsql", "fabric") and call.name.lower() in _XML_METHODS
        is_column = is_xml or any(name.key in source.node.columns for source in scope.sources)
    if is_column:
        for found, access in scope.resolve([*qualifier, name]):
            out.append(Input(found, combine(kind, access), place))
