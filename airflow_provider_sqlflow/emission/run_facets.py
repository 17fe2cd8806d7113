"""Facets of runs and jobs. Pure, as :mod:`~airflow_provider_sqlflow.emission.facets`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_sqlflow import __version__
from airflow_provider_sqlflow.emission.context import ParentRun
from airflow_provider_sqlflow.emission.facets import ENGINE_NAME, PRODUCER

if TYPE_CHECKING:
    from openlineage.client.facet_v2 import JobFacet, RunFacet

MAX_SOURCE_URL = 255
"""Marquez answers 500 to a longer ``sourceCodeLocation.url``."""

QUERY = "QUERY"
"""``jobType`` of a statement."""
JOB = "JOB"
"""``jobType`` of the lineage job above its statements."""

JobFacets = dict[str, "JobFacet"]
RunFacets = dict[str, "RunFacet"]


@dataclass(frozen=True, slots=True)
class Problems:
    """What was not understood: messages, of how many statements, and how many of them gave no lineage."""

    messages: tuple[str, ...] = ()
    statements: int = 1
    failed: int = 0


def job_facets(
    job_type: str,
    *,
    sql: str = "",
    dialect: str = "",
    source_url: str = "",
    source_path: str = "",
    description: str = "",
    owners: Sequence[str] = (),
    tags: Mapping[str, str] | None = None,
) -> JobFacets:
    """``jobType`` always; the others as far as they are given.

    Args:
        job_type: :data:`QUERY` or :data:`JOB`.
        sql: the statement, without secrets.
        dialect: its language.
        source_url: where the statement can be looked up; one that is too long is left out.
        source_path: its file.
        description: what the job does.
        owners: who looks after it.
        tags: values by key.
    """
    from openlineage.client.facet_v2 import (
        documentation_job,
        job_type_job,
        ownership_job,
        source_code_location_job,
        sql_job,
        tags_job,
    )

    facets: JobFacets = {
        "jobType": job_type_job.JobTypeJobFacet(
            processingType="BATCH", integration="SQLFLOW", jobType=job_type, producer=PRODUCER
        )
    }
    if sql:
        facets["sql"] = sql_job.SQLJobFacet(query=sql, dialect=dialect or None, producer=PRODUCER)
    if source_url and len(source_url) <= MAX_SOURCE_URL:
        facets["sourceCodeLocation"] = source_code_location_job.SourceCodeLocationJobFacet(
            type="git", url=source_url, path=source_path or None, producer=PRODUCER
        )
    if description:
        facets["documentation"] = documentation_job.DocumentationJobFacet(
            description=description, producer=PRODUCER
        )
    if owners:
        facets["ownership"] = ownership_job.OwnershipJobFacet(
            owners=[ownership_job.Owner(name=name) for name in owners], producer=PRODUCER
        )
    if tags:
        facets["tags"] = tags_job.TagsJobFacet(
            tags=[
                tags_job.TagsJobFacetFields(key=key, value=value, source=ENGINE_NAME)
                for key, value in tags.items()
            ],
            producer=PRODUCER,
        )
    return facets


def run_facets(parent: ParentRun | None, *, is_resolved: bool, problems: Problems, task: str) -> RunFacets:
    """``processing_engine``, ``parent``, a tag for provisional namespaces, and ``extractionError``.

    Args:
        parent: the run above.
        is_resolved: whether the dataset namespace is the database's own.
        problems: what was not understood.
        task: what ``extractionError`` calls the statement.
    """
    from openlineage.client.facet_v2 import extraction_error_run, processing_engine_run, tags_run

    facets: RunFacets = {
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
    if problems.messages:
        facets["extractionError"] = extraction_error_run.ExtractionErrorRunFacet(
            totalTasks=problems.statements,
            failedTasks=problems.failed,
            errors=[
                extraction_error_run.Error(errorMessage=message, task=task, taskNumber=0)
                for message in problems.messages
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


def error_facet(message: str) -> RunFacets:
    """The ``errorMessage`` facet of a statement that gave no lineage."""
    from openlineage.client.facet_v2 import error_message_run

    facet = error_message_run.ErrorMessageRunFacet(
        message=message.replace("\x00", ""), programmingLanguage="SQL", producer=PRODUCER
    )
    return {"errorMessage": facet}
