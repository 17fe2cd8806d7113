"""Jobs and diagnostics as text and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from airflow_provider_sqlflow.jobs.model import (
    DEFAULT_QUEUE,
    ExportSummary,
    InstancePage,
    Job,
    JobFile,
    JobPage,
    JobRun,
    JobStatus,
)

if TYPE_CHECKING:
    from airflow_provider_sqlflow.engine import Diagnostic

_SEVERITY_COLOURS = {"error": "red", "warning": "yellow", "info": "cyan"}
_STATUS_COLOURS = {
    JobStatus.SUCCESS: "green",
    JobStatus.PARTIAL_SUCCESS: "yellow",
    JobStatus.FAIL: "red",
    JobStatus.CANCEL: "yellow",
}


def diagnostic_line(diagnostic: Diagnostic) -> str:
    """A diagnostic as compilers print them, which editors and terminals make clickable."""
    severity = diagnostic.severity.value
    shown = click.style(severity, fg=_SEVERITY_COLOURS[severity])
    return f"{diagnostic.span}: {shown} {diagnostic.code}: {diagnostic.message}"


def job_json(job: Job) -> str:
    """One job as indented JSON."""
    return as_json(
        {
            **asdict(job),
            "progress_percent": job.progress_percent,
            "duration_seconds": job.duration_seconds,
        }
    )


def jobs_json(jobs: Sequence[Job]) -> str:
    """Jobs as indented JSON."""
    return as_json([asdict(job) for job in jobs])


def page_json(page: JobPage) -> str:
    """A page of jobs as indented JSON."""
    return as_json(asdict(page))


def files_json(files: Sequence[JobFile]) -> str:
    """A job's files as indented JSON."""
    return as_json([asdict(file) for file in files])


def job_text(job: Job) -> str:
    """One job, a field a line."""
    counts = job.counts
    lines = [
        ("id", job.id),
        ("name", job.name),
        ("status", status_text(job.status)),
        ("dialect", job.dialect),
        ("kind", job.kind.value),
        ("run", f"{job.run}, result of run {job.result_run or 'none'}" if job.run > 1 else ""),
        ("schedule", schedule_text(job)),
        ("queue", "" if job.queue == DEFAULT_QUEUE else job.queue),
        ("owner", job.owner),
        ("tags", ", ".join(job.tags)),
        ("created", time_text(job.created_at)),
        ("begin", time_text(job.begin_at)),
        ("end", time_text(job.end_at)),
        ("duration", "" if job.duration_seconds is None else f"{job.duration_seconds:.1f} s"),
        ("files", f"{counts.files_done} of {counts.files_total}"),
        ("statements", f"{counts.statements} ({counts.failed_statements} failed)"),
        ("relations", str(counts.relations)),
        ("column edges", str(counts.column_edges)),
        ("diagnostics", str(counts.diagnostics)),
        ("error", job.error),
    ]
    return "\n".join(f"{label:<13}{value}" for label, value in lines if value)


def schedule_text(job: Job) -> str:
    """When a job runs again; empty without a schedule."""
    if job.schedule is None:
        return ""
    paused = ", paused" if job.schedule.is_paused else ""
    return f"{job.schedule.cron} ({job.schedule.timezone}{paused})"


def scheduled_text(jobs: Sequence[Job], next_runs: Sequence[datetime | None]) -> str:
    """Jobs with a schedule, a job a line, and when each runs next."""
    rows = [
        (job.id, job.status.value, schedule_text(job), time_text(at), job.name)
        for job, at in zip(jobs, next_runs, strict=True)
    ]
    return table(("id", "status", "schedule", "next run", "name"), rows)


def runs_json(runs: Sequence[JobRun]) -> str:
    """A job's runs as indented JSON."""
    return as_json([asdict(run) for run in runs])


def runs_text(runs: Sequence[JobRun]) -> str:
    """A job's runs, a run a line."""
    rows = [
        (
            str(run.number),
            run.status.value,
            str(run.counts.files_total),
            str(run.counts.statements),
            time_text(run.created_at),
            time_text(run.end_at),
            _task(run),
            run.error,
        )
        for run in runs
    ]
    return table(("run", "status", "files", "statements", "created", "end", "task", "error"), rows)


def instances_json(page: InstancePage) -> str:
    """A page of runs that used a table as indented JSON."""
    return as_json(asdict(page))


def instances_text(page: InstancePage) -> str:
    """A page of runs that used a table, a run a line."""
    rows = [
        (
            item.table,
            item.role.value,
            item.run.status.value,
            time_text(item.run.begin_at),
            time_text(item.run.end_at),
            _task(item.run),
            item.run.job_id,
        )
        for item in page.instances
    ]
    shown = table(("table", "role", "status", "begin", "end", "task", "job"), rows)
    return f"{shown}\n{len(page.instances)} of {plural(page.total, 'instance')}"


def page_text(page: JobPage) -> str:
    """A page of jobs, a job a line, newest first."""
    rows = [
        (
            job.id,
            job.status.value,
            str(job.counts.files_total),
            str(job.counts.statements),
            time_text(job.created_at),
            job.name,
        )
        for job in page.jobs
    ]
    shown = table(("id", "status", "files", "statements", "created", "name"), rows)
    return f"{shown}\n{len(page.jobs)} of {plural(page.total, 'job')}"


def files_text(files: Sequence[JobFile]) -> str:
    """A job's files, a file a line."""
    rows = [
        (file.status.value, str(file.statements), str(file.failed_statements), file.path, file.cause)
        for file in files
    ]
    return table(("status", "statements", "failed", "file", "cause"), rows)


def status_text(status: JobStatus) -> str:
    """A status in its colour."""
    return click.style(status.value, fg=_STATUS_COLOURS.get(status))


def plural(number: int, noun: str) -> str:
    """A number and its noun: 1 file, 2 files."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def export_text(summary: ExportSummary) -> str:
    """What an export wrote, in one line."""
    sizes = (
        plural(summary.size, "byte"),
        plural(summary.relations, "relation"),
        plural(summary.edges, "column edge"),
    )
    return f"{summary.path}: {', '.join(sizes)}"


def _task(run: JobRun) -> str:
    """The task instance that asked for a run: Dag, task, run, map index and try."""
    origin = run.origin
    if origin is None:
        return ""
    mapped = f"[{origin.map_index}]" if origin.map_index >= 0 else ""
    return f"{origin.dag_id}.{origin.task_id}{mapped} {origin.run_id} try {origin.try_number}"


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Rows below a head, in columns as wide as their widest cell."""
    widths = [max(len(cell) for cell in column) for column in zip(head, *rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (head, *rows)
    )


def time_text(value: datetime | None) -> str:
    """A time to the second; empty without one."""
    return "" if value is None else value.isoformat(sep=" ", timespec="seconds")


def as_json(document: Any) -> str:
    """A document as indented JSON; times in ISO 8601."""
    return json.dumps(document, indent=2, ensure_ascii=False, default=datetime.isoformat)
