"""Files in, one result a file out: what runners and ``sqlflow analyze`` share."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from airflow_provider_sqlflow.ingest.model import Columns, SourceFile
from airflow_provider_sqlflow.jobs.incremental import (
    declarations_to_json,
    input_key,
    key_without_match,
    lookups_to_json,
)
from airflow_provider_sqlflow.jobs.lineage.rows import index_rows, stored_relations
from airflow_provider_sqlflow.jobs.model import JobCounts, JobFile, JobRequest, JobStatus
from airflow_provider_sqlflow.jobs.store.base import FileResult
from airflow_provider_sqlflow.settings import Settings

if TYPE_CHECKING:
    from airflow_provider_sqlflow.engine import (
        Catalog,
        LineageResult,
        RelationId,
        Script,
        ScriptReading,
    )
    from airflow_provider_sqlflow.engine.limits import Limits
    from airflow_provider_sqlflow.engine.program import Declaration
    from airflow_provider_sqlflow.jobs.inputs import JobInputs


@dataclass(frozen=True, slots=True)
class AnalysisOptions:
    """How to read the SQL of a job."""

    dialect: str
    default_database: str | None = None
    default_schema: str | None = None
    catalog: Columns = field(default_factory=dict)
    found_catalog: Columns = field(default_factory=dict)
    """What the sources know; the catalog that was given wins."""

    @classmethod
    def of(cls, request: JobRequest, inputs: JobInputs) -> AnalysisOptions:
        """The options that a job request asks for, with the dialect and catalog that its sources bring."""
        return cls(
            inputs.dialect(request.dialect),
            request.default_database,
            request.default_schema,
            request.catalog,
            inputs.catalog,
        )


@dataclass(frozen=True, slots=True)
class FileOutcome:
    """What became of one file.

    Attributes:
        position: index of the file in the input.
        source: the file as read.
        result: its lineage; without statements where the file could not be read.
    """

    position: int
    source: SourceFile
    result: LineageResult

    @property
    def summary(self) -> JobFile:
        """The outcome as the job's list of files shows it."""
        return summary_of(self.result, self.source.name)


@dataclass(frozen=True, slots=True)
class FileTask:
    """A file to be analysed and what it sees of the others. Picklable: it goes to other processes."""

    file: SourceFile
    visible: tuple[Declaration, ...]

    def without_text(self, problem: str) -> FileTask:
        """The task of a file that cannot be analysed."""
        return FileTask(replace(self.file, text="", problem=problem), ())


class FileAnalyzer:
    """Analyses single files of a job. Picklable.

    Args:
        options: dialect, defaults and catalog.
        settings: limits.
    """

    def __init__(self, options: AnalysisOptions, settings: Settings) -> None:
        self.options = options
        self.settings = settings
        self._catalog: Catalog | None = None  # made where it is used: another process, perhaps

    def catalog_behind(self, visible: Catalog) -> Catalog:
        """What a file is answered when it asks for columns: the other files first, then the job's catalog."""
        from airflow_provider_sqlflow.engine.catalog import LayeredCatalog

        if self._catalog is None:
            self._catalog = _catalog(self.options)
        return LayeredCatalog(visible, self._catalog)

    def key_of(self, file: SourceFile) -> str:
        """What decides the file's result but for the answers of catalogs."""
        return input_key(file, self.options, self.settings)

    def analyze(self, task: FileTask) -> FileResult:
        """A file's lineage in the form in which it is kept."""
        from airflow_provider_sqlflow.engine import result_to_json

        reading = self.read(task)
        result = reading.result
        key = self.key_of(task.file)
        is_late = any(item.code == "time_limit" for item in result.diagnostics)
        return FileResult(
            input_key=key_without_match(key) if is_late else key,
            lookups=lookups_to_json(reading.lookups),
            declarations=declarations_to_json(reading.declarations),
            document=result_to_json(result),
            rows=index_rows(result),
            summary=summary_of(result, task.file.name),
            edges=len(result.edges()),
            diagnostics=len(result.diagnostics),
        )

    def read(self, task: FileTask) -> ScriptReading:
        """A file's lineage; one that could not be read has a diagnostic and no statements."""
        from airflow_provider_sqlflow.engine import ScriptReading, read_script
        from airflow_provider_sqlflow.engine.program import catalog_of

        file, options = task.file, self.options
        if file.problem:
            return ScriptReading(_unreadable(file, options.dialect), (), {})
        reading = read_script(
            _script(file),
            dialect=options.dialect,
            catalog=self.catalog_behind(catalog_of(task.visible)),
            default_database=options.default_database,
            default_schema=options.default_schema,
            limits=_limits(self.settings),
        )
        return replace(reading, result=_told(reading.result, file))


def analyze_files(
    files: Iterable[SourceFile],
    options: AnalysisOptions,
    settings: Settings,
    on_read: Callable[[SourceFile], None] = lambda _file: None,
) -> Iterator[FileOutcome]:
    """Analyse files as one program, all of them in memory: a file sees what the others declare.

    Yields one outcome a file: first those that could not be read, then the others in the engine's order.

    Args:
        files: the files; read to the end before the first is analysed, since order depends on all.
        options: dialect, defaults and catalog.
        settings: limits.
        on_read: called after each file that was read, for progress.
    """
    from airflow_provider_sqlflow import engine

    readable: list[tuple[int, SourceFile]] = []
    for position, file in enumerate(files):
        on_read(file)
        if file.problem:
            yield FileOutcome(position, file, _unreadable(file, options.dialect))
        else:
            readable.append((position, file))
    results = engine.iter_scripts(
        [_script(file) for _, file in readable],
        dialect=options.dialect,
        catalog=_catalog(options),
        default_database=options.default_database,
        default_schema=options.default_schema,
        limits=_limits(settings),
    )
    for index, result in results:
        position, file = readable[index]
        yield FileOutcome(position, file, _told(result, file))


class Tally:
    """Adds files up to a job's counts and its final status."""

    def __init__(self, files_total: int) -> None:
        self.counts = JobCounts(files_total=files_total)
        self._first_cause: tuple[int, str] | None = None
        self._relations: set[RelationId] = set()
        self._has_failed = False

    def add_outcome(self, outcome: FileOutcome) -> None:
        """Count a file's outcome, relations included."""
        result = outcome.result
        self._relations.update(relation.id for relation in stored_relations(result))
        self.add(
            outcome.position,
            outcome.summary,
            len(result.edges()),
            len(result.diagnostics),
            outcome.source.size,
        )
        self.set_relations(len(self._relations))

    def add(self, position: int, summary: JobFile, edges: int, diagnostics: int, size: int) -> None:
        """Count a file; its relations are counted by whoever knows those of all files."""
        counts = self.counts
        self.counts = replace(
            counts,
            files_done=counts.files_done + 1,
            statements=counts.statements + summary.statements,
            failed_statements=counts.failed_statements + summary.failed_statements,
            column_edges=counts.column_edges + edges,
            diagnostics=counts.diagnostics + diagnostics,
            input_bytes=counts.input_bytes + size,
        )
        if summary.status is not JobStatus.SUCCESS:
            self._has_failed = True
            cause = (position, summary.cause)
            self._first_cause = cause if self._first_cause is None else min(cause, self._first_cause)

    def expect(self, files_total: int) -> None:
        """Note how many files there are."""
        self.counts = replace(self.counts, files_total=files_total)

    def set_relations(self, count: int) -> None:
        """Note how many relations the files mention in all."""
        self.counts = replace(self.counts, relations=count)

    @property
    def status(self) -> JobStatus:
        """``fail`` when something failed and nothing came out, ``partial_success`` when something did."""
        return _status(self.counts.statements - self.counts.failed_statements, has_failed=self._has_failed)

    @property
    def error(self) -> str:
        """Why a job that gave nothing failed; empty for every other status."""
        if self.status is not JobStatus.FAIL:
            return ""
        cause = self._first_cause[1] if self._first_cause else ""
        return f"no statement of {self.counts.files_total} file(s) was understood; first: {cause}"


def summary_of(result: LineageResult, name: str) -> JobFile:
    """A file's result as the job's list of files shows it."""
    total = len(result.statements)
    failed = sum(not statement.is_ok for statement in result.statements)
    first_error = next(result.errors(), None)
    return JobFile(
        path=name,
        status=_status(total - failed, has_failed=failed > 0 or first_error is not None),
        statements=total,
        failed_statements=failed,
        cause="" if first_error is None else f"{first_error.span}: {first_error.message}",
    )


def _limits(settings: Settings) -> Limits:
    from airflow_provider_sqlflow.engine.limits import Limits

    return Limits(
        settings.max_statement_chars,
        settings.max_nesting,
        settings.max_statement_seconds,
        clock=time.monotonic,
    )


def _status(understood: int, *, has_failed: bool) -> JobStatus:
    if not has_failed:
        return JobStatus.SUCCESS
    return JobStatus.PARTIAL_SUCCESS if understood else JobStatus.FAIL


def _unreadable(file: SourceFile, dialect: str) -> LineageResult:
    from airflow_provider_sqlflow.engine import Diagnostic, LineageResult, Severity, Span

    span = Span(file.name, file.problem_line, 1, file.problem_line, 1)
    diagnostic = Diagnostic(Severity.ERROR, "unreadable_file", file.problem, span)
    return _told(LineageResult(diagnostics=(diagnostic,), dialect=dialect, source_name=file.name), file)


def _script(file: SourceFile) -> Script:
    from airflow_provider_sqlflow.engine import Script

    return Script(file.name, file.text, file.database, file.schema, file.prefix, file.suffix)


def _catalog(options: AnalysisOptions) -> Catalog:
    from airflow_provider_sqlflow.engine import InMemoryCatalog, LayeredCatalog

    return LayeredCatalog(*map(InMemoryCatalog, (options.catalog, options.found_catalog)))


def _told(result: LineageResult, file: SourceFile) -> LineageResult:
    """The result with what is to be told about how its file was read.

    A file without a statement is told of too: an export that failed half way looks just like that.
    """
    from airflow_provider_sqlflow.engine import Diagnostic, Severity, Span

    told = [
        Diagnostic(
            Severity.WARNING,
            note.code,
            note.message,
            Span(file.name, note.line, note.column, note.line, note.column),
        )
        for note in file.notes
    ]
    if not result.statements and not result.diagnostics and not told:
        span = Span(file.name, 1, 1, 1, 1)
        told.append(Diagnostic(Severity.INFO, "empty_file", "the file holds no SQL statement", span))
    return replace(result, diagnostics=(*told, *result.diagnostics)) if told else result
