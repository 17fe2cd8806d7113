"""Databases connected to and read: a real PostgreSQL, on a socket and on a port; other drivers played."""

from __future__ import annotations

import json
import socket
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from airflow_provider_sqlflow.errors import (
    ConfigError,
    EmptyInputError,
    SourceUnavailableError,
    UnreadableInputError,
)
from airflow_provider_sqlflow.ingest import drivers
from airflow_provider_sqlflow.ingest.drivers import DRIVERS, Login, driver_of
from airflow_provider_sqlflow.ingest.live_database import open_database, shown
from airflow_provider_sqlflow.ingest.model import Source
from airflow_provider_sqlflow.ingest.selection import EVERYTHING, Selection
from airflow_provider_sqlflow.settings import Settings
from tests.postgres_server import PostgresServer

PASSWORD = "it's a\\ secret%/é"
SHOP = """
CREATE SCHEMA sales;
CREATE SCHEMA tmp_a;
CREATE TABLE sales.orders (id int, amount numeric);
CREATE VIEW sales.totals AS SELECT sum(amount) AS total FROM sales.orders;
CREATE VIEW sales.ids AS SELECT id FROM sales.orders;
CREATE VIEW tmp_a.scratch AS SELECT id FROM sales.orders;
CREATE VIEW public.rates AS SELECT 1 AS rate;
CREATE FUNCTION sales.twice(n int) RETURNS int LANGUAGE sql AS 'SELECT n * 2';
CREATE PROCEDURE sales.load() LANGUAGE sql AS 'INSERT INTO sales.orders (id) SELECT 1';
"""
SETTINGS = Settings()


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        return int(server.getsockname()[1])


@pytest.fixture(scope="module")
def login() -> Iterator[Login]:
    """The account of a server that asks for its password."""
    port = free_port()
    with PostgresServer(port) as server:
        with psycopg.connect(host=server.host, port=port, user="postgres", autocommit=True) as admin:
            admin.execute(psycopg.sql.SQL("CREATE ROLE ann LOGIN PASSWORD {}").format(PASSWORD))
            for name in ("shop", "crm", "locked"):
                admin.execute(f"CREATE DATABASE {name}".encode())
            admin.execute("REVOKE CONNECT ON DATABASE locked FROM public")
        for name, sql in (("shop", SHOP), ("crm", "CREATE VIEW people AS SELECT 1 AS id")):
            with psycopg.connect(
                host=server.host, port=port, user="postgres", dbname=name, autocommit=True
            ) as connection:
                connection.execute(sql.encode())
                connection.execute("GRANT USAGE ON SCHEMA public TO ann")
        server.ask_for_password("ann")
        yield Login("127.0.0.1", port, "ann", PASSWORD, "shop")


def opened(login: Login, **selected: Any) -> Source:
    return open_database(
        "postgres", login, Selection(**selected, is_database_given=bool(login.database)), SETTINGS
    )


def failure(login: Login, dialect: str = "postgres") -> Exception:
    """What opening raises; nothing of it holds the password."""
    with pytest.raises((ConfigError, SourceUnavailableError, UnreadableInputError)) as caught:
        open_database(dialect, login, EVERYTHING, SETTINGS)
    told = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    assert not login.password or login.password not in told
    return caught.value


@pytest.mark.postgres
class TestPostgres:
    def test_everything(self, login: Login) -> None:
        source = opened(login)
        files = list(source.read())
        assert source.root == f"postgres://127.0.0.1:{login.port}/shop"
        assert source.names == tuple(file.name for file in files)
        assert source.names == (
            "shop/public/rates.sql",
            "shop/sales/ids.sql",
            "shop/sales/load.sql",
            "shop/sales/totals.sql",
            "shop/sales/twice(n integer).sql",
            "shop/tmp_a/scratch.sql",
        )
        assert source.catalog["shop.sales.orders"] == ("id", "amount")
        assert source.dialect == "postgres"
        assert {(file.database, file.dialect, file.problem) for file in files} == {("shop", "postgres", "")}
        assert files[3].text.startswith('CREATE VIEW "sales"."totals" AS\n')

    @pytest.mark.parametrize(
        ("selected", "names"),
        [
            ({"extract": ("sales", "tmp_*"), "exclude": ("tmp*",), "views": ("sales.t*",)},
             ["load", "totals", "twice(n integer)"]),
            ({"extract": ("shop/sales",), "routines": ("sales.TWICE",)},
             ["ids", "totals", "twice(n integer)"]),
            ({"views": ("none",), "routines": ("shop.sales.load",)}, ["load"]),
        ],
    )  # fmt: skip
    def test_patterns(self, login: Login, selected: dict[str, Any], names: list[str]) -> None:
        source = opened(login, **selected)
        assert [name.rpartition("/")[2] for name in source.names] == [f"{name}.sql" for name in names]
        schemas = {name.split(".")[1] for name in source.catalog}
        assert schemas == ({"sales"} if "extract" in selected else {"public", "sales", "tmp_a"})

    def test_every_database_that_the_account_may_enter(self, login: Login) -> None:
        anywhere = replace(login, database="")
        assert {name.partition("/")[0] for name in opened(anywhere).names} == {"shop", "crm"}
        some = opened(anywhere, extract=("shop/public", "c*"))
        assert some.names == ("crm/public/people.sql", "shop/public/rates.sql")
        assert some.root == f"postgres://127.0.0.1:{login.port}"

    def test_nothing_matches(self, login: Login) -> None:
        with pytest.raises(EmptyInputError, match=r"nothing to read in postgres://.*/shop: it has no tables"):
            opened(login, extract=("nowhere",))
        with pytest.raises(EmptyInputError):
            opened(replace(login, database=""), extract=("nowhere/*",))

    def test_connections_are_closed_and_change_nothing(
        self, login: Login, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made: list[Any] = []
        connect = psycopg.connect

        def keep(**fields: Any) -> Any:
            made.append(connect(**fields))
            return made[-1]

        monkeypatch.setattr(psycopg, "connect", keep)
        opened(replace(login, database=""))
        assert len(made) > 2
        assert all(connection.closed for connection in made)
        with closing(driver_of("postgres").connect(login)) as connection:
            with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
                connection.execute("CREATE TABLE t (a int)")
            [limit] = connection.execute("SHOW statement_timeout").fetchone()
        assert limit == "5min"

    def test_a_query_that_takes_too_long_is_stopped(
        self, login: Login, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(drivers, "STATEMENT_SECONDS", 0.05)
        slow = replace(driver_of("postgres"), list_databases="SELECT pg_sleep(60)::text")
        monkeypatch.setitem(DRIVERS, "postgres", slow)  # type: ignore[arg-type]
        error = failure(replace(login, database=""))
        assert isinstance(error, SourceUnavailableError)
        assert "statement timeout" in str(error)

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"password": "wrong-one"}, 'password authentication failed for user "ann"'),
            ({"password": ""}, "no password supplied"),
            ({"user": "nobody", "password": "wrong-one"}, 'role "nobody" does not exist'),
            ({"database": "nowhere"}, 'database "nowhere" does not exist'),
            ({"database": "locked"}, 'permission denied for database "locked"'),
        ],
    )
    def test_what_the_server_refuses(self, login: Login, change: dict[str, str], said: str) -> None:
        error = failure(replace(login, **change))
        assert isinstance(error, ConfigError)
        assert f"postgres://127.0.0.1:{login.port}/" in str(error)
        assert "refuses the connection" in str(error)
        assert said in str(error)

    def test_nothing_of_the_surroundings_opens_a_door(
        self, login: Login, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
    ) -> None:
        words = tmp_path / "words"
        words.write_text("*:*:*:*:" + PASSWORD.replace("\\", "\\\\").replace(":", "\\:"))
        words.chmod(0o600)
        monkeypatch.setenv("PGPASSFILE", str(words))
        with psycopg.connect(host="127.0.0.1", port=login.port, user="ann", dbname="shop"):
            pass  # so would whoever runs the job get in
        assert isinstance(failure(replace(login, password="")), ConfigError)
        monkeypatch.setenv("PGPASSWORD", PASSWORD)
        assert isinstance(failure(replace(login, password="")), ConfigError)
        with pytest.raises(ConfigError, match="needs the account"):
            opened(replace(login, user=""))

    def test_a_name_that_libpq_would_read_as_options_stays_a_name(self, login: Login) -> None:
        tricky = replace(login, database="host=127.0.0.1 dbname=shop")
        with pytest.raises(psycopg.OperationalError, match=r"127\.0\.0\.1 dbname=shop. does not exist"):
            driver_of("postgres").connect(tricky)
        with pytest.raises(ConfigError, match="is not accepted as the name of a database"):
            opened(tricky)

    def test_a_database_that_goes_away_while_it_is_read(
        self, login: Login, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ended = replace(
            driver_of("postgres"), list_databases="SELECT pg_terminate_backend(pg_backend_pid())::text"
        )
        monkeypatch.setitem(DRIVERS, "postgres", ended)  # type: ignore[arg-type]
        assert isinstance(failure(replace(login, database="")), SourceUnavailableError)

    def test_what_may_not_be_read(self, login: Login, monkeypatch: pytest.MonkeyPatch) -> None:
        closed = replace(driver_of("postgres"), list_databases="SELECT rolpassword FROM pg_authid")
        monkeypatch.setitem(DRIVERS, "postgres", closed)  # type: ignore[arg-type]
        error = failure(replace(login, database=""))
        assert isinstance(error, UnreadableInputError)
        assert "permission denied for table pg_authid" in str(error)


def test_a_closed_port() -> None:
    port = free_port()
    error = failure(Login("127.0.0.1", port, "ann", "geheim", "shop"))
    assert isinstance(error, SourceUnavailableError)
    assert str(error).startswith(f"cannot connect to postgres://127.0.0.1:{port}/shop: ")
    assert "\n" not in str(error)


def test_a_server_that_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drivers, "CONNECT_SECONDS", 2)
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        error = failure(Login("127.0.0.1", server.getsockname()[1], "ann", "geheim", "shop"))
    assert isinstance(error, SourceUnavailableError)
    assert "timeout" in str(error)


def test_a_server_that_repeats_the_password() -> None:
    """An error in PostgreSQL's protocol before the login."""
    password = 'tell"me'
    said = b"SFATAL\0C28000\0Mpassword authentication failed: " + password.encode() + b"\0\0"
    answer = b"E" + (len(said) + 4).to_bytes(4, "big") + said
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    with connection:
                        while connection.recv(1024)[4:8] in (b"\x04\xd2\x16\x2f", b"\x04\xd2\x16\x30"):
                            connection.sendall(b"N")  # neither TLS nor Kerberos
                        connection.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        error = failure(Login("127.0.0.1", server.getsockname()[1], "ann", password, "shop"))
        server.shutdown(socket.SHUT_RDWR)
    assert isinstance(error, ConfigError)
    assert "password authentication failed: ***" in str(error)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"host": ""}, "host is no plain name"),
        ({"host": "good,evil"}, "host is no plain name"),
        ({"host": "evil@good"}, "host is no plain name"),
        ({"host": "db:5432"}, "host is no plain name"),
        ({"host": "/tmp,evil"}, "host is no plain name"),
        ({"port": 0}, "port 0 is no number"),
        ({"port": 65536}, "port 65536 is no number"),
        ({"user": " "}, "needs the account"),
        ({"user": "a\0b"}, "needs the account"),
        ({"password": "a\0b"}, "needs the account"),
        *(
            ({"database": name}, "not accepted as the name")
            for name in (
                "host=evil",
                "postgresql://evil/x",
                "shop?host=evil",
                "shop;Server=evil",
                "x)(HOST=evil",
                "a\nb",
                "a\0",
                "a/b",
                "a@b",
                "a'b",
                "a,b",
            )
        ),
    ],
)
def test_fields_that_cannot_be_used(change: dict[str, Any], said: str) -> None:
    assert said in str(failure(replace(Login("db", 5432, "ann", "geheim", "shop"), **change)))


def test_databases_in_files_are_no_hosts() -> None:
    for dialect in ("sqlite", "duckdb", "", "bigquery"):
        error = failure(Login("db", 1, "ann", "geheim", "/etc/passwd"), dialect)
        assert "cannot be connected to, only: postgres, mysql, tsql, oracle, redshift, snowflake" in str(
            error
        )
    assert "needs its name" in str(failure(Login("db", 1521, "ann", "geheim"), "oracle"))


@pytest.mark.parametrize("dialect", [dialect for dialect in DRIVERS if dialect != "postgres"])
def test_a_driver_that_is_not_installed(dialect: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, DRIVERS[dialect].module.partition(".")[0], None)
    error = failure(Login("db", 1, "ann", "geheim", "shop"), dialect)
    assert isinstance(error, ConfigError)
    assert str(error).endswith(f"pip install {DRIVERS[dialect].package}")


def test_what_is_shown() -> None:
    login = Login("2001:db8::1", 5432, "ann", "geheim", "shop")
    assert shown("postgres", login) == "postgres://[2001:db8::1]:5432/shop"
    assert "geheim" not in repr(login)


# Drivers that are not installed here, played -----------------------------------------------------------


class Player:
    """A driver's module, its connection and cursor in one; keeps what it was asked.

    The names of the fields are those of the drivers' own ``connect``.
    """

    def __init__(self, answers: dict[str, list[tuple[object, ...]]]) -> None:
        self.answers = answers
        self.fields: list[dict[str, Any]] = []
        self.open = 0

    def connect(self, **fields: Any) -> Player:
        self.fields.append(fields)
        self.open += 1
        return SimpleNamespace(cursor=self.cursor, close=self.close)  # type: ignore[return-value]

    def cursor(self) -> Any:
        def execute(query: str) -> None:
            [cursor.found] = [rows for word, rows in self.answers.items() if word in query]

        cursor = SimpleNamespace(execute=execute, fetchall=lambda: cursor.found, close=lambda: None)
        return cursor

    def close(self) -> None:
        self.open -= 1


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, dict[str, list[tuple[object, ...]]]], Player]:
    def begin(module: str, answers: dict[str, list[tuple[object, ...]]]) -> Player:
        player = Player(answers)
        package, _, name = module.partition(".")
        monkeypatch.setitem(sys.modules, module, player)
        if name:
            monkeypatch.setitem(sys.modules, package, SimpleNamespace(**{name: player}))
        return player

    return begin


MYSQL = {
    "information_schema.columns": [("shop", "orders", "id"), ("crm", "people", "id")],
    "information_schema.views": [("shop", "v", "select 1 AS `a`"), ("crm", "w", "select 1 AS `a`")],
    "information_schema.routines": [("shop", "secret", "FUNCTION")],
    "SHOW CREATE FUNCTION": [("secret", "", None)],
}


@pytest.mark.parametrize(
    ("database", "extract", "names"),
    [
        ("shop", (), ["shop/v.sql", "shop/secret.sql"]),
        ("", ("crm",), ["crm/w.sql"]),
        ("", ("*",), ["crm/w.sql", "shop/v.sql", "shop/secret.sql"]),
        ("shop", ("crm",), ["crm/w.sql"]),
    ],
)
def test_a_mysql_database_is_a_schema(
    play: Any, database: str, extract: tuple[str, ...], names: list[str]
) -> None:
    player = play("pymysql", MYSQL)
    login = Login("db", 3306, "ann", "geheim", database)
    source = open_database("mysql", login, Selection(extract, is_database_given=bool(database)), SETTINGS)
    assert list(source.names) == names
    assert [file.name for file in source.read()] == names
    problems = {file.name: file.problem for file in source.read() if file.problem}
    if "shop/secret.sql" in names:
        assert problems == {"shop/secret.sql": "its SQL is hidden from the account that reads the database"}
    [fields] = player.fields
    assert (fields["host"], fields["port"], fields["user"], fields["password"], fields["database"]) == (
        "db", 3306, "ann", "geheim", database or None,
    )  # fmt: skip
    assert player.open == 0


@pytest.mark.parametrize(
    ("dialect", "answers", "databases"),
    [
        (
            "tsql",
            {
                "sys.databases": [("shop",), ("crm",)],
                "DB_NAME()": [("shop",)],
                "sys.columns": [],
                "sql_modules": [("dbo", "v", "V ", "CREATE VIEW v AS SELECT 1 a")],
            },
            ["master", "shop"],
        ),
        (
            "snowflake",
            {
                "SHOW TERSE DATABASES": [("2026", "SHOP"), ("2026", "CRM")],
                "current_database": [("SHOP",)],
                "information_schema.columns": [],
                "information_schema.views": [("S", "V", "create view v as select 1 a")],
            },
            [None, "SHOP"],
        ),
        (
            "redshift",
            {
                "pg_database": [("shop",), ("crm",)],
                "current_database": [("shop",)],
                "information_schema.columns": [],
                "information_schema.views": [("s", "v", "select 1 a")],
            },
            ["dev", "shop"],
        ),
    ],
)
def test_databases_are_listed(play: Any, dialect: str, answers: Any, databases: list[str]) -> None:
    player = play(DRIVERS[dialect].module, answers)
    login = Login("account.example.com", DRIVERS[dialect].default_port, "ann", "geheim")
    source = open_database(dialect, login, Selection(("shop/*",)), SETTINGS)
    assert len(source.names) == 1
    assert source.names[0].lower().startswith("shop/")
    assert [fields["database"] for fields in player.fields] == databases
    assert {fields.get("host", fields.get("server")) for fields in player.fields} == {"account.example.com"}
    assert {fields["password"] for fields in player.fields} == {"geheim"}
    assert "geheim" not in json.dumps([source.root, source.names, dict(source.catalog)])
    assert player.open == 0


def test_oracle_is_opened_by_its_service(play: Any) -> None:
    answers = {
        "all_tab_columns": [],
        "all_views": [("HR", "V", "SELECT 1 a FROM dual"), ("OE", "V", "SELECT 1 a FROM dual")],
        "all_mviews": [],
        "all_source": [],
    }
    player = play("oracledb", answers)
    login = Login("db", 1521, "ann", "geheim", "orcl.example.com")
    for item in ("hr", '"orcl.example.com".HR', "*/hr"):
        source = open_database("oracle", login, Selection((item,), is_database_given=True), SETTINGS)
        assert source.names == ("HR/V.sql",)
    assert {fields["service_name"] for fields in player.fields} == {"orcl.example.com"}


def test_a_driver_that_fails_in_its_own_way(play: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    class OperationalError(Exception):
        pass

    player = play("pymysql", {})
    login = Login("db", 3306, "ann", "p w%", "shop")
    for said, kind in (
        ((1045, "Access denied for user 'ann'@'here' (using password: YES)"), ConfigError),
        ((1049, "Unknown database 'shop'"), ConfigError),
        ((2003, "Can't connect: mysql://ann:p+w%25@db and p%20w%25 and p w%"), SourceUnavailableError),
    ):
        monkeypatch.setattr(
            player, "connect", lambda said=said, **_fields: (_ for _ in ()).throw(OperationalError(*said))
        )
        error = failure(login, "mysql")
        assert isinstance(error, kind)
        assert not any(spelling in str(error) for spelling in ("p w%", "p+w%25", "p%20w%25"))
