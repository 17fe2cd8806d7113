"""The operator that writes a job's result to files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from airflow_provider_sqlflow.hooks.connected import Connected
from airflow_provider_sqlflow.hooks.outcome import airflow_errors
from airflow_provider_sqlflow.hooks.sqlflow import SqlFlowHook
from airflow_provider_sqlflow.jobs.model import JobId
from airflow_provider_sqlflow.operators.files import export_file, export_paths
from airflow_provider_sqlflow.operators.links import SqlFlowJobLink, SqlFlowLineageLink, push_links
from airflow_provider_sqlflow.operators.openlineage import TaskLineage
from airflow_provider_sqlflow.operators.outlets import emit_assets

if TYPE_CHECKING:
    from airflow.sdk import Context, ObjectStoragePath


class SqlFlowExportOperator(Connected, TaskLineage, BaseOperator):
    """Write the result of a lineage job to files.

    Returns a dict: ``job_id``, ``job_name`` and ``exports``, a list of dicts with ``format``,
    ``path``, ``size`` (bytes), ``relations`` and ``edges``.

    Args:
        job_id: the job; it must have ended with a result (templated).
        output_path: a folder, which is created where missing, or, for a single format, a file name
            with a suffix. A local path, or a URL that ``ObjectStoragePath`` understands such as
            ``s3://conn@bucket/lineage``. A trailing slash always means a folder (templated).
        formats: one or several names of export formats, such as ``json``, ``csv``, ``graphml``, ``svg``,
            ``openlineage`` (templated).
        options: what to show, by name: ours (``{"indirect": "false", "result_sets": "all"}``) or SQLFlow's
            settings (``{"showRelationType": "fdd"}``); values are text (templated).
        emit_assets: add events for the tables that the job wrote, which name the files, to every
            ``AssetAlias`` among the task's outlets.
        dataset_namespace: OpenLineage namespace of the tables in these events (templated).
        sqlflow_conn_id: id of the connection (templated).
    """

    template_fields: Sequence[str] = (
        "job_id",
        "output_path",
        "formats",
        "options",
        "dataset_namespace",
        "sqlflow_conn_id",
    )
    operator_extra_links = (SqlFlowJobLink(), SqlFlowLineageLink())
    ui_color = "#dcedf7"

    def __init__(
        self,
        *,
        job_id: str,
        output_path: str | ObjectStoragePath,
        formats: str | Sequence[str] = "json",
        options: Mapping[str, str] | None = None,
        emit_assets: bool = True,
        dataset_namespace: str = "",
        sqlflow_conn_id: str = SqlFlowHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.job_id = job_id
        self.output_path = output_path
        self.formats = formats
        self.options = options
        self.emit_assets = emit_assets
        self.dataset_namespace = dataset_namespace
        self.sqlflow_conn_id = sqlflow_conn_id

    def execute(self, context: Context) -> dict[str, Any]:
        """Write the files, each whole or not at all.

        Raises:
            AirflowFailException: the job has no result, or a format or option is unknown.
        """
        job_id = JobId(self.job_id)
        formats = [self.formats] if isinstance(self.formats, str) else list(self.formats)
        try:
            with airflow_errors():
                job = self.hook.get_job(job_id)
                push_links(self.hook, job_id, context)
                exports = []
                for name, path in export_paths(str(self.output_path), job.name, formats).items():
                    summary = export_file(self.hook, job_id, name, path, self.options)
                    self.log.info("Wrote %s (%d bytes, %d edges)", summary.path, summary.size, summary.edges)
                    exports.append(asdict(summary))
                self._lineage_job, self._lineage_exports = job, exports
                if self.emit_assets:
                    paths = {export["format"]: export["path"] for export in exports}
                    extra = {"counts": asdict(job.counts), "exports": paths}
                    emit_assets(self, self.hook, job, context, self.dataset_namespace, extra)
        finally:
            self.hook.close()
        return {"job_id": str(job_id), "job_name": job.name, "exports": exports}
