"""Which of two relations a bare column belongs to when nobody knows the columns of either.

A comparison is nearly always between relations, so of ``FROM emp, dept WHERE deptid = id`` the first operand
is taken for the first relation's and the second for the second's (SQLFlow's sample does the same;
reference: sqlflow-lineage-model, section 2.5). A name then means one thing in the whole query.
"""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from airflow_provider_sqlflow.engine.scope import Scope

_COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NullSafeEQ, exp.NullSafeNEQ)


def share_operands(condition: Any, scope: Scope) -> None:
    """Note the owners of the operands of unqualified comparisons, when two open relations are in scope."""
    sources = scope.sources
    if len(sources) != 2 or not all(one.is_open_table for one in sources):
        return
    todo = [condition]
    while todo:
        current = todo.pop()
        if isinstance(current, (exp.And, exp.Or)):
            todo += [current.args["expression"], current.args["this"]]
        elif isinstance(current, (exp.Paren, exp.Where)):
            todo.append(current.args["this"])
        elif isinstance(current, _COMPARISONS):
            _share(current.args["this"], current.args["expression"], scope)


def _share(left: Any, right: Any, scope: Scope) -> None:
    left_key, right_key = _bare_key(left, scope), _bare_key(right, scope)
    if left_key is None or right_key is None or left_key == right_key:
        return
    first, second = scope.sources
    owners = scope.owners
    if left_key in owners:  # one is settled: the other relation has the other
        owners.setdefault(right_key, second if owners[left_key] is first else first)
    elif right_key in owners:
        owners[left_key] = second if owners[right_key] is first else first
    else:
        owners[left_key], owners[right_key] = first, second


def _bare_key(operand: Any, scope: Scope) -> str | None:
    """The compared name of a column without qualifier that no relation is known to have."""
    if not isinstance(operand, exp.Column) or operand.args.get("table") is not None:
        return None
    identifier = operand.args.get("this")
    if not isinstance(identifier, exp.Identifier):
        return None
    key = scope.session.column_key(identifier)
    known = any(key in source.node.columns for source in scope.sources)
    return None if known or identifier.name.lower() in scope.session.pseudo_columns else key
