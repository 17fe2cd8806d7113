"""The page's lists: statements with their places, and diagnostics. Plain HTML, there without a program."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator

from airflow_provider_sqlflow.engine.model import LineageResult, RelationId, Severity, Span
from airflow_provider_sqlflow.formats.lookup import RelationNames
from airflow_provider_sqlflow.formats.palette import one_line

_RANK = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}


def write_statements(result: LineageResult, names: RelationNames) -> Iterator[str]:
    """A table row for each statement: number, kind, place, what it reads and writes."""
    yield f'<h2 id="statements">Statements ({len(result.statements)})</h2>\n<table>\n'
    for number, statement in enumerate(result.statements):
        shown = "" if statement.is_ok else ' class="error"'
        flow = (_relations(statement.reads, names), _relations(statement.writes, names))
        path = " \u2192 ".join(part for part in flow if part)
        yield (
            f'<tr data-statement="{number}" tabindex="0"><td>{number + 1}</td>'
            f"<td><b{shown}>{statement.kind.value.replace('_', ' ')}</b> "
            f'<span class="note">{_place(statement.span)}</span><br>{path}</td></tr>\n'
        )
    yield "</table>\n"


def write_diagnostics(result: LineageResult) -> Iterator[str]:
    """A table row for each diagnostic, errors first."""
    yield f'<h2 id="diagnostics">Diagnostics ({len(result.diagnostics)})</h2>\n<table>\n'
    for item in sorted(result.diagnostics, key=lambda item: _RANK[item.severity]):
        yield (
            f'<tr><td class="{item.severity.value}">{item.severity.value}</td>'
            f"<td>{_escape(item.message)}<br>"
            f'<span class="note">{item.code} {_place(item.span)}</span></td></tr>\n'
        )
    yield "</table>\n"


def _relations(relations: Iterable[RelationId], names: RelationNames) -> str:
    return ", ".join(_escape(names.label(relation)) for relation in relations)


def _place(span: Span) -> str:
    """``file:3:1 to 5:20``; the end is the last character's."""
    return f"{_escape(str(span))} to {span.end_line}:{max(span.end_column - 1, 1)}"


def _escape(text: str) -> str:
    return html.escape(one_line(text))
