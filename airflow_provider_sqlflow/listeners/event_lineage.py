"""Our lineage of a task's SQL, put into what OpenLineage's provider found out about the task.

The provider's datasets keep their names and facets; ours are spelt like them. Column lineage is ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_sqlflow.emission.datasets import DatasetCollector, OutputLineage
from airflow_provider_sqlflow.emission.facets import PRODUCER, column_lineage_facet, schema_facet
from airflow_provider_sqlflow.emission.naming import DatasetId
from airflow_provider_sqlflow.listeners.reading import SqlReading

if TYPE_CHECKING:
    from airflow.providers.openlineage.extractors import OperatorLineage

    Lineage = OperatorLineage[Any, Any]

COLUMN_LINEAGE = "columnLineage"
Columns = dict[str, str]


@dataclass(slots=True)
class EventLineage:
    """What a task's SQL reads and writes, as datasets with their columns and types.

    Attributes:
        inputs: read.
        outputs: written, or created, altered, dropped.
        lineage: of the columns of outputs.
        is_complete: whether every statement was understood and every relation could be named.
        scripts: the SQL, one script a connection, and its dialect.
        includes_sql: whether SQL may stand in events.
    """

    inputs: dict[DatasetId, Columns] = field(default_factory=dict)
    outputs: dict[DatasetId, Columns] = field(default_factory=dict)
    lineage: dict[DatasetId, OutputLineage] = field(default_factory=dict)
    is_complete: bool = True
    scripts: list[tuple[str, str]] = field(default_factory=list)
    includes_sql: bool = True

    @property
    def has_datasets(self) -> bool:
        """Whether there is something to tell."""
        return bool(self.inputs or self.outputs)


def event_lineage(readings: Iterable[SqlReading], *, includes_sql: bool = True) -> EventLineage:
    """All readings of a task together. What ran in a database without a known address is left out."""
    found = EventLineage(includes_sql=includes_sql)
    for reading in readings:
        found.scripts.append((reading.text, reading.database.naming.dialect))
        if not reading.database.naming.is_resolved:
            found.is_complete = False
            continue
        result = reading.reading.result
        collector = DatasetCollector(result, reading.database.naming)
        for statement in result.statements:
            datasets = collector.collect(statement)
            found.is_complete &= statement.is_ok and not datasets.problems
            for side, more in ((found.inputs, datasets.inputs), (found.outputs, datasets.outputs)):
                for dataset, columns in more.items():
                    known = side.setdefault(dataset, {})
                    _add_columns(known, _known(reading, dataset))
                    _add_columns(known, columns)
            for dataset, lineage in datasets.lineage.items():
                _add_lineage(found.lineage.setdefault(dataset, OutputLineage()), lineage)
        found.is_complete &= bool(result.statements)
    return found


def with_our_lineage(base: Lineage, ours: EventLineage) -> Lineage:
    """What the provider found, with our column lineage in place of its own, and the datasets it missed."""
    from airflow.providers.openlineage.extractors import OperatorLineage
    from openlineage.client.event_v2 import InputDataset, OutputDataset
    from openlineage.client.facet_v2 import sql_job

    spelling = _Spelling((*base.inputs, *base.outputs))
    inputs, outputs = list(base.inputs), list(base.outputs)
    known = {_key(item) for item in inputs}
    for dataset, columns in ours.inputs.items():
        if _key(dataset) not in known:
            inputs.append(
                InputDataset(dataset.namespace, dataset.name, inputFacets={}, facets=schema_facet(columns))
            )
    clean = str if ours.includes_sql else None  # secrets were taken out before the SQL was read
    lineages = {
        _key(dataset): column_lineage_facet(spelling.lineage(dataset, lineage), clean)
        for dataset, lineage in ours.lineage.items()
    }
    understood = {_key(dataset) for dataset in ours.outputs}
    outputs = [
        _replaced(item, lineages.get(_key(item), {}))
        if ours.is_complete or _key(item) in understood
        else item
        for item in outputs
    ]
    known = {_key(item) for item in outputs}
    for dataset, columns in ours.outputs.items():
        if _key(dataset) not in known:
            facets = {**schema_facet(columns), **lineages.get(_key(dataset), {})}
            outputs.append(OutputDataset(dataset.namespace, dataset.name, facets=facets, outputFacets={}))
    run_facets, job_facets = dict(base.run_facets), dict(base.job_facets)
    if ours.is_complete:
        run_facets.pop("extractionError", None)  # of the parser whose result this replaces
    if "sql" not in job_facets and ours.includes_sql:
        text = ";\n".join(text for text, _ in ours.scripts)
        job_facets["sql"] = sql_job.SQLJobFacet(
            query=text, dialect=ours.scripts[0][1] or None, producer=PRODUCER
        )
    return OperatorLineage(inputs=inputs, outputs=outputs, run_facets=run_facets, job_facets=job_facets)


def without_column_lineage(base: Lineage) -> Lineage:
    """What the provider found but for column lineage, which comes when the task has ended."""
    for dataset in base.outputs:
        (dataset.facets or {}).pop(COLUMN_LINEAGE, None)
    return base


class _Spelling:
    """Names as the provider's datasets and their ``schema`` facets spell them; else as ours are."""

    def __init__(self, datasets: Iterable[Any]) -> None:
        self._names: dict[tuple[str, str], DatasetId] = {}
        self._columns: dict[tuple[str, str], dict[str, str]] = {}
        for item in datasets:
            self._names.setdefault(_key(item), DatasetId(item.namespace, item.name))
            schema = (item.facets or {}).get("schema")
            columns = self._columns.setdefault(_key(item), {})
            for column in getattr(schema, "fields", None) or ():
                columns.setdefault(column.name.casefold(), column.name)

    def lineage(self, target: DatasetId, lineage: OutputLineage) -> OutputLineage:
        """The lineage with every name spelt so."""
        return OutputLineage(
            {
                self._column(target, column): {
                    self._source(source): edges for source, edges in sources.items()
                }
                for column, sources in lineage.fields.items()
            },
            {self._source(source): edges for source, edges in lineage.rows.items()},
        )

    def _source(self, source: tuple[DatasetId, str]) -> tuple[DatasetId, str]:
        dataset, column = source
        return self._names.get(_key(dataset), dataset), self._column(dataset, column)

    def _column(self, dataset: DatasetId, column: str) -> str:
        return self._columns.get(_key(dataset), {}).get(column.casefold(), column)


def _key(dataset: Any) -> tuple[str, str]:
    return dataset.namespace, dataset.name.casefold()


def _replaced(dataset: Any, facets: Mapping[str, Any]) -> Any:
    kept = {name: facet for name, facet in (dataset.facets or {}).items() if name != COLUMN_LINEAGE}
    dataset.facets = {**kept, **facets}
    return dataset


def _known(reading: SqlReading, dataset: DatasetId) -> Columns:
    """All columns of a table as the database told them, in the spelling of column names in facets."""
    table = ".".join(dataset.name.casefold().split(".")[-2:])
    naming = reading.database.naming
    columns = ((naming.column(name), type_) for name, type_ in reading.types.get(table, {}).items())
    return {name: type_ for name, type_ in columns if name}


def _add_columns(columns: Columns, more: Columns) -> None:
    for name, type_ in more.items():
        columns[name] = columns.get(name) or type_


def _add_lineage(lineage: OutputLineage, more: OutputLineage) -> None:
    for column, sources in more.fields.items():
        own = lineage.fields.setdefault(column, {})
        for source, edges in sources.items():
            own.setdefault(source, []).extend(edges)
    for source, edges in more.rows.items():
        lineage.rows.setdefault(source, []).extend(edges)
