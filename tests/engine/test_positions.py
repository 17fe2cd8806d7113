"""Every place points at the user's text, on every fixture, also under templates and other line ends."""

from __future__ import annotations

import pytest
from fixture_cases import Case, load_cases

from airflow_provider_sqlflow.engine import InMemoryCatalog, LineageResult, RelationKind, Span, analyze

# What stands in front of a text moves its lines and columns, and nothing else.
FRONTS = {
    "none": "",
    "lines": "\n\n",
    "comment": "-- é\n",
    "block comment": "/* é\n*/\n",
    "template": "{% set x = 1 %}\n{# c #}\n",
}


class Lines:
    """Positions worked out from the text alone, by its line breaks."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.lines = text.splitlines(keepends=True) or [""]

    def cut(self, span: Span) -> str:
        """The text at a span; fails where the span does not lie in the text."""
        start = self.offset(span.start_line, span.start_column)
        end = self.offset(span.end_line, span.end_column)
        assert start <= end, span
        return self.text[start:end]

    def offset(self, line: int, column: int) -> int:
        assert 1 <= line <= len(self.lines) + self.text.endswith(("\n", "\r")), (line, column)
        before = sum(len(item) for item in self.lines[: line - 1])
        length = len(self.lines[line - 1]) if line <= len(self.lines) else 0
        assert 1 <= column <= length + 1, (line, column)
        return before + column - 1


def check(text: str, result: LineageResult) -> int:
    """All places of a result against its text; returns how many edges were compared."""
    lines = Lines(text)
    kinds = result.kinds()
    edges = [*result.edges(), *result.edges(intermediates=True)]
    for edge in edges:
        assert edge.span is not None, edge
        assert edge.expression, edge
        assert lines.cut(edge.span) == edge.expression, edge
        assert 1 <= edge.statement <= len(result.statements), edge
    for statement in result.statements:
        quoted = lines.cut(statement.span)
        assert quoted, statement
        assert quoted == quoted.strip(), statement
        for edge in (*statement.edges, *statement.folded):
            assert edge.statement == statement.index, edge
        for edge in statement.edges:
            # A column of a temporary table that nobody named yet quotes the statement that made the table.
            is_late = kinds[edge.target.relation] is RelationKind.TEMP_TABLE
            assert is_late or edge.expression in quoted, edge
    for relation in result.relations:
        if relation.span is not None:
            assert lines.cut(relation.span), relation
    for diagnostic in result.diagnostics:
        lines.cut(diagnostic.span)
    return len(edges)


def read(case: Case, sql: str) -> LineageResult:
    return analyze(
        sql,
        dialect="" if case.dialect == "ansi" else case.dialect,
        catalog=InMemoryCatalog(case.catalog) if case.catalog else None,
        **case.options,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["unix", "windows"])
@pytest.mark.parametrize("front", FRONTS.values(), ids=FRONTS)
def test_places_of_every_fixture(front: str, newline: str) -> None:
    compared = 0
    for case in load_cases():
        text = (front + case.sql).replace("\n", newline)
        compared += check(text, read(case, text))
    assert compared > 2000


def test_what_stands_in_front_changes_no_edge() -> None:
    for case in load_cases():
        plain = read(case, case.sql)
        for front in FRONTS.values():
            moved = read(case, front + case.sql)
            told = [
                [
                    (edge.source, edge.target, edge.effect, edge.subtype, edge.expression)
                    for edge in item.edges()
                ]
                for item in (plain, moved)
            ]
            assert told[0] == told[1], (case.id, front)
            codes = [[(note.severity, note.code) for note in item.diagnostics] for item in (plain, moved)]
            assert codes[0] == codes[1], (case.id, front)


def test_spans_of_relations_point_at_their_names() -> None:
    sql = 'INSERT INTO a.t (x)\nSELECT q.y FROM (SELECT y FROM "B"."c") q JOIN d ON d.i = q.y'
    result = analyze(sql, dialect="postgres")
    lines = Lines(sql)
    told = {str(item.id): lines.cut(item.span) for item in result.relations if item.span is not None}
    assert told["a.t"] == "a.t"
    assert told["B.c"] == '"B"."c"'
    assert told["d"] == "d"
