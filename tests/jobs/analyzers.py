"""An engine of the same shape as ours with a language of two statements, to drive jobs to any end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from airflow_provider_sqlflow.engine import (
    ColumnRef,
    Diagnostic,
    Edge,
    Effect,
    LineageResult,
    Relation,
    RelationId,
    RelationKind,
    Script,
    Severity,
    Span,
    StatementKind,
    StatementLineage,
    Subtype,
)


def analyze_lines(scripts: Sequence[Script], **_options: Any) -> Iterator[tuple[int, LineageResult]]:
    """``source target`` copies column ``a``; ``bad`` is a statement that fails. Last file first."""
    for index in reversed(range(len(scripts))):
        yield index, _result(scripts[index])


def stopping_after(
    files: int, act: Callable[[], object]
) -> Callable[..., Iterator[tuple[int, LineageResult]]]:
    """:func:`analyze_lines` that lets ``act`` happen before the file after the first ``files``."""

    def analyze(scripts: Sequence[Script], **options: Any) -> Iterator[tuple[int, LineageResult]]:
        for done, outcome in enumerate(analyze_lines(scripts, **options)):
            if done == files:
                act()
            yield outcome

    return analyze


def _result(script: Script) -> LineageResult:
    statements, edges, diagnostics = [], [], []
    relations: dict[RelationId, Relation] = {}
    for index, line in enumerate(script.text.splitlines(), 1):
        span = Span(script.name, index, 1, index, len(line) + 1)
        if line == "bad":
            diagnostics.append(Diagnostic(Severity.ERROR, "syntax", "cannot read 'bad'", span))
            statements.append(StatementLineage(index, StatementKind.ERROR, span, is_ok=False))
            continue
        source, target = (RelationId(None, None, name) for name in line.split())
        relations.update({item: Relation(item, RelationKind.TABLE, ("a",)) for item in (source, target)})
        edge = Edge(ColumnRef(source, "a"), ColumnRef(target, "a"), Effect.DIRECT, Subtype.IDENTITY)
        edges.append(edge)
        statements.append(
            StatementLineage(
                index, StatementKind.INSERT, span, (source,), (target,), edges=(edge,), folded=(edge,)
            )
        )
    return LineageResult(
        tuple(statements),
        tuple(relations.values()),
        tuple(diagnostics),
        tuple(edges),
        source_name=script.name,
    )
