"""A query that stands alone, and SELECT INTO."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from airflow_provider_sqlflow.engine.graph import Node
from airflow_provider_sqlflow.engine.model import RelationId, RelationKind, StatementKind
from airflow_provider_sqlflow.engine.statements.context import Statement
from airflow_provider_sqlflow.engine.statements.create import create_from_query


def read_query(statement: Statement, tree: Any) -> None:
    """``SELECT …``: writes to a relation of kind ``result``."""
    into = _into(tree)
    if into is not None:
        is_temporary = bool(into.args.get("temporary"))
        create_from_query(
            statement, statement.parts(into.args["this"]), tree, [], RelationKind.TABLE, is_temporary
        )
        statement.kind = StatementKind.CREATE_TABLE
        return
    statement.kind = StatementKind.SELECT
    relation = RelationId(None, None, "result", str(statement.index))
    node = Node(relation, RelationKind.RESULT, is_derived=True)
    statement.session.mentions[relation] = (node, (statement.raw.start, statement.raw.end))
    statement.reader.read(tree, node, None, {})
    statement.results.append(node)


def _into(tree: Any) -> Any:
    """The INTO of the leftmost SELECT; into a variable it writes no relation."""
    while isinstance(tree, exp.SetOperation):
        tree = tree.args["this"]
    into = tree.args.get("into") if isinstance(tree, exp.Select) else None
    if into is None or not isinstance(into.args.get("this"), exp.Table):
        return None
    return into
