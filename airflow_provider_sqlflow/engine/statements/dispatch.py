"""From a statement's tree to the reader of its family."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlglot import exp

from airflow_provider_sqlflow.engine.definitions import Definitions
from airflow_provider_sqlflow.engine.graph import Node
from airflow_provider_sqlflow.engine.model import RelationKind
from airflow_provider_sqlflow.engine.rescue import Rescued, RescuedMerge
from airflow_provider_sqlflow.engine.statements.context import Statement
from airflow_provider_sqlflow.engine.statements.create import (
    create_from_query,
    read_create,
    read_declared,
    read_rescued,
)
from airflow_provider_sqlflow.engine.statements.ddl import (
    read_alter,
    read_command,
    read_declare,
    read_drop,
    read_execute,
    read_truncate,
    read_use,
)
from airflow_provider_sqlflow.engine.statements.files import read_copy, read_export, read_load_data
from airflow_provider_sqlflow.engine.statements.insert import read_insert, read_multi_insert
from airflow_provider_sqlflow.engine.statements.query import read_query
from airflow_provider_sqlflow.engine.statements.update import read_delete, read_merge, read_update


def _cache(statement: Statement, tree: Any) -> None:
    """Spark's CACHE TABLE … AS: a temporary view; caching alone moves no data anywhere."""
    query = tree.args.get("expression")
    if isinstance(query, exp.Query):
        create_from_query(
            statement, statement.parts(tree.args["this"]), query, [], RelationKind.TABLE, is_temporary=True
        )
        statement.only_caches = True
        statement.session.caches.update(write.target.id for write in statement.writes)


def _command(statement: Statement, tree: Any) -> None:
    source = statement.session.source.text[statement.raw.start : statement.raw.end]
    read_command(statement, source)


_READERS: dict[type, Callable[[Statement, Any], None]] = {
    exp.Insert: read_insert,
    exp.MultitableInserts: read_multi_insert,
    exp.Create: read_create,
    exp.Update: read_update,
    exp.Delete: read_delete,
    exp.Merge: read_merge,
    exp.Copy: read_copy,
    exp.LoadData: read_load_data,
    exp.Export: read_export,
    exp.Alter: read_alter,
    exp.Drop: read_drop,
    exp.Use: read_use,
    exp.TruncateTable: read_truncate,
    exp.Cache: _cache,
    exp.Command: _command,
    exp.Set: _command,
    exp.Declare: read_declare,
    exp.Execute: read_execute,
}


def read_statement(statement: Statement, tree: Any) -> None:
    """Read a statement; unknown families have no lineage and say nothing."""
    if isinstance(tree, RescuedMerge):
        read_merge(statement, tree.tree, conditions=tree.conditions)
        return
    if isinstance(tree, Rescued):
        read_rescued(statement, tree)
        return
    if isinstance(tree, Definitions):
        read_declared(statement, tree)
        return
    reader = _READERS.get(type(tree))
    if reader is not None:
        reader(statement, tree)
    elif isinstance(tree, (exp.Query, exp.Values, exp.Pivot)):
        read_query(statement, tree)
    elif isinstance(tree, exp.Table):
        return


def read_nested(statement: Statement, tree: Any, ctes: dict[str, Node]) -> None:
    """A data-modifying statement inside WITH; the outer statement keeps its kind."""
    kind = statement.kind
    if isinstance(tree, exp.Insert):
        read_insert(statement, tree, ctes)
    elif isinstance(tree, exp.Update):
        read_update(statement, tree, ctes)
    elif isinstance(tree, exp.Delete):
        read_delete(statement, tree, ctes)
    elif isinstance(tree, exp.Merge):
        read_merge(statement, tree, ctes)
    statement.kind = kind
