"""SQLFlow's words for things of our model: relation types, effect types, processes, name layers.

Facts: reference sqlflow-lineage-model, sections 2, 4, 5, 9 and 10. Marked below where SQLFlow's
documents give no word and the nearest one was taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from airflow_provider_sqlflow.engine.dialects import rules_of
from airflow_provider_sqlflow.engine.model import (
    Diagnostic,
    Edge,
    Effect,
    RelationId,
    RelationKind,
    Severity,
    StatementKind,
    StatementLineage,
    Subtype,
)

ROWS_COLUMN = "RelationRows"
"""Pseudo column that stands for the rows of a relation."""

DIRECT_FLOW = "fdd"
INDIRECT_FLOW = "fdr"

_VALUE_SUBTYPES = frozenset({Subtype.CONDITIONAL, Subtype.WINDOW})


def relation_type_of(edge: Edge) -> str:
    """``fdd`` or ``fdr``.

    - A value that flows is ``fdd``, as are CASE conditions and window keys of a column (their
      samples count whatever stands inside the output expression).
    - ``count(*)`` takes no value, only rows: ``fdr`` from the row set.
    - Rename, swap and stream hand the whole row set on: ``fdd`` between the row sets.
    - Everything that decides about rows or groups is ``fdr``.
    """
    if edge.effect is Effect.DIRECT:
        counts_rows = edge.source.name is None and edge.target.name is not None
        return INDIRECT_FLOW if counts_rows else DIRECT_FLOW
    if edge.subtype in _VALUE_SUBTYPES and edge.source.name is not None and edge.target.name is not None:
        return DIRECT_FLOW
    return INDIRECT_FLOW


_EFFECT_TYPES: Mapping[StatementKind, str] = {
    StatementKind.SELECT: "select",
    StatementKind.INSERT: "insert",
    StatementKind.CREATE_TABLE: "create_table",
    StatementKind.CREATE_VIEW: "create_view",
    StatementKind.UPDATE: "update",
    StatementKind.DELETE: "delete",
    StatementKind.MERGE: "merge",
    StatementKind.RENAME: "rename_table",
    StatementKind.SWAP: "swap_table",
}


def effect_type_of(statement: StatementLineage | None) -> str | None:
    """SQLFlow's word for what a statement does, or ``None`` where its closed list has none (COPY)."""
    return _EFFECT_TYPES.get(statement.kind) if statement else None


_CLAUSE_TYPES: Mapping[Subtype, str] = {
    Subtype.JOIN: "joinCondition",
    Subtype.FILTER: "where",
    Subtype.GROUP_BY: "unknown",
    Subtype.SORT: "unknown",
}


def clause_type_of(edge: Edge) -> str:
    """The clause a source stands in. The documents name no word for GROUP BY and ORDER BY."""
    return _CLAUSE_TYPES.get(edge.subtype, "selectList")


@dataclass(frozen=True, slots=True)
class ProcessName:
    """How SQLFlow names the statements of one kind: the type on the wire and the text for people."""

    type: str
    title: str


# Seen in samples: insert, create view, create table, alter table, update. The others follow their pattern.
_PROCESSES: Mapping[StatementKind, ProcessName] = {
    StatementKind.INSERT: ProcessName("sstinsert", "Query Insert"),
    StatementKind.CREATE_TABLE: ProcessName("sstcreatetable", "Query Create Table"),
    StatementKind.CREATE_VIEW: ProcessName("sstcreateview", "Query Create View"),
    StatementKind.UPDATE: ProcessName("sstupdate", "Query Update"),
    StatementKind.DELETE: ProcessName("sstdelete", "Query Delete"),
    StatementKind.MERGE: ProcessName("sstmerge", "Query Merge"),
    StatementKind.COPY: ProcessName("sstcopy", "Query Copy"),
    StatementKind.RENAME: ProcessName("sstaltertable", "Query Alter Table"),
    StatementKind.SWAP: ProcessName("sstaltertable", "Query Alter Table"),
    StatementKind.ALTER: ProcessName("sstaltertable", "Query Alter Table"),
    StatementKind.CREATE_STREAM: ProcessName("sstcreatestream", "Query Create Stream"),
    StatementKind.CREATE_STAGE: ProcessName("sstcreatestage", "Query Create Stage"),
    StatementKind.TRUNCATE: ProcessName("ssttruncate", "Query Truncate"),
    StatementKind.DROP: ProcessName("sstdrop", "Query Drop"),
}
_OTHER_PROCESS = ProcessName("sstunknown", "Query")


def process_name_of(kind: StatementKind) -> ProcessName:
    """Type and title of the process that a writing statement is."""
    return _PROCESSES.get(kind, _OTHER_PROCESS)


@dataclass(frozen=True, slots=True)
class ObjectShape:
    """Where a relation stands in ``dbobjs`` and of which type it is."""

    list_name: str
    type: str
    sub_type: str | None = None


OBJECT_SHAPES: Mapping[RelationKind, ObjectShape] = {
    RelationKind.TABLE: ObjectShape("tables", "table"),
    RelationKind.TEMP_TABLE: ObjectShape("tables", "table"),
    RelationKind.FUNCTION: ObjectShape("tables", "table", "function"),
    RelationKind.VIEW: ObjectShape("views", "view"),
    RelationKind.MATERIALIZED_VIEW: ObjectShape("views", "view"),
    RelationKind.CTE: ObjectShape("others", "with_cte"),
    RelationKind.SUBQUERY: ObjectShape("others", "select_list"),
    RelationKind.RESULT: ObjectShape("others", "select_list"),
    RelationKind.PATH: ObjectShape("others", "path"),
    RelationKind.STAGE: ObjectShape("others", "stage"),
    RelationKind.STREAM: ObjectShape("others", "stream"),
    RelationKind.VARIABLE: ObjectShape("others", "variable"),
    RelationKind.CONSTANT: ObjectShape("others", "constantTable"),
}


def error_type_of(diagnostic: Diagnostic) -> str:
    """SQLFlow's kind of an error or notice."""
    if "ambiguous" in diagnostic.code or "orphan" in diagnostic.code:
        return "LinkOrphanColumn"
    if diagnostic.severity is not Severity.ERROR:
        return "SyntaxHint"
    return "SyntaxError" if "parse" in diagnostic.code or "syntax" in diagnostic.code else "AnalyzeError"


@dataclass(frozen=True, slots=True)
class Layers:
    """Which name layers a vendor has above its tables."""

    supports_catalogs: bool = True
    supports_schemas: bool = True

    def qualifiers(self, relation: RelationId) -> tuple[str | None, str | None]:
        """Database and schema of a relation, in the layers that the vendor has.

        Our model puts the one layer of ``db.table`` into ``schema``; SQLFlow calls it a database.
        """
        if self.supports_schemas:
            return relation.database, relation.schema
        return relation.schema or relation.database, None


def layers_of(dialect: str) -> Layers:
    """The name layers of a dialect (a sqlglot name).

    The documents disagree on whether the one layer of MySQL and its like is a catalog or a schema; their
    samples say catalog.
    """
    return Layers(supports_schemas=rules_of(dialect).has_schemas)
