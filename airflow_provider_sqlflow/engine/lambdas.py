"""``x -> …`` as an argument: a function of one variable, or the JSON arrow behind a column.

The parser takes both for a function: ``f(doc -> 'items')`` is one of ``doc`` to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp

from airflow_provider_sqlflow.engine.graph import IDENTITY, TRANSFORMATION, Input, Place, combine
from airflow_provider_sqlflow.engine.scope import Scope

if TYPE_CHECKING:
    from airflow_provider_sqlflow.engine.expressions import Walker

# Manuals: PostgreSQL "JSON functions and operators", MySQL "column -> path", SQLite "JSON functions".
_HAVE_JSON_ARROW = frozenset({"postgres", "redshift", "materialize", "risingwave", "mysql", "sqlite"})
_HAVE_BOTH = frozenset({"", "duckdb", "starrocks", "doris"})


def read_lambda(walker: Walker, e: Any, scope: Scope, kind: int, place: Place, out: list[Input]) -> None:
    """The columns of a function's body; its variables are none, unless the arrow is that of JSON."""
    step = TRANSFORMATION if kind == IDENTITY else kind
    dialect = walker.session.rules.name
    if dialect in _HAVE_JSON_ARROW or (dialect in _HAVE_BOTH and _takes_from_json(e)):
        for variable in e.args.get("expressions") or ():
            if isinstance(variable, exp.Identifier):
                for found, access in scope.resolve([walker.session.column_name(variable, walker.base)]):
                    out.append(Input(found, combine(step, access), place))
    walker.visit(e.args["this"], scope, step, place, out)


def _takes_from_json(e: Any) -> bool:
    """Whether what stands right of the arrow is a path: a literal, and the variable nowhere."""
    first = body = e.args["this"]
    while isinstance(first.args.get("this"), exp.Expr):
        first = first.args["this"]
    if not isinstance(first, exp.Literal):
        return False
    names = {variable.name for variable in e.args.get("expressions") or ()}
    return not any(used.name in names for used in body.find_all(exp.Identifier))
