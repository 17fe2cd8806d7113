"""Shows SQL as SQLFlow's relations, one line each, so that examples read like the documents."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from airflow_provider_sqlflow.engine import analyze
from airflow_provider_sqlflow.formats.options import ExportOptions, ResultSets
from airflow_provider_sqlflow.formats.sqlflow.entities import Entities
from airflow_provider_sqlflow.formats.sqlflow.flows import iter_flows

Relations = Callable[..., list[str]]

FULL = ExportOptions(result_sets=ResultSets.ALL, functions=True)
"""Every object that SQLFlow knows."""


def show(
    sql: str, dialect: str = "oracle", options: ExportOptions = FULL, *, has_text: bool = True
) -> list[str]:
    """``source -> type -> target (effect)`` for each relation, in the document's order."""
    result = analyze(sql, dialect=dialect, source_name="a.sql")
    entities = Entities(result, options)
    texts = {"a.sql": sql} if has_text else {}
    lines = []
    for flow in iter_flows(result, options, entities, lambda: texts):
        source, target = (
            f"{entities.name(end.relation)}.{entities.column(end)}" for end in (flow.source, flow.target)
        )
        effect = f" ({flow.effect})" if flow.effect else ""
        lines.append(f"{source} -> {flow.type} -> {target}{effect}")
    return lines


@pytest.fixture
def relations() -> Relations:
    return show
