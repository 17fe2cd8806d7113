"""What ``COMMENT ON`` statements of a script say about its tables and columns."""

from __future__ import annotations

import re

from airflow_provider_sqlflow.emission.context import DatasetDetails, EventContext
from airflow_provider_sqlflow.emission.masking import mask_text
from airflow_provider_sqlflow.emission.naming import is_dataset
from airflow_provider_sqlflow.engine.model import LineageResult, RelationId, RelationKind, StatementKind
from airflow_provider_sqlflow.engine.text import SourceText
from airflow_provider_sqlflow.errors import EmissionError

_NAME = r'(?:"(?:[^"]|"")+"|`[^`]+`|[\w$]+)'
_COMMENT = re.compile(
    rf"""\s*comment\s+on\s+(?P<kind>table|view|materialized\s+view|column)\s+
    (?P<name>{_NAME}(?:\s*\.\s*{_NAME})*)\s+is\s+'(?P<text>(?:[^']|'')*)'\s*\Z""",
    re.IGNORECASE | re.VERBOSE,
)


def described_datasets(result: LineageResult, context: EventContext) -> dict[str, DatasetDetails]:
    """Descriptions by dataset name, from the texts of the context."""
    if not context.includes_sql:
        return {}
    descriptions: dict[str, str] = {}
    columns: dict[str, dict[str, str]] = {}
    texts: dict[str, SourceText] = {}
    names = _Names(result, context)
    for statement in result.statements:
        span = statement.span
        if statement.kind is not StatementKind.OTHER or span.source_name not in context.texts:
            continue
        text = texts.get(span.source_name)
        if text is None:
            text = texts[span.source_name] = SourceText(span.source_name, context.texts[span.source_name])
        found = _COMMENT.match(
            text.text[
                text.offset(span.start_line, span.start_column) : text.offset(span.end_line, span.end_column)
            ].rstrip("; \n")
        )
        if found is None:
            continue
        parts = [_unquoted(part) for part in re.findall(_NAME, found["name"])]
        column = parts.pop() if found["kind"].lower() == "column" else None
        dataset = names.find(parts) if parts else None
        comment = context.redact(mask_text(found["text"].replace("''", "'")))
        name = context.naming.column(column)
        if dataset and column is None:
            descriptions[dataset] = comment
        elif dataset and name is not None:
            columns.setdefault(dataset, {})[name] = comment
    return {
        dataset: DatasetDetails(descriptions.get(dataset, ""), columns.get(dataset, {}))
        for dataset in {**descriptions, **columns}
    }


class _Names:
    """Dataset names of a result's relations; a script's comments leave out what its defaults say."""

    def __init__(self, result: LineageResult, context: EventContext) -> None:
        self._naming = context.naming
        self._relations: dict[str, list[tuple[RelationId, RelationKind]]] = {}
        for relation in result.relations:
            if is_dataset(relation.id, relation.kind):
                self._relations.setdefault(relation.id.name.lower(), []).append((relation.id, relation.kind))

    def find(self, parts: list[str]) -> str | None:
        for relation, kind in self._relations.get(parts[-1].lower(), ()):
            known = [part for part in (relation.database, relation.schema, relation.name) if part]
            if [part.lower() for part in known[-len(parts) :]] == [part.lower() for part in parts]:
                try:
                    return self._naming.dataset(relation, kind).name
                except EmissionError:
                    return None
        return None


def _unquoted(part: str) -> str:
    return part[1:-1].replace('""', '"') if part[0] in '"`' else part
