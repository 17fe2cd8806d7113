"""Column lineage as CSV: SQLFlow's ten columns, one relation a row; table lineage with eight.

Missing names are empty, the rows of a relation are the column ``RelationRows``. Rows end in CR LF and
values are quoted where they must be (RFC 4180). Values are written as they are: a spreadsheet may
take a name that begins with ``=``, ``+``, ``-`` or ``@`` for a formula, so import such a file as text.
Facts: reference sqlflow-lineage-model, section 7.1.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator

from airflow_provider_sqlflow.engine.model import LineageResult, RelationId
from airflow_provider_sqlflow.formats.options import DEFAULT_OPTIONS, ExportOptions
from airflow_provider_sqlflow.formats.sqlflow.chain import Texts, no_texts
from airflow_provider_sqlflow.formats.sqlflow.entities import Entities
from airflow_provider_sqlflow.formats.sqlflow.flows import iter_flows
from airflow_provider_sqlflow.formats.sqlflow.table_level import table_options, table_pairs
from airflow_provider_sqlflow.formats.sqlflow.terms import DIRECT_FLOW, layers_of

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
TABLE_HEADER = tuple(name for name in HEADER if not name.endswith("_column"))
"""The same without columns, for lineage between tables."""

Row = tuple[str, ...]


class _Echo:
    """A file that hands each row back instead of keeping it."""

    def write(self, text: str) -> str:
        return text


def iter_csv(
    result: LineageResult,
    title: str = "",
    options: ExportOptions = DEFAULT_OPTIONS,
    texts: Texts = no_texts,
) -> Iterator[str]:
    """Header and rows, each with its line break. The same row is written once.

    ``title`` has no place in this format.
    """
    writer = csv.writer(_Echo(), delimiter=options.delimiter)
    # csv.writer.writerow answers what the file's write answered; its type stub does not know.
    yield str(writer.writerow(TABLE_HEADER if options.table_level else HEADER))
    for row in iter_rows(result, options, texts):
        yield str(writer.writerow(row))


def iter_rows(result: LineageResult, options: ExportOptions, texts: Texts = no_texts) -> Iterator[Row]:
    """The rows without the header, each once."""
    rows = _table_rows if options.table_level else _column_rows
    seen: set[Row] = set()
    for row in rows(result, options, texts):
        if row not in seen:
            seen.add(row)
            yield row


def _column_rows(result: LineageResult, options: ExportOptions, texts: Texts) -> Iterator[Row]:
    entities = Entities(result, options)
    name = _Names(result, entities)
    for flow in iter_flows(result, options, entities, texts):
        yield (
            *name.of(flow.source.relation),
            entities.column(flow.source),
            *name.of(flow.target.relation),
            entities.column(flow.target),
            flow.type,
            flow.effect or "",
        )


def _table_rows(result: LineageResult, options: ExportOptions, texts: Texts) -> Iterator[Row]:
    entities = Entities(result, table_options(options))
    name = _Names(result, entities)
    for pair in table_pairs(result, options, entities, texts):
        yield (*name.of(pair.source), *name.of(pair.target), DIRECT_FLOW, pair.effect or "")


class _Names:
    """Database, schema and table of a relation, as three values."""

    def __init__(self, result: LineageResult, entities: Entities) -> None:
        self._layers = layers_of(result.dialect)
        self._entities = entities
        self._known: dict[RelationId, tuple[str, str, str]] = {}

    def of(self, relation: RelationId) -> tuple[str, str, str]:
        """The names; missing ones are empty."""
        names = self._known.get(relation)
        if names is None:
            fold = self._entities.spelling.relation
            database, schema = self._layers.qualifiers(relation)
            is_named = not self._entities.of(relation).prefix
            table = fold(relation.name) if is_named else self._entities.name(relation)
            names = self._known[relation] = (fold(database or ""), fold(schema or ""), table)
        return names
