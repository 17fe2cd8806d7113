"""The job store over SQLAlchemy Core: the same statements on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, delete, exc, func, insert, select, update

from airflow_provider_sqlflow.errors import JobNotFoundError, JobTransitionError
from airflow_provider_sqlflow.jobs.document import request_from_json, request_to_json
from airflow_provider_sqlflow.jobs.model import (
    TRANSITIONS,
    Job,
    JobCounts,
    JobFile,
    JobFilter,
    JobId,
    JobPage,
    JobRequest,
    JobStatus,
)
from airflow_provider_sqlflow.jobs.store.base import same_request
from airflow_provider_sqlflow.jobs.store.database import Database
from airflow_provider_sqlflow.jobs.store.schema import upgrade_schema
from airflow_provider_sqlflow.jobs.store.tables import job, job_file, job_tag

_COUNT_NAMES = tuple(field.name for field in fields(JobCounts))
_BATCH = 32
"""Result documents fetched at once: they can be large."""

_GIVES_KEY_UP = frozenset({JobStatus.FAIL, JobStatus.CANCEL, JobStatus.DELETE})


class SqlJobStore:
    """A :class:`~airflow_provider_sqlflow.jobs.store.base.JobStore` in SQLite or PostgreSQL.

    The schema is created or brought up to date on opening.

    Raises:
        ConfigError: the URL is of no database that can hold the store.
        StoreUnavailableError: the database does not answer.
        StoreVersionError: its schema is newer than this code.
    """

    def __init__(self, url: str) -> None:
        self._database = Database(url)
        upgrade_schema(self._database)

    @property
    def shown_url(self) -> str:
        """The store's URL without its password."""
        return self._database.shown_url

    def get_job(self, job_id: JobId) -> Job:
        """See the protocol."""
        with self._database.reading() as connection:
            return _get_job(connection, job_id)

    def find_key(self, idempotency_key: str) -> tuple[JobId, str] | None:
        """See the protocol."""
        query = select(job.c.id, job.c.digest).where(job.c.idempotency_key == idempotency_key)
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        return None if row is None else (JobId(row.id), row.digest)

    def list_jobs(self, where: JobFilter, limit: int, offset: int) -> JobPage:
        """See the protocol."""
        conditions = _conditions(where)
        page = (
            select(job)
            .where(*conditions)
            .order_by(job.c.created_at.desc(), job.c.number.desc())
            .limit(limit)
            .offset(offset)
        )
        total = select(func.count()).select_from(job).where(*conditions)
        with self._database.reading() as connection:
            rows = connection.execute(page).mappings().all()
            tags = _tags(connection, [row["id"] for row in rows])
            return JobPage(
                tuple(_job(row, tags.get(row["id"], ())) for row in rows),
                connection.execute(total).scalar_one(),
            )

    def list_files(self, job_id: JobId) -> tuple[JobFile, ...]:
        """See the protocol."""
        columns = [job_file.c[field.name] for field in fields(JobFile)]
        query = select(*columns).where(job_file.c.job_id == job_id).order_by(job_file.c.position)
        with self._database.reading() as connection:
            rows = connection.execute(query).mappings().all()
        return tuple(JobFile(**{**row, "status": JobStatus(row["status"])}) for row in rows)

    def get_request(self, job_id: JobId) -> JobRequest:
        """See the protocol."""
        with self._database.reading() as connection:
            document = connection.execute(select(job.c.request).where(job.c.id == job_id)).scalar()
        if not document:
            raise JobNotFoundError(f"no request of job {job_id}: there is no such job, or it was deleted")
        return request_from_json(document)

    def iter_results(self, job_id: JobId) -> Iterator[str]:
        """See the protocol."""
        return (row["result"] for row in self._iter_files(job_id, job_file.c.result))

    def iter_texts(self, job_id: JobId) -> Iterator[tuple[str, str]]:
        """See the protocol."""
        return ((row["path"], row["text"]) for row in self._iter_files(job_id, job_file.c.text))

    def count_jobs(self) -> int:
        """See the protocol."""
        query = select(func.count()).select_from(job).where(job.c.status != JobStatus.DELETE.value)
        with self._database.reading() as connection:
            return connection.execute(query).scalar_one()

    def create_job(self, new: Job, request: JobRequest, digest: str, files: Sequence[str]) -> Job:
        """See the protocol."""
        try:
            return self._insert(new, request, digest, files)
        except exc.IntegrityError:
            key = request.idempotency_key
            found = None if key is None else self.find_key(key)
            if key is not None and found is not None:
                return self.get_job(same_request(found, key, digest))
        # The key was given up between the two looks at it; if not, the error is another one.
        return self._insert(new, request, digest, files)

    def change_status(
        self,
        job_id: JobId,
        status: JobStatus,
        at: datetime,
        *,
        counts: JobCounts | None = None,
        error: str = "",
    ) -> Job:
        """See the protocol."""
        with self._database.writing() as connection:
            return _change_status(connection, job_id, status, at, counts, error)

    def save_file(self, job_id: JobId, position: int, file: JobFile, result: str, text: str) -> None:
        """See the protocol."""
        statement = (
            update(job_file)
            .where(job_file.c.job_id == job_id, job_file.c.position == position)
            .values({**asdict(file), "status": file.status.value, "result": result, "text": text})
        )
        with self._database.writing() as connection:
            connection.execute(statement)

    def save_progress(self, job_id: JobId, counts: JobCounts, current_file: str) -> None:
        """See the protocol."""
        statement = (
            update(job)
            .where(job.c.id == job_id, job.c.status == JobStatus.RUNNING.value)
            .values({**asdict(counts), "current_file": current_file})
        )
        with self._database.writing() as connection:
            connection.execute(statement)

    def delete_job(self, job_id: JobId, at: datetime) -> Job:
        """See the protocol."""
        with self._database.writing() as connection:
            deleted = _change_status(connection, job_id, JobStatus.DELETE, at, None, "")
            connection.execute(delete(job_file).where(job_file.c.job_id == job_id))
            connection.execute(update(job).where(job.c.id == job_id).values(request=""))
            return deleted

    def close(self) -> None:
        """See the protocol."""
        self._database.close()

    def _insert(self, new: Job, request: JobRequest, digest: str, files: Sequence[str]) -> Job:
        with self._database.writing() as connection:
            _insert_job(connection, new, request, digest, files)
            return _get_job(connection, new.id)

    def _iter_files(self, job_id: JobId, column: ColumnElement[Any]) -> Iterator[RowMapping]:
        # Short transactions: a slow consumer must not hold one open.
        position = -1
        while True:
            query = (
                select(job_file.c.position, job_file.c.path, column)
                .where(job_file.c.job_id == job_id, job_file.c.position > position, column.is_not(None))
                .order_by(job_file.c.position)
                .limit(_BATCH)
            )
            with self._database.reading() as connection:
                rows = connection.execute(query).mappings().all()
            if not rows:
                return
            yield from rows
            position = rows[-1]["position"]


def _insert_job(
    connection: Connection, new: Job, request: JobRequest, digest: str, files: Sequence[str]
) -> None:
    connection.execute(
        insert(job).values(
            id=new.id,
            name=new.name,
            name_folded=new.name.casefold(),
            dialect=new.dialect,
            status=new.status.value,
            owner=new.owner,
            created_at=new.created_at,
            idempotency_key=request.idempotency_key,
            digest=digest,
            request=request_to_json(request),
            **asdict(new.counts),
        )
    )
    tags = [{"job_id": new.id, "tag": tag, "position": n} for n, tag in enumerate(dict.fromkeys(new.tags))]
    if tags:
        connection.execute(insert(job_tag), tags)
    rows = [
        {"job_id": new.id, "position": n, "path": path, "status": JobStatus.CREATE.value}
        for n, path in enumerate(files)
    ]
    if rows:
        connection.execute(insert(job_file), rows)


def _change_status(
    connection: Connection,
    job_id: JobId,
    status: JobStatus,
    at: datetime,
    counts: JobCounts | None,
    error: str,
) -> Job:
    allowed_from = [before.value for before, allowed in TRANSITIONS.items() if status in allowed]
    values: dict[str, Any] = {"status": status.value, "current_file": ""}
    if counts is not None:
        values.update(asdict(counts))
    if error:
        values["error"] = error
    if status is JobStatus.RUNNING:
        values["begin_at"] = at
    if status.is_terminal:
        values["end_at"] = func.coalesce(job.c.end_at, at)  # deleting does not move the end
    if status in _GIVES_KEY_UP:
        values["idempotency_key"] = None
    statement = update(job).where(job.c.id == job_id, job.c.status.in_(allowed_from)).values(values)
    changed = connection.execute(statement).rowcount
    found = _get_job(connection, job_id)
    if not changed:
        raise JobTransitionError(f"job {job_id} is {found.status.value} and cannot become {status.value}")
    return found


def _get_job(connection: Connection, job_id: JobId) -> Job:
    row = connection.execute(select(job).where(job.c.id == job_id)).mappings().first()
    if row is None:
        raise JobNotFoundError(f"no job {job_id}")
    return _job(row, _tags(connection, [job_id]).get(job_id, ()))


def _tags(connection: Connection, job_ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
    query = (
        select(job_tag).where(job_tag.c.job_id.in_(job_ids)).order_by(job_tag.c.job_id, job_tag.c.position)
    )
    tags: dict[str, tuple[str, ...]] = {}
    for row in connection.execute(query):
        tags[row.job_id] = (*tags.get(row.job_id, ()), row.tag)
    return tags


def _job(row: RowMapping, tags: tuple[str, ...]) -> Job:
    return Job(
        id=JobId(row["id"]),
        name=row["name"],
        dialect=row["dialect"],
        status=JobStatus(row["status"]),
        created_at=row["created_at"],
        begin_at=row["begin_at"],
        end_at=row["end_at"],
        owner=row["owner"],
        tags=tags,
        counts=JobCounts(**{name: row[name] for name in _COUNT_NAMES}),
        current_file=row["current_file"],
        error=row["error"],
    )


def _conditions(where: JobFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if where.status:
        conditions.append(job.c.status.in_([status.value for status in where.status]))
    if where.name:
        conditions.append(job.c.name_folded.contains(where.name.casefold(), autoescape=True))
    if where.owner:
        conditions.append(job.c.owner == where.owner)
    if where.tag:
        conditions.append(
            select(job_tag.c.tag).where(job_tag.c.job_id == job.c.id, job_tag.c.tag == where.tag).exists()
        )
    if where.created_from is not None:
        conditions.append(job.c.created_at >= where.created_from)
    if where.created_to is not None:
        conditions.append(job.c.created_at <= where.created_to)
    return conditions
