"""Lineage results as OpenLineage events.

Pure: no clock, no transport, the same arguments give the same events.

- :func:`build_events`: one job and one run for each statement that reads or writes something that other
  tools can know: a START and a COMPLETE event; for one that could not be analysed a START and a FAIL with the
  reason. What is too large for one event is split (:mod:`~airflow_provider_sqlflow.emission.splitting`).
- :func:`build_job_events`: the same below a run of the lineage job itself.
- :func:`build_static_events`: job and dataset events, for SQL of which no run is known.

Marquez decides the shape (reference openlineage-marquez, sections 0 and 4.2): datasets stand in every event,
since a START without them blanks the graph; ``columnLineage`` not in the START, since the events of a run add
up and the facet is the large part.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from airflow_provider_sqlflow.emission.comments import described_datasets
from airflow_provider_sqlflow.emission.context import EventContext, ParentRun, RunsPer
from airflow_provider_sqlflow.emission.datasets import DatasetCollector, StatementDatasets
from airflow_provider_sqlflow.emission.facets import PRODUCER
from airflow_provider_sqlflow.emission.naming import DatasetId, DatasetNaming
from airflow_provider_sqlflow.emission.run_facets import JOB, Problems, job_facets, run_facets
from airflow_provider_sqlflow.emission.statements import StatementEvents, checked_namespace
from airflow_provider_sqlflow.engine.model import LineageResult, StatementLineage
from airflow_provider_sqlflow.errors import EmissionError

if TYPE_CHECKING:
    from openlineage.client.event_v2 import DatasetEvent, JobEvent, RunEvent, RunState

    Event = RunEvent | JobEvent | DatasetEvent

_NOT_IN_JOB_NAMES = re.compile(r"[^\w.\-]+")


def build_events(result: LineageResult, context: EventContext) -> Iterator[RunEvent]:
    """The run events of a result, statement by statement in reading order.

    Raises:
        EmissionError: the event time has no time zone, or the job namespace has signs that consumers refuse.
    """
    for builder, statement, datasets, name in _statements(result, context):
        yield from builder.run_events(statement, datasets, name)


def build_job_events(
    result: LineageResult,
    context: EventContext,
    others: Sequence[tuple[LineageResult, DatasetNaming]] = (),
) -> Iterator[RunEvent]:
    """A run of the lineage job ``context.job_name``, with the statements' runs below it.

    For jobs that no other producer announces; inside an Airflow task the task's run is the parent.

    Args:
        result: what the job found.
        context: what the result does not know.
        others: what it found in SQL of other dialects, with the naming of each.

    Raises:
        EmissionError: as :func:`build_events`.
    """
    from openlineage.client.event_v2 import RunState

    _check(context)
    found = [(result, context.naming), *others]
    yield _job_event(RunState.START, context, Problems())
    parent = _job_as_parent(context)
    for one, naming in found:
        yield from build_events(one, replace(context, naming=naming, parent=parent))
    # A job whose every statement failed has still run: FAIL is left to statements.
    yield _job_event(RunState.COMPLETE, context, _job_problems([one for one, _ in found]))


def build_static_events(result: LineageResult, context: EventContext) -> Iterator[JobEvent | DatasetEvent]:
    """Job events, one for each statement, then dataset events, one for each dataset.

    For SQL of which no run is known, such as a repository. Marquez shows no column lineage of these; there
    :func:`build_events` serves better. Statements that could not be analysed are not in them.

    Raises:
        EmissionError: as :func:`build_events`.
    """
    known: dict[DatasetId, StatementDatasets] = {}
    last: StatementEvents | None = None
    for builder, statement, datasets, name in _statements(result, context):
        if not statement.is_ok:
            continue
        last = builder
        yield from builder.job_events(statement, datasets, name)
        for side in (datasets.inputs, datasets.outputs):
            for dataset, columns in side.items():
                seen = known.setdefault(dataset, StatementDatasets(kinds=dict(datasets.kinds)))
                merged = seen.outputs.setdefault(dataset, {})
                for column, type_ in columns.items():
                    merged[column] = merged.get(column) or type_
    for dataset, state in known.items():
        if last is not None:
            yield last.dataset_event(dataset, state)


def events_to_ndjson(events: Iterable[Event]) -> Iterator[str]:
    """Each event as one line of JSON with its line break, as the OpenLineage client writes it."""
    from openlineage.client.serde import Serde

    for event in events:
        yield Serde.to_json(event) + "\n"


MAX_MESSAGES = 100
"""Problems that the event of a lineage job lists; each statement's own run has its own."""


def job_run_id(context: EventContext) -> str:
    """The run id that :func:`build_job_events` gives to the lineage job."""
    from openlineage.client.uuid import generate_static_uuid

    above = context.parent.run_id if context.parent else ""
    data = f"{context.job_namespace}.{context.job_name}.{above}".encode()
    return str(generate_static_uuid(context.event_time, data))


def job_name_of(title: str) -> str:
    """A title as a job name: without signs that break the ids that consumers build of names."""
    return re.sub(r"[#\x00-\x1f\x7f]+", "_", title.strip()) or ENGINE_JOB


ENGINE_JOB = "sqlflow"
"""Name of a lineage job without one."""


def _check(context: EventContext) -> None:
    if context.event_time.utcoffset() is None:
        raise EmissionError("the event time needs a time zone")
    checked_namespace(context.job_namespace)
    if context.naming.namespace:
        checked_namespace(context.naming.namespace)


def _job_event(state: RunState, context: EventContext, problems: Problems) -> RunEvent:
    """The lineage job's own run begins or ends."""
    from openlineage.client.event_v2 import Job, Run, RunEvent

    facets = run_facets(
        context.parent, is_resolved=context.naming.is_resolved, problems=problems, task=context.job_name
    )
    described = job_facets(JOB, description=context.description, owners=context.owners, tags=context.tags)
    return RunEvent(
        eventType=state,
        eventTime=context.event_time.isoformat(),
        run=Run(runId=job_run_id(context), facets=facets),
        job=Job(namespace=context.job_namespace, name=context.job_name, facets=described),
        producer=PRODUCER,
    )


def _job_as_parent(context: EventContext) -> ParentRun:
    """The lineage job's run, for the statements below it; the root stays what is above the job."""
    parent = ParentRun(context.job_namespace, context.job_name, job_run_id(context))
    above = context.parent
    if above is None:
        return parent
    has_root = bool(above.root_run_id)
    return replace(
        parent,
        root_job_namespace=above.root_job_namespace if has_root else above.job_namespace,
        root_job_name=above.root_job_name if has_root else above.job_name,
        root_run_id=above.root_run_id or above.run_id,
    )


def _job_problems(results: Sequence[LineageResult]) -> Problems:
    messages = tuple(f"{item.span}: {item.code}" for result in results for item in result.errors())
    statements = [statement for result in results for statement in result.statements]
    failed = sum(not statement.is_ok for statement in statements)
    return Problems(messages[:MAX_MESSAGES], len(statements), failed)


def _statements(
    result: LineageResult, context: EventContext
) -> Iterator[tuple[StatementEvents, StatementLineage, StatementDatasets, str]]:
    """Each statement that gives events, with its datasets and its job's name."""
    _check(context)
    context = replace(context, details={**described_datasets(result, context), **context.details})
    collector = DatasetCollector(result, context.naming)
    builder = StatementEvents(result, context)
    parts = _job_parts(statement.span.source_name for statement in result.statements)
    for statement in result.statements:
        datasets = collector.collect(statement)
        if not (datasets.inputs or datasets.outputs or datasets.problems or not statement.is_ok):
            continue
        name = f"{context.job_name}.{parts[statement.span.source_name]}.{statement.index}"
        if context.runs_per is RunsPer.TARGET and len(datasets.outputs) > 1:
            for suffix, target in _targets(datasets):
                yield builder, statement, target, f"{name}.{suffix}"
        else:
            yield builder, statement, datasets, name


def _targets(datasets: StatementDatasets) -> Iterator[tuple[str, StatementDatasets]]:
    """The datasets of each output alone, with a stable word for it."""
    words = _unique({output: output.name for output in datasets.outputs})
    for output, columns in datasets.outputs.items():
        inputs = datasets.inputs
        lineage = datasets.lineage.get(output)
        if lineage is not None:
            sources = {dataset for group in (*lineage.fields.values(), lineage.rows) for dataset, _ in group}
            inputs = {dataset: known for dataset, known in inputs.items() if dataset in sources} or inputs
        yield (
            words[output],
            replace(
                datasets,
                inputs=inputs,
                outputs={output: columns},
                lineage={} if lineage is None else {output: lineage},
            ),
        )


def _unique(names: dict[DatasetId, str]) -> dict[DatasetId, str]:
    words = {key: _NOT_IN_JOB_NAMES.sub("_", name.rpartition(".")[2]) for key, name in names.items()}
    uses = Counter(words.values())
    return {key: f"{word}-{_short_hash(str(key))}" if uses[word] > 1 else word for key, word in words.items()}


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
