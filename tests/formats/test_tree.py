from airflow_provider_sqlflow.engine.model import LineageResult
from airflow_provider_sqlflow.formats import render

EXPECTED = """\
Shop

shop.mart.daily  table
  total
    <- shop.raw.orders.amount  AGGREGATION  sum(o.amount)  a.sql:3:8
  days
    <- shop.raw.orders.[rows]  AGGREGATION  count(*)  a.sql:3:24
  band
    <- shop.raw.customers.name  IDENTITY     c.name      a.sql:4:5
    <~ shop.raw.customers.tier  CONDITIONAL  c.tier = 1  a.sql:4:9
  [rows]
    <~ shop.raw.orders.status       FILTER  status = 1            a.sql:5:1
    <~ shop.raw.orders.customer_id  JOIN    o.customer_id = c.id  a.sql:6:1

shop.mart.top_days  view
  total
    <- shop.mart.daily.total  IDENTITY  total  b.sql:1:30

result of b.sql:2  result
  total
    <- shop.mart.top_days.total  IDENTITY  total  b.sql:2:8
  rank
    <~ shop.mart.top_days.total  WINDOW  rank() over ()  b.sql:2:15

Diagnostics
  error parse_error b.sql:3:9: unexpected 'FORM'
  warning ambiguous_column a.sql:3:1: id is in two tables
  info template a.sql:1:1: placeholder kept
"""


def test_the_whole_text(shop: LineageResult) -> None:
    assert render("tree", shop, title="Shop").decode() == EXPECTED


def test_names_cannot_break_lines_or_steer_the_terminal(hostile: LineageResult) -> None:
    text = render("tree", hostile, title="x\x1b[31m\ny").decode()
    assert len(text.splitlines()) == 10
    assert all(char == "\n" or char.isprintable() for char in text)


def test_nothing_found_is_said() -> None:
    assert render("tree", LineageResult()) == b"No column lineage found.\n"
