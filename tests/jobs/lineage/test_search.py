"""Names that people give, and lists of tables."""

from __future__ import annotations

import pickle

import pytest

from airflow_provider_sqlflow.errors import AmbiguousNameError, ConfigError, NameNotFoundError
from airflow_provider_sqlflow.jobs.lineage.model import Direction, Reach
from airflow_provider_sqlflow.jobs.lineage.search import split_name
from airflow_provider_sqlflow.jobs.model import JobStatus


def start(lineage, name: str, **options) -> str:
    [node] = lineage.closure(name, Direction.UPSTREAM, **options).start
    return str(node)


@pytest.fixture(autouse=True)
def _filled(store):
    store.run(
        "a", ["db.raw.Orders.Id -> db.mart.Daily.Total", "other.raw.customers.id -> db.mart.daily.name"]
    )


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("db.mart.daily", "db.mart.Daily"),
        ("MART.DAILY", "db.mart.Daily"),
        ("daily", "db.mart.Daily"),
        ("daily.total", "db.mart.Daily.Total"),
        ("DB.Mart.Daily.TOTAL", "db.mart.Daily.Total"),
        ('"db"."mart".`daily`', "db.mart.Daily"),
    ],
)
def test_fewer_parts_and_any_case(lineage, name, wanted):
    assert start(lineage, name) == wanted


def test_the_column_apart(lineage):
    assert start(lineage, "daily", column="total") == "db.mart.Daily.Total"
    with pytest.raises(NameNotFoundError):
        start(lineage, "daily.total", column="total")


def test_a_table_level_question_is_about_tables(lineage):
    with pytest.raises(NameNotFoundError):
        start(lineage, "daily.total", reach=Reach(table_level=True))


def test_rows(store, lineage):
    store.run("b", ["s.x ~> t.[rows]"])
    assert start(lineage, "t.[rows]") == "t.[rows]"
    with pytest.raises(NameNotFoundError):
        start(lineage, "s.[rows]")


def test_ambiguous_names_list_what_they_may_be(store, lineage):
    store.run("b", ["x.mart.daily.total -> y.z"])
    with pytest.raises(AmbiguousNameError, match=r"db\.mart\.Daily, x\.mart\.daily") as caught:
        start(lineage, "mart.daily")
    assert caught.value.candidates == ("db.mart.Daily", "x.mart.daily")
    assert start(lineage, "x.mart.daily") == "x.mart.daily"
    assert start(lineage, "daily.name") == "db.mart.Daily.name"  # only one of them has the column


def test_a_whole_name_wins_over_the_end_of_a_longer_one(store, lineage):
    store.run("b", ["daily.total -> y.z", "y.q -> daily.total"])
    assert start(lineage, "daily") == "daily"
    assert start(lineage, "daily.total") == "daily.total"


def test_a_name_that_is_a_table_and_a_column(store, lineage):
    store.run("b", ["s.x -> sales.orders", "s.x -> sales.orders.id"])
    with pytest.raises(AmbiguousNameError, match=r"may be sales\.orders, sales\.orders"):
        start(lineage, "sales.orders")
    assert start(lineage, "sales", column="orders") == "sales.orders"
    assert start(lineage, "sales.orders", reach=Reach(table_level=True)) == "sales.orders"


def test_unknown_names_offer_near_ones(lineage):
    with pytest.raises(NameNotFoundError, match=r"did you mean db\.raw\.Orders\?") as caught:
        start(lineage, "raw.ordrs.id")
    assert caught.value.near == ("db.raw.Orders",)
    assert pickle.loads(pickle.dumps(caught.value)).near == caught.value.near
    with pytest.raises(NameNotFoundError, match=r"no table or column 'zzzzzz' in the lineage of these jobs$"):
        start(lineage, "zzzzzz")


@pytest.mark.parametrize("name", ["", ".", "db..daily", '""', "%", "_aily", "daily.%", "mart.daily'; --"])
def test_names_that_are_none(lineage, name):
    with pytest.raises(NameNotFoundError):
        start(lineage, name)


def test_a_column_that_only_a_dead_result_has(store, lineage):
    store.run("b", ["s.x -> t.x", "s.y -> t.y"])
    store.run("b", ["s.x -> t.x"])
    with pytest.raises(NameNotFoundError):
        start(lineage, "t.y")


def test_names_with_dots(store, lineage):
    from sqlalchemy import insert

    from airflow_provider_sqlflow.jobs.lineage.index import write_rows
    from airflow_provider_sqlflow.jobs.lineage.rows import EdgeRow, IndexRows, RelationRow
    from airflow_provider_sqlflow.jobs.store import tables

    store.run("b", {"files.sql": []})
    with store.database.writing() as connection:
        path = RelationRow(None, None, "s3://lake/in.csv", "path", True, False)
        table = RelationRow("my.project", "set", "t", "table", False, True)
        result_id = connection.execute(
            insert(tables.result).values(
                key="k", input_key="k", lookups=b"", declarations=b"", document=b"", path="",
                status=JobStatus.SUCCESS.value,
            )
        ).inserted_primary_key[0]  # fmt: skip
        write_rows(
            connection, [(result_id, IndexRows((path, table), (EdgeRow(0, "a", 1, "b", True, "IDENTITY"),)))]
        )
        connection.execute(tables.run_file.update().where(tables.run_file.c.path == "files.sql").values(
            result_id=result_id
        ))  # fmt: skip
    for name in ("s3://lake/in.csv", '"s3://lake/in.csv"', "S3://lake/IN.csv"):
        assert start(lineage, name) == '"s3://lake/in.csv"'
    assert start(lineage, "s3://lake/in.csv.a") == '"s3://lake/in.csv".a'
    assert start(lineage, "my.project.set.t.b") == '"my.project".set.t.b'


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("a.b", ["a", "b"]),
        ('"a.b".c', ["a.b", "c"]),
        ("`a.b`.[c.d]", ["a.b", "c.d"]),
        ("t.[rows]", ["t", "[rows]"]),
        ("t.[ROWS]", ["t", "[ROWS]"]),
        ('a"b.c', ['a"b', "c"]),
        ('"unclosed.c', ['"unclosed', "c"]),
    ],
)
def test_split_name(name, parts):
    assert split_name(name) == parts


# Lists -------------------------------------------------------------------------------------------


def listed(lineage, *arguments, **options) -> list[str]:
    return [str(item.table) for item in lineage.tables(*arguments, **options).tables]


def test_tables_by_name(store, lineage):
    everything = ["db.mart.Daily", "db.raw.Orders", "other.raw.customers"]
    assert listed(lineage) == everything
    assert listed(lineage, "RAW") == everything[1:]
    assert listed(lineage, "db.*") == everything[:2]
    assert listed(lineage, "*.custome?s") == everything[2:]
    assert listed(lineage, "%") == listed(lineage, "_") == []
    assert listed(lineage, limit=1, offset=1) == everything[1:2]
    assert lineage.tables(limit=1).total == 3
    with pytest.raises(ConfigError):
        lineage.tables(limit=-1)


def test_tables_tell_their_use(store, lineage):
    store.run("b", ["db.mart.daily.total -> report.x"])
    store.run("c", ["db.raw.orders.id -> report.y"])
    store.delete("c")
    shown = {str(item.table): (item.is_read, item.is_written, item.jobs) for item in lineage.tables().tables}
    assert shown == {
        "db.mart.Daily": (True, True, 2), "db.raw.Orders": (True, False, 1),
        "other.raw.customers": (True, False, 1), "report": (False, True, 1),
    }  # fmt: skip
