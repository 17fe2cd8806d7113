"""OpenLineage facets of what :mod:`~airflow_provider_sqlflow.emission.datasets` collects.

Pure: values in, objects of ``openlineage.client.facet_v2`` out. Which consumer needs what, and why:
reference openlineage-marquez, sections 0, 3 and 4.2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_sqlflow import __version__
from airflow_provider_sqlflow.emission.datasets import OutputLineage, Sources
from airflow_provider_sqlflow.emission.naming import DatasetId
from airflow_provider_sqlflow.engine.model import Edge, Effect, StatementKind, Subtype

if TYPE_CHECKING:
    from openlineage.client.facet_v2 import DatasetFacet, JobFacet, RunFacet
    from openlineage.client.generated.column_lineage_dataset import Fields, InputField

PRODUCER = "https://github.com/airflow-provider-sqlflow/airflow-provider-sqlflow"
"""The project's home page (``pyproject.toml``)."""

ENGINE_NAME = "sqlflow"
UNKNOWN_TYPE = "UNKNOWN"
"""Marquez stores a column without a type anew at every event."""

MAX_DESCRIPTION = 1000
"""Characters of an expression that are kept: it repeats for every input column."""


@dataclass(frozen=True, slots=True)
class ParentRun:
    """The run that started ours: an Airflow task, and the Dag run above it where known."""

    job_namespace: str
    job_name: str
    run_id: str
    root_job_namespace: str = ""
    root_job_name: str = ""
    root_run_id: str = ""


def schema_facet(columns: Mapping[str, str]) -> dict[str, DatasetFacet]:
    """The ``schema`` facet of columns and their types.

    Nothing where no column is known: an empty facet would erase a known one.
    """
    from openlineage.client.facet_v2 import schema_dataset

    fields = [
        schema_dataset.SchemaDatasetFacetFields(name=name, type=type_ or UNKNOWN_TYPE)
        for name, type_ in columns.items()
    ]
    if not fields:
        return {}
    return {"schema": schema_dataset.SchemaDatasetFacet(fields=fields, producer=PRODUCER)}


def column_lineage_facet(lineage: OutputLineage | None) -> dict[str, DatasetFacet]:
    """The ``columnLineage`` facet of an output, or nothing where no column is known.

    Columns that only decide about rows stand once in the facet's ``dataset`` list, not in each field.
    """
    from openlineage.client.facet_v2 import column_lineage_dataset

    if lineage is None or not (lineage.fields or lineage.rows):
        return {}
    facet = column_lineage_dataset.ColumnLineageDatasetFacet(
        fields={column: _field(sources) for column, sources in lineage.fields.items()},
        dataset=[_input_field(key, edges) for key, edges in lineage.rows.items()],
        producer=PRODUCER,
    )
    return {"columnLineage": facet}


def _field(sources: Sources) -> Fields:
    from openlineage.client.facet_v2 import column_lineage_dataset

    edges = [edge for group in sources.values() for edge in group]
    kind = _main_kind(edges)
    return column_lineage_dataset.Fields(
        inputFields=[_input_field(key, group) for key, group in sources.items()],
        transformationType=kind,
        transformationDescription=_main_description(edges) if kind else None,
    )


def _input_field(key: tuple[DatasetId, str], edges: Sequence[Edge]) -> InputField:
    from openlineage.client.facet_v2 import column_lineage_dataset

    dataset, column = key
    seen: dict[tuple[str, str, str, bool], None] = {}
    for edge in edges:
        seen[edge.effect.value, edge.subtype.value, _description(edge), edge.masking] = None
    return column_lineage_dataset.InputField(
        namespace=dataset.namespace,
        name=dataset.name,
        field=column,
        transformations=[
            column_lineage_dataset.Transformation(
                type=effect, subtype=subtype, description=description or None, masking=masking
            )
            for effect, subtype, description, masking in seen
        ],
    )


def _main_kind(edges: Sequence[Edge]) -> str | None:
    """The field-level type, deprecated but the only one that Marquez shows: the strongest of the inputs."""
    if any(edge.masking for edge in edges):
        return "MASKED"
    subtypes = {edge.subtype for edge in edges if edge.effect is Effect.DIRECT}
    for subtype in (Subtype.AGGREGATION, Subtype.TRANSFORMATION, Subtype.IDENTITY):
        if subtype in subtypes:
            return str(subtype.value)
    return edges[0].subtype.value if edges else None


def _main_description(edges: Sequence[Edge]) -> str | None:
    """The expression of the first input whose value flows, else of the first one."""
    first = next((edge for edge in edges if edge.effect is Effect.DIRECT), edges[0])
    return _description(first) or None


def _description(edge: Edge) -> str:
    text = edge.expression.replace("\x00", "")  # no JSON column of PostgreSQL takes it
    return text if len(text) <= MAX_DESCRIPTION else text[: MAX_DESCRIPTION - 1] + "…"


_LIFECYCLE: Mapping[StatementKind, str] = {
    StatementKind.CREATE_TABLE: "CREATE",
    StatementKind.CREATE_VIEW: "CREATE",
    StatementKind.CREATE_STREAM: "CREATE",
    StatementKind.DROP: "DROP",
    StatementKind.TRUNCATE: "TRUNCATE",
    StatementKind.ALTER: "ALTER",
    StatementKind.RENAME: "RENAME",
    StatementKind.SWAP: "OVERWRITE",
}


def lifecycle_facet(kind: StatementKind, previous: DatasetId | None = None) -> dict[str, DatasetFacet]:
    """The ``lifecycleStateChange`` facet of an output, or nothing for statements that only move data.

    Args:
        kind: what the statement does.
        previous: the old name, for a rename.
    """
    from openlineage.client.facet_v2 import lifecycle_state_change_dataset as lifecycle

    if kind not in _LIFECYCLE:
        return {}
    identifier = None
    if previous is not None:
        identifier = lifecycle.PreviousIdentifier(name=previous.name, namespace=previous.namespace)
    facet = lifecycle.LifecycleStateChangeDatasetFacet(
        lifecycleStateChange=lifecycle.LifecycleStateChange(_LIFECYCLE[kind]),
        previousIdentifier=identifier,
        producer=PRODUCER,
    )
    return {"lifecycleStateChange": facet}


def job_facets(sql: str | None, dialect: str) -> dict[str, JobFacet]:
    """``jobType``, and ``sql`` where the statement's text is known."""
    from openlineage.client.facet_v2 import job_type_job, sql_job

    facets: dict[str, JobFacet] = {
        "jobType": job_type_job.JobTypeJobFacet(
            processingType="BATCH", integration="SQLFLOW", jobType="QUERY", producer=PRODUCER
        )
    }
    if sql:
        query = sql.replace("\x00", "")
        facets["sql"] = sql_job.SQLJobFacet(query=query, dialect=dialect or None, producer=PRODUCER)
    return facets


def run_facets(
    *,
    parent: ParentRun | None,
    is_resolved: bool,
    problems: Sequence[str] = (),
    task: str = "",
) -> dict[str, RunFacet]:
    """``processing_engine``, ``parent``, a tag for provisional namespaces, and ``extractionError``.

    Args:
        parent: the run above.
        is_resolved: whether the dataset namespace is the database's own.
        problems: relations left out, one message each.
        task: what ``extractionError`` calls the statement.
    """
    from openlineage.client.facet_v2 import extraction_error_run, processing_engine_run, tags_run

    facets: dict[str, RunFacet] = {
        "processing_engine": processing_engine_run.ProcessingEngineRunFacet(
            version=__version__,
            name=ENGINE_NAME,
            openlineageAdapterVersion=__version__,
            producer=PRODUCER,
        )
    }
    if parent is not None:
        facets["parent"] = _parent_facet(parent)
    if not is_resolved:
        tag = tags_run.TagsRunFacetFields(key="namespace_resolved", value="false", source=ENGINE_NAME)
        facets["tags"] = tags_run.TagsRunFacet(tags=[tag], producer=PRODUCER)
    if problems:
        facets["extractionError"] = extraction_error_run.ExtractionErrorRunFacet(
            totalTasks=1,
            failedTasks=1,
            errors=[
                extraction_error_run.Error(errorMessage=message, task=task, taskNumber=0)
                for message in problems
            ],
            producer=PRODUCER,
        )
    return facets


def _parent_facet(parent: ParentRun) -> RunFacet:
    from openlineage.client.facet_v2 import parent_run

    root = None
    if parent.root_run_id:
        root = parent_run.Root(
            run=parent_run.RootRun(runId=parent.root_run_id),
            job=parent_run.RootJob(namespace=parent.root_job_namespace, name=parent.root_job_name),
        )
    return parent_run.ParentRunFacet(
        run=parent_run.Run(runId=parent.run_id),
        job=parent_run.Job(namespace=parent.job_namespace, name=parent.job_name),
        root=root,
        producer=PRODUCER,
    )


def error_facet(message: str) -> dict[str, RunFacet]:
    """The ``errorMessage`` facet of a statement that gave no lineage."""
    from openlineage.client.facet_v2 import error_message_run

    facet = error_message_run.ErrorMessageRunFacet(
        message=message.replace("\x00", ""), programmingLanguage="SQL", producer=PRODUCER
    )
    return {"errorMessage": facet}
