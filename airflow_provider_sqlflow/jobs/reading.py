"""The inputs of a job, read: what is known of each file, and the texts in a spool."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from airflow_provider_sqlflow.ingest.model import SourceFile
from airflow_provider_sqlflow.jobs.analysis import AnalysisOptions, FileAnalyzer
from airflow_provider_sqlflow.jobs.incremental import inputs_digest
from airflow_provider_sqlflow.jobs.inputs import open_inputs
from airflow_provider_sqlflow.jobs.model import JobRequest
from airflow_provider_sqlflow.jobs.spool import TextSpool
from airflow_provider_sqlflow.settings import Settings

if TYPE_CHECKING:
    from airflow_provider_sqlflow.engine.program import Program


@dataclass(frozen=True, slots=True)
class ReadInputs:
    """The files of a job and how to analyse them.

    Attributes:
        analyzer: with the options that request and sources ask for.
        files: without their texts.
        keys: input key of each file.
        texts: text of each file.
    """

    analyzer: FileAnalyzer
    files: Sequence[SourceFile]
    keys: Sequence[str]
    texts: TextSpool

    @property
    def digest(self) -> str:
        """Digest of everything that was read: equal means nothing changed."""
        return inputs_digest(self.keys, self.analyzer.options)

    def program(self) -> Program:
        """The files as one program."""
        from airflow_provider_sqlflow.engine.program import Program

        def scripts() -> Iterator[str]:
            for file, text in zip(self.files, self.texts, strict=True):
                yield file.prefix + text + file.suffix

        return Program(scripts)

    def load(self, number: int) -> SourceFile:
        """A file with its text."""
        return replace(self.files[number], text=self.texts[number])


def read_inputs(
    request: JobRequest, settings: Settings, texts: TextSpool, on_read: Callable[[str], None]
) -> ReadInputs:
    """Read every file of a request once.

    Args:
        request: names the sources.
        settings: limits.
        texts: where the texts go; empty.
        on_read: told each file's name.

    Raises:
        InputError: the sources cannot be read.
    """
    inputs = open_inputs(request.sources, settings)
    options = AnalysisOptions.of(request, inputs)
    analyzer = FileAnalyzer(options, settings)
    files: list[SourceFile] = []
    keys: list[str] = []
    for file in inputs.read(options.dialect):
        keys.append(analyzer.key_of(file))
        texts.add(file.text)
        files.append(replace(file, text=""))
        on_read(file.name)
    return ReadInputs(analyzer, files, keys, texts)
