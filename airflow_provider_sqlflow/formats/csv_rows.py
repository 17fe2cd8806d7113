"""Column lineage as CSV: SQLFlow's ten columns, one folded edge a row.

Missing names are empty, the rows of a relation are the column ``RelationRows``. Rows end in CR LF and
values are quoted where they must be (RFC 4180). Values are written as they are: a spreadsheet may
take a name that begins with ``=``, ``+``, ``-`` or ``@`` for a formula, so import such a file as text.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator

from airflow_provider_sqlflow.engine.model import ColumnRef, LineageResult
from airflow_provider_sqlflow.formats.lookup import RelationNames, StatementLookup
from airflow_provider_sqlflow.formats.options import DEFAULT_OPTIONS, ExportOptions
from airflow_provider_sqlflow.formats.sqlflow.terms import (
    ROWS_COLUMN,
    Layers,
    effect_type_of,
    layers_of,
    relation_type_of,
)

HEADER = (
    "source_db",
    "source_schema",
    "source_table",
    "source_column",
    "target_db",
    "target_schema",
    "target_table",
    "target_column",
    "relation_type",
    "effect_type",
)


class _Echo:
    """A file that hands each row back instead of keeping it."""

    def write(self, text: str) -> str:
        return text


def iter_csv(
    result: LineageResult, title: str = "", options: ExportOptions = DEFAULT_OPTIONS
) -> Iterator[str]:
    """Header and rows, each with its line break. The same row is written once.

    ``title`` has no place in this format.
    """
    writer = csv.writer(_Echo())
    # csv.writer.writerow answers what the file's write answered; its type stub does not know.
    yield str(writer.writerow(HEADER))
    names = RelationNames(result)
    statements = StatementLookup(result)
    layers = layers_of(result.dialect)
    seen: set[tuple[str, ...]] = set()
    for edge in result.edges():
        row = (
            *_end(edge.source, layers, names),
            *_end(edge.target, layers, names),
            relation_type_of(edge),
            effect_type_of(statements.find(edge)) or "",
        )
        if row not in seen:
            seen.add(row)
            yield str(writer.writerow(row))


def _end(end: ColumnRef, layers: Layers, names: RelationNames) -> tuple[str, str, str, str]:
    database, schema = layers.qualifiers(end.relation)
    table = names.label(end.relation) if end.relation.scope is not None else end.relation.name
    return database or "", schema or "", table, ROWS_COLUMN if end.name is None else end.name
