"""Which runs read or wrote a table, when, and for which Airflow task instance."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, RowMapping, Select, func, literal, select, union_all

from airflow_provider_sqlflow.jobs.model import (
    InstancePage,
    JobId,
    JobRun,
    JobStatus,
    JobTable,
    TableInstance,
    TableRole,
)
from airflow_provider_sqlflow.jobs.store.listing import shown_run
from airflow_provider_sqlflow.jobs.store.rows import chunks, run_of
from airflow_provider_sqlflow.jobs.store.tables import relation, relation_use, run, run_file

_ROLE_BITS = {TableRole.READ: 1, TableRole.WRITE: 2}
_NAME_PART = re.compile(r'"((?:[^"]|"")*)"|([^."]+)')


def list_instances(
    connection: Connection,
    table: str,
    role: TableRole | None,
    start: datetime | None,
    end: datetime | None,
    limit: int,
    offset: int,
) -> InstancePage:
    """See ``JobStore.list_instances``; the time is that of the submit, both ends included."""
    names = _relations(connection, table)
    roles = tuple(TableRole) if role is None else (role,)
    uses = [_uses(ids, each, start, end) for ids in chunks(sorted(names)) for each in roles]
    if not uses:
        return InstancePage((), 0)
    found = union_all(*uses).subquery()
    page = (
        select(run, found.c.relation_id, found.c.role)
        .join(found, found.c.run_id == run.c.id)
        .order_by(run.c.created_at.desc(), run.c.id.desc(), found.c.relation_id, found.c.role)
        .limit(limit)
        .offset(offset)
    )
    instances = tuple(
        TableInstance(names[row["relation_id"]], TableRole(row["role"]), run_of(row))
        for row in connection.execute(page).mappings()
    )
    return InstancePage(instances, connection.execute(select(func.count()).select_from(found)).scalar_one())


def list_tables(connection: Connection, job_id: JobId, role: TableRole | None) -> tuple[JobTable, ...]:
    """See ``JobStore.list_tables``."""
    run_id = shown_run(connection, job_id)
    if run_id is None:
        return ()
    query = (
        select(relation, relation_use.c.uses)
        .distinct()
        .select_from(run_file)
        .join(relation_use, relation_use.c.result_id == run_file.c.result_id)
        .join(relation, relation.c.id == relation_use.c.relation_id)
        .where(run_file.c.run_id == run_id)
        .order_by(relation.c.key)
    )
    roles = tuple(TableRole) if role is None else (role,)
    found = {
        JobTable(row["database"], row["schema"], row["name"], row["kind"], each): None
        for row in connection.execute(query).mappings()
        for each in roles
        if row["uses"] & _ROLE_BITS[each]
    }
    return tuple(found)


def last_run(connection: Connection, table: str, role: TableRole | None) -> JobRun | None:
    """See ``JobStore.find_last_run``."""
    ids = sorted(_relations(connection, table))
    bits = sum(_ROLE_BITS[each] for each in (tuple(TableRole) if role is None else (role,)))
    found = [row for part in chunks(ids) if (row := _last_run(connection, part, bits)) is not None]
    return run_of(max(found, key=lambda row: (row["end_at"], row["id"]))) if found else None


def _last_run(connection: Connection, ids: Sequence[int], bits: int) -> RowMapping | None:
    query = (
        select(run)
        .join(run_file, run_file.c.run_id == run.c.id)
        .join(relation_use, relation_use.c.result_id == run_file.c.result_id)
        .where(
            relation_use.c.relation_id.in_(ids),
            relation_use.c.uses.bitwise_and(bits) != 0,
            run.c.status.in_([status.value for status in JobStatus if status.has_result]),
        )
        .order_by(run.c.end_at.desc(), run.c.id.desc())
        .limit(1)
    )
    return connection.execute(query).mappings().first()


def _relations(connection: Connection, table: str) -> dict[int, str]:
    """Names of the relations that a dotted name may mean, by row number."""
    parts = [(quoted.replace('""', '"') or plain).casefold() for quoted, plain in _NAME_PART.findall(table)]
    if not parts:
        return {}
    query = select(relation).where(relation.c.name_folded == parts[-1])
    found: dict[int, str] = {}
    for row in connection.execute(query).mappings():
        spelled = [part for part in (row["database"], row["schema"], row["name"]) if part is not None]
        folded = [part.casefold() for part in spelled]
        if folded[-len(parts) :] == parts:
            found[row["id"]] = ".".join(spelled)
    return found


def _uses(
    ids: Sequence[int], role: TableRole, start: datetime | None, end: datetime | None
) -> Select[tuple[int, int, str]]:
    query = (
        select(run.c.id.label("run_id"), relation_use.c.relation_id, literal(role.value).label("role"))
        .distinct()
        .select_from(relation_use)
        .join(run_file, run_file.c.result_id == relation_use.c.result_id)
        .join(run, run.c.id == run_file.c.run_id)
        .where(
            relation_use.c.relation_id.in_(ids),
            relation_use.c.uses.bitwise_and(_ROLE_BITS[role]) != 0,
            run.c.dag_id.is_not(None),
        )
    )
    if start is not None:
        query = query.where(run.c.created_at >= start)
    return query if end is None else query.where(run.c.created_at <= end)
