"""What a script sees of the others: the relations it names that earlier ones declare."""

from __future__ import annotations

from airflow_provider_sqlflow.engine import InMemoryCatalog, Script, iter_scripts, read_script, result_to_json
from airflow_provider_sqlflow.engine.program import Program, catalog_of

TEXTS = (
    "CREATE VIEW top AS SELECT * FROM middle",
    "CREATE VIEW middle AS SELECT * FROM shop.orders",
    "CREATE TABLE shop.orders (id INT, amount INT)",
    "CREATE TABLE unrelated (x INT)",
)


def test_creators_come_first_and_only_what_is_named_is_seen():
    program = Program(lambda: TEXTS)
    assert list(program.order) == [2, 1, 0, 3]
    assert program.needs(0) == {1}
    assert program.needs(3) == set()
    program.declare(2, [(("shop", "orders"), ("id", "amount")), (("shop", "other"), ("y",))])
    assert list(program.visible(1)) == [(("shop", "orders"), ("id", "amount"))]


def test_a_later_script_does_not_show_in_an_earlier_one():
    program = Program(lambda: ("CREATE TABLE t (a INT)", "CREATE TABLE t (b INT)", "SELECT * FROM t"))
    program.declare(0, [(("t",), ("a",))])
    program.declare(1, [(("t",), ("b",))])
    assert list(program.visible(0)) == []
    assert catalog_of(program.visible(2)).columns(None, None, "t") == ("b",), "the last declaration counts"


def test_reading_alone_with_what_is_visible_is_reading_in_the_program():
    scripts = [Script(f"{number}.sql", text) for number, text in enumerate(TEXTS)]
    together = {
        number: result_to_json(result) for number, result in iter_scripts(scripts, dialect="postgres")
    }
    program = Program(lambda: TEXTS)
    for number in program.order:
        reading = read_script(
            scripts[number], dialect="postgres", catalog=catalog_of(program.visible(number))
        )
        program.declare(number, reading.declarations)
        assert result_to_json(reading.result) == together[number]
    assert (("top",), ("id", "amount")) in list(read_top().declarations)


def read_top():
    catalog = InMemoryCatalog({"middle": ("id", "amount")})
    return read_script(Script("0.sql", TEXTS[0]), dialect="postgres", catalog=catalog)


def test_lookups_tell_what_the_result_depends_on():
    assert read_top().lookups[None, None, "middle"] == ("id", "amount")
    unknown = read_script(Script("b", "SELECT a FROM nowhere.t"), dialect="postgres")
    assert dict(unknown.lookups) == {(None, "nowhere", "t"): None}


def test_few_questions_are_answered_like_all_that_is_visible():
    texts = (
        'CREATE TABLE a.t (x INT); CREATE TABLE "my t" (q INT)',
        "CREATE TABLE b.t (y INT)",
        "SELECT x INTO u FROM a.t",
        'SELECT * FROM a.t, b.t, u, "my t"',
    )
    questions = ((None, "t"), ("a", "T"), ("b", "t"), (None, "my t"), (None, "u"))
    program = Program(lambda: texts)
    for number in program.order:
        whole, lazy = catalog_of(program.visible(number)), program.catalog(number)
        for asked in questions:
            assert lazy.columns(None, *asked) == whole.columns(None, *asked)
        read = read_script(Script("s", texts[number]), dialect="tsql", catalog=lazy)
        program.declare(number, read.declarations)
    assert program.catalog(3).columns(None, "b", "t") == ("y",)
    assert program.catalog(3).columns(None, None, "my t") == ("q",)
    assert program.catalog(3).columns(None, None, "u") == ("x",), "SELECT INTO declares too"
