"""Which output of a query goes to which column of a target."""

from __future__ import annotations

from airflow_provider_sqlflow.engine.graph import Column, Node
from airflow_provider_sqlflow.engine.session import Name
from airflow_provider_sqlflow.engine.statements.context import Statement, value_column


def map_columns(
    statement: Statement,
    target: Node,
    node: Node,
    listed: list[Name],
    partition: tuple[list[Name], list[Name]] = ([], []),
    by_name: bool = False,
) -> list[tuple[Name, Column]]:
    """Which output of a query goes to which column of the target.

    By position when the statement lists columns or the target's are known; else, and after an
    unexpanded star, by the output's own name.
    """
    outputs = [
        (Name(column.name or "", key.split("\0")[0], -1, -1), column) for key, column in node.columns.items()
    ]
    if node.stars:
        star = Name("*", "*", -1, -1)
        return [(star, node.star_column()), *outputs]
    static, dynamic = partition
    names = listed
    if not names and not by_name and not target.has_unknown_columns:
        skipped = {name.key for name in [*static, *dynamic]}
        skipped |= statement.session.skipped.get(target.id, frozenset())
        known = [Name(column.name or "", key, -1, -1) for key, column in target.columns.items()]
        names = [name for name in known if name.key not in skipped]
        if len(outputs) > len(names) + len(dynamic):
            names = known if len(outputs) == len(known) else names
    if not names:
        if dynamic and len(outputs) >= len(dynamic):
            cut = len(outputs) - len(dynamic)
            outputs[cut:] = [(name, value) for name, (_, value) in zip(dynamic, outputs[cut:], strict=True)]
        return outputs
    names = [*names, *dynamic] if len(outputs) > len(names) else names
    if len(outputs) > len(names) or (listed and len(outputs) < len(names)):
        statement.warn(
            "column_count", f"{len(outputs)} columns for {len(names)} of {target.id}: taken by position"
        )
    return [(name, value) for name, (_, value) in zip(names, outputs, strict=False)]


def unloaded(node: Node) -> list[tuple[Name, Column]]:
    """All columns of a query go into the file, which has no columns of its own."""
    inputs = [item for column in node.columns.values() for item in column.inputs or ()]
    if node.stars:
        inputs += node.star_column().inputs or []
    return [(Name("*", "*", -1, -1), value_column(node, "*", inputs))] if inputs else []
