"""Lineage results as OpenLineage run events: one job and one run for each statement.

Pure: no clock, no transport, the same arguments give the same events. A statement that reads or writes
something that other tools can know gives a START and a COMPLETE event; one that could not be analysed a
START and a FAIL with the reason.

Marquez decides the shape (reference openlineage-marquez, sections 0 and 4.2): datasets stand in both
events, since a START without them blanks the graph; ``columnLineage`` only in the last one, since the
events of a run add up and the facet is the large part.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from airflow_provider_sqlflow.emission.datasets import DatasetCollector, StatementDatasets
from airflow_provider_sqlflow.emission.facets import (
    PRODUCER,
    ParentRun,
    column_lineage_facet,
    error_facet,
    job_facets,
    lifecycle_facet,
    run_facets,
    schema_facet,
)
from airflow_provider_sqlflow.emission.naming import DatasetNaming
from airflow_provider_sqlflow.engine.model import (
    Diagnostic,
    LineageResult,
    Span,
    StatementKind,
    StatementLineage,
)
from airflow_provider_sqlflow.engine.text import SourceText
from airflow_provider_sqlflow.errors import EmissionError

if TYPE_CHECKING:
    from openlineage.client.event_v2 import InputDataset, OutputDataset, RunEvent

_NOT_IN_JOB_NAMES = re.compile(r"[^\w.\-]+")


@dataclass(frozen=True, slots=True)
class EventContext:
    """What events need and a result does not know.

    Attributes:
        event_time: when the statements ran, or are taken to have run; aware.
        job_namespace: OpenLineage namespace of the jobs.
        job_name: name before each statement's own part. Below a parent it must be the parent's job
            name, else Marquez renames the job.
        naming: names the datasets.
        parent: the run that started these.
        texts: SQL text of each source name, for the ``sql`` facet; what is missing gets none.
    """

    event_time: datetime
    job_namespace: str
    job_name: str
    naming: DatasetNaming
    parent: ParentRun | None = None
    texts: Mapping[str, str] = field(default_factory=dict)


def build_events(result: LineageResult, context: EventContext) -> Iterator[RunEvent]:
    """The events of a result, statement by statement in reading order.

    Raises:
        EmissionError: the event time has no time zone.
    """
    if context.event_time.utcoffset() is None:
        raise EmissionError("the event time needs a time zone")
    collector = DatasetCollector(result, context.naming)
    builder = _EventBuilder(result, context)
    for statement in result.statements:
        datasets = collector.collect(statement)
        if datasets.inputs or datasets.outputs or datasets.problems or not statement.is_ok:
            yield from builder.events(statement, datasets)


def events_to_ndjson(events: Iterable[RunEvent]) -> Iterator[str]:
    """Each event as one line of JSON with its line break, as the OpenLineage client writes it."""
    from openlineage.client.serde import Serde

    for event in events:
        yield Serde.to_json(event) + "\n"


class _EventBuilder:
    def __init__(self, result: LineageResult, context: EventContext) -> None:
        self._context = context
        self._dialect = result.dialect
        self._job_parts = _job_parts(statement.span.source_name for statement in result.statements)
        self._texts = {name: SourceText(name, text) for name, text in context.texts.items()}
        self._errors: dict[str, list[Diagnostic]] = {}
        for diagnostic in result.errors():
            self._errors.setdefault(diagnostic.span.source_name, []).append(diagnostic)

    def events(self, statement: StatementLineage, datasets: StatementDatasets) -> Iterator[RunEvent]:
        from openlineage.client.event_v2 import Job, Run, RunEvent, RunState
        from openlineage.client.uuid import generate_static_uuid

        context = self._context
        part = self._job_parts[statement.span.source_name]
        name = f"{context.job_name}.{part}.{statement.index}"
        above = context.parent.run_id if context.parent else ""
        run_data = f"{context.job_namespace}.{name}.{above}".encode()
        run_id = str(generate_static_uuid(context.event_time, run_data))
        facets = run_facets(
            parent=context.parent,
            is_resolved=context.naming.is_resolved,
            problems=datasets.problems,
            task=name,
        )
        end_facets = facets if statement.is_ok else {**facets, **error_facet(self._reason(statement))}
        end = RunState.COMPLETE if statement.is_ok else RunState.FAIL
        for state, run, is_end in ((RunState.START, facets, False), (end, end_facets, True)):
            yield RunEvent(
                eventType=state,
                eventTime=context.event_time.isoformat(),
                run=Run(runId=run_id, facets=run),
                job=Job(
                    namespace=context.job_namespace,
                    name=name,
                    facets=job_facets(self._text(statement.span), self._dialect),
                ),
                inputs=_inputs(datasets),
                outputs=_outputs(statement, datasets, with_lineage=is_end),
                producer=PRODUCER,
            )

    def _text(self, span: Span) -> str | None:
        text = self._texts.get(span.source_name)
        if text is None:
            return None
        start = text.offset(span.start_line, span.start_column)
        return text.text[start : text.offset(span.end_line, span.end_column)]

    def _reason(self, statement: StatementLineage) -> str:
        span = statement.span
        first, last = (span.start_line, span.start_column), (span.end_line, span.end_column)
        messages = [
            f"{item.span}: {item.message}"
            for item in self._errors.get(span.source_name, ())
            if first <= (item.span.start_line, item.span.start_column) <= last
        ]
        return "\n".join(messages) or f"{span}: the statement could not be analysed"


def _inputs(datasets: StatementDatasets) -> list[InputDataset]:
    from openlineage.client.event_v2 import InputDataset

    return [
        InputDataset(namespace=dataset.namespace, name=dataset.name, facets=schema_facet(columns))
        for dataset, columns in datasets.inputs.items()
    ]


def _outputs(
    statement: StatementLineage, datasets: StatementDatasets, *, with_lineage: bool
) -> list[OutputDataset]:
    from openlineage.client.event_v2 import OutputDataset

    previous = None
    if statement.kind is StatementKind.RENAME and len(datasets.inputs) == 1:
        previous = next(iter(datasets.inputs))
    outputs = []
    for dataset, columns in datasets.outputs.items():
        facets = {**schema_facet(columns), **lifecycle_facet(statement.kind, previous)}
        if with_lineage:
            facets.update(column_lineage_facet(datasets.lineage.get(dataset)))
        outputs.append(OutputDataset(namespace=dataset.namespace, name=dataset.name, facets=facets))
    return outputs


def _job_parts(source_names: Iterable[str]) -> dict[str, str]:
    """A stable part of the job name for each source: its path without the ending, dots for slashes.

    Sources that would share a part (``a/b.sql`` and ``a.b.sql``) get a piece of their name's hash too.
    """
    parts: dict[str, str] = {}
    for source_name in source_names:
        if source_name not in parts:
            path = PurePosixPath(source_name.replace("\\", "/"))
            pieces = [piece for piece in (*path.parts[:-1], path.stem) if piece not in ("/", ".", "..")]
            parts[source_name] = _NOT_IN_JOB_NAMES.sub("_", ".".join(pieces)).strip("._") or "sql"
    uses = Counter(parts.values())
    return {name: f"{part}-{_short_hash(name)}" if uses[part] > 1 else part for name, part in parts.items()}


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:8]
