"""Events of one statement after the other; :mod:`~airflow_provider_sqlflow.emission.events` leads."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import quote

from airflow_provider_sqlflow.emission.context import DatasetDetails, EventContext
from airflow_provider_sqlflow.emission.datasets import StatementDatasets
from airflow_provider_sqlflow.emission.facets import (
    PRODUCER,
    DatasetFacets,
    column_lineage_facet,
    details_facets,
    identity_facets,
    lifecycle_facet,
    schema_facet,
    shorten,
)
from airflow_provider_sqlflow.emission.masking import mask_sql, mask_text
from airflow_provider_sqlflow.emission.naming import DatasetId
from airflow_provider_sqlflow.emission.run_facets import QUERY, Problems, error_facet, job_facets, run_facets
from airflow_provider_sqlflow.emission.splitting import split
from airflow_provider_sqlflow.engine.model import (
    Diagnostic,
    LineageResult,
    RelationKind,
    Severity,
    Span,
    StatementKind,
    StatementLineage,
)
from airflow_provider_sqlflow.engine.text import SourceText
from airflow_provider_sqlflow.errors import EmissionError

if TYPE_CHECKING:
    from openlineage.client.event_v2 import DatasetEvent, InputDataset, JobEvent, OutputDataset, RunEvent
    from openlineage.client.facet_v2 import JobFacet

_NAMESPACE = re.compile(r"[a-zA-Z:/0-9_\-.@+]{1,1024}")
_COMMENTS = re.compile(r"(?:\s*(?:--[^\n]*(?:\n|\Z)|/\*.*?\*/))+\s*\Z", re.DOTALL)
_COMMENT_SIGNS = re.compile(r"^\s*(?:--+|/\*+|\*+/?)\s?|\s*\*+/\s*$", re.MULTILINE)
MAX_DOCUMENTATION = 4000
"""Characters of a statement's leading comment that are kept."""


def checked_namespace(namespace: str) -> str:
    """The namespace, if every consumer takes it.

    Raises:
        EmissionError: it holds credentials, or signs that Marquez refuses or changes.
    """
    if not _NAMESPACE.fullmatch(namespace) or mask_text(namespace) != namespace:
        raise EmissionError(
            f"{mask_text(namespace)!r} cannot be an OpenLineage namespace: letters, digits and : / . _ - @ + "
            "may stand in one, and no password"
        )
    return namespace


class StatementEvents:
    """Makes the events of a result's statements."""

    def __init__(self, result: LineageResult, context: EventContext) -> None:
        self._context = context
        self._dialect = result.dialect
        self._texts = {name: SourceText(name, text) for name, text in context.texts.items()}
        self._cleaned: dict[str, str] = {}
        self._diagnostics: dict[str, list[tuple[tuple[int, int], Diagnostic]]] = {}
        for item in result.diagnostics:
            if item.severity is not Severity.INFO:
                place = (item.span.start_line, item.span.start_column)
                self._diagnostics.setdefault(item.span.source_name, []).append((place, item))
        for found in self._diagnostics.values():
            found.sort(key=lambda pair: pair[0])

    def run_events(
        self, statement: StatementLineage, datasets: StatementDatasets, name: str
    ) -> Iterator[RunEvent]:
        """START, RUNNING for each part that does not fit in the last one, COMPLETE or FAIL."""
        from openlineage.client.event_v2 import Job, Run, RunEvent, RunState
        from openlineage.client.uuid import generate_static_uuid

        context = self._context
        above = context.parent.run_id if context.parent else ""
        run_data = f"{context.job_namespace}.{name}.{above}".encode()
        run_id = str(generate_static_uuid(context.event_time, run_data))
        facets = run_facets(
            context.parent,
            is_resolved=context.naming.is_resolved,
            problems=self._problems(statement, datasets),
            task=name,
        )
        end_facets = facets if statement.is_ok else {**facets, **error_facet(self._reason(statement))}
        text = self._text(statement.span)
        sql = self._sql(text)
        parts = split(datasets, context.limits, 2 * len(sql.encode()) if sql else 0)
        end = RunState.COMPLETE if statement.is_ok else RunState.FAIL
        states = [RunState.START, *[RunState.RUNNING] * (len(parts) - 1), end]
        for state, part in zip(states, (parts[0], *parts), strict=True):
            yield RunEvent(
                eventType=state,
                eventTime=context.event_time.isoformat(),
                run=Run(runId=run_id, facets=dict(end_facets if state is end else facets)),
                job=Job(
                    namespace=context.job_namespace,
                    name=name,
                    facets=self._job_facets(statement, sql if state is not RunState.RUNNING else ""),
                ),
                inputs=self._inputs(part),
                outputs=self._outputs(statement, part, text, with_lineage=state is not RunState.START),
                producer=PRODUCER,
            )

    def job_events(
        self, statement: StatementLineage, datasets: StatementDatasets, name: str
    ) -> Iterator[JobEvent]:
        """One event that says what the statement reads and writes, several where it is too large."""
        from openlineage.client.event_v2 import Job, JobEvent

        context = self._context
        text = self._text(statement.span)
        sql = self._sql(text)
        tags = {"static": "true", **context.tags}
        for part in split(datasets, context.limits, 2 * len(sql.encode()) if sql else 0):
            yield JobEvent(
                eventTime=context.event_time.isoformat(),
                job=Job(
                    namespace=context.job_namespace,
                    name=name,
                    facets=self._job_facets(statement, sql, tags),
                ),
                inputs=self._inputs(part),
                outputs=self._outputs(statement, part, text, with_lineage=True),
                producer=PRODUCER,
            )

    def dataset_event(self, dataset: DatasetId, state: StatementDatasets) -> DatasetEvent:
        """What is known of a dataset, without any job."""
        from openlineage.client.event_v2 import DatasetEvent, StaticDataset

        return DatasetEvent(
            eventTime=self._context.event_time.isoformat(),
            dataset=StaticDataset(
                namespace=dataset.namespace,
                name=dataset.name,
                facets=self._dataset_facets(dataset, state.outputs[dataset], state),
            ),
            producer=PRODUCER,
        )

    def _job_facets(
        self, statement: StatementLineage, sql: str, tags: dict[str, str] | None = None
    ) -> dict[str, JobFacet]:
        context = self._context
        span = statement.span
        url = context.source_url
        if url:
            path = quote(span.source_name, errors="replace")
            url = url.replace("{path}", path).replace("{line}", str(span.start_line))
        return job_facets(
            QUERY,
            sql=sql,
            dialect=self._dialect,
            source_url=url,
            source_path=span.source_name,
            description=self._comment(span) or context.description,
            owners=context.owners,
            tags={"dialect": self._dialect, **(context.tags if tags is None else tags)},
        )

    def _inputs(self, datasets: StatementDatasets) -> list[InputDataset]:
        from openlineage.client.event_v2 import InputDataset

        return [
            InputDataset(
                namespace=dataset.namespace,
                name=dataset.name,
                facets=self._dataset_facets(dataset, columns, datasets),
            )
            for dataset, columns in datasets.inputs.items()
        ]

    def _outputs(
        self, statement: StatementLineage, datasets: StatementDatasets, text: str, *, with_lineage: bool
    ) -> list[OutputDataset]:
        from openlineage.client.event_v2 import OutputDataset

        previous = None
        if statement.kind is StatementKind.RENAME and len(datasets.inputs) == 1:
            previous = next(iter(datasets.inputs))
        outputs = []
        for dataset, columns in datasets.outputs.items():
            facets = self._dataset_facets(dataset, columns, datasets)
            facets.update(lifecycle_facet(statement.kind, previous, text))
            if with_lineage:
                clean = self._clean if self._context.includes_sql else None
                facets.update(column_lineage_facet(datasets.lineage.get(dataset), clean))
            outputs.append(OutputDataset(namespace=dataset.namespace, name=dataset.name, facets=facets))
        return outputs

    def _dataset_facets(
        self, dataset: DatasetId, columns: dict[str, str], datasets: StatementDatasets
    ) -> DatasetFacets:
        context = self._context
        details = context.details.get(dataset.name, _NO_DETAILS)
        kind = datasets.kinds.get(dataset, RelationKind.TABLE)
        return {
            **schema_facet(columns, details.columns),
            **identity_facets(
                dataset, kind, context.naming.symlinks(dataset), is_resolved=context.naming.is_resolved
            ),
            **details_facets(details),
        }

    # -- texts

    def _text(self, span: Span) -> str:
        """The statement as it stands in its file; empty where the file's text is not known."""
        text = self._texts.get(span.source_name)
        if text is None:
            return ""
        start = text.offset(span.start_line, span.start_column)
        return text.text[start : text.offset(span.end_line, span.end_column)]

    def _sql(self, text: str) -> str:
        if not self._context.includes_sql:
            return ""
        limit = max(self._context.limits.max_bytes // 8, 1)
        return shorten(self._clean(text), limit)

    def _comment(self, span: Span) -> str:
        """The comment that stands right before a statement."""
        text = self._texts.get(span.source_name)
        if text is None or not self._context.includes_sql:
            return ""
        end = text.offset(span.start_line, span.start_column)
        found = _COMMENTS.search(
            text.text, max(0, text.text.rfind(";", 0, end) + 1, end - MAX_DOCUMENTATION), end
        )
        if found is None:
            return ""
        lines = _COMMENT_SIGNS.sub("", found.group()).strip()
        return self._clean_message(lines)

    def _clean(self, text: str) -> str:
        """SQL without secrets, remembered: expressions repeat."""
        cleaned = self._cleaned.get(text)
        if cleaned is None:
            cleaned = self._cleaned[text] = self._context.redact(mask_sql(text, self._dialect))
        return cleaned

    def _clean_message(self, text: str) -> str:
        return self._context.redact(mask_text(text.replace("\x00", "")))

    # -- problems

    def _problems(self, statement: StatementLineage, datasets: StatementDatasets) -> Problems:
        messages = [self._clean_message(message) for message in datasets.problems]
        messages += [self._message(item) for item in self._diagnostics_of(statement.span)]
        is_failed = bool(datasets.problems) or not statement.is_ok
        if not statement.is_ok and not messages:
            messages = [self._reason(statement)]
        return Problems(tuple(dict.fromkeys(messages)), failed=int(is_failed))

    def _reason(self, statement: StatementLineage) -> str:
        messages = [
            self._message(item)
            for item in self._diagnostics_of(statement.span)
            if item.severity is Severity.ERROR
        ]
        return "\n".join(messages) or f"{statement.span}: the statement could not be analysed"

    def _message(self, item: Diagnostic) -> str:
        if not self._context.includes_sql:
            return f"{item.span}: {item.code}"
        return self._clean_message(f"{item.span}: {item.message}")

    def _diagnostics_of(self, span: Span) -> list[Diagnostic]:
        found = self._diagnostics.get(span.source_name, [])
        first = bisect_left(found, (span.start_line, span.start_column), key=lambda pair: pair[0])
        last = bisect_right(found, (span.end_line, span.end_column), key=lambda pair: pair[0])
        return [item for _, item in found[first:last]]


_NO_DETAILS = DatasetDetails()
