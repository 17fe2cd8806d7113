from airflow_provider_sqlflow.engine import analyze
from airflow_provider_sqlflow.engine.outline import MERGE_INSERT, MERGE_UPDATE, SET, StatementOutline, outline


def only(sql: str, dialect: str = "postgres") -> StatementOutline:
    [found] = outline(sql, dialect, "a.sql").values()
    return found


def test_items_stand_where_the_edges_of_the_analysis_do() -> None:
    sql = "INSERT INTO t (x, y)\nSELECT d.a, sum(e.b + 1) AS s FROM d JOIN e ON d.i = e.i GROUP BY d.a"
    [block] = only(sql).blocks
    assert [(item.name, item.text) for item in block.items] == [("a", "d.a"), ("s", "sum(e.b + 1)")]
    result = analyze(sql, dialect="postgres", source_name="a.sql")
    spans = {edge.span for edge in result.edges() if edge.target.name is not None}
    assert spans == {item.span for item in block.items}
    assert list(outline(sql, "postgres", "a.sql")) == [result.statements[0].span]


def test_branches_of_a_set_operation_share_its_number() -> None:
    found = only(
        "WITH c AS (SELECT 1 AS a UNION ALL SELECT b FROM t) SELECT a FROM c UNION SELECT 'x' FROM u"
    )
    assert [
        (block.name, block.union, block.is_root, [item.name for item in block.items])
        for block in found.blocks
    ] == [
        ("c", 1, False, ["a"]),
        ("c", 1, False, ["b"]),
        (None, 2, True, ["a"]),
        (None, 2, True, ["'x'"]),
    ]


def test_subqueries_carry_their_alias_and_conditions_their_text() -> None:
    outer, inner = only("SELECT q.a FROM (SELECT a FROM t WHERE b > 1) AS q").blocks
    assert (outer.name, inner.name, inner.where) == (None, "q", "b > 1")


def test_joins_say_of_which_kind_they_are() -> None:
    found = only("SELECT 1 FROM a LEFT JOIN b ON a.i = b.i JOIN c ON b.j = c.j")
    assert sorted((span.start_column, word) for span, word in found.joins.items()) == [
        (32, "left"),
        (52, "inner"),
    ]


def test_updates_and_merges() -> None:
    [block] = only("UPDATE t SET a = 3, b = s.c FROM s").blocks
    assert (block.role, [(item.name, item.text) for item in block.items]) == (SET, [("a", "3"), ("b", "s.c")])
    found = only(
        "MERGE INTO t USING s ON t.i = s.i WHEN MATCHED THEN UPDATE SET a = s.a "
        "WHEN NOT MATCHED THEN INSERT (a, b) VALUES (s.a, true)"
    )
    assert [(block.role, [item.name for item in block.items]) for block in found.blocks] == [
        (MERGE_UPDATE, ["a"]),
        (MERGE_INSERT, ["a", "b"]),
    ]


def test_column_lists_and_statements_that_no_parser_knows() -> None:
    assert only("CREATE VIEW v (x, y) AS SELECT a, b FROM t").target_names == ("x", "y")
    assert outline("SELEC x FROM y; SELECT a FROM t", "postgres", "a.sql").keys() == {
        statement.span
        for statement in analyze(
            "SELEC x FROM y; SELECT a FROM t", dialect="postgres", source_name="a.sql"
        ).statements[1:]
    }
