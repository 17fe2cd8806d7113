"""The sources of a job request as files to read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from airflow_provider_sqlflow.errors import ConfigError, EmptyInputError
from airflow_provider_sqlflow.ingest.csv_scripts import CsvFormat
from airflow_provider_sqlflow.ingest.model import Columns, Note, Source, SourceFile
from airflow_provider_sqlflow.ingest.naming import is_numbered, unique_names
from airflow_provider_sqlflow.ingest.sources import open_csv_path, open_path, open_text
from airflow_provider_sqlflow.jobs.model import CsvSource, DatabaseSource, JobSource, TextSource
from airflow_provider_sqlflow.settings import Settings

AUTO_DIALECT = "auto"
"""Asks for the dialect that the sources say they are written in."""


@dataclass(frozen=True, slots=True)
class JobInputs:
    """The files of a job, listed but not yet read. ``names`` are unique in the job."""

    sources: tuple[Source, ...]
    names: tuple[str, ...]

    @property
    def catalog(self) -> Columns:
        """Columns of relations that the sources know by themselves; the first source that knows wins."""
        return {
            name: columns for source in reversed(self.sources) for name, columns in source.catalog.items()
        }

    def read(self, dialect: str) -> Iterator[SourceFile]:
        """Each file under its unique name, in order, one in memory at a time.

        The first file of a source in another dialect than the one it is read in says so.
        """
        names = iter(self.names)
        told = {"", dialect}
        for source in self.sources:
            for file in source.read():
                name = next(names)
                notes = file.notes
                if is_numbered(name, file.name):
                    notes = (*notes, _double(file.name, name))
                if file.dialect not in told:
                    told.add(file.dialect)
                    notes = (*notes, _other_dialect(file.dialect, dialect))
                yield replace(file, name=name, notes=notes)

    def dialect(self, wanted: str) -> str:
        """The dialect to read the files in: the one wanted, else the one the sources say.

        Raises:
            UnknownDialectError: the wanted one has no name we know.
            ConfigError: ``auto``, and the sources say nothing or disagree.
        """
        wanted = named_dialect(wanted)
        if wanted not in ("", AUTO_DIALECT):
            return wanted
        said = sorted({source.dialect for source in self.sources if source.dialect})
        if len(said) > 1:
            raise ConfigError(
                f"the sources are written in {' and '.join(said)}: name the dialect to read all in"
            )
        if wanted and not said:
            raise ConfigError(
                "no source says which dialect it is written in, as dbt projects and database metadata do: "
                "name the dialect"
            )
        return said[0] if said else ""


def named_dialect(name: str) -> str:
    """The sqlglot name of the dialect that a request names; empty or ``auto`` leave it to the sources.

    Raises:
        UnknownDialectError: it has no name we know.
    """
    from airflow_provider_sqlflow.engine.dialects import resolve_dialect

    return AUTO_DIALECT if name.strip().lower() == AUTO_DIALECT else resolve_dialect(name)


def open_inputs(
    sources: tuple[JobSource, ...],
    settings: Settings,
    name_files: Callable[[Sequence[Source]], tuple[str, ...]] = unique_names,
) -> JobInputs:
    """List the files of all sources, in order.

    Args:
        sources: of the job request.
        settings: limits.
        name_files: makes the files' unique names.

    Raises:
        ConfigError: a URL or the layout of a CSV cannot be understood, or a database refuses the account.
        UnreadableInputError: a path cannot be used; the message names it.
        SourceUnavailableError: the storage of a source, or a database, cannot be reached.
        EmptyInputError: no sources, only blank text, or a folder or archive without SQL files.
    """
    if not sources:
        raise EmptyInputError("nothing to analyse: give SQL text or paths")
    if all(isinstance(source, TextSource) and not source.text.strip() for source in sources):
        names = ", ".join(source.name for source in sources if isinstance(source, TextSource))
        raise EmptyInputError(f"nothing to analyse: the SQL text is blank ({names})")
    opened = tuple(_open(source, settings) for source in sources)
    if not any(source.names for source in opened):
        places = ", ".join(source.root for source in opened)
        raise EmptyInputError(
            f"nothing to analyse: no SQL in {places}, only what describes tables; add SQL files"
        )
    return JobInputs(opened, name_files(opened))


def _open(source: JobSource, settings: Settings) -> Source:
    if isinstance(source, TextSource):
        return open_text(source.name, source.text, settings, source.database, source.schema)
    if isinstance(source, CsvSource):
        layout = CsvFormat(source.columns, source.enclose, source.escape)
        return open_csv_path(source.path, layout, settings, source.storage_options)
    if isinstance(source, DatabaseSource):
        from airflow_provider_sqlflow.jobs.databases import open_database_source

        return open_database_source(source, settings)
    return open_path(source.path, settings, source.storage_options)


def _double(wanted: str, name: str) -> Note:
    return Note(
        "duplicate_name", f"another file of this job is called {wanted!r} too: this one is {name!r} here"
    )


def _other_dialect(said: str, used: str) -> Note:
    message = f"its source says it is {said}, but it is read as {used or 'generic SQL'}"
    return Note("dialect_mismatch", message)
