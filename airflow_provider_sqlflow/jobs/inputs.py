"""The sources of a job request as files to read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from airflow_provider_sqlflow.errors import EmptyInputError
from airflow_provider_sqlflow.ingest.model import Source, SourceFile
from airflow_provider_sqlflow.ingest.sources import TextInput, open_path, unique_names
from airflow_provider_sqlflow.jobs.model import JobSource, TextSource
from airflow_provider_sqlflow.settings import Settings


@dataclass(frozen=True, slots=True)
class JobInputs:
    """The files of a job, listed but not yet read. ``names`` are unique in the job."""

    sources: tuple[Source, ...]
    names: tuple[str, ...]

    def read(self) -> Iterator[SourceFile]:
        """Each file under its unique name, in order, one in memory at a time."""
        names = iter(self.names)
        for source in self.sources:
            for file in source.read():
                yield replace(file, name=next(names))


def open_inputs(sources: tuple[JobSource, ...], settings: Settings) -> JobInputs:
    """List the files of all sources, in order.

    Raises:
        UnreadableInputError: a path cannot be used; the message names it.
        EmptyInputError: no sources, only blank text, or a folder or archive without SQL files.
    """
    if not sources:
        raise EmptyInputError("nothing to analyse: give SQL text or paths")
    if all(isinstance(source, TextSource) and not source.text.strip() for source in sources):
        names = ", ".join(source.name for source in sources if isinstance(source, TextSource))
        raise EmptyInputError(f"nothing to analyse: the SQL text is blank ({names})")
    opened = tuple(
        TextInput(source.name, source.text)
        if isinstance(source, TextSource)
        else open_path(source.path, settings)
        for source in sources
    )
    return JobInputs(opened, unique_names(opened))
