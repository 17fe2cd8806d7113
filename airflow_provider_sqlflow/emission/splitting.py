"""Parts of a statement that fit in one event each. Nothing is left out.

The events of a run add up, so what is too large for one event travels in several: a START, as many RUNNING
events as it takes, and the COMPLETE or FAIL with the last part. Column lineage is divided by links (an input
column with what it acts on); a link is never divided. While the inputs and outputs fit, all of them stand in
every part, since some consumers take the last event's for all.

Sizes are estimates from above of the JSON that the OpenLineage client writes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from airflow_provider_sqlflow.emission.context import EventLimits
from airflow_provider_sqlflow.emission.datasets import OutputLineage, SourceField, StatementDatasets
from airflow_provider_sqlflow.emission.naming import DatasetId
from airflow_provider_sqlflow.engine.model import Edge

MAX_DESCRIPTION = 1000
"""Characters of an expression that are kept: it repeats for every input column."""

MAX_TRANSFORMATIONS = 20
"""Ways in which one column acts on another that are told."""

_OVERHEAD = 6000
"""Bytes of an event besides datasets, lineage and the statement: run, job, their other facets."""

Item = TypeVar("Item")
_Link = tuple[DatasetId, "str | None", SourceField, "list[Edge]"]


def split(datasets: StatementDatasets, limits: EventLimits, sql_bytes: int = 0) -> list[StatementDatasets]:
    """The parts, in order; only one where everything fits.

    Args:
        datasets: of one statement.
        limits: of one event.
        sql_bytes: size of the statement's text in the event.
    """
    budget = max(limits.max_bytes - sql_bytes - _OVERHEAD, limits.max_bytes // 4)
    sizes = {**_sizes(datasets.inputs), **_sizes(datasets.outputs)}
    count = max(limits.max_table_links, 1)
    parts: list[StatementDatasets] = []
    for outputs in _groups(datasets.outputs, sizes.__getitem__, budget // 4, count):
        shown = sum(map(sizes.__getitem__, outputs))
        allowed = max(count // max(len(outputs), 1), 1)
        for inputs in _groups(datasets.inputs, sizes.__getitem__, budget // 2, allowed):
            room = budget - shown - sum(map(sizes.__getitem__, inputs))
            is_first = not parts or inputs[:1] == list(datasets.inputs)[:1]
            parts += _lineage_parts(datasets, inputs, outputs, limits, max(room, budget // 8), is_first)
    return [replace(part, problems=datasets.problems) for part in parts]


def _lineage_parts(
    datasets: StatementDatasets,
    inputs: Sequence[DatasetId],
    outputs: Sequence[DatasetId],
    limits: EventLimits,
    room: int,
    is_first: bool,
) -> Iterator[StatementDatasets]:
    """Parts with these inputs and outputs, each with as many links as fit."""
    links = list(_links(datasets, set(inputs), outputs, constants=is_first))
    for group in _groups(links, _link_size, room, max(limits.max_column_links, 1)):
        part = StatementDatasets(
            inputs={dataset: datasets.inputs[dataset] for dataset in inputs},
            outputs={dataset: datasets.outputs[dataset] for dataset in outputs},
            kinds=datasets.kinds,
        )
        for output, column, source, edges in group:
            lineage = part.lineage.setdefault(output, OutputLineage())
            sources = lineage.rows if column is None else lineage.fields.setdefault(column, {})
            if edges:
                sources[source] = edges
        yield part


_NO_SOURCE: SourceField = (DatasetId("", ""), "")


def _links(
    datasets: StatementDatasets, inputs: set[DatasetId], outputs: Iterable[DatasetId], *, constants: bool
) -> Iterator[_Link]:
    for output in outputs:
        lineage = datasets.lineage.get(output)
        if lineage is None:
            continue
        for column, sources in lineage.fields.items():
            if not sources and constants:
                yield output, column, _NO_SOURCE, []
            for source, edges in sources.items():
                if source[0] in inputs:
                    yield output, column, source, edges
        for source, edges in lineage.rows.items():
            if source[0] in inputs:
                yield output, None, source, edges


def _groups(
    items: Iterable[Item], size: Callable[[Item], int], max_size: int, max_count: int
) -> list[list[Item]]:
    """Items in order in groups that keep both limits, at least one; a single item may pass the size."""
    groups: list[list[Item]] = [[]]
    filled = 0
    for item in items:
        needed = size(item)
        if groups[-1] and (filled + needed > max_size or len(groups[-1]) >= max_count):
            groups.append([])
            filled = 0
        groups[-1].append(item)
        filled += needed
    return groups


def _sizes(datasets: dict[DatasetId, dict[str, str]]) -> dict[DatasetId, int]:
    return {
        dataset: 2500 + sum(3 * len(name) + 3 * len(type_) + 60 for name, type_ in columns.items())
        for dataset, columns in datasets.items()
    }


def _link_size(link: _Link) -> int:
    _, column, (dataset, source), edges = link
    names = len(dataset.namespace) + len(dataset.name) + 3 * len(source) + 3 * len(column or "")
    ways = min(len(edges), MAX_TRANSFORMATIONS)
    texts = sum(min(len(edge.expression), MAX_DESCRIPTION) for edge in edges[:MAX_TRANSFORMATIONS])
    main = min(len(edges[0].expression), MAX_DESCRIPTION) if edges else 0
    return 250 + names + 110 * ways + 2 * (texts + main)
