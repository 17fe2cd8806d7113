"""Finds tables and columns by the names people give."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, or_, select

from airflow_provider_sqlflow.errors import AmbiguousNameError, NameNotFoundError
from airflow_provider_sqlflow.jobs.lineage.index import READ, WRITTEN
from airflow_provider_sqlflow.jobs.lineage.model import LineageState, LineageTable, TablePage, TableSummary
from airflow_provider_sqlflow.jobs.lineage.names import ROWS, STAR, fold, fold_column
from airflow_provider_sqlflow.jobs.lineage.rows import ROW_LINK
from airflow_provider_sqlflow.jobs.lineage.state import LiveResults, select_files
from airflow_provider_sqlflow.jobs.store.tables import column, edge, job, relation, relation_use, run_file

ROWS_WORD = "[rows]"
"""How people write a table's row set."""

_QUOTES = {'"': '"', "`": "`", "[": "]"}
_NEAR = 5
_MAX_COMPARED = 20_000
"""Names looked through for near matches: a help, not a search."""


@dataclass(frozen=True, slots=True)
class Found:
    """A relation's id, and the folded name of a column unless the whole table is meant."""

    relation_id: int
    label: str
    column: str | None = None
    is_exact: bool = True


def find(
    connection: Connection,
    state: LineageState,
    name: str,
    column_name: str | None = None,
    *,
    tables_only: bool = False,
) -> Found:
    """The table or column of a dotted name, compared without case.

    A name may have fewer parts than the table has; the whole name of a table or column wins over the end
    of a longer one. Parts with dots may stand in double quotes or backticks.

    Args:
        connection: a transaction that reads.
        state: what counts.
        name: of a table, or of a table and a column if ``column_name`` is ``None``.
        column_name: the column, where ``name`` is to be a table.
        tables_only: ``name`` is to be a table, and there is no column.

    Raises:
        NameNotFoundError: nothing that counts has this name; near ones are listed.
        AmbiguousNameError: several have; they are listed.
    """
    parts = split_name(name)
    if column_name is not None and not tables_only:
        found = _columns(connection, state, _tables(connection, state, parts), column_name)
    else:
        found = _tables(connection, state, parts)
        if len(parts) > 1 and not tables_only:
            tables = _tables(connection, state, parts[:-1])
            found = found + _columns(connection, state, tables, parts[-1])
    exact = [item for item in found if item.is_exact]
    candidates = exact or found
    shown = name if column_name is None else f"{name}.{column_name}"
    if len(candidates) == 1:
        return candidates[0]
    if candidates:
        labels = tuple(sorted(item.label for item in candidates))
        raise AmbiguousNameError(
            f"{shown!r} may be {', '.join(labels)}; give more parts, or the column apart", candidates=labels
        )
    near = _near(connection, state, parts)
    hint = f"; did you mean {', '.join(near)}?" if near else ""
    raise NameNotFoundError(f"no table or column {shown!r} in the lineage of these jobs{hint}", near=near)


def split_name(name: str) -> list[str]:
    """The parts of a dotted name. ``[rows]`` is a part like any other."""
    parts, current, position = [], "", 0
    while position < len(name):
        letter = name[position]
        closing = _QUOTES.get(letter) if not current else None
        end = name.find(closing, position + 1) if closing else -1
        if end > 0:
            word = name[position : end + 1]
            current += word if word.lower() == ROWS_WORD else word[1:-1]
            position = end
        elif letter == ".":
            parts.append(current)
            current = ""
        else:
            current += letter
        position += 1
    return [part for part in (*parts, current) if part]


def _live_relations(state: LineageState) -> ColumnElement[bool]:
    results = select_files(state, run_file.c.result_id)
    return relation.c.id.in_(
        select(relation_use.c.relation_id).where(relation_use.c.result_id.in_(results.scalar_subquery()))
    )


def _tables(connection: Connection, state: LineageState, parts: Sequence[str]) -> list[Found]:
    """Tables whose name is these parts or ends in them."""
    wanted = ".".join(parts).casefold()
    ends = [fold(".".join(parts[number:])) for number in range(len(parts))]
    query = select(relation).where(
        or_(relation.c.name_folded.in_(ends), relation.c.key == fold(".".join(parts)))
    )
    found = []
    for row in connection.execute(query.where(_live_relations(state)).order_by(relation.c.key)):
        whole = ".".join(part for part in (row.database, row.schema, row.name) if part).casefold()
        if whole == wanted or whole.endswith(f".{wanted}"):
            found.append(Found(row.id, str(table_of(row)), is_exact=whole == wanted))
    return found


def _columns(connection: Connection, state: LineageState, tables: Iterable[Found], name: str) -> list[Found]:
    """The column in each table that has it. A table with unknown columns has every column."""
    key = ROWS if name.lower() == ROWS_WORD else fold_column(name)
    by_id = {table.relation_id: table for table in tables}
    query = select(column).where(column.c.relation_id.in_(by_id), column.c.name_folded.in_([key, STAR]))
    live = LiveResults(connection, state)
    found: dict[int, Found] = {}
    for row in connection.execute(query.order_by(column.c.id)).all():
        table = by_id[row.relation_id]
        if table.relation_id not in found and _is_used(connection, live, row.id):
            label = f"{table.label}.{name}"
            found[table.relation_id] = Found(table.relation_id, label, key, table.is_exact)
    return list(found.values())


def _is_used(connection: Connection, live: LiveResults, column_id: int) -> bool:
    """Whether an edge that counts begins or ends at the column."""
    for end in (edge.c.target_id, edge.c.source_id):
        query = select(edge.c.result_id).where(end == column_id, edge.c.subtype != ROW_LINK).distinct()
        if live.of(connection.execute(query).scalars()):
            return True
    return False


def _near(connection: Connection, state: LineageState, parts: Sequence[str]) -> tuple[str, ...]:
    query = select(relation).where(_live_relations(state)).order_by(relation.c.key).limit(_MAX_COMPARED)
    names = {str(table_of(row)): row.name.casefold() for row in connection.execute(query)}
    alike: set[str] = set()
    for part in parts[-2:]:  # the table is the last part, or the one before a column
        matches = difflib.get_close_matches(part.casefold(), set(names.values()), _NEAR)
        alike.update(name for name, last in names.items() if last in matches)
    return tuple(difflib.get_close_matches(".".join(parts), sorted(alike), _NEAR, cutoff=0.0))


def table_of(row: Row[Any]) -> LineageTable:
    """A row of ``relation`` as a value."""
    return LineageTable(row.database, row.schema, row.name, row.kind)


def list_tables(
    connection: Connection, state: LineageState, pattern: str, limit: int, offset: int
) -> TablePage:
    """Tables by qualified name. ``*`` and ``?`` in the pattern are wildcards; without any, a part matches."""
    conditions: list[ColumnElement[bool]] = []
    if pattern:
        conditions.append(relation.c.key.like(_like(pattern.casefold()), escape="\\"))
    live = select_files(state, run_file.c.result_id, job.c.id.label("job_id")).distinct().subquery()
    joined = (
        select(
            relation,
            func.max(relation_use.c.uses.bitwise_and(READ)).label("read"),
            func.max(relation_use.c.uses.bitwise_and(WRITTEN)).label("written"),
            func.count(live.c.job_id.distinct()).label("jobs"),
        )
        .join(relation_use, relation_use.c.relation_id == relation.c.id)
        .join(live, live.c.result_id == relation_use.c.result_id)
        .where(*conditions)
        .group_by(relation.c.id)
    )
    total = select(func.count()).select_from(joined.subquery())
    page = joined.order_by(relation.c.key).limit(limit).offset(offset)
    return TablePage(
        tuple(
            TableSummary(table_of(row), bool(row.read), bool(row.written), row.jobs)
            for row in connection.execute(page)
        ),
        connection.execute(total).scalar_one(),
    )


def _like(pattern: str) -> str:
    escaped = pattern.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    if "*" not in pattern and "?" not in pattern:
        return f"%{escaped}%"
    return escaped.replace("*", "%").replace("?", "_")
