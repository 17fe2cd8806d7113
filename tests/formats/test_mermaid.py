from __future__ import annotations

import re
from collections.abc import Callable

from airflow_provider_sqlflow.engine import analyze
from airflow_provider_sqlflow.engine.model import LineageResult
from airflow_provider_sqlflow.formats import render
from airflow_provider_sqlflow.formats.mermaid import quote
from airflow_provider_sqlflow.formats.options import ExportOptions

LABEL = r'"(?:[^\W_]|[ _.()/,\-]|\#\d+;)+"'
GRAMMAR = re.compile(
    rf"""
    flowchart\ LR
    | \s+%%\ [^\n]+
    | \s+subgraph\ b\d+\[{LABEL}\] | \s+end
    | \s+b\d+(c\d+)?\[{LABEL}\] | \s+b\d+r\(\[{LABEL}\]\)
    | \s+b\d+([cr]\d*)?\ (-->|-\.->)\ b\d+([cr]\d*)?
    | \s+classDef\ [a-z_]+\ fill:\#\w{{6}},stroke:\#\w{{6}},color:\#\w{{6}}
    | \s+class\ b\d+(,b\d+)*\ [a-z_]+
    | \s+linkStyle\ \d+(,\d+)*\ stroke:\#\w{{6}}
    """,
    re.VERBOSE,
)
"""Every kind of line that we write. The real Mermaid (11.17) drew them when this test was written."""

SMALL = """\
---
title: "Two steps"
---
flowchart LR
  %% only columns that have lineage are shown
  subgraph b0["raw.orders"]
    b0c0["amount"]
    b0c1["status"]
  end
  subgraph b1["v"]
    b1c0["total"]
    b1r(["#91;rows#93;"])
  end
  b0c0 --> b1c0
  b0c1 -.-> b1r
  classDef table fill:#91c051,stroke:#91c051,color:#1b1b1b
  class b0 table
  classDef view fill:#419a5f,stroke:#419a5f,color:#ffffff
  class b1 view
  linkStyle 0 stroke:#2f4b7c
  linkStyle 1 stroke:#a0522d
"""


def chart(result: LineageResult, title: str = "", **options: object) -> str:
    return render("mermaid", result, title=title, options=ExportOptions(**options)).decode()  # type: ignore[arg-type]


def test_a_small_chart() -> None:
    sql = "CREATE VIEW v AS SELECT sum(amount) AS total FROM raw.orders WHERE status = 'paid'"
    assert chart(analyze(sql), "Two steps") == SMALL


def test_every_line_is_one_that_mermaid_reads(
    shop: LineageResult, hostile: LineageResult, warehouse: Callable[[int, int], LineageResult]
) -> None:
    for result in (shop, hostile, warehouse(40, 3)):
        for table_level in (False, True):
            lines = chart(result, table_level=table_level).splitlines()
            assert [line for line in lines if not GRAMMAR.fullmatch(line)] == []


def test_names_cannot_leave_their_label() -> None:
    assert quote('a"]; b') == '"a#34;#93;#59; b"'
    assert quote("#35;") == '"#35;35#59;"'
    assert quote("`**x**`\n<b>") == '"#96;#42;#42;x#42;#42;#96; #60;b#62;"'
    assert quote("") == '" "'
    assert quote("\u4e2d\u6587 caf\u00e9") == '"\u4e2d\u6587 caf\u00e9"'


def test_no_line_joins_a_subgraph_to_its_own_node() -> None:
    lines = chart(analyze("DELETE FROM k USING o WHERE o.i = k.i")).splitlines()
    arrows = [line.split() for line in lines if "-.->" in line]
    assert len(arrows) == 2
    assert all(re.fullmatch(r"b\d+[cr]\d*", end) for line in arrows for end in (line[0], line[2]))


def test_large_results_show_relations_only(warehouse: Callable[[int, int], LineageResult]) -> None:
    text = chart(warehouse(32, 4))
    assert "subgraph" not in text
    assert "%% relations only: too many columns to draw" in text
    assert 'b0["layer0.table_0"]' in text
    assert "maxEdges" not in text
    assert "maxEdges" in chart(warehouse(600, 1))


def test_a_title_stays_one_string(shop: LineageResult) -> None:
    assert chart(shop, 'a "b"\n---\nc').splitlines()[:3] == ["---", 'title: "a \\"b\\" --- c"', "---"]
