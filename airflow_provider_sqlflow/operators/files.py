"""Where exported files go: names in a folder, and copies to object stores."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from airflow_provider_sqlflow.errors import ConfigError

if TYPE_CHECKING:
    from airflow_provider_sqlflow.hooks.sqlflow import SqlFlowHook
    from airflow_provider_sqlflow.jobs.model import ExportSummary, JobId

OPENLINEAGE_SUFFIX = ".openlineage.jsonl"
"""Newline-delimited events; the edges format has ``.jsonl`` for itself."""


def export_paths(output_path: str, job_name: str, formats: Sequence[str]) -> dict[str, str]:
    """The file of each format.

    ``output_path`` is the file itself when there is one format and the path has a suffix, no slash at
    its end and is no existing folder. Otherwise it is a folder, and the files are named after the job.

    Raises:
        UnknownFormatError: a format that does not exist; nothing has been written yet.
        ConfigError: no format, or no path.
    """
    if not formats or not output_path:
        raise ConfigError("an export needs an output path and at least one format")
    suffixes = {name: _suffix(name) for name in formats}
    if len(formats) == 1 and _is_file_name(output_path):
        return {formats[0]: output_path}
    stem = re.sub(r"[^\w.-]+", "_", job_name)
    return {name: f"{output_path.rstrip('/')}/{stem}{suffix}" for name, suffix in suffixes.items()}


def export_file(
    hook: SqlFlowHook, job_id: JobId, format: str, path: str, options: Mapping[str, str] | None = None
) -> ExportSummary:
    """Write one export to a local path, or to a temporary file and from there to an object store."""
    if not _is_url(path):
        return hook.export_job(job_id, format, path, options)

    from airflow.sdk import ObjectStoragePath

    target = ObjectStoragePath(path)
    with TemporaryDirectory(prefix="sqlflow-export-") as folder:
        local = Path(folder) / target.name
        summary = hook.export_job(job_id, format, str(local), options)
        target.parent.mkdir(parents=True, exist_ok=True)
        with local.open("rb") as source, target.open("wb") as copy:  # type: ignore[no-untyped-call]
            shutil.copyfileobj(source, copy)
    return replace(summary, path=path)


def _is_file_name(path: str) -> bool:
    if path.endswith("/") or not PurePosixPath(path).suffix:
        return False
    return _is_url(path) or not Path(path).is_dir()


def _is_url(path: str) -> bool:
    return "://" in path


def _suffix(format: str) -> str:
    from airflow_provider_sqlflow.formats.registry import get_format
    from airflow_provider_sqlflow.jobs.export import OPENLINEAGE, check_format

    check_format(format)
    return OPENLINEAGE_SUFFIX if format == OPENLINEAGE else get_format(format).suffix
