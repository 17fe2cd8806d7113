"""Lineage across jobs: what feeds a column, what it feeds, whoever submitted the SQL.

The answers come from the rows that runs leave in the store, so no SQL is read again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Connection, text

from airflow_provider_sqlflow.errors import ConfigError
from airflow_provider_sqlflow.jobs.lineage import queries, search
from airflow_provider_sqlflow.jobs.lineage.model import (
    NOW,
    Direction,
    LineageGraph,
    LineageNode,
    LineagePath,
    LineageState,
    Reach,
    TablePage,
)
from airflow_provider_sqlflow.jobs.lineage.state import end_of_run
from airflow_provider_sqlflow.jobs.model import ExportSummary, JobId
from airflow_provider_sqlflow.jobs.store.database import RETRY_SECONDS, Answer, Database
from airflow_provider_sqlflow.jobs.store.schema import upgrade_schema

if TYPE_CHECKING:
    from airflow_provider_sqlflow.engine import LineageResult

MAX_PATHS = 10
"""How many shortest ways are shown unless told otherwise."""

EVERYWHERE = Reach()
"""As far as there are edges."""


class LineageService:
    """Answers questions about the merged lineage of all jobs.

    A name is dotted, compared without case, and may have fewer parts than the table has. ``column`` says the
    column apart, for names that might be a table or a column. Every method raises ``StoreUnavailableError``
    when the store does not answer, and those with a name

    - ``NameNotFoundError``: nothing that counts has the name;
    - ``AmbiguousNameError``: several tables or columns have it.

    Args:
        database: the store's database, with its schema in place.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    def open(cls, url: str, retry_seconds: float = RETRY_SECONDS) -> LineageService:
        """Open a store by its URL, and bring its schema up to date.

        Args:
            url: as the job service has it.
            retry_seconds: how long a question is asked again while the database does not answer.

        Raises:
            ConfigError: the URL is of no database that can hold the store.
            StoreUnavailableError: the database does not answer.
            StoreVersionError: its schema is newer than this code.
        """
        database = Database(url, retry_seconds)
        upgrade_schema(database)
        return cls(database)

    def closure(
        self,
        name: str,
        direction: Direction,
        reach: Reach = EVERYWHERE,
        state: LineageState = NOW,
        *,
        column: str | None = None,
        with_makers: bool = False,
    ) -> LineageGraph:
        """All that lies upstream or downstream of a table or column, nearest first.

        ``with_makers`` tells for each edge the files of the jobs that make it.
        """

        def work(connection: Connection) -> LineageGraph:
            found = search.find(connection, state, name, column, tables_only=reach.table_level)
            return queries.closure(connection, state, found, direction, reach, with_makers=with_makers)

        return self._read(work)

    def origins(
        self,
        name: str,
        reach: Reach = EVERYWHERE,
        state: LineageState = NOW,
        *,
        column: str | None = None,
    ) -> tuple[LineageNode, ...]:
        """The left-most sources of a table or column: nodes upstream that nothing else feeds."""

        def work(connection: Connection) -> tuple[LineageNode, ...]:
            found = search.find(connection, state, name, column, tables_only=reach.table_level)
            return queries.origins(connection, state, found, reach)

        return self._read(work)

    def paths(
        self,
        source: str,
        target: str,
        reach: Reach = EVERYWHERE,
        state: LineageState = NOW,
        *,
        limit: int = MAX_PATHS,
        with_makers: bool = False,
    ) -> tuple[LineagePath, ...]:
        """The shortest ways from one table or column to another, none if there is no way.

        Raises:
            ConfigError: ``limit`` is not positive.
        """
        if limit < 1:
            raise ConfigError(f"limit={limit} must be positive")

        def work(connection: Connection) -> tuple[LineagePath, ...]:
            first, last = (
                search.find(connection, state, name, tables_only=reach.table_level)
                for name in (source, target)
            )
            return queries.paths(connection, state, first, last, reach, limit=limit, with_makers=with_makers)

        return self._read(work)

    def tables(
        self, pattern: str = "", state: LineageState = NOW, *, limit: int = 100, offset: int = 0
    ) -> TablePage:
        """Tables that jobs mention, by name.

        Args:
            pattern: a part of the qualified name, or the whole name with ``*`` and ``?`` as wildcards.
            state: what counts.
            limit: how many at most.
            offset: how many to leave out before.

        Raises:
            ConfigError: ``limit`` or ``offset`` is negative.
        """
        if limit < 0 or offset < 0:
            raise ConfigError(f"limit={limit} and offset={offset} must not be negative")
        return self._read(lambda connection: search.list_tables(connection, state, pattern, limit, offset))

    def end_of_run(self, job_id: JobId, number: int) -> datetime:
        """When a run ended; as ``LineageState.at`` it gives the state that the run made.

        Raises:
            JobNotFoundError: no such job, or it has no such run.
            JobNotReadyError: the run has not ended.
        """
        return self._read(lambda connection: end_of_run(connection, job_id, number))

    def merged(self, state: LineageState = NOW) -> LineageResult:
        """The lineage of all files that count as one result, with statements, places and texts."""
        from airflow_provider_sqlflow.jobs.lineage.results import merged_result

        return self._read(lambda connection: merged_result(connection, state))

    def export(
        self,
        format: str,
        path: str,
        state: LineageState = NOW,
        *,
        title: str,
        instant: datetime,
        options: Mapping[str, str] | None = None,
    ) -> ExportSummary:
        """Write :meth:`merged` to a local file, whole or not at all.

        ``options`` say what to show, by name (:func:`airflow_provider_sqlflow.jobs.export.read_options`).

        Raises:
            UnknownFormatError: no such format.
            ExportOptionError: an unknown option, or a value that it cannot have.
            ExportError: the file cannot be written.
        """
        from airflow_provider_sqlflow.jobs.export import check_format, export_result, read_options
        from airflow_provider_sqlflow.jobs.lineage.results import merged_texts

        check_format(format)
        read_options(options)

        def texts() -> dict[str, str]:
            return self._read(lambda connection: merged_texts(connection, state))

        merged = self.merged(state)
        return export_result(merged, format, path, title=title, instant=instant, texts=texts, options=options)

    def _read(self, work: Callable[[Connection], Answer]) -> Answer:
        """Do work whose queries all see the same moment, whatever run ends meanwhile."""

        def in_snapshot(connection: Connection) -> Answer:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
            return work(connection)

        return self._database.read(in_snapshot)

    def close(self) -> None:
        """Release the store's connections."""
        self._database.close()
