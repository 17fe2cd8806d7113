"""Files in, one outcome a file out: what runners and ``sqlflow analyze`` share.

The engine is passed in, so that its import waits until work is done and tests can hand in another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from airflow_provider_sqlflow.ingest.model import Columns, Note, SourceFile
from airflow_provider_sqlflow.jobs.model import JobCounts, JobFile, JobRequest, JobStatus
from airflow_provider_sqlflow.settings import Settings

if TYPE_CHECKING:
    from airflow_provider_sqlflow.engine import Catalog, LineageResult, RelationId, Script
    from airflow_provider_sqlflow.engine.limits import Limits


class AnalyzeScripts(Protocol):
    """The engine's ``iter_scripts``: pairs of index and result, in an order that the engine chooses."""

    def __call__(
        self,
        scripts: Sequence[Script],
        *,
        dialect: str,
        catalog: Catalog | None = None,
        default_database: str | None = None,
        default_schema: str | None = None,
        limits: Limits | None = None,
    ) -> Iterator[tuple[int, LineageResult]]:
        """Analyse lazily, one script a step."""


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
    def of(cls, request: JobRequest, found_catalog: Columns) -> AnalysisOptions:
        """The options that a job request asks for, with the catalog that its sources brought."""
        return cls(
            request.dialect,
            request.default_database,
            request.default_schema,
            request.catalog,
            found_catalog,
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
        total = len(self.result.statements)
        failed = sum(not statement.is_ok for statement in self.result.statements)
        first_error = next(self.result.errors(), None)
        return JobFile(
            path=self.source.name,
            status=_status(total - failed, has_failed=failed > 0 or first_error is not None),
            statements=total,
            failed_statements=failed,
            cause="" if first_error is None else f"{first_error.span}: {first_error.message}",
        )


def analyze_files(
    files: Iterable[SourceFile],
    options: AnalysisOptions,
    settings: Settings,
    analyze_scripts: AnalyzeScripts | None = None,
    on_read: Callable[[SourceFile], None] = lambda _file: None,
) -> Iterator[FileOutcome]:
    """Analyse files as one program: a file sees what the others declare.

    Yields one outcome a file: first those that could not be read, then the others in the engine's order.

    Args:
        files: the job's files; read to the end before the first is analysed, since order depends on all.
        options: dialect, defaults and catalog.
        settings: limits.
        analyze_scripts: the engine's ``iter_scripts``, or one of the same shape.
        on_read: called after each file that was read, for progress.
    """
    from airflow_provider_sqlflow import engine
    from airflow_provider_sqlflow.engine.limits import Limits

    readable: list[tuple[int, SourceFile]] = []
    for position, file in enumerate(files):
        on_read(file)
        if file.problem:
            yield FileOutcome(position, file, _unreadable(file, options.dialect))
        else:
            readable.append((position, file))
    results = (analyze_scripts or engine.iter_scripts)(
        [_script(file) for _, file in readable],
        dialect=options.dialect,
        catalog=_catalog(options),
        default_database=options.default_database,
        default_schema=options.default_schema,
        limits=Limits(settings.max_statement_chars, settings.max_nesting),
    )
    told_dialects: set[str] = set()
    for index, result in results:
        position, file = readable[index]
        noted = _with_notes(result, file, options.dialect, told_dialects)
        yield FileOutcome(position, file, _told_if_empty(noted, file.name))


class Tally:
    """Adds outcomes up to a job's counts and its final status."""

    def __init__(self, files_total: int) -> None:
        self.counts = JobCounts(files_total=files_total)
        self.first_cause = ""
        self._relations: set[RelationId] = set()
        self._has_failed = False

    def add(self, outcome: FileOutcome) -> None:
        """Count one file's outcome."""
        summary, result, counts = outcome.summary, outcome.result, self.counts
        self._relations.update(base_relations(result))
        self.counts = replace(
            counts,
            files_done=counts.files_done + 1,
            statements=counts.statements + summary.statements,
            failed_statements=counts.failed_statements + summary.failed_statements,
            relations=len(self._relations),
            column_edges=counts.column_edges + len(result.edges()),
            diagnostics=counts.diagnostics + len(result.diagnostics),
            input_bytes=counts.input_bytes + outcome.source.size,
        )
        if summary.status is not JobStatus.SUCCESS:
            self._has_failed = True
            self.first_cause = self.first_cause or summary.cause

    @property
    def status(self) -> JobStatus:
        """``fail`` when something failed and nothing came out, ``partial_success`` when something did."""
        return _status(self.counts.statements - self.counts.failed_statements, has_failed=self._has_failed)

    @property
    def error(self) -> str:
        """Why a job that gave nothing failed; empty for every other status."""
        if self.status is not JobStatus.FAIL:
            return ""
        return f"no statement of {self.counts.files_total} file(s) was understood; first: {self.first_cause}"


def base_relations(result: LineageResult) -> tuple[RelationId, ...]:
    """The relations that live in a database or in files: no intermediates, no query results."""
    from airflow_provider_sqlflow.engine import RelationKind

    return tuple(
        item.id
        for item in result.relations
        if not item.kind.is_intermediate and item.kind is not RelationKind.RESULT
    )


def _status(understood: int, *, has_failed: bool) -> JobStatus:
    if not has_failed:
        return JobStatus.SUCCESS
    return JobStatus.PARTIAL_SUCCESS if understood else JobStatus.FAIL


def _unreadable(file: SourceFile, dialect: str) -> LineageResult:
    from airflow_provider_sqlflow.engine import Diagnostic, LineageResult, Severity, Span

    span = Span(file.name, file.problem_line, 1, file.problem_line, 1)
    diagnostic = Diagnostic(Severity.ERROR, "unreadable_file", file.problem, span)
    result = LineageResult(diagnostics=(diagnostic,), dialect=dialect, source_name=file.name)
    return _with_notes(result, file, dialect, {file.dialect})


def _script(file: SourceFile) -> Script:
    from airflow_provider_sqlflow.engine import Script

    return Script(file.name, file.text, file.database, file.schema, file.prefix, file.suffix)


def _catalog(options: AnalysisOptions) -> Catalog | None:
    from airflow_provider_sqlflow.engine import InMemoryCatalog, LayeredCatalog

    layers = [InMemoryCatalog(columns) for columns in (options.catalog, options.found_catalog) if columns]
    return LayeredCatalog(*layers) if layers else None


def _with_notes(
    result: LineageResult, file: SourceFile, dialect: str, told_dialects: set[str]
) -> LineageResult:
    """The result with what is to be told about how its file was read, dialects once a job."""
    from airflow_provider_sqlflow.engine import Diagnostic, Severity, Span

    notes = list(file.notes)
    if file.dialect and file.dialect != dialect and file.dialect not in told_dialects:
        told_dialects.add(file.dialect)
        message = f"its source says it is {file.dialect}, but it is read as {dialect or 'generic SQL'}"
        notes.append(Note("dialect_mismatch", message))
    if not notes:
        return result
    told = tuple(
        Diagnostic(
            Severity.WARNING,
            note.code,
            note.message,
            Span(file.name, note.line, note.column, note.line, note.column),
        )
        for note in notes
    )
    return replace(result, diagnostics=(*told, *result.diagnostics))


def _told_if_empty(result: LineageResult, name: str) -> LineageResult:
    """Say so when a file holds no statement: an export that failed half way looks just like that."""
    from airflow_provider_sqlflow.engine import Diagnostic, Severity, Span

    if result.statements or result.diagnostics:
        return result
    span = Span(name, 1, 1, 1, 1)
    note = Diagnostic(Severity.INFO, "empty_file", "the file holds no SQL statement", span)
    return replace(result, diagnostics=(note,))
