"""Databases read about themselves: real PostgreSQL and SQLite; what MySQL and Snowflake answer, played."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from airflow_provider_sqlflow.ingest.database import Definition, read_database
from airflow_provider_sqlflow.ingest.selection import Selection
from tests.postgres_server import running_postgres

POSTGRES = """
CREATE SCHEMA shop;
CREATE TABLE shop.orders (id int, "Unit Price" numeric, dropped int);
ALTER TABLE shop.orders DROP COLUMN dropped;
CREATE TABLE public.rates (day date, rate numeric) PARTITION BY RANGE (day);
CREATE VIEW shop.totals (total) AS SELECT sum("Unit Price") FROM shop.orders, rates;
CREATE MATERIALIZED VIEW shop.daily AS SELECT * FROM shop.totals;
CREATE FUNCTION shop.twice(n int) RETURNS int LANGUAGE sql AS 'SELECT n * 2 FROM shop.orders';
CREATE FUNCTION shop.twice(n text) RETURNS text LANGUAGE sql AS 'SELECT n || n';
CREATE PROCEDURE shop.load() LANGUAGE sql AS 'INSERT INTO shop.orders (id) SELECT 1';
"""


@pytest.fixture(scope="module")
def made() -> Iterator[str]:
    import psycopg

    with running_postgres() as host:
        url = f"host={host} user=postgres dbname=postgres"
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(POSTGRES)
        yield url


@pytest.mark.postgres
class TestPostgres:
    @pytest.mark.parametrize("autocommit", [True, False])
    def test_everything_is_read_and_nothing_changed(self, made: str, autocommit: bool) -> None:
        import psycopg

        with psycopg.connect(made, autocommit=autocommit) as connection:
            connection.execute("SET search_path TO shop, public")
            content = read_database(connection, "postgres")
            [path] = connection.execute("SHOW search_path").fetchone()
        assert path == "shop, public"
        assert content.database == "postgres"
        assert content.catalog == {
            "postgres.public.rates": ("day", "rate"),
            "postgres.shop.daily": ("total",),
            "postgres.shop.orders": ("id", "Unit Price"),
            "postgres.shop.totals": ("total",),
        }
        by_name = {item.name: item for item in content.definitions}
        assert list(by_name) == [
            "postgres/shop/daily.sql",
            "postgres/shop/load.sql",
            "postgres/shop/totals.sql",
            "postgres/shop/twice(n integer).sql",
            "postgres/shop/twice(n text).sql",
        ]
        totals = by_name["postgres/shop/totals.sql"]
        assert totals.text.startswith('CREATE VIEW "shop"."totals" AS\n')
        assert "shop.orders" in totals.text
        assert "public.rates" in totals.text
        assert (totals.database, totals.schema) == ("postgres", "shop")
        assert by_name["postgres/shop/daily.sql"].text.startswith("CREATE MATERIALIZED VIEW")
        assert "INSERT INTO shop.orders" in by_name["postgres/shop/load.sql"].text

    def test_schemas_and_routines_can_be_left_out(self, made: str) -> None:
        import psycopg

        with psycopg.connect(made) as connection:
            content = read_database(connection, "postgres", ["SHOP"], with_routines=False)
        assert [item.name for item in content.definitions] == [
            "postgres/shop/daily.sql",
            "postgres/shop/totals.sql",
        ]
        assert "postgres.public.rates" not in content.catalog

    def test_what_stopped_the_reading_is_what_is_raised(self, made: str) -> None:
        """In a transaction that has failed, nothing more can be asked: not even the search path put back."""
        import psycopg

        with psycopg.connect(made) as other, psycopg.connect(made) as connection:
            other.execute("LOCK TABLE shop.totals IN ACCESS EXCLUSIVE MODE")
            connection.execute("SET lock_timeout = '100ms'")
            with pytest.raises(psycopg.errors.LockNotAvailable, match="lock timeout"):
                read_database(connection, "postgres")
            connection.rollback()
            other.rollback()

    def test_the_engine_understands_what_was_read(self, made: str) -> None:
        import psycopg

        from airflow_provider_sqlflow import engine

        with psycopg.connect(made) as connection:
            content = read_database(connection, "postgres", with_routines=False)
        scripts = [
            engine.Script(item.name, item.text, item.database, item.schema) for item in content.definitions
        ]
        catalog = engine.InMemoryCatalog(content.catalog)
        results = [result for _, result in engine.iter_scripts(scripts, dialect="postgres", catalog=catalog)]
        edges = {str(edge.target): str(edge.source) for result in results for edge in result.edges()}
        assert edges["postgres.shop.daily.total"] == "postgres.shop.totals.total"
        assert "orders" in edges["postgres.shop.totals.total"]


def test_sqlite_is_read() -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(
            """
            CREATE TABLE orders (id INTEGER PRIMARY KEY AUTOINCREMENT, amount REAL,
                                 doubled REAL GENERATED ALWAYS AS (amount * 2));
            CREATE VIEW totals AS SELECT sum(amount) AS total FROM orders;
            CREATE TRIGGER copy AFTER INSERT ON orders BEGIN INSERT INTO log (id) SELECT new.id; END;
            CREATE TABLE log (id INTEGER);
            CREATE INDEX by_amount ON orders (amount);
            """
        )
        content = read_database(connection, "sqlite")
        bare = read_database(connection, "sqlite", with_routines=False)
    assert content.database is None
    assert content.catalog == {
        "log": ("id",),
        "orders": ("id", "amount", "doubled"),
        "totals": ("total",),
    }
    assert [item.name for item in content.definitions] == ["copy.sql", "totals.sql"]
    assert content.definitions[1] == Definition(
        "totals.sql", "CREATE VIEW totals AS SELECT sum(amount) AS total FROM orders"
    )
    assert [item.name for item in bare.definitions] == ["totals.sql"]


class Answers:
    """A DB-API connection that knows what a database answers to queries that hold a word."""

    def __init__(self, answers: dict[str, list[tuple[object, ...]]]) -> None:
        self.answers = answers

    def cursor(self) -> Answers:
        return self

    def execute(self, query: str) -> None:
        [self.found] = [rows for word, rows in self.answers.items() if word in query]

    def fetchall(self) -> list[tuple[object, ...]]:
        return self.found

    def close(self) -> None:
        pass


def test_mysql_has_one_layer_and_backquotes() -> None:
    answers = {
        "information_schema.columns": [(b"shop", b"orders", b"id"), (b"crm", b"people", b"id")],
        "information_schema.views": [
            (b"shop", b"big`orders", b"select `shop`.`orders`.`id` AS `id` from `t`")
        ],
        "information_schema.routines": [("shop", "load", "PROCEDURE"), ("shop", "secret", "FUNCTION")],
        "SHOW CREATE PROCEDURE `shop`.`load`": [
            ("load", "", "CREATE PROCEDURE `load`() BEGIN END", "u", "c")
        ],
        "SHOW CREATE FUNCTION `shop`.`secret`": [("secret", "", None, "u", "c")],
    }
    content = read_database(Answers(answers), "mysql", ["shop"])
    assert content.catalog == {"shop.orders": ("id",)}
    assert [(item.name, item.database, item.schema) for item in content.definitions] == [
        ("shop/big`orders.sql", None, "shop"),
        ("shop/load.sql", None, "shop"),
    ]
    assert content.definitions[0].text.startswith("CREATE VIEW `shop`.`big``orders` AS\nselect")
    assert content.hidden == ("shop.secret",)


def test_snowflake_gives_whole_statements_and_says_what_it_hides() -> None:
    answers = {
        "current_database": [("DWH",)],
        "information_schema.columns": [("PUBLIC", "ORDERS", "ID"), ("PUBLIC", "ORDERS", "odd name")],
        "information_schema.views": [
            ("PUBLIC", "V", "create or replace view V as select ID from ORDERS;"),
            ("PUBLIC", "SECURE", None),
        ],
    }
    content = read_database(Answers(answers), "snowflake")
    assert content.catalog == {"DWH.PUBLIC.ORDERS": ("ID", "odd name")}
    assert content.definitions == (
        Definition("DWH/PUBLIC/V.sql", "create or replace view V as select ID from ORDERS;", "DWH", "PUBLIC"),
    )
    assert content.hidden == ("DWH.PUBLIC.SECURE",)


def test_any_other_database_is_asked_by_the_standard() -> None:
    answers = {
        "information_schema.columns": [("dbo", "orders", "id")],
        "information_schema.views": [("dbo", "v", "SELECT id FROM dbo.orders")],
    }
    content = read_database(Answers(answers), "trino")
    assert content.catalog == {"dbo.orders": ("id",)}
    assert content.definitions[0].text == 'CREATE VIEW "dbo"."v" AS\nSELECT id FROM dbo.orders'


def test_sql_server_gives_whole_modules() -> None:
    answers = {
        "DB_NAME()": [("shop",)],
        "sys.columns": [("dbo", "orders", "id")],
        "sys.sql_modules": [
            ("dbo", "v", "V ", "CREATE VIEW dbo.v AS SELECT id FROM dbo.orders"),
            ("dbo", "load", "P ", "CREATE PROC dbo.load AS INSERT INTO dbo.t SELECT id FROM dbo.v"),
            ("dbo", "secret", "FN", None),
        ],
    }
    content = read_database(Answers(answers), "tsql")
    assert content.catalog == {"shop.dbo.orders": ("id",)}
    assert [item.name for item in content.definitions] == ["shop/dbo/load.sql", "shop/dbo/v.sql"]
    assert content.definitions[1].text == "CREATE VIEW dbo.v AS SELECT id FROM dbo.orders"
    assert content.hidden == ("shop.dbo.secret",)
    without = read_database(Answers(answers), "tsql", with_routines=False)
    assert ([item.name for item in without.definitions], without.hidden) == (["shop/dbo/v.sql"], ())


def test_oracle_is_asked_for_its_own_views_and_the_lines_of_its_routines() -> None:
    answers = {
        "all_tab_columns": [("HR", "PEOPLE", "ID")],
        "all_views": [("HR", "V", "SELECT id FROM people")],
        "all_mviews": [("HR", "M", "SELECT id FROM v")],
        "all_source": [
            ("HR", "LOAD", "PROCEDURE", "PROCEDURE load IS\n"),
            ("HR", "LOAD", "PROCEDURE", "BEGIN INSERT INTO t SELECT id FROM v; END;\n"),
            ("HR", "SECRET", "FUNCTION", "FUNCTION secret wrapped\n"),
            ("HR", "SECRET", "FUNCTION", "a000000\n"),
        ],
    }
    content = read_database(Answers(answers), "oracle")
    assert content.catalog == {"HR.PEOPLE": ("ID",)}
    assert {item.name: item.text for item in content.definitions} == {
        "HR/LOAD.sql": "CREATE OR REPLACE PROCEDURE load IS\nBEGIN INSERT INTO t SELECT id FROM v; END;",
        "HR/M.sql": 'CREATE MATERIALIZED VIEW "HR"."M" AS\nSELECT id FROM v',
        "HR/V.sql": 'CREATE VIEW "HR"."V" AS\nSELECT id FROM people',
    }
    assert content.hidden == ("HR.SECRET",)


def test_a_selection_goes_by_schema_and_by_name() -> None:
    answers = {
        "current_database": [("DWH",)],
        "information_schema.columns": [("A", "T", "ID"), ("B", "T", "ID")],
        "information_schema.views": [
            ("A", "V1", "SELECT 1 x"),
            ("A", "W", "SELECT 1 x"),
            ("B", "V2", "SELECT 1 x"),
        ],
    }
    selection = Selection(extract=("dwh/*",), exclude=("dwh.b",), views=("a.v*", "b.v*"))
    content = read_database(Answers(answers), "snowflake", selection=selection)
    assert [item.name for item in content.definitions] == ["DWH/A/V1.sql"]
    assert content.catalog == {"DWH.A.T": ("ID",)}
