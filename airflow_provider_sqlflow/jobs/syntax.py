"""Checks SQL text without keeping anything: what would not be understood, and where."""

from __future__ import annotations

from airflow_provider_sqlflow.jobs.model import SyntaxProblem, TextSource
from airflow_provider_sqlflow.settings import Settings


def check_syntax(source: TextSource, dialect: str, settings: Settings) -> tuple[SyntaxProblem, ...]:
    """What the engine has to say about a text, in reading order; blank text is fine.

    Raises:
        UnknownDialectError: the dialect has no name we know.
    """
    from airflow_provider_sqlflow.engine import Severity
    from airflow_provider_sqlflow.engine.dialects import resolve_dialect
    from airflow_provider_sqlflow.ingest.sources import open_text
    from airflow_provider_sqlflow.jobs.analysis import AnalysisOptions, FileAnalyzer, FileTask

    analyzer = FileAnalyzer(AnalysisOptions(resolve_dialect(dialect)), settings)
    [file] = open_text(source.name, source.text, settings, source.database, source.schema).read()
    problems = [
        SyntaxProblem(
            item.span.source_name,
            item.span.start_line,
            item.span.start_column,
            item.severity is Severity.ERROR,
            item.message,
        )
        for item in analyzer.read(FileTask(file, ())).result.diagnostics
        if item.severity is not Severity.INFO
    ]
    return tuple(sorted(problems, key=lambda item: (item.line, item.column)))
