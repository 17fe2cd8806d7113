"""Stages as SQLFlow shows them: the stage, its address as the column, and a file before it.

The analysis calls a stage by all of its text, ``@stage/path/file.csv``. Facts: reference
sqlflow-lineage-model, section 6.2, E13 and E18.
"""

from __future__ import annotations

import re
from dataclasses import replace

from airflow_provider_sqlflow.engine.model import (
    ColumnRef,
    LineageResult,
    RelationId,
    RelationKind,
    StatementKind,
)
from airflow_provider_sqlflow.formats.sqlflow.entities import Entities, Entity, Level
from airflow_provider_sqlflow.formats.sqlflow.flow import Flow

UNKNOWN_PATH = "unknownPath"
_FILE = re.compile(r"\.\w+$")


class StageNames:
    """Takes the stages of a result apart."""

    def __init__(self, result: LineageResult, entities: Entities) -> None:
        self._entities = entities
        self._parts: dict[RelationId, tuple[RelationId, str, str | None]] = {}
        self._addresses = {
            edge.target.relation: edge.source.relation.name
            for statement in result.statements
            if statement.kind is StatementKind.CREATE_STAGE
            for edge in statement.edges
        }
        for relation in result.relations:
            if relation.kind is RelationKind.STAGE and relation.id.name.startswith("@"):
                self._parts[relation.id] = self._split(relation.id)

    def moved(self, flow: Flow) -> list[Flow]:
        """The flow between the stage's own columns, behind the one from the file into the stage."""
        if flow.source.relation not in self._parts and flow.target.relation not in self._parts:
            return [flow]
        found = [
            replace(flow, source=self._moved(flow.source, is_file=True), target=self._moved(flow.target))
        ]
        file = self._parts.get(flow.source.relation, (None, "", None))[2]
        if file is not None:
            path = RelationId(None, None, file, "file")
            self._entities.add(Entity(path, "path", Level.STORED, columns=("*",), kind=RelationKind.PATH))
            before = replace(flow, source=ColumnRef(path, "*"), target=found[0].source)
            found.insert(0, before)
        return found

    def _moved(self, ref: ColumnRef, *, is_file: bool = False) -> ColumnRef:
        parts = self._parts.get(ref.relation)
        if parts is None:
            return ref
        stage, path, file = parts
        if ref.name not in (None, "*"):
            return ColumnRef(stage, ref.name)
        column = path if file is None or not is_file else UNKNOWN_PATH
        return ColumnRef(stage, self._addresses.get(stage) or column or UNKNOWN_PATH)

    def _split(self, relation: RelationId) -> tuple[RelationId, str, str | None]:
        """The stage, the path in it, and the file where the path is one."""
        name, _, path = relation.name.partition("/")
        path = path.strip("/")
        stage = replace(relation, name=name)
        self._entities.add(Entity(stage, "stage", Level.STORED, kind=RelationKind.STAGE))
        return stage, path, f"/{path}" if _FILE.search(path) else None
