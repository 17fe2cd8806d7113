from __future__ import annotations

import json
from pathlib import Path

import pytest

from airflow_provider_sqlflow.formats.registry import FORMATS
from tests.cli.conftest import Run

STAGE = "INSERT INTO stage.orders SELECT o.id, o.amount FROM raw.orders o WHERE o.status = 'paid';\n"
MART = "CREATE VIEW mart.daily AS SELECT sum(o.amount) AS total FROM stage.orders o;\n"

TREE = """\
mart.daily.total
  <- stage.orders.amount  AGGREGATION
    <- raw.orders.amount  IDENTITY
    <~ stage.orders.[rows]
      <~ raw.orders.status  FILTER
"""


@pytest.fixture
def filled(run: Run) -> Run:
    """A store with two jobs."""
    submit(run, "stage.sql", STAGE)
    submit(run, "mart.sql", MART, "--owner", "ann", "--tag", "daily")
    return run


def submit(run: Run, name: str, text: str, *arguments: str) -> str:
    Path(name).write_text(text)
    done = run("job", "submit", name, "-d", "postgres", "--json", *arguments)
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout)["id"]


def printed(run: Run, *arguments: str) -> str:
    done = run("lineage", *arguments)
    assert (done.exit_code, done.stderr) == (0, "")
    return done.stdout


def test_upstream_is_a_tree(filled: Run) -> None:
    assert printed(filled, "upstream", "DAILY.total") == TREE


def test_downstream_opens_row_sets(filled: Run) -> None:
    assert printed(filled, "downstream", "raw.orders.status") == (
        "raw.orders.status\n  ~> stage.orders.[rows]  FILTER\n    ~> stage.orders.amount\n"
        "      -> mart.daily.total  AGGREGATION\n"
    )


def test_a_node_is_opened_once(run: Run) -> None:
    submit(run, "a.sql", "INSERT INTO t (x) SELECT a FROM s; INSERT INTO s (a) SELECT a FROM r;")
    submit(run, "b.sql", "INSERT INTO t (x) SELECT x FROM u; INSERT INTO u (x) SELECT a FROM s;")
    assert printed(run, "upstream", "t.x") == (
        "t.x\n  <- s.a  IDENTITY\n    <- r.a  IDENTITY\n  <- u.x  IDENTITY\n    <- s.a  IDENTITY  (above)\n"
    )


def test_limits_are_shown(filled: Run) -> None:
    shallow = printed(filled, "upstream", "daily.total", "--depth", "1")
    assert shallow == "mart.daily.total\n  <- stage.orders.amount  AGGREGATION  ...\n"
    assert printed(filled, "upstream", "daily.total", "--stop", "^stage") == shallow


def test_direct_only(filled: Run) -> None:
    assert printed(filled, "upstream", "daily.total", "--direct") == "".join(TREE.splitlines(True)[:3])


def test_table_level(filled: Run) -> None:
    assert printed(filled, "upstream", "daily", "--table-level") == (
        "mart.daily\n  <- stage.orders\n    <- raw.orders\n"
    )


def test_makers(filled: Run) -> None:
    assert "AGGREGATION  [mart: mart.sql]" in printed(filled, "upstream", "daily.total", "--makers")


def test_json(filled: Run) -> None:
    answer = json.loads(printed(filled, "upstream", "daily.total", "--json"))
    assert answer["direction"] == "upstream"
    assert [node["name"] for node in answer["start"]] == ["mart.daily.total"]
    [first, *_] = answer["edges"]
    assert (first["effect"], first["subtype"]) == ("DIRECT", "AGGREGATION")
    assert first["source"] == {
        "name": "stage.orders.amount", "database": None, "schema": "stage", "table": "orders",
        "kind": "table", "column": "amount", "is_table": False,
    }  # fmt: skip
    assert [(maker["job_name"], maker["path"]) for maker in first["made_by"]] == [("mart", "mart.sql")]
    tables = json.loads(printed(filled, "upstream", "daily", "--table-level", "--json"))
    assert {(edge["effect"], edge["subtype"]) for edge in tables["edges"]} == {(None, None)}


@pytest.mark.parametrize("format_name", [name for name in FORMATS if name != "tree"])
def test_every_format(filled: Run, format_name: str) -> None:
    done = filled("lineage", "upstream", "daily.total", "-f", format_name, "-o", "out")
    assert (done.exit_code, done.output) == (0, "")
    assert Path("out").stat().st_size > 0


def test_tree_into_a_file(filled: Run) -> None:
    assert printed(filled, "upstream", "daily.total", "-o", "out.txt") == ""
    assert Path("out.txt").read_text() == TREE


def test_origins(filled: Run) -> None:
    assert printed(filled, "origins", "daily.total") == "raw.orders.amount\nraw.orders.status\n"
    assert printed(filled, "origins", "daily", "--column", "total", "--direct") == "raw.orders.amount\n"
    assert (
        json.loads(printed(filled, "origins", "daily", "--table-level", "--json"))[0]["name"] == "raw.orders"
    )


def test_path(filled: Run) -> None:
    assert printed(filled, "path", "raw.orders.status", "daily.total") == (
        "raw.orders.status\n  ~> stage.orders.[rows]  FILTER\n    ~> stage.orders.amount\n"
        "      -> mart.daily.total  AGGREGATION\n"
    )
    [way] = json.loads(printed(filled, "path", "raw.orders.amount", "daily", "--json"))
    assert [edge["target"]["name"] for edge in way] == ["stage.orders.amount", "mart.daily.total"]


def test_no_path(filled: Run) -> None:
    done = filled("lineage", "path", "daily.total", "raw.orders.amount")
    assert done.exit_code == 1
    assert (done.stdout, done.stderr) == ("", "no way leads from daily.total to raw.orders.amount\n")
    assert filled("lineage", "path", "daily.total", "raw.orders", "--json").stdout == "[]\n"


def test_tables(filled: Run) -> None:
    assert printed(filled, "tables", "*.orders") == (
        "table         kind   read  written  jobs\n"
        "raw.orders    table  yes            1\n"
        "stage.orders  table  yes   yes      2\n"
        "2 of 2 tables\n"
    )
    answer = json.loads(printed(filled, "tables", "--limit", "1", "--json"))
    assert answer["total"] == 3
    assert answer["tables"][0]["kind"] == "view"


def test_filters(filled: Run) -> None:
    assert len(printed(filled, "upstream", "daily.total", "--owner", "ann").splitlines()) == 2
    assert len(printed(filled, "upstream", "daily.total", "--tag", "daily").splitlines()) == 2
    assert filled("lineage", "upstream", "raw.orders", "--tag", "daily").exit_code == 2


def test_the_state_at_a_time(filled: Run) -> None:
    third = submit(filled, "stage.sql", STAGE.replace("o.amount", "o.price AS amount"))
    assert "raw.orders.price" in printed(filled, "upstream", "daily.total")
    assert printed(filled, "upstream", "daily.total", "--as-of", "2999-01-01").count("price") == 1
    assert "price" in printed(filled, "upstream", "daily.total", "--as-of-run", third, "1")
    assert printed(filled, "upstream", "stage.orders", "--direct", "--job", third).count("amount") == 1
    for arguments, message in (
        (("--as-of", "1999-01-01"), "no table or column"),
        (("--as-of", "tomorrow"), "'tomorrow' is no time"),
        (("--as-of-run", third, "7"), "no run 7"),
        (("--as-of", "2999-01-01", "--as-of-run", third, "1"), "not both"),
    ):
        done = filled("lineage", "upstream", "daily.total", *arguments)
        assert done.exit_code == 2
        assert message in done.stderr


def test_export_of_everything(filled: Run) -> None:
    done = printed(filled, "export", "-f", "csv", "-o", "all.csv")
    assert done.startswith("all.csv: ")
    assert "4 column edges" in done
    assert printed(filled, "export", "-f", "openlineage", "-o", "all.ndjson", "--tag", "daily")
    assert printed(filled, "export", "-f", "csv", "-o", "tables.csv", "--table-level", "--delimiter", "|")
    assert Path("tables.csv").read_text().startswith("source_db|source_schema|source_table|target_db|")
    assert "raw" not in Path("all.ndjson").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("upstream", "dayly"), "did you mean mart.daily?"),
        (("upstream", "daily", "--stop", "("), "no regular expression"),
        (("upstream", "daily", "-f", "docx"), "unknown format 'docx'"),
        (("upstream", "daily", "-f", "openlineage"), "unknown format 'openlineage'"),
        (("upstream", "daily", "--depth", "-1"), "--depth"),
        (("path", "daily", "nothing.at.all"), "nothing.at.all"),
        (("export", "-f", "docx", "-o", "x"), "unknown format"),
    ],
)
def test_what_cannot_be_done(filled: Run, arguments: tuple[str, ...], message: str) -> None:
    done = filled("lineage", *arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert message in done.stderr
