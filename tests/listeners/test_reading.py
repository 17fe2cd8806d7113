from __future__ import annotations

import threading

from airflow_provider_sqlflow.listeners.reading import in_time, read_sql
from airflow_provider_sqlflow.listeners.task_sql import TaskSql
from airflow_provider_sqlflow.settings import Settings


def test_stars_are_resolved_by_the_database(sqlite_hook):
    sql = TaskSql(sqlite_hook, "warehouse", "INSERT INTO daily SELECT * FROM orders")
    found = read_sql(sql, "shop/load.sql", Settings(), 5)
    assert [f"{edge.source} > {edge.target}" for edge in found.reading.result.edges()] == [
        "main.orders.id > main.daily.id",
        "main.orders.amount > main.daily.amount",
    ]
    assert found.reading.result.statements[0].span.source_name == "shop/load.sql"
    assert set(found.types) == {"main.orders", "main.daily"}


def test_secrets_are_not_read(sqlite_hook):
    sql = TaskSql(sqlite_hook, "warehouse", "SELECT aes_decrypt(amount, 'open sesame') FROM orders")
    assert "sesame" not in read_sql(sql, "x", Settings(), 5).text


def test_work_in_time():
    assert in_time("Work", 5, lambda: 42) == 42


def test_late_work_is_left_behind(caplog):
    may_end = threading.Event()
    assert in_time("Work", 0.05, may_end.wait) is None
    may_end.set()
    assert "Work took longer than 0.05 seconds" in caplog.text


def test_failed_work_is_logged(caplog):
    assert in_time("Work", 5, lambda: 1 // 0) is None
    assert "Work failed; the task is not affected" in caplog.text
    assert "ZeroDivisionError" in caplog.text
