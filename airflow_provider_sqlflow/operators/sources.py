"""What an operator was given to analyse, as the sources of a job request.

What only a task can open, because it needs an Airflow connection, is read here and travels as text: object
stores with a connection id, and databases. So no credentials of theirs reach the job store.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypeAlias

from airflow_provider_sqlflow.errors import (
    ConfigError,
    SourceUnavailableError,
    SqlFlowError,
    UnreadableInputError,
)
from airflow_provider_sqlflow.jobs.model import CsvSource, JobSource, PathSource, TextSource

if TYPE_CHECKING:
    from airflow.sdk import ObjectStoragePath

    from airflow_provider_sqlflow.jobs.inputs import JobInputs
    from airflow_provider_sqlflow.settings import Settings

    AnyPath: TypeAlias = str | ObjectStoragePath

log = logging.getLogger(__name__)

CSV_SUFFIX = ".csv"

DIALECTS: Mapping[str, str] = {
    "databricks": "databricks",
    "gcpbigquery": "bigquery",
    "hive_cli": "hive",
    "hiveserver2": "hive",
    "mssql": "tsql",
    "mysql": "mysql",
    "oracle": "oracle",
    "postgres": "postgres",
    "presto": "presto",
    "redshift": "redshift",
    "snowflake": "snowflake",
    "spark_sql": "spark",
    "sqlite": "sqlite",
    "teradata": "teradata",
    "trino": "trino",
    "vertica": "vertica",
}
"""The SQL dialect behind a type of Airflow connection."""


@dataclass(frozen=True, slots=True)
class TaskInput:
    """Sources, and what they say about names and columns.

    Attributes:
        sources: of the job.
        catalog: columns of relations that the sources know by themselves.
        dialect: what a database is written in; empty where nothing says it.
        default_database: the database that was read.
    """

    sources: tuple[JobSource, ...]
    catalog: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    dialect: str = ""
    default_database: str | None = None


def text_sources(sql: str | Sequence[str] | None, task_id: str) -> tuple[JobSource, ...]:
    """Texts, named after the task and numbered where there are several."""
    texts = [sql] if isinstance(sql, str) else list(sql or ())
    if len(texts) == 1:
        return (TextSource(f"{task_id}.sql", texts[0]),)
    return tuple(TextSource(f"{task_id}.{number}.sql", text) for number, text in enumerate(texts, 1))


def path_sources(
    paths: AnyPath | Sequence[AnyPath] | None,
    folder: Path,
    csv_layout: Mapping[str, str] | None,
    storage_conn_id: str | None,
    settings: Settings,
) -> TaskInput:
    """Paths and URLs.

    Args:
        paths: one or several; relative ones start at ``folder``.
        folder: of the Dag file.
        csv_layout: ``columns``, ``enclose`` and ``escape`` of CSV files of SQL, where they have not
            SQLFlow's default layout.
        storage_conn_id: Airflow connection that opens the URLs; ``ObjectStoragePath`` may bring its own.
        settings: limits.

    Raises:
        ConfigError: the CSV layout has other fields.
        InputError: what is read with a connection cannot be read.
    """
    from airflow_provider_sqlflow.ingest.urls import is_url

    given: list[Any] = list(paths) if isinstance(paths, list | tuple) else [paths] if paths else []
    sources: list[JobSource] = []
    catalog: dict[str, tuple[str, ...]] = {}
    for path in given:
        text = str(path)
        if not is_url(text):
            sources.append(_path_source(str(folder / text), csv_layout))
            continue
        conn_id = getattr(path, "conn_id", None) or storage_conn_id
        if not conn_id:
            sources.append(_path_source(text, csv_layout))
            continue
        read = _fetch(path, conn_id, csv_layout, settings)
        sources.extend(read.sources)
        catalog = {**read.catalog, **catalog}
    return TaskInput(tuple(sources), catalog)


def database_source(hook: Any, schemas: Sequence[str], *, with_routines: bool) -> TaskInput:
    """The views and routines of a database, and its columns as the catalog.

    Args:
        hook: a ``DbApiHook`` of the connection.
        schemas: only these; all but the system's own when empty.
        with_routines: also read functions and procedures.

    Raises:
        ConfigError: the connection is of no database.
        SourceUnavailableError: the database cannot be read.
    """
    from airflow_provider_sqlflow.ingest.database import read_database

    conn_type = str(getattr(hook, "conn_type", "") or "")
    if not hasattr(hook, "get_conn") or not hasattr(hook, "get_records"):
        raise ConfigError(f"a connection of type {conn_type!r} leads to no database that can be read")
    dialect = DIALECTS.get(conn_type, "")
    try:
        with closing(hook.get_conn()) as connection:
            content = read_database(connection, dialect, schemas, with_routines=with_routines)
    except Exception as error:
        # Drivers have no error in common; some put the password's place, none the password, into the text.
        raise SourceUnavailableError(
            f"the database of a {conn_type} connection cannot be read: {type(error).__name__}: {error}"
        ) from error
    if content.hidden:
        hook.log.warning(
            "%d view(s) do not show their SQL to this user: %s",
            len(content.hidden),
            ", ".join(content.hidden[:10]),
        )
    sources = tuple(
        TextSource(item.name, item.text, item.database, item.schema) for item in content.definitions
    )
    return TaskInput(sources, content.catalog, dialect, content.database)


def _path_source(path: str, csv_layout: Mapping[str, str] | None) -> JobSource:
    if not csv_layout or not path.lower().endswith(CSV_SUFFIX):
        return PathSource(path)
    try:
        layout: dict[str, Any] = {name: str(value) for name, value in csv_layout.items()}
        return CsvSource(path, **layout)
    except TypeError:
        raise ConfigError(
            f"csv_layout has {', '.join(sorted(csv_layout))}; known are columns, enclose and escape"
        ) from None


def _fetch(
    path: AnyPath, conn_id: str, csv_layout: Mapping[str, str] | None, settings: Settings
) -> TaskInput:
    """Copy what an object store holds to disk, and read it from there."""
    from airflow.sdk import ObjectStoragePath

    from airflow_provider_sqlflow.jobs.inputs import open_inputs

    place = path if isinstance(path, ObjectStoragePath) else ObjectStoragePath(path, conn_id=conn_id)
    with TemporaryDirectory(prefix="sqlflow-source-") as folder:
        name = PurePosixPath(place.path).name
        local = Path(folder) / ("bucket" if name in ("", "..") else name)
        try:
            _copy(place, local)
        except SqlFlowError:
            raise
        except Exception as error:
            raise SourceUnavailableError(f"cannot read {place}: {type(error).__name__}: {error}") from error
        return _held(open_inputs((_path_source(str(local), csv_layout),), settings), str(place))


def _copy(source: ObjectStoragePath, target: Path) -> None:
    """Copy a file, or all files below a folder.

    Raises:
        UnreadableInputError: a key holds ``..``: stores take it as it stands, but on disk it leads elsewhere.
    """
    if not source.is_dir():
        with source.open("rb") as stream, target.open("wb") as copy:  # type: ignore[no-untyped-call]
            shutil.copyfileobj(stream, copy)
        return
    for item in source.rglob("*"):
        relative = PurePosixPath(item.path).relative_to(PurePosixPath(source.path))
        if ".." in relative.parts and item.is_file():
            raise UnreadableInputError(f"cannot read {source}: {str(relative)!r} leads out of it; rename it")
        if item.is_file():
            place = target / relative
            place.parent.mkdir(parents=True, exist_ok=True)
            with item.open("rb") as stream, place.open("wb") as copy:  # type: ignore[no-untyped-call]
                shutil.copyfileobj(stream, copy)


def _held(inputs: JobInputs, shown: str) -> TaskInput:
    """The files of opened sources as texts; one that cannot be read is told of, the others count."""
    sources = []
    problems = []
    for file in inputs.read(""):
        if file.problem:
            problems.append(f"{file.name} of {shown} is left out: {file.problem}")
            log.warning(problems[-1])
            continue
        text = file.prefix + file.text + file.suffix
        sources.append(TextSource(file.name, text, file.database, file.schema))
    if problems and not sources:
        raise UnreadableInputError(problems[0])
    return TaskInput(tuple(sources), dict(inputs.catalog))
