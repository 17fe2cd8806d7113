"""SET lists: of UPDATE, MERGE and ON CONFLICT."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from airflow_provider_sqlflow.engine.graph import (
    DECIDES,
    IDENTITY,
    TRANSFORMATION,
    Column,
    Input,
    Node,
    Place,
)
from airflow_provider_sqlflow.engine.quote import Quoter
from airflow_provider_sqlflow.engine.scope import Scope
from airflow_provider_sqlflow.engine.session import Name
from airflow_provider_sqlflow.engine.statements.context import Statement, value_column


def assignments(
    statement: Statement, expressions: Any, scope: Scope, target: Node
) -> list[tuple[list[Name], Column]]:
    """``a = expression`` and ``(a, b) = (SELECT …)`` of a SET list."""
    reader = statement.reader
    found: list[tuple[list[Name], Column]] = []
    for item in expressions:
        if not isinstance(item, exp.EQ):
            continue
        left, right = item.args["this"], item.args["expression"]
        place = reader.quoter.clause(item)
        if isinstance(left, exp.Tuple):
            targets = [
                reader.walker.names(part)
                for part in left.args.get("expressions") or ()
                if isinstance(part, exp.Column)
            ]
            place = reader.quoter.extent(right)
            query = right.args.get("this") if isinstance(right, exp.Subquery) else right
            if isinstance(query, exp.Query):
                inner = reader.walker.read_query(query, scope)
                scope.owner.reads[inner] = None
                decided = Input(inner.rows, DECIDES, place)
                for names, column in zip(targets, inner.columns.values(), strict=False):
                    found.append(
                        (
                            names,
                            value_column(
                                scope.owner, names[-1].text, [Input(column, IDENTITY, place), decided]
                            ),
                        )
                    )
                continue
            for names, part in zip(targets, right.args.get("expressions") or (), strict=False):
                inputs = reader.walker.inputs(part, scope, IDENTITY, place)
                found.append((names, value_column(scope.owner, names[-1].text, inputs)))
            continue
        if not isinstance(left, exp.Column):
            continue
        start = behind_equals(reader.quoter, place)
        inputs = reader.walker.inputs(right, scope, IDENTITY, start)
        names = reader.walker.names(left)
        if _is_compound(reader.quoter.text(place)):  # T-SQL: a += b
            inputs = [Input(one.column, max(one.kind, TRANSFORMATION), one.place) for one in inputs]
            before = target.find(names[-1].key, names[-1].text)
            if before is not None:
                inputs.insert(0, Input(before, TRANSFORMATION, place))
        found.append((names, value_column(scope.owner, names[-1].text, inputs)))
    return found


def behind_equals(quoter: Quoter, place: Place) -> Place:
    """The right side of an assignment: what stands behind its ``=``."""
    text = quoter.text(place)
    head, equals, tail = text.partition("=")
    if not equals:
        return place
    start = place[0] + len(head) + 1 + len(tail) - len(tail.lstrip())
    return start, place[1]


def _is_compound(text: str) -> bool:
    head, equals, _ = text.partition("=")
    return bool(equals) and head.rstrip()[-1:] in ("+", "-", "*", "/", "%", "&", "|", "^")
