"""Which SQL a task ran, and through which connection.

Two ways, as Airflow's OpenLineage provider has them: the ``sql`` of an operator that has a database hook,
else what hooks reported to Airflow's hook lineage collector while the task ran.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

STATEMENT_END = "\n;\n"
"""Between two statements; on a line of its own, since a statement may end with a comment."""


@dataclass(frozen=True, slots=True)
class TaskSql:
    """SQL that ran through one hook, in order.

    Attributes:
        hook: any hook whose connection is a database.
        conn_id: of the hook's connection.
        text: all statements as one script.
        database: the operator's ``database``, which wins over the connection's.
        is_reported: found through the hook lineage collector, not in an operator's field.
    """

    hook: Any
    conn_id: str
    text: str
    database: str | None = None
    is_reported: bool = False


def operator_sql(task: Any) -> TaskSql | None:
    """The rendered ``sql`` of an operator with a ``get_db_hook``, if it is text or a list of texts."""
    sql = getattr(task, "sql", None)
    if not callable(getattr(task, "get_db_hook", None)):
        return None
    statements = [sql] if isinstance(sql, str) else sql
    if not isinstance(statements, list) or not all(isinstance(item, str) for item in statements):
        return None
    text = _script(statements)
    if not text:
        return None
    hook = task.get_db_hook()
    conn_id = connection_id(hook)
    if conn_id is None:
        return None
    return TaskSql(hook, conn_id, text, getattr(task, "database", None) or None)


def count_reported() -> int:
    """How many facts hooks have reported in this process so far."""
    return len(_reported())


def reported_sql(since: int = 0) -> list[TaskSql]:
    """What hooks ran and reported, one script a hook, in the order of their first statement.

    Args:
        since: pass over so many facts, which belong to tasks that this process ran before.
    """
    try:
        from airflow.providers.common.sql.hooks.lineage import SqlJobHookLineageExtra
    except ImportError:
        return []
    statements: dict[int, tuple[Any, list[str]]] = {}
    for fact in _reported()[since:]:
        if fact.key == SqlJobHookLineageExtra.KEY.value:
            text = fact.value.get(SqlJobHookLineageExtra.VALUE__SQL_STATEMENT.value)
            if isinstance(text, str):
                statements.setdefault(id(fact.context), (fact.context, []))[1].append(text)
    found = []
    for hook, texts in statements.values():
        conn_id, text = connection_id(hook), _script(texts)
        if conn_id is not None and text:
            found.append(TaskSql(hook, conn_id, text, is_reported=True))
    return found


def connection_id(hook: Any) -> str | None:
    """The id of a hook's connection; ``None`` for what is no hook of a connection."""
    if callable(getattr(hook, "get_conn_id", None)):
        return str(hook.get_conn_id())
    name = getattr(hook, str(getattr(hook, "conn_name_attr", "")), None)
    return name if isinstance(name, str) else None


def _reported() -> list[Any]:
    from airflow.sdk.lineage import get_hook_lineage_collector

    if get_hook_lineage_collector.cache_info().currsize == 0:
        return []  # no hook has asked for it, and asking makes one
    collector = get_hook_lineage_collector()
    return list(collector.collected_assets.extra) if collector.has_collected else []


def _script(statements: Iterable[str]) -> str:
    return STATEMENT_END.join(text for text in statements if text.strip(" \t\r\n;"))
