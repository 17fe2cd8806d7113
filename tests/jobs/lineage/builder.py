"""Rows of jobs whose results are made of a few words, written past the job service.

An edge reads ``s.a -> t.b``, ``s.a ~> t.[rows]`` where it only decides; ``rows s -> t`` is a table-level
edge. Names have as many parts as they like: the last one is the column.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

from sqlalchemy import Connection, insert, select, update

from airflow_provider_sqlflow.jobs.lineage.index import write_rows
from airflow_provider_sqlflow.jobs.lineage.rows import EdgeRow, IndexRows, RelationRow
from airflow_provider_sqlflow.jobs.model import JobStatus
from airflow_provider_sqlflow.jobs.store import tables
from airflow_provider_sqlflow.jobs.store.database import Database

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
_EDGE = re.compile(r"(rows )?(\S+) ([-~])> (\S+)")


def index_rows_of(lines: Iterable[str]) -> IndexRows:
    """The rows of edges in words."""
    relations: dict[str, int] = {}
    read: set[str] = set()
    written: set[str] = set()
    edges: dict[EdgeRow, None] = {}
    links: dict[tuple[int, int], None] = {}
    for line in lines:
        is_link, source, arrow, target = _EDGE.fullmatch(line).groups()
        ends = [(name, None) if is_link else _split(name) for name in (source, target)]
        numbers = [relations.setdefault(relation, len(relations)) for relation, _ in ends]
        read.add(ends[0][0])
        written.add(ends[1][0])
        links[numbers[0], numbers[1]] = None
        if not is_link:
            subtype = "IDENTITY" if arrow == "-" else "FILTER"
            edges[EdgeRow(numbers[0], ends[0][1], numbers[1], ends[1][1], arrow == "-", subtype)] = None
    rows = (
        RelationRow(*_parts(name), kind="table", is_read=name in read, is_written=name in written)
        for name in relations
    )
    return IndexRows(tuple(rows), tuple(edges), tuple(links))


def _split(name: str) -> tuple[str, str | None]:
    relation, _, column = name.rpartition(".")
    return relation, None if column == "[rows]" else column


def _parts(name: str) -> tuple[str | None, str | None, str]:
    return (None, None, *name.split("."))[-3:]  # type: ignore[return-value]


@dataclass
class StoreBuilder:
    """Adds jobs and runs. A run ends an hour after the one before, whichever job it is of."""

    database: Database
    hours: Iterable[int] = field(default_factory=lambda: itertools.count(1))

    def run(
        self,
        job_id: str,
        files: dict[str, list[str]] | list[str],
        *,
        status: JobStatus = JobStatus.SUCCESS,
        owner: str = "",
        tags: tuple[str, ...] = (),
        documents: dict[str, bytes] | None = None,
    ) -> datetime:
        """Add a run to a job, which is made if need be. Edges by file, or those of ``job_id.sql``.

        Returns:
            When the run ended.
        """
        files = files if isinstance(files, dict) else {f"{job_id}.sql": files}
        end = START + timedelta(hours=next(iter(self.hours)))
        with self.database.writing() as connection:
            number = self._job(connection, job_id, status, end, owner, tags)
            run_id = connection.execute(
                insert(tables.run).values(
                    job_id=job_id, number=number, digest="", batch_id=f"{job_id}-{number}",
                    status=status.value, created_at=end, end_at=end,
                )
            ).inserted_primary_key[0]  # fmt: skip
            for position, (path, lines) in enumerate(files.items()):
                result_id = self._result(connection, path, lines, (documents or {}).get(path, b""))
                connection.execute(
                    insert(tables.run_file).values(
                        run_id=run_id, position=position, path=path, result_id=result_id
                    )
                )
        return end

    def delete(self, job_id: str) -> None:
        """Mark a job deleted."""
        with self.database.writing() as connection:
            connection.execute(
                update(tables.job).where(tables.job.c.id == job_id).values(status=JobStatus.DELETE.value)
            )

    def _job(
        self,
        connection: Connection,
        job_id: str,
        status: JobStatus,
        at: datetime,
        owner: str,
        tags: tuple[str, ...],
    ) -> int:
        known = connection.execute(select(tables.job).where(tables.job.c.id == job_id)).first()
        number = known.run + 1 if known else 1
        shown = number if status.has_result else known.result_run if known else 0
        values = {"run": number, "result_run": shown, "status": status.value}
        if known:
            connection.execute(update(tables.job).where(tables.job.c.id == job_id).values(values))
            return number
        connection.execute(
            insert(tables.job).values(
                id=job_id, name=job_id, name_folded=job_id, dialect="postgres", owner=owner,
                request="", created_at=at, **values,
            )
        )  # fmt: skip
        for position, tag in enumerate(tags):
            connection.execute(insert(tables.job_tag).values(job_id=job_id, tag=tag, position=position))
        return number

    def _result(self, connection: Connection, path: str, lines: list[str], document: bytes) -> int:
        key = hashlib.sha256(repr((path, lines)).encode()).hexdigest()
        known = connection.execute(select(tables.result.c.id).where(tables.result.c.key == key)).scalar()
        if known is not None:
            return known
        result_id = connection.execute(
            insert(tables.result).values(
                key=key, input_key=key, lookups=b"", declarations=b"", document=document, path=path,
                status=JobStatus.SUCCESS.value,
            )
        ).inserted_primary_key[0]  # fmt: skip
        write_rows(connection, [(result_id, index_rows_of(lines))])
        return result_id
