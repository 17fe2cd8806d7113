"""Tasks whose SQL is captured. Run as a program: one Dag, by ``dag.test()``, in the environment's Airflow."""

from __future__ import annotations

import sys

import pendulum
from airflow.providers.common.sql.operators.sql import SQLExecuteQueryOperator
from airflow.sdk import DAG, task
from airflow.sdk.lineage import get_hook_lineage_collector

CONN_ID = "warehouse"


def make_dag(name: str) -> DAG:
    with DAG(name, schedule=None, start_date=pendulum.datetime(2026, 1, 1, tz="UTC")) as dag:
        TASKS[name]()
    return dag


def forget_reports(_context=None):
    """``dag.test()`` has one process for all tasks, where what hooks report adds up; workers have many."""
    get_hook_lineage_collector.cache_clear()


def one_statement():
    SQLExecuteQueryOperator(
        task_id="load",
        conn_id=CONN_ID,
        sql="INSERT INTO daily SELECT * FROM orders WHERE id > {{ params.least }}",
        params={"least": 0},
    )


def several_statements():
    SQLExecuteQueryOperator(
        task_id="load",
        conn_id=CONN_ID,
        sql=[
            "CREATE TEMPORARY TABLE recent AS SELECT id, amount FROM orders",
            "INSERT INTO daily (id, amount) SELECT id, sum(amount) FROM recent GROUP BY id -- totals",
        ],
    )


def split_script():
    SQLExecuteQueryOperator(
        task_id="load",
        conn_id=CONN_ID,
        sql="DELETE FROM daily; INSERT INTO daily (id) SELECT o.id FROM orders o;",
        split_statements=True,
    )


def mapped():
    SQLExecuteQueryOperator.partial(
        task_id="load", conn_id=CONN_ID, on_success_callback=forget_reports
    ).expand(
        sql=[
            "INSERT INTO daily (id) SELECT id FROM orders",
            "INSERT INTO daily (amount) SELECT amount FROM orders",
        ]
    )


def failing():
    SQLExecuteQueryOperator(
        task_id="load", conn_id=CONN_ID, sql="INSERT INTO daily (id, nothing) SELECT id, amount FROM orders"
    )


def in_python():
    @task
    def load():
        from airflow.sdk import BaseHook

        hook = BaseHook.get_connection(CONN_ID).get_hook()
        hook.run("INSERT INTO daily (id, amount) SELECT id, amount FROM orders", autocommit=True)

    load()


TASKS = {
    function.__name__: function
    for function in (
        one_statement,
        several_statements,
        split_script,
        mapped,
        failing,
        in_python,
    )
}

if __name__ == "__main__":
    for name in sys.argv[1:]:
        forget_reports()
        make_dag(name).test()
else:
    globals().update({name: make_dag(name) for name in TASKS})
