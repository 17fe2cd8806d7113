from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from airflow_provider_sqlflow.listeners.task_sql import (
    TaskSql,
    connection_id,
    count_reported,
    operator_sql,
    reported_sql,
)


@dataclass
class Operator:
    sql: Any
    hook: Any
    database: str | None = None

    def get_db_hook(self) -> Any:
        return self.hook


def test_the_sql_of_an_operator(sqlite_hook):
    found = operator_sql(Operator("select 1", sqlite_hook, "sales"))
    assert found == TaskSql(sqlite_hook, "warehouse", "select 1", "sales")


def test_a_list_is_one_script_and_a_comment_ends_with_its_line(sqlite_hook):
    found = operator_sql(Operator(["select 1 -- one", " ; ", "select 2"], sqlite_hook))
    assert found.text == "select 1 -- one\n;\nselect 2"


@pytest.mark.parametrize("sql", [None, "", " ;\n", [], ["select 1", 2], {"a": 1}])
def test_what_is_no_sql(sql, sqlite_hook):
    assert operator_sql(Operator(sql, sqlite_hook)) is None


def test_an_operator_without_a_database_hook():
    class Bash:
        sql = "select 1"

    assert operator_sql(Bash()) is None


def test_hooks_report_what_they_run_and_what_ran_before_is_passed_over(sqlite_hook):
    sqlite_hook.run("INSERT INTO orders VALUES (1, 2)")
    before = count_reported()
    sqlite_hook.run(["INSERT INTO daily SELECT * FROM orders", "DELETE FROM orders"])
    [found] = reported_sql(before)
    assert found.text == "INSERT INTO daily SELECT * FROM orders\n;\nDELETE FROM orders"
    assert (found.hook, found.conn_id, found.is_reported) == (sqlite_hook, "warehouse", True)
    assert reported_sql(count_reported()) == []


def test_the_connection_of_other_hooks():
    class Named:
        conn_name_attr = "my_conn_id"
        my_conn_id = "mine"

    assert connection_id(Named()) == "mine"
    assert connection_id(object()) is None
