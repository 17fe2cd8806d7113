from __future__ import annotations

import multiprocessing
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from airflow_provider_sqlflow.errors import ConfigError, StoreUnavailableError, StoreVersionError
from airflow_provider_sqlflow.jobs.model import JobFilter, JobId
from airflow_provider_sqlflow.jobs.store import schema
from airflow_provider_sqlflow.jobs.store.database import Database
from airflow_provider_sqlflow.jobs.store.sql import SqlJobStore
from airflow_provider_sqlflow.jobs.store.tables import SCHEMA_REVISION, VERSION_TABLE, metadata
from tests.jobs.factories import make_job, make_request


def pragma(path: Path, name: str) -> str:
    with closing(sqlite3.connect(path)) as connection:
        return str(connection.execute(f"PRAGMA {name}").fetchone()[0])


def open_and_add(url: str, number: int) -> None:
    """What each process of the race below does."""
    store = SqlJobStore(url)
    store.create_job(make_job(f"j{number}"), make_request(), "digest")
    store.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new" / "folder" / "jobs.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, path: Path) -> str:
    """The URL of a database without tables, which does not even exist on SQLite."""
    if request.param == "sqlite":
        return f"sqlite:///{path}"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
def database(empty_url: str) -> Iterator[Database]:
    opened = Database(empty_url)
    schema.upgrade_schema(opened)
    yield opened
    opened.close()


def test_fresh_store_is_made_with_its_folder_and_stays_on_opening_again(path: Path) -> None:
    for expected in (0, 1):
        store = SqlJobStore(f"sqlite:///{path}")
        assert store.list_jobs(JobFilter(), 10, 0).total == expected
        if not expected:
            store.create_job(make_job(), make_request(), "digest")
        store.close()
    assert pragma(path, "journal_mode") == "wal"


def test_foreign_keys_are_enforced(path: Path) -> None:
    store = SqlJobStore(f"sqlite:///{path}")
    store.close()
    database = Database(f"sqlite:///{path}")
    with database.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    database.close()


def test_migrations_give_the_tables_of_the_code(database: Database) -> None:
    with database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        assert compare_metadata(context, metadata) == []


def test_revision_of_the_code_is_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", "airflow_provider_sqlflow.jobs.store:migrations")
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_heads() == [SCHEMA_REVISION]


def test_store_of_a_newer_version_is_left_alone(database: Database, empty_url: str) -> None:
    with database.writing() as connection:
        connection.exec_driver_sql(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    with pytest.raises(StoreVersionError, match=r"has schema 9999.*upgrade the package"):
        SqlJobStore(empty_url)
    with pytest.raises(StoreVersionError, match=r"has schema 9999.*upgrade the package"):
        schema.downgrade_schema(database, "0001")


def test_many_processes_open_a_fresh_store_at_once(empty_url: str) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=open_and_add, args=(empty_url, number)) for number in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0, 0]
    store = SqlJobStore(empty_url)
    assert sorted(job.id for job in store.list_jobs(JobFilter(), 10, 0).jobs) == ["j0", "j1", "j2", "j3"]
    store.close()


def test_many_threads_open_fresh_stores_at_once(tmp_path: Path) -> None:
    errors: list[Exception] = []
    ready = threading.Barrier(6)

    def work(number: int) -> None:
        ready.wait()
        try:
            open_and_add(f"sqlite:///{tmp_path / f'{number % 2}.db'}", number)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_upgrade_that_fails_leaves_nothing_behind(path: Path) -> None:
    path.parent.mkdir(parents=True)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE sqlflow_relation_use (x INTEGER)")  # the last one that is made
    with pytest.raises(StoreUnavailableError, match="already exists"):
        SqlJobStore(f"sqlite:///{path}")
    with closing(sqlite3.connect(path)) as connection:
        tables = {
            name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        }
    assert tables == {"sqlflow_relation_use"}


def test_locked_store_says_so(path: Path) -> None:
    store = SqlJobStore(f"sqlite:///{path}?timeout=0.1", retry_seconds=0)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(
            StoreUnavailableError, match=r"jobs\.db\?timeout=0\.1 cannot be used: database is locked"
        ):
            store.create_job(make_job(), make_request(), "digest")
        assert store.list_jobs(JobFilter(), 10, 0).total == 0  # readers go on
    store.create_job(make_job(), make_request(), "digest")
    assert store.get_job(JobId("j1")).id == "j1"
    store.close()


def test_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    path.write_text("this is a text file, and long enough to be read as a header of a database" * 20)
    with pytest.raises(StoreUnavailableError, match="file is not a database"):
        SqlJobStore(f"sqlite:///{path}")


def test_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnavailableError, match=r"jobs\.db cannot be used"):
        SqlJobStore(f"sqlite:///{tmp_path}/file/jobs.db")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "not a database URL"),
        ("jobs.db", "not a database URL"),
        ("sqlite://", "needs a file"),
        ("sqlite:///:memory:", "needs a file"),
        ("mysql://u:secret@h/d", "cannot be mysql: use SQLite or PostgreSQL"),
    ],
)
def test_urls_that_cannot_be_a_store(url: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        SqlJobStore(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_unreachable_server_is_named_without_its_password(scheme: str) -> None:
    with pytest.raises(StoreUnavailableError) as caught:
        SqlJobStore(f"{scheme}://user:hush@127.0.0.1:1/jobs?sslpassword=quiet")
    message = str(caught.value)
    assert message.startswith("the job store postgresql+psycopg://user:***@127.0.0.1:1/jobs cannot be used: ")
    assert "hush" not in message
    assert "quiet" not in message
