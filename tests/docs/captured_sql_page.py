"""Writes ``docs/explanation/captured-sql.md``: what the default parser gives for a statement, and what ours.

python tests/docs/captured_sql_page.py > docs/explanation/captured-sql.md
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from airflow.providers.openlineage.extractors import OperatorLineage
from airflow.providers.openlineage.sqlparser import DatabaseInfo, SQLParser

from airflow_provider_sqlflow.emission import DatasetNaming
from airflow_provider_sqlflow.engine import InMemoryCatalog, Script, read_script
from airflow_provider_sqlflow.listeners.database import Database
from airflow_provider_sqlflow.listeners.event_lineage import event_lineage, with_our_lineage
from airflow_provider_sqlflow.listeners.reading import SqlReading
from airflow_provider_sqlflow.listeners.task_sql import TaskSql

TEXT = Path(__file__).with_name("captured_sql.md")
INFO = DatabaseInfo(scheme="postgres", authority="db:5432", database="shop")
CATALOG = {
    "shop.public.orders": ("id", "customer", "amount"),
    "shop.public.daily": ("id", "customer", "amount"),
}
STATEMENTS = {
    "a copy of columns": "INSERT INTO daily (id, amount) SELECT id, amount FROM orders",
    "a star": "INSERT INTO daily SELECT * FROM orders",
    "columns by position": "INSERT INTO daily SELECT id, customer, amount * 2 FROM orders",
    "another name than the target's": "INSERT INTO daily (amount) SELECT o.id AS n FROM orders o",
    "an aggregate and a filter": (
        "INSERT INTO daily (id, amount) SELECT id, sum(amount) FROM orders WHERE customer > 0 GROUP BY id"
    ),
    "a condition": "INSERT INTO daily (amount) SELECT CASE WHEN customer > 9 THEN amount END FROM orders",
    "a join": (
        "INSERT INTO daily (id, customer) SELECT o.id, c.name "
        "FROM orders o JOIN customers c ON c.id = o.customer"
    ),
    "a common table expression": (
        "WITH r AS (SELECT id, amount AS a FROM orders) INSERT INTO daily (id, amount) SELECT id, a FROM r"
    ),
    "a union": "INSERT INTO daily (id) SELECT id FROM orders UNION ALL SELECT old_id FROM archive",
    "a window": (
        "INSERT INTO daily (amount) SELECT sum(amount) OVER (PARTITION BY customer ORDER BY id) FROM orders"
    ),
    "CREATE TABLE AS": (
        "CREATE TABLE totals AS SELECT customer, max(amount) AS top FROM orders GROUP BY customer"
    ),
    "a view": "CREATE VIEW big AS SELECT id, amount FROM orders WHERE amount > 100",
    "UPDATE with FROM": "UPDATE daily SET amount = o.amount FROM orders o WHERE o.id = daily.id",
    "MERGE": (
        "MERGE INTO daily d USING orders o ON d.id = o.id WHEN MATCHED THEN UPDATE SET amount = o.amount "
        "WHEN NOT MATCHED THEN INSERT (id, amount) VALUES (o.id, o.amount)"
    ),
    "a temporary table between": (
        "CREATE TEMP TABLE t AS SELECT id, amount FROM orders; "
        "INSERT INTO daily (amount) SELECT amount FROM t"
    ),
    "two targets": (
        "INSERT INTO daily (id) SELECT id FROM orders; INSERT INTO log (n) SELECT amount FROM orders"
    ),
}


def render() -> str:
    """The page: the text by hand, with the statements put in."""
    return TEXT.read_text(encoding="utf-8").replace("{statements}", "\n".join(_sections()))


def _sections() -> Iterable[str]:
    for title, sql in STATEMENTS.items():
        theirs, ours = parsed(sql), read(sql)
        yield f"### {title[0].upper()}{title[1:]}\n"
        yield f"```sql\n{sql.replace('; ', ';' + chr(10))};\n```\n"
        yield "| target column | default parser | this engine |\n|---|---|---|"
        for target in dict.fromkeys((*ours, *theirs)):
            yield f"| `{target}` | {_cell(theirs.get(target))} | {_cell(ours.get(target))} |"
        if not (ours or theirs):
            yield "| none | nothing | nothing |"
        yield ""


def parsed(sql: str) -> dict[str, list[str]]:
    """Column lineage of Airflow's default parser."""
    return _fields(_default(sql))


def read(sql: str) -> dict[str, list[str]]:
    """Column lineage of the same event with capture switched on."""
    naming = DatasetNaming("postgres", "postgres://db:5432", "shop", "public")
    reading = read_script(
        Script("s", sql),
        dialect="postgres",
        catalog=InMemoryCatalog(CATALOG),
        default_database="shop",
        default_schema="public",
    )
    ours = event_lineage([SqlReading(TaskSql(None, "c", sql), sql, Database(naming, None), reading, {})])
    return _fields(with_our_lineage(_default(sql), ours))


def _default(sql: str) -> OperatorLineage:
    return SQLParser(dialect="postgres", default_schema="public").generate_openlineage_metadata_from_sql(
        sql=sql, hook=None, database_info=INFO, use_connection=False
    )


def _fields(lineage: OperatorLineage) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for output in lineage.outputs:
        facet = (output.facets or {}).get("columnLineage")
        table = _short(output.name)
        for column, field in facet.fields.items() if facet else ():
            found[f"{table}.{column}"] = [_source(item) for item in field.inputFields]
        for item in (facet.dataset or ()) if facet else ():
            found.setdefault(f"rows of {table}", []).append(_source(item))
    return found


def _source(item) -> str:
    kinds = sorted({kind.subtype.lower().replace("_", " ") for kind in item.transformations or ()})
    name = f"`{_short(item.name)}.{item.field}`"
    return f"{name} {', '.join(kinds)}" if kinds else name


def _short(name: str) -> str:
    return name.removeprefix("shop.").removeprefix("public.")


def _cell(sources: list[str] | None) -> str:
    return "<br>".join(sources) if sources else "nothing"


if __name__ == "__main__":
    sys.stdout.write(render())
