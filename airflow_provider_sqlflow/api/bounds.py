"""Keeps a table from growing without end: the rows in front stay, the rest goes."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import ColumnElement, Connection, Table, delete, func, or_, select

USE_NOTED_EVERY = timedelta(minutes=5)
"""A row's use is written down at most so often: reading must stay cheap."""


def drop_beyond(
    connection: Connection,
    table: Table,
    *where: ColumnElement[bool],
    order: tuple[ColumnElement[object], ...],
    max_rows: int,
    max_bytes: int,
) -> int:
    """Remove the rows that come after ``max_rows`` others, or after more than ``max_bytes`` of others.

    The first row stays, however large. The table has the columns ``number`` and ``size``.

    Returns:
        How many were removed.
    """
    place = func.row_number().over(order_by=order)
    total = func.sum(table.c.size).over(order_by=order, rows=(None, 0))
    ranked = select(table.c.number, place.label("place"), total.label("total")).where(*where).subquery()
    too_much = select(ranked.c.number).where(
        ranked.c.place > 1, or_(ranked.c.place > max_rows, ranked.c.total > max_bytes)
    )
    return connection.execute(delete(table).where(table.c.number.in_(too_much))).rowcount
