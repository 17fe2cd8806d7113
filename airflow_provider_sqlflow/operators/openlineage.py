"""OpenLineage: an operator that publishes a job's lineage, and what our operators tell of themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow.sdk import BaseOperator

from airflow_provider_sqlflow import conf
from airflow_provider_sqlflow.errors import EmissionError
from airflow_provider_sqlflow.hooks.connected import Connected
from airflow_provider_sqlflow.hooks.outcome import airflow_errors
from airflow_provider_sqlflow.hooks.sqlflow import SqlFlowHook
from airflow_provider_sqlflow.jobs.model import Job, JobId

if TYPE_CHECKING:
    from airflow.providers.openlineage.extractors import OperatorLineage
    from airflow.sdk import Context

    from airflow_provider_sqlflow.jobs.publish import EmissionOptions


class SqlFlowEmitLineageOperator(Connected, BaseOperator):
    """Publish the lineage of a job as OpenLineage events.

    Each statement becomes a run below this task's run, so that Marquez shows tables, columns and SQL under
    the Dag. The backend is the one of Airflow's OpenLineage provider; where that is absent or not configured,
    ``[sqlflow] openlineage_transport``, else what the OpenLineage client finds by itself. A backend that is
    down does not fail the task: events are kept on disk, and ``sqlflow emit --replay`` sends them.

    Returns a dict: ``events``, ``sent``, ``kept``, ``rejected`` and ``lost``, each a number.

    Args:
        job_id: the job; it must have ended with a result (templated).
        dataset_conn_id: Airflow connection of the database that the SQL runs on. It gives the datasets the
            names under which other producers know them (templated).
        dataset_namespace: the same by hand, for example ``postgres://db.example.com:5432`` (templated).
        default_database: database of names that give none (templated).
        default_schema: schema of names that give none (templated).
        runs_per: ``statement`` or ``target``; by default ``[sqlflow] openlineage_runs_per``.
        include_sql: whether SQL stands in the events; by default ``[sqlflow] openlineage_include_sql``.
        fail_on_undelivered: fail the task when the backend did not take every event.
        sqlflow_conn_id: id of the connection (templated).
    """

    template_fields: Sequence[str] = (
        "job_id",
        "dataset_conn_id",
        "dataset_namespace",
        "default_database",
        "default_schema",
        "sqlflow_conn_id",
    )
    ui_color = "#dcedf7"

    def __init__(
        self,
        *,
        job_id: str,
        dataset_conn_id: str | None = None,
        dataset_namespace: str = "",
        default_database: str | None = None,
        default_schema: str | None = None,
        runs_per: str | None = None,
        include_sql: bool | None = None,
        fail_on_undelivered: bool = False,
        sqlflow_conn_id: str = SqlFlowHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.job_id = job_id
        self.dataset_conn_id = dataset_conn_id
        self.dataset_namespace = dataset_namespace
        self.default_database = default_database
        self.default_schema = default_schema
        self.runs_per = runs_per
        self.include_sql = include_sql
        self.fail_on_undelivered = fail_on_undelivered
        self.sqlflow_conn_id = sqlflow_conn_id

    def execute(self, context: Context) -> dict[str, int]:
        """Send the events.

        Raises:
            AirflowFailException: no result, no backend configured, or an option that cannot be used.
            EmissionError: with ``fail_on_undelivered``, when some events were not taken.
        """
        from airflow_provider_sqlflow.hooks.openlineage import emit_lineage, may_emit

        ti = context["ti"]
        if not may_emit(self, ti.dag_id, ti.task_id):
            self.log.info("The OpenLineage emission policy lets this task emit nothing")
            return {"events": 0, "sent": 0, "kept": 0, "rejected": 0, "lost": 0}
        try:
            with airflow_errors():
                lineage = self.hook.get_lineage(JobId(self.job_id))
                summary = emit_lineage(lineage, self._options(lineage.results[0].dialect), ti)
        finally:
            self.hook.close()
        if self.fail_on_undelivered and not summary.is_complete:
            raise EmissionError(f"the OpenLineage backend does not have every event: {summary}")
        return asdict(summary)

    def _options(self, dialect: str) -> EmissionOptions:
        from airflow_provider_sqlflow.emission.namespaces import DatabaseAddress
        from airflow_provider_sqlflow.hooks.openlineage import connection_address
        from airflow_provider_sqlflow.jobs.publish import EmissionOptions, runs_per

        options = EmissionOptions.from_settings(conf.settings())
        if self.dataset_conn_id:
            options = options.at(dialect, connection_address(self.dataset_conn_id))
        by_hand = DatabaseAddress(
            dialect, self.dataset_namespace, self.default_database or None, self.default_schema or None
        )
        return replace(
            options.at(dialect, by_hand),
            runs_per=runs_per(self.runs_per) if self.runs_per else options.runs_per,
            includes_sql=options.includes_sql if self.include_sql is None else self.include_sql,
        )


class TaskLineage:
    """What an operator tells Airflow's OpenLineage provider of its own task: the files it reads and writes.

    The lineage *in* the SQL belongs to the statements, see :class:`SqlFlowEmitLineageOperator`. The provider
    asks in a process of its own with a few seconds' time, so nothing here looks anything up: an operator's
    ``execute`` leaves what is known in ``_lineage_job`` and ``_lineage_exports``.
    """

    _lineage_job: Job | None = None
    _lineage_exports: Sequence[Mapping[str, Any]] = ()

    def lineage_files(self) -> Sequence[str]:
        """Files and folders that the task reads."""
        return ()

    def get_openlineage_facets_on_start(self) -> OperatorLineage[Any, Any] | None:
        """The files, as far as they are known before the task runs."""
        return self._task_lineage()

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> OperatorLineage[Any, Any] | None:
        """The files, and how the job ended. Also asked when the task has failed."""
        return self._task_lineage()

    def _task_lineage(self) -> OperatorLineage[Any, Any] | None:
        from airflow.providers.openlineage.extractors import OperatorLineage
        from openlineage.client.event_v2 import InputDataset, OutputDataset

        inputs = [InputDataset(*file) for file in map(_file_dataset, self.lineage_files()) if file]
        paths = [str(export["path"]) for export in self._lineage_exports]
        outputs = [OutputDataset(*file) for file in map(_file_dataset, paths) if file]
        return OperatorLineage(inputs=inputs, outputs=outputs, run_facets=self._run_facets())

    def _run_facets(self) -> dict[str, Any]:
        job = self._lineage_job
        if job is None:
            return {}
        from openlineage.client.facet_v2 import extraction_error_run, tags_run

        from airflow_provider_sqlflow.emission.facets import ENGINE_NAME, PRODUCER

        counts = job.counts
        tags = {"sqlflow_job": str(job.id), "sqlflow_status": job.status.value}
        facets: dict[str, Any] = {
            "tags": tags_run.TagsRunFacet(
                tags=[
                    tags_run.TagsRunFacetFields(key=key, value=value, source=ENGINE_NAME)
                    for key, value in tags.items()
                ],
                producer=PRODUCER,
            )
        }
        if counts.failed_statements:
            message = f"{counts.failed_statements} of {counts.statements} statements gave no lineage"
            facets["extractionError"] = extraction_error_run.ExtractionErrorRunFacet(
                totalTasks=counts.statements,
                failedTasks=counts.failed_statements,
                errors=[extraction_error_run.Error(errorMessage=message, task=job.name)],
                producer=PRODUCER,
            )
        return facets


def _file_dataset(path: str) -> tuple[str, str] | None:
    """Namespace and name of a file or folder; ``None`` for what no rule names."""
    from airflow_provider_sqlflow.emission.naming import DatasetNaming
    from airflow_provider_sqlflow.engine.model import RelationId, RelationKind

    address = urlsplit(path)
    if not address.scheme:
        path = str(Path(path).absolute())
    try:
        dataset = DatasetNaming("").dataset(RelationId(None, None, path), RelationKind.PATH)
    except EmissionError:
        return None
    return dataset.namespace, dataset.name
