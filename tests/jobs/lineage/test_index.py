from __future__ import annotations

import threading

import pytest
from sqlalchemy import func, insert, select

from airflow_provider_sqlflow import engine
from airflow_provider_sqlflow.jobs.lineage.index import READ, WRITTEN, write_rows
from airflow_provider_sqlflow.jobs.lineage.names import fold, relation_key
from airflow_provider_sqlflow.jobs.lineage.rows import EdgeRow, IndexRows, RelationRow, index_rows
from airflow_provider_sqlflow.jobs.store import tables
from airflow_provider_sqlflow.jobs.store.database import Database


def new_result(connection, key: str) -> int:
    values = {"lookups": b"", "declarations": b"", "document": b"", "path": "", "status": "success"}
    return connection.execute(
        insert(tables.result).values(key=key, input_key=key, **values)
    ).inserted_primary_key[0]


def write(database: Database, key: str, rows: IndexRows) -> int:
    with database.writing() as connection:
        result_id = new_result(connection, key)
        write_rows(connection, [(result_id, rows)])
    return result_id


def edges_of(database: Database) -> set[tuple[str, str | None, str, str | None, bool, str]]:
    source, target = tables.column.alias(), tables.column.alias()
    left, right = tables.relation.alias(), tables.relation.alias()
    kind = (tables.edge.c.is_direct, tables.edge.c.subtype)
    query = (
        select(left.c.key, source.c.name, right.c.key, target.c.name, *kind)
        .join(source, source.c.id == tables.edge.c.source_id)
        .join(target, target.c.id == tables.edge.c.target_id)
        .join(left, left.c.id == source.c.relation_id)
        .join(right, right.c.id == target.c.relation_id)
    )
    with database.reading() as connection:
        return {tuple(row) for row in connection.execute(query)}


def relations_of(database: Database) -> dict[str, str]:
    with database.reading() as connection:
        rows = connection.execute(select(tables.relation.c.key, tables.relation.c.kind)).all()
    return {row.key: row.kind for row in rows}


def test_what_the_engine_finds_is_written(database):
    sql = "CREATE VIEW Mart.V AS SELECT sum(o.Amount) AS total FROM sales.Orders o WHERE o.status = 1"
    write(database, "a", index_rows(engine.analyze(sql, dialect="postgres")))
    assert edges_of(database) == {
        ("sales.orders", "Amount", "mart.v", "total", True, "AGGREGATION"),
        ("sales.orders", "status", "mart.v", None, False, "FILTER"),
        ("sales.orders", None, "mart.v", None, False, "ROWS"),
    }
    assert relations_of(database) == {"sales.orders": "table", "mart.v": "view"}
    with database.reading() as connection:
        query = select(tables.relation.c.key, tables.relation_use.c.uses).join(tables.relation_use)
        assert dict(connection.execute(query).all()) == {"sales.orders": READ, "mart.v": WRITTEN}


def test_column_edges_between_tables_are_table_edges_too():
    sql = "UPDATE a JOIN b ON a.k = b.k SET a.x = b.y, b.z = a.old"
    rows = index_rows(engine.analyze(sql, dialect="mysql"))
    pairs = {(edge.source, edge.target) for edge in rows.edges if edge.source != edge.target}
    assert len(pairs) == 2
    assert pairs <= set(rows.row_links)
    assert len(set(rows.row_links)) == len(rows.row_links)


def test_tables_without_column_edges_are_linked():
    rows = index_rows(engine.analyze("INSERT INTO t SELECT 1 FROM s", dialect="postgres"))
    assert rows.edges == ()
    assert [(rows.relations[a].name, rows.relations[b].name) for a, b in rows.row_links] == [("s", "t")]


def test_names_in_another_case_are_the_same(database):
    for number, (table, column) in enumerate([("Orders", "ID"), ("orders", "id"), ("ORDERS", "Id")]):
        relations = (
            RelationRow(None, "S", table, "table", True, False),
            RelationRow(None, "s", "t", "table", False, True),
        )
        write(
            database,
            str(number),
            IndexRows(relations, (EdgeRow(0, column, 1, column, True, "IDENTITY"),)),
        )
    assert edges_of(database) == {("s.orders", "ID", "s.t", "ID", True, "IDENTITY")}


def test_two_spellings_in_one_file_are_one_relation(database):
    relations = (
        RelationRow(None, None, "T", "table", True, False),
        RelationRow(None, None, "t", "table", False, True),
    )
    edge = EdgeRow(0, "a", 1, "b", True, "IDENTITY")
    rows = IndexRows(relations, (edge, edge._replace(source=1, target=0)))
    write(database, "a", rows)
    assert edges_of(database) == {("t", "a", "t", "b", True, "IDENTITY")}
    with database.reading() as connection:
        assert connection.execute(select(tables.relation_use.c.uses)).scalars().all() == [READ | WRITTEN]


def test_a_table_becomes_a_view_but_not_back(database):
    for number, kind in enumerate(["table", "view", "table"]):
        write(database, str(number), IndexRows((RelationRow(None, "s", "v", kind, True, False),)))
    assert relations_of(database) == {"s.v": "view"}


@pytest.mark.parametrize(
    "name", ["x" * 5_000, "表" * 5_000, "a\0b", "half \ud800 pair", "", "ß", 'say "hi"', "a.b"]
)
def test_every_name_can_be_kept_and_found_again(database, name):
    rows = IndexRows(
        (RelationRow(None, None, name, "path", True, True),), (EdgeRow(0, name, 0, None, False, "FILTER"),)
    )
    write(database, "a", rows)
    write(database, "b", rows)
    with database.reading() as connection:
        for table, wanted in ((tables.relation, 1), (tables.column, 2), (tables.edge, 2)):
            assert connection.execute(select(func.count()).select_from(table)).scalar_one() == wanted


def test_parts_with_dots_do_not_mix():
    names = [("a", "b", "c"), (None, "a.b", "c"), (None, "a", "b.c"), (None, None, "a.b.c"), ("a", None, "c")]
    assert len({relation_key(*name) for name in names}) == len(names)
    assert relation_key("a", None, "c") == "a..c"


def test_long_names_differ_by_their_ends():
    assert fold("x" * 5_000 + "a") != fold("x" * 5_000 + "b")
    assert len(fold("x" * 5_000)) == 500


def test_nothing_to_write(database):
    with database.writing() as connection:
        write_rows(connection, [])
        write_rows(connection, [(new_result(connection, "a"), IndexRows())])
    assert edges_of(database) == set()


def test_writers_at_the_same_time(database):
    """Each meets the same names in another order; none may fail, wait for ever or add a name twice."""
    writers, files = 4, 12
    failures: list[BaseException] = []
    barrier = threading.Barrier(writers)

    def rows(number: int) -> IndexRows:
        names = [f"t{(number * 7 + step) % 30}" for step in range(30)]
        relations = tuple(RelationRow(None, "s", name, "table", True, False) for name in names)
        edges = (EdgeRow(i, f"c{number % 5}", (i + 1) % 30, f"c{i % 4}", True, "IDENTITY") for i in range(30))
        return IndexRows(relations, tuple(edges))

    def work(writer: int) -> None:
        try:
            barrier.wait()
            for file in range(files):
                write(database, f"{writer}-{file}", rows(writer * files + file))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(writer,)) for writer in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(relations_of(database)) == 30
    with database.reading() as connection:
        assert connection.execute(select(func.count()).select_from(tables.edge)).scalar_one() == 48 * 30
