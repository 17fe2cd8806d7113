"""Where statements begin and end, in what dialect, and what is kept of broken text."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_sqlflow.engine import analyze
from airflow_provider_sqlflow.engine.split import BrokenText, RawStatement, split


def statements(text: str, dialect: str = "") -> list[str]:
    """The texts of the statements; broken stretches stand in angle brackets."""
    return [
        f"<{text[part.start : part.end]}>" if isinstance(part, BrokenText) else text[part.start : part.end]
        for part in split(text, dialect)
    ]


PARTS = {
    # Semicolons that end nothing.
    "in quotes": ("", ["SELECT 'a;b'", 'SELECT "c;d"'], "; "),
    "in doubled quotes": ("", ["SELECT 'it''s; so'", "SELECT 1"], ";"),
    "behind an escaped quote": ("mysql", ["SELECT 'it\\'s; so'", "SELECT 1"], ";"),
    "in backticks": ("mysql", ["SELECT `a;b` FROM t", "SELECT 1"], ";"),
    "in brackets": ("tsql", ["SELECT [a;b] FROM t", "SELECT 1"], ";"),
    "in a dollar quote": ("postgres", ["DO $$ BEGIN x; END $$", "SELECT 1"], ";\n"),
    "in a tagged dollar quote": ("postgres", ["SELECT $q$a;$$b$q$", "SELECT 1"], ";"),
    "in a triple quote": ("bigquery", ["SELECT '''a;b'''", "SELECT 1"], ";"),
    "in a line comment": ("", ["SELECT 1 -- x;y\n+ 2", "SELECT 3"], ";"),
    "in a block comment": ("", ["SELECT 1 /* x;\ny */ + 2", "SELECT 3"], ";"),
    "in MySQL's comment": ("mysql", ["SELECT 1 # x;y\n+ 2", "SELECT 3"], ";"),
    # What else ends a statement.
    "GO": ("tsql", ["SELECT 1", "SELECT 2"], "\nGO\n"),
    "go with a count and a semicolon": ("tsql", ["SELECT 1", "SELECT 2"], ";\r\n go 3 \r\n"),
    "a slash": ("oracle", ["SELECT 1 FROM dual", "SELECT 4 / 2 FROM dual"], "\n/\n"),
    "nothing but several semicolons": ("", ["SELECT 1", "SELECT 2"], ";; ;\n"),
    "words beyond ASCII": ("", ["SELECT 'ü;' AS größe", "SELECT '日本;'"], ";"),
    # Words of routines that begin none.
    "a table called procedure_log": ("", ["CREATE TABLE procedure_log (a INT)", "SELECT 1"], ";"),
    "a view with a column called function": (
        "", ["CREATE VIEW v AS SELECT function FROM t", "SELECT 1"], ";",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("dialect", "parts", "between"), PARTS.values(), ids=PARTS)
def test_statements(dialect, parts, between):
    assert statements(between.join(parts), dialect) == parts
    assert statements(between.join(parts) + between, dialect) == parts


ROUTINES = {
    "PL/pgSQL in dollars": (
        "postgres",
        "CREATE FUNCTION f() RETURNS INT AS $$ BEGIN a; b; END $$ LANGUAGE plpgsql",
    ),
    "SQL in a string": ("snowflake", "CREATE PROCEDURE p() LANGUAGE SQL AS 'BEGIN a; END'"),
    "Snowflake Scripting": (
        "snowflake",
        "CREATE PROCEDURE p() RETURNS INT LANGUAGE SQL AS BEGIN LET x := 1; RETURN x; END",
    ),
    "PL/SQL with declarations": (
        "oracle",
        "CREATE OR REPLACE PROCEDURE p IS x INT; y INT; BEGIN IF a THEN b; END IF; END",
    ),
    "PL/SQL with CASE and LOOP": (
        "oracle",
        "CREATE PROCEDURE p IS BEGIN LOOP CASE WHEN x THEN y; END CASE; END LOOP; END",
    ),
    "CASE as an expression": (
        "mysql",
        "CREATE PROCEDURE p() BEGIN SELECT CASE WHEN a THEN 1 END; SELECT 2; END",
    ),
    "a nested block": ("mysql", "CREATE PROCEDURE p() BEGIN BEGIN a; END; BEGIN b; END; END"),
    "a trigger": (
        "mysql",
        "CREATE TRIGGER t AFTER INSERT ON x FOR EACH ROW BEGIN INSERT INTO a VALUES (1); END",
    ),
    "T-SQL": ("tsql", "ALTER PROCEDURE p AS BEGIN SELECT 1; SELECT 2; END"),
    "a package body": (
        "oracle",
        "CREATE PACKAGE BODY k AS PROCEDURE a IS BEGIN x; END; PROCEDURE b IS BEGIN y; END; END k",
    ),
    "one statement": ("mysql", "CREATE PROCEDURE p() SELECT 1"),
}  # fmt: skip


@pytest.mark.parametrize(("dialect", "routine"), ROUTINES.values(), ids=ROUTINES)
def test_a_routine_is_one_statement(dialect, routine):
    text = f"SELECT 0;\n{routine};\nSELECT 1;\n"
    assert statements(text, dialect) == ["SELECT 0", routine, "SELECT 1"]
    found = [part for part in split(text, dialect) if isinstance(part, RawStatement)]
    assert [part.is_routine for part in found] == [False, True, False]


def test_routines_behind_delimiter_lines():
    routine = "CREATE PROCEDURE p() BEGIN SELECT 1; SELECT 2; END"
    text = f"DELIMITER //\n{routine}//\nDELIMITER ;\nSELECT 3;"
    assert statements(text, "mysql") == [routine, "SELECT 3"]


def test_routines_between_go_lines():
    routine = "CREATE PROCEDURE p AS BEGIN SELECT 1; SELECT 2; END"
    assert statements(f"{routine}\nGO\nSELECT 3", "tsql") == [routine, "SELECT 3"]


BROKEN = {
    "a quote": ("", "SELECT 1; SELECT 'open; SELECT 2;\nSELECT 3;", "<SELECT 'open>"),
    "a name's quote": ("", 'SELECT 1; SELECT "open; SELECT 2;\nSELECT 3;', '<SELECT "open>'),
    "a comment": ("", "SELECT 1; SELECT /* open; SELECT 2;\nSELECT 3;", "<SELECT /* open>"),
    "a dollar quote": ("postgres", "SELECT 1; SELECT $$ open; SELECT 2;\nSELECT 3;", "<SELECT $$ open>"),
}  # fmt: skip


@pytest.mark.parametrize(("dialect", "text", "broken"), BROKEN.values(), ids=BROKEN)
def test_what_never_closes_costs_one_statement(dialect, text, broken):
    assert statements(text, dialect) == ["SELECT 1", broken, "SELECT 2", "SELECT 3"]


def test_broken_text_is_a_diagnostic_at_its_place_and_keeps_its_number():
    result = analyze("INSERT INTO a (x) SELECT b FROM c;\n  SELECT 'open;\nINSERT INTO d (x) SELECT e FROM f")
    assert [str(edge.source) for edge in result.edges()] == ["c.b", "f.e"]
    [note] = result.diagnostics
    assert (note.code, str(note.span), note.span.end_line, note.span.end_column) == (
        "unreadable_text", "<sql>:2:3", 2, 15,
    )  # fmt: skip
    assert [(item.index, item.is_ok) for item in result.statements] == [(1, True), (2, False), (3, True)]
    assert str(result.edges()[1].span) == "<sql>:3:26"


# Blocks -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dialect", "text"),
    [
        ("tsql", "IF @x = 1 BEGIN INSERT INTO t (a) SELECT b FROM s END"),
        ("oracle", "DECLARE x INT; BEGIN INSERT INTO t (a) SELECT b FROM s; END;"),
        ("postgres", "BEGIN; INSERT INTO t (a) SELECT b FROM s; COMMIT;"),
        ("snowflake", "BEGIN IF (x) THEN INSERT INTO t (a) SELECT b FROM s; END IF; END;"),
        ("bigquery", "BEGIN INSERT INTO t (a) SELECT b FROM s; EXCEPTION WHEN ERROR THEN SELECT 1; END;"),
        ("mysql", "START TRANSACTION; INSERT INTO t (a) SELECT b FROM s; COMMIT;"),
    ],
)
def test_dml_inside_blocks_at_top_level_is_read(dialect, text):
    result = analyze(text, dialect=dialect)
    assert [f"{edge.source} -> {edge.target}" for edge in result.edges()] == ["s.b -> t.a"]
    assert list(result.errors()) == []


# Positions and depth ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sql", "depth"),
    [
        ("SELECT 1", 0),
        ("SELECT ((1))", 2),
        ("SELECT (1), (2)", 1),
        ("SELECT CASE WHEN (a) THEN [b] END", 2),
        ("SELECT '((('", 0),
    ],
)
def test_nesting_counts_open_brackets_and_cases(sql, depth):
    [statement] = split(sql, "")
    assert statement.nesting == depth


SQL = st.sampled_from(
    ["SELECT 1", "SELECT 'a;b'", "INSERT INTO t SELECT (a), b FROM s", "-- c;\nSELECT 1",
     "/* ; */ DELETE FROM t", "SELECT 'open", "(((", ")", "$$", "é",
     "CREATE PROCEDURE p() BEGIN SELECT 1; END"]
)  # fmt: skip


@settings(max_examples=150)
@given(
    st.lists(st.tuples(SQL, st.sampled_from([";", "\n", ";\n", "\nGO\n", "\n/\n"])), max_size=8),
    st.sampled_from(["", "tsql", "oracle", "postgres", "mysql", "snowflake", "bigquery"]),
)
def test_parts_are_in_order_and_inside_the_text(pieces, dialect):
    text = "".join(sql + end for sql, end in pieces)
    position = 0
    for part in split(text, dialect):
        assert position <= part.start < part.end <= len(text)
        assert not text[part.start].isspace()
        position = part.end
