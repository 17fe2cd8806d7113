"""Options that several commands share, and the values behind them."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path, PurePosixPath
from typing import TypeVar

import click

from airflow_provider_sqlflow.errors import ConfigError, UnreadableInputError
from airflow_provider_sqlflow.jobs.model import CsvSource, DatabaseSource, JobSource, PathSource, TextSource

STDIN = "-"
STDIN_NAME = "<stdin>"

FORMAT_HELP = (
    "One of: tree (text for people), edges (one column edge a JSON line), json (SQLFlow's document), "
    "json-flat, json-v2, json-tables, xml (its other shapes), csv, graphml (yEd), svg, png, html (a page to "
    "explore offline), dot, mermaid, er-json, er-svg (keys and joins), openlineage (one event a line)."
)

Command = TypeVar("Command", bound=Callable[..., object])


def analysis_options(command: Command) -> Command:
    """Add the options that say how SQL is to be read."""
    for option in (
        click.option("--default-schema", metavar="NAME", help="Schema of names that give none."),
        click.option("--default-database", metavar="NAME", help="Database of names that give none."),
        click.option(
            "--catalog",
            "catalog_path",
            metavar="FILE",
            help='Columns of tables: JSON {"database.schema.table": ["column", ...]}, or a .sql file of '
            "CREATE statements.",
        ),
        click.option(
            "--dialect",
            "-d",
            required=True,
            metavar="NAME",
            help="SQL dialect: snowflake, bigquery, postgres ..., or SQLFlow's name (dbvsnowflake). "
            "auto: the one that a dbt project or database metadata says.",
        ),
        click.option(
            "--csv-columns",
            metavar="DIGITS",
            default="123456",
            show_default=True,
            help="Where *.csv files have database, schema, object type, object name, SQL and notes: the "
            "position of each, 0 for none.",
        ),
        click.option(
            "--csv-quote",
            metavar="CHAR",
            default='"',
            show_default=True,
            help="Quote around fields of *.csv.",
        ),
        click.option(
            "--csv-escape",
            metavar="CHAR",
            default='"',
            show_default=True,
            help="What stands before a quote inside a field of *.csv.",
        ),
    ):
        command = option(command)
    return command


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
"""Prints JSON instead of text for people."""


def moment(text: str) -> datetime:
    """The aware time that a text such as 2026-01-31 or 2026-01-31T08:30+02:00 means; UTC without a zone."""
    import pendulum

    with suppress(ValueError, OverflowError):  # a time at either end of all times may be none in UTC
        found = pendulum.parse(text, tz="UTC")
        if isinstance(found, pendulum.DateTime):
            return found.astimezone(timezone.utc)
    raise click.BadParameter(f"{text!r} is no time: write 2026-01-31 or 2026-01-31T08:30+02:00")


def queue_name(text: str) -> str:
    """The name of a queue, which is not blank: nobody would serve such a one."""
    if not text.strip():
        raise click.BadParameter("a queue has a name")
    return text


def age(text: str) -> timedelta:
    """The length of time that a text such as 12h, 30d or 8w means."""
    match = re.fullmatch(r"([0-9]{1,5})([hdw])", text)
    if match is None:
        raise click.BadParameter(f"{text!r} is not a length of time such as 12h, 30d or 8w")
    hours = {"h": 1, "d": 24, "w": 24 * 7}[match[2]]
    return timedelta(hours=hours * int(match[1]))


def job_sources(
    paths: tuple[str, ...], csv_columns: str, csv_quote: str, csv_escape: str
) -> tuple[JobSource, ...]:
    """The paths, URLs and standard input of a command as sources of a job.

    Raises:
        UsageError: standard input is named twice.
        UnreadableInputError: standard input is no text.
    """
    from airflow_provider_sqlflow.ingest.csv_scripts import CSV_SUFFIX

    if paths.count(STDIN) > 1:
        raise click.UsageError("- (standard input) can be read only once")
    return tuple(
        TextSource(STDIN_NAME, read_stdin())
        if path == STDIN
        else CsvSource(path, csv_columns, csv_quote, csv_escape)
        if path.lower().endswith(CSV_SUFFIX)
        else PathSource(path)
        for path in paths
    )


def absolute(source: JobSource) -> JobSource:
    """The source with its path absolute: a job may be looked at or run from another folder."""
    from airflow_provider_sqlflow.ingest.urls import is_url

    if isinstance(source, TextSource | DatabaseSource) or is_url(source.path):
        return source
    return replace(source, path=str(Path(source.path).absolute()))


def read_catalog(path: str | None, dialect: str = "") -> Mapping[str, tuple[str, ...]]:
    """Columns by table name: a JSON mapping, dbt's artifacts, database metadata, or CREATE statements.

    Empty without a path. Only a ``.sql`` or ``.ddl`` file is read as CREATE statements.

    Raises:
        ConfigError: the file cannot be read, has another shape, or declares nothing.
    """
    if path is None:
        return {}
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot read catalog {path}: {error.strerror}") from None
    if path.lower().endswith((".sql", ".ddl")):
        return _read_ddl(path, content, dialect)
    try:
        document = json.loads(content)
    except ValueError as error:
        raise ConfigError(f"catalog {path} is not JSON, nor is it named .sql: {error}") from None
    known = document_columns(path, content)
    if known is not None:
        return known
    is_table = isinstance(document, dict) and all(
        isinstance(columns, list) and all(isinstance(column, str) for column in columns)
        for columns in document.values()
    )
    if not is_table:
        raise ConfigError(f'catalog {path} is not of the form {{"database.schema.table": ["column", ...]}}')
    return {table: tuple(columns) for table, columns in document.items()}


def document_columns(path: str, content: bytes) -> Mapping[str, tuple[str, ...]] | None:
    """Columns in an artifact of dbt or database metadata; ``None`` where the JSON is neither."""
    from airflow_provider_sqlflow.ingest.documents import parse_document
    from airflow_provider_sqlflow.ingest.files import FileProblemError
    from airflow_provider_sqlflow.ingest.sources import source_of_documents

    try:
        document = parse_document(PurePosixPath(Path(path).name), content)
    except FileProblemError as error:
        raise ConfigError(f"catalog {path} {error}") from None
    return None if document is None else source_of_documents(path, None, [document]).catalog


def _read_ddl(path: str, content: bytes, dialect: str) -> Mapping[str, tuple[str, ...]]:
    """The relations that a DDL file declares. What is not understood there is told, not fatal."""
    from airflow_provider_sqlflow.cli.rendering import diagnostic_line
    from airflow_provider_sqlflow.engine import Severity, declared_columns
    from airflow_provider_sqlflow.ingest.text import UndecodableTextError
    from airflow_provider_sqlflow.jobs.inputs import AUTO_DIALECT, named_dialect

    dialect = named_dialect(dialect)
    dialect = "" if dialect == AUTO_DIALECT else dialect
    try:
        columns, diagnostics = declared_columns(_decoded(path, content), dialect=dialect, source_name=path)
    except UndecodableTextError as error:
        raise ConfigError(f"catalog {path}: {error}") from None
    for diagnostic in diagnostics:
        if diagnostic.severity is Severity.ERROR:
            click.echo(diagnostic_line(diagnostic), err=True)
    if not columns:
        raise ConfigError(f"catalog {path} has no CREATE TABLE or CREATE VIEW with known columns")
    return columns


def read_stdin() -> str:
    """The SQL text on standard input.

    Raises:
        UnreadableInputError: it is no text.
    """
    from airflow_provider_sqlflow.ingest.text import UndecodableTextError

    try:
        return _decoded(STDIN_NAME, sys.stdin.buffer.read())
    except UndecodableTextError as error:
        raise UnreadableInputError(f"standard input: {error}") from None


def _decoded(name: str, content: bytes) -> str:
    """The text of a file; an assumed encoding is told."""
    from airflow_provider_sqlflow.ingest.model import encoding_notes
    from airflow_provider_sqlflow.ingest.text import decode_sql

    decoded = decode_sql(content)
    for note in encoding_notes(decoded):
        click.echo(f"{name}:{note.line}:{note.column}: warning {note.code}: {note.message}", err=True)
    return decoded.text


def default_name(paths: tuple[str, ...]) -> str:
    """What a job or document is called when nobody says: the first input's name."""
    from airflow_provider_sqlflow.ingest.model import printable
    from airflow_provider_sqlflow.ingest.urls import is_url, redacted

    if paths[0] == STDIN:
        return "stdin"
    if is_url(paths[0]):
        return PurePosixPath(redacted(paths[0]).split("?")[0]).stem
    return printable(Path(paths[0]).resolve().stem)
