"""What the shards of a job must know of it, as the planner writes it to the store."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from airflow_provider_sqlflow.ingest.model import Columns, Note, SourceFile
from airflow_provider_sqlflow.jobs.analysis import AnalysisOptions
from airflow_provider_sqlflow.jobs.reading import ReadInputs
from airflow_provider_sqlflow.jobs.sharding.grouping import Shards, make_shards

if TYPE_CHECKING:
    from airflow_provider_sqlflow.engine.program import Program

_FILE_WEIGHT = 500
"""What a file costs beside its length: about the time of so many bytes."""


_FILE_FIELDS = tuple(field.name for field in fields(SourceFile))


@dataclass(frozen=True, slots=True)
class ShardPlan:
    """All files of a job without their texts, which the store holds by the file's number.

    Attributes:
        options: how to read the SQL, with what the sources know.
        files: without their texts.
        keys: input key of each file.
        declared: last words of the names that each file creates.
        mentioned: which of all created names occur in each file.
        shards: who analyses which.
    """

    options: AnalysisOptions
    files: Sequence[SourceFile]
    keys: Sequence[str]
    declared: Sequence[frozenset[str]]
    mentioned: Sequence[frozenset[str]]
    shards: Shards

    def program(self) -> Program:
        """The files as one program, none of them declared yet."""
        from airflow_provider_sqlflow.engine.program import Program

        return Program.of_names(self.declared, self.mentioned)

    def to_json(self) -> str:
        """The plan as one JSON text."""
        return json.dumps(
            {
                "options": asdict(self.options),
                "files": [astuple(file) for file in self.files],
                "keys": list(self.keys),
                "declared": [sorted(names) for names in self.declared],
                "mentioned": [sorted(names) for names in self.mentioned],
                "declare": self.shards.declare,
                "analyze": self.shards.analyze,
            },
            separators=(",", ":"),
        )

    @classmethod
    def from_json(cls, text: str) -> ShardPlan:
        """What :meth:`to_json` wrote."""
        document = json.loads(text)
        return cls(
            options=_options(document["options"]),
            files=[_file(values) for values in document["files"]],
            keys=document["keys"],
            declared=[frozenset(names) for names in document["declared"]],
            mentioned=[frozenset(names) for names in document["mentioned"]],
            shards=Shards(_numbers(document["declare"]), _numbers(document["analyze"])),
        )


def plan_shards(inputs: ReadInputs, count: int) -> ShardPlan:
    """Spread what was read over at most ``count`` shards a stage."""
    program = inputs.program()
    return ShardPlan(
        options=inputs.analyzer.options,
        files=inputs.files,
        keys=inputs.keys,
        declared=[frozenset(names) for names in program.declared_names],
        mentioned=[frozenset(names) for names in program.mentioned_names],
        shards=make_shards(
            program.order,
            {number: program.needs(number) for number in program.order},
            {number: file.size + _FILE_WEIGHT for number, file in enumerate(inputs.files)},
            min(count, len(inputs.files)),
        ),
    )


def _options(document: dict[str, Any]) -> AnalysisOptions:
    options = AnalysisOptions(**document)
    return replace(options, catalog=_columns(options.catalog), found_catalog=_columns(options.found_catalog))


def _columns(catalog: Mapping[str, Sequence[str]]) -> Columns:
    return {name: tuple(columns) for name, columns in catalog.items()}


def _file(values: list[Any]) -> SourceFile:
    named = dict(zip(_FILE_FIELDS, values, strict=True))
    return SourceFile(**{**named, "notes": tuple(Note(*note) for note in named["notes"])})


def _numbers(shards: list[list[int]]) -> tuple[tuple[int, ...], ...]:
    return tuple(map(tuple, shards))
