"""Writes the look-up tables: relations, columns, edges and uses of results.

Relations and columns are dictionaries that all jobs share, so several writers may add the same name at the
same moment. Every writer goes through them in one order (relations by key, then columns), so that on
PostgreSQL none waits for another in a circle.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Connection, Table, bindparam, func, insert, select, update
from sqlalchemy.dialects import postgresql

from airflow_provider_sqlflow.jobs.lineage.names import ROWS, fold, fold_column, relation_key, stored_name
from airflow_provider_sqlflow.jobs.lineage.rows import ROW_LINK, IndexRows, RelationRow
from airflow_provider_sqlflow.jobs.store.tables import column, edge, relation, relation_use

READ, WRITTEN = 1, 2
"""Bits of ``relation_use.uses``."""

_CHUNK = 5_000
"""Values in one statement: SQLite takes 32,766 parameters, PostgreSQL 65,535."""

_PLAIN_KIND = "table"
"""What a relation counts as until a file says more about it."""

_RELATION_FIELDS = ("key", "database", "schema", "name", "name_folded", "kind")
_COLUMN_FIELDS = ("relation_id", "name", "name_folded")
_SHARED = (_RELATION_FIELDS, _COLUMN_FIELDS)
_USE_FIELDS = ("result_id", "relation_id", "uses")
_EDGE_FIELDS = ("result_id", "position", "source_id", "target_id", "is_direct", "subtype")

Item = TypeVar("Item")
ColumnKey = tuple[int, str]
"""A relation's id and a folded column name."""


def write_rows(connection: Connection, rows: Sequence[tuple[int, IndexRows]]) -> None:
    """Write the rows of new results; call it once for each transaction.

    Args:
        connection: inside a transaction that writes.
        rows: result ids, of results that have no rows yet, and what was found in each.
    """
    relations: dict[str, RelationRow] = {}
    keys: list[list[str]] = []
    for _, item in rows:
        keys.append([relation_key(row.database, row.schema, row.name) for row in item.relations])
        for key, row in zip(keys[-1], item.relations, strict=True):
            known = relations.get(key)
            if known is None:
                relations[key] = row
            elif known.kind == _PLAIN_KIND:
                relations[key] = known._replace(kind=row.kind)
    relation_ids = _relation_ids(connection, relations)
    ids = [[relation_ids[key] for key in part] for part in keys]
    columns = _column_ids(connection, _column_names(rows, ids))
    for uses in chunks(_uses(rows, ids), _CHUNK):
        _insert(connection, relation_use, _USE_FIELDS, uses)
    for edges in chunks(_edges(rows, ids, columns), _CHUNK):
        _insert(connection, edge, _EDGE_FIELDS, edges)


def _relation_ids(connection: Connection, rows: Mapping[str, RelationRow]) -> dict[str, int]:
    """The ids of relations by key, those that are new added."""

    def look_up(keys: Iterable[str]) -> dict[str, tuple[int, str]]:
        query = select(relation.c.key, relation.c.id, relation.c.kind)
        return {
            row.key: (row.id, row.kind)
            for chunk in chunks(keys, _CHUNK)
            for row in connection.execute(query.where(relation.c.key.in_(chunk)))
        }

    found = look_up(rows)
    missing = sorted(rows.keys() - found.keys())
    if missing:
        _insert(connection, relation, _RELATION_FIELDS, [_relation_values(key, rows[key]) for key in missing])
        found |= look_up(missing)
    for key in sorted(found):
        if found[key][1] == _PLAIN_KIND != rows[key].kind:  # a file that only reads calls a view a table
            told = update(relation).where(relation.c.id == found[key][0], relation.c.kind == _PLAIN_KIND)
            connection.execute(told.values(kind=rows[key].kind))
    return {key: number for key, (number, _) in found.items()}


def _relation_values(key: str, row: RelationRow) -> tuple[str | None, ...]:
    database = None if row.database is None else stored_name(row.database)
    schema = None if row.schema is None else stored_name(row.schema)
    return key, database, schema, stored_name(row.name), fold(row.name), row.kind


def _column_names(
    rows: Sequence[tuple[int, IndexRows]], ids: Sequence[Sequence[int]]
) -> dict[ColumnKey, str | None]:
    """The names that edges use, as first met."""
    names: dict[ColumnKey, str | None] = {}
    for (_, item), relation_ids in zip(rows, ids, strict=True):
        for row in item.edges:
            names.setdefault((relation_ids[row.source], fold_column(row.source_column)), row.source_column)
            names.setdefault((relation_ids[row.target], fold_column(row.target_column)), row.target_column)
        for source, target in item.row_links:
            names.setdefault((relation_ids[source], ROWS), None)
            names.setdefault((relation_ids[target], ROWS), None)
    return names


def _column_ids(connection: Connection, names: Mapping[ColumnKey, str | None]) -> dict[ColumnKey, int]:
    """The ids of columns, those that are new added."""

    def look_up(keys: Iterable[ColumnKey]) -> dict[ColumnKey, int]:
        query = select(column.c.relation_id, column.c.name_folded, column.c.id)
        relation_ids = dict.fromkeys(key[0] for key in keys)
        return {
            (row.relation_id, row.name_folded): row.id
            for chunk in chunks(relation_ids, _CHUNK)
            for row in connection.execute(query.where(column.c.relation_id.in_(chunk)))
        }

    found = look_up(names)
    missing = sorted(names.keys() - found.keys())
    if missing:
        _insert(connection, column, _COLUMN_FIELDS, [_column_values(key, names[key]) for key in missing])
        found |= look_up(missing)
    return found


def _column_values(key: ColumnKey, name: str | None) -> tuple[int, str | None, str]:
    return key[0], None if name is None else stored_name(name), key[1]


def _uses(
    rows: Sequence[tuple[int, IndexRows]], ids: Sequence[Sequence[int]]
) -> Iterator[tuple[int, int, int]]:
    for (result_id, item), relation_ids in zip(rows, ids, strict=True):
        uses: dict[int, int] = {}  # two spellings may be one relation
        for number, row in zip(relation_ids, item.relations, strict=True):
            uses[number] = uses.get(number, 0) | READ * row.is_read | WRITTEN * row.is_written
        for number, bits in uses.items():
            yield result_id, number, bits


def _edges(
    rows: Sequence[tuple[int, IndexRows]],
    ids: Sequence[Sequence[int]],
    columns: Mapping[ColumnKey, int],
) -> Iterator[tuple[int, int, int, int, bool, str]]:
    for (result_id, item), relation_ids in zip(rows, ids, strict=True):
        found: dict[tuple[int, int, bool, str], None] = {}
        for row in item.edges:
            source = columns[relation_ids[row.source], fold_column(row.source_column)]
            target = columns[relation_ids[row.target], fold_column(row.target_column)]
            found[source, target, row.is_direct, row.subtype] = None
        for first, second in item.row_links:
            source = columns[relation_ids[first], ROWS]
            target = columns[relation_ids[second], ROWS]
            found[source, target, False, ROW_LINK] = None
        for position, values in enumerate(found):
            yield (result_id, position, *values)


def _insert(
    connection: Connection, table: Table, names: Sequence[str], values: Sequence[tuple[Any, ...]]
) -> None:
    """Insert rows. A name that another writer has added in the meantime stays as it is.

    One statement a row costs PostgreSQL several times what one statement with arrays does.
    """
    if not values:
        return
    if connection.dialect.name == "postgresql":
        arrays = dict(zip(names, map(list, zip(*values, strict=True)), strict=True))
        connection.execute(_insert_arrays(table, names), arrays)
        return
    # A writer of SQLite is alone, so there is nobody to meet.
    statement = insert(table).values(dict.fromkeys(names))
    connection.exec_driver_sql(str(statement.compile(dialect=connection.dialect)), list(values))


def _insert_arrays(table: Table, names: Sequence[str]) -> postgresql.Insert:
    arrays = func.unnest(*(bindparam(name, type_=postgresql.ARRAY(table.c[name].type)) for name in names))
    rows = arrays.table_valued(*names).render_derived()
    statement = postgresql.insert(table).from_select(names, select(*(rows.c[name] for name in names)))
    return statement.on_conflict_do_nothing() if names in _SHARED else statement


def chunks(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """The items in lists of at most ``size``, in order."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk
