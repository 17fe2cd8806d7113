"""The operator that checks SQL before anything runs it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider_sqlflow import conf
from airflow_provider_sqlflow.errors import ConfigError
from airflow_provider_sqlflow.hooks.connected import Connected
from airflow_provider_sqlflow.hooks.outcome import airflow_errors
from airflow_provider_sqlflow.hooks.sqlflow import SqlFlowHook
from airflow_provider_sqlflow.jobs.model import SyntaxProblem, TextSource
from airflow_provider_sqlflow.operators.sources import path_sources, text_sources
from airflow_provider_sqlflow.operators.templates import SqlTemplates

if TYPE_CHECKING:
    from airflow.sdk import Context, ObjectStoragePath

MAX_SHOWN = 20
MAX_RETURNED = 100


class SqlFlowCheckSyntaxOperator(Connected, SqlTemplates, BaseOperator):
    """Check that SQL can be understood; fails with file, line and column of what cannot.

    Nothing is kept and no job is made. Returns a dict: ``files``, ``errors``, ``warnings`` (counts) and
    ``problems``, a list of dicts with ``file``, ``line``, ``column``, ``is_error`` and ``message`` (at most
    100).

    Args:
        sql: SQL text, a list of texts, or names ending in ``.sql`` that Airflow loads as templates from the
            Dag's folder (templated).
        paths: files, folders, archives or URLs, as ``SqlFlowSubmitJobOperator`` takes them (templated).
        storage_conn_id: Airflow connection that opens the URLs in ``paths`` (templated).
        csv_layout: ``columns``, ``enclose`` and ``escape`` of ``*.csv`` in ``paths`` (templated).
        dialect: name of the SQL dialect, as sqlglot or SQLFlow spells it (templated).
        fail_on_warning: also fail when something is only doubtful.
        sqlflow_conn_id: id of the connection (templated).
    """

    template_fields: Sequence[str] = (
        "sql",
        "paths",
        "storage_conn_id",
        "csv_layout",
        "dialect",
        "sqlflow_conn_id",
    )
    template_ext: Sequence[str] = (".sql",)
    template_fields_renderers = {"sql": "sql", "csv_layout": "json"}  # noqa: RUF012  # Airflow's own type
    ui_color = "#e9f2dc"

    def __init__(
        self,
        *,
        dialect: str,
        sql: str | list[str] | None = None,
        paths: str | ObjectStoragePath | list[str | ObjectStoragePath] | None = None,
        storage_conn_id: str | None = None,
        csv_layout: Mapping[str, str] | None = None,
        fail_on_warning: bool = False,
        sqlflow_conn_id: str = SqlFlowHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.sql = sql
        self.paths = paths
        self.storage_conn_id = storage_conn_id
        self.csv_layout = csv_layout
        self.dialect = dialect
        self.fail_on_warning = fail_on_warning
        self.sqlflow_conn_id = sqlflow_conn_id

    def execute(self, context: Context) -> dict[str, Any]:
        """Check every text.

        Raises:
            AirflowFailException: a statement cannot be understood, or the input cannot be used.
        """
        files = 0
        problems: list[SyntaxProblem] = []
        try:
            with airflow_errors():
                for text, unreadable in self._texts():
                    files += 1
                    found = [unreadable] if unreadable else self.hook.check_syntax(text, self.dialect)
                    problems.extend(found)
        finally:
            self.hook.close()
        for problem in problems[:MAX_SHOWN]:
            self.log.warning("%s", problem)
        errors = [problem for problem in problems if problem.is_error]
        failing = problems if self.fail_on_warning else errors
        if failing:
            raise AirflowFailException(_told(failing))
        self.log.info("%d file(s) checked: %d warning(s)", files, len(problems))
        return {
            "files": files,
            "errors": len(errors),
            "warnings": len(problems) - len(errors),
            "problems": [asdict(problem) for problem in problems[:MAX_RETURNED]],
        }

    def _texts(self) -> Iterator[tuple[TextSource, SyntaxProblem | None]]:
        """Each file's text, or why there is none."""
        from airflow_provider_sqlflow.jobs.inputs import open_inputs

        if not self.sql and not self.paths:
            raise ConfigError(
                f"task {self.task_id}: neither sql nor paths is given, so there is nothing to check"
            )
        settings = conf.settings()
        given = path_sources(
            self.paths, Path(self.dag.folder), self.csv_layout, self.storage_conn_id, settings
        )
        inputs = open_inputs((*text_sources(self.sql, self.task_id), *given.sources), settings)
        for file in inputs.read(""):
            problem = None
            if file.problem:
                problem = SyntaxProblem(file.name, file.problem_line, 1, True, file.problem)
            text = file.prefix + file.text + file.suffix
            yield TextSource(file.name, text, file.database, file.schema), problem


def _told(problems: Sequence[SyntaxProblem]) -> str:
    lines = [str(problem) for problem in problems[:MAX_SHOWN]]
    if len(problems) > MAX_SHOWN:
        lines.append(f"... and {len(problems) - MAX_SHOWN} more")
    return f"{len(problems)} place(s) in the SQL cannot be understood:\n" + "\n".join(lines)
