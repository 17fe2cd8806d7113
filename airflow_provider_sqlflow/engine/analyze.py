"""The engine's pipeline: split, parse, declare, resolve, extract, fold.

One walk over each statement's tree; one tree alive at a time. A statement that cannot be understood is a
diagnostic, and the ones around it are still read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from airflow_provider_sqlflow.engine.catalog import (
    Catalog,
    InMemoryCatalog,
    LayeredCatalog,
    Lookup,
    RecordingCatalog,
    join_name,
)
from airflow_provider_sqlflow.engine.collector import Collector
from airflow_provider_sqlflow.engine.dialects import resolve_dialect, rules_of
from airflow_provider_sqlflow.engine.limits import DEFAULT_LIMITS, Limits, Stopwatch, TimeLimitError
from airflow_provider_sqlflow.engine.malformed import MalformedTextError, find_fault
from airflow_provider_sqlflow.engine.model import (
    Diagnostic,
    LineageResult,
    Severity,
    StatementKind,
    StatementLineage,
)
from airflow_provider_sqlflow.engine.parse import StatementError, StatementParser, quiet_sqlglot
from airflow_provider_sqlflow.engine.program import Declaration, Program, catalog_of
from airflow_provider_sqlflow.engine.script_result import script_result
from airflow_provider_sqlflow.engine.session import Session
from airflow_provider_sqlflow.engine.split import (
    DECLARERS,
    BrokenText,
    RawStatement,
    blank_comments,
    next_statement_start,
    split,
)
from airflow_provider_sqlflow.engine.statements.context import Outcome, Statement
from airflow_provider_sqlflow.engine.statements.create import report_routine
from airflow_provider_sqlflow.engine.statements.ddl import read_command
from airflow_provider_sqlflow.engine.statements.dispatch import read_statement
from airflow_provider_sqlflow.engine.template import neutralise
from airflow_provider_sqlflow.engine.text import SourceText

# What a tree of a shape that no reader expects leads to: sqlglot accepts some malformed text.
_SLIPS = (AssertionError, AttributeError, IndexError, KeyError, TypeError, ValueError)
# Each recovery behind a lost statement reads the rest again; text with more losses is no SQL.
_MAX_LOSSES = 200
_NO_SEMICOLONS = frozenset({"tsql", "fabric"})
_MAX_JOINED = 4  # pieces of a T-SQL script that are tried as one statement
_BLOCK = re.compile(r"\b(?:DECLARE|BEGIN)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Script:
    """A named SQL text.

    Attributes:
        name: what spans and diagnostics call it.
        text: the SQL; positions are places in it.
        default_database: instead of the job's, for names that give no database.
        default_schema: instead of the job's, for names that give no schema.
        prefix: SQL read in front of the text, on its first line; has no positions of its own.
        suffix: SQL read behind the text; has no positions of its own.
    """

    name: str
    text: str
    default_database: str | None = None
    default_schema: str | None = None
    prefix: str = ""
    suffix: str = ""

    @property
    def whole_text(self) -> str:
        """The text as it is read: with prefix and suffix."""
        return f"{self.prefix}{self.text}{self.suffix}"


def analyze(
    sql: str,
    *,
    dialect: str = "",
    catalog: Catalog | None = None,
    default_database: str | None = None,
    default_schema: str | None = None,
    source_name: str = "<sql>",
    limits: Limits | None = None,
) -> LineageResult:
    """The lineage of a script.

    Args:
        sql: one statement or a script; may hold unrendered Jinja.
        dialect: sqlglot's or SQLFlow's (``dbv…``) name; empty is generic SQL.
        catalog: columns of relations that the script does not declare.
        default_database: fills names that give no database.
        default_schema: fills names that give no schema.
        source_name: what spans call the text, usually a file's path.
        limits: size limits of a statement.

    Raises:
        UnknownDialectError: nothing is known of that dialect.
    """
    name = resolve_dialect(dialect)
    script = Script(source_name, sql)
    return _read_script(script, name, catalog, default_database, default_schema, limits)[0]


def iter_scripts(
    scripts: Sequence[Script],
    *,
    dialect: str = "",
    catalog: Catalog | None = None,
    default_database: str | None = None,
    default_schema: str | None = None,
    limits: Limits | None = None,
) -> Iterator[tuple[int, LineageResult]]:
    """The lineage of several scripts that may read what others declare.

    Scripts that create relations come before those that read them, whatever the order given; a cycle is
    cut in the order given. Yields the number of a script in ``scripts`` and its result.

    Raises:
        UnknownDialectError: nothing is known of that dialect.
    """
    name = resolve_dialect(dialect)
    program = Program(lambda: (script.whole_text for script in scripts))
    for number in program.order:
        seen: Catalog = catalog_of(program.visible(number))
        layered = seen if catalog is None else LayeredCatalog(seen, catalog)
        result, declarations = _read_script(
            scripts[number], name, layered, default_database, default_schema, limits
        )
        program.declare(number, declarations)
        yield number, result


@dataclass(frozen=True, slots=True)
class ScriptReading:
    """All that reading one script gives.

    Attributes:
        result: its lineage.
        declarations: relations with known columns that it declares, for the scripts that read it.
        lookups: what was asked of the catalog, and answered. The same text under the same options and
            answers has the same result.
    """

    result: LineageResult
    declarations: tuple[Declaration, ...]
    lookups: Mapping[Lookup, tuple[str, ...] | None]


def read_script(
    script: Script,
    *,
    dialect: str = "",
    catalog: Catalog | None = None,
    default_database: str | None = None,
    default_schema: str | None = None,
    limits: Limits | None = None,
) -> ScriptReading:
    """One script of a :class:`~airflow_provider_sqlflow.engine.program.Program`; else as :func:`analyze`.

    Raises:
        UnknownDialectError: nothing is known of that dialect.
    """
    name = resolve_dialect(dialect)
    recording = RecordingCatalog(catalog or InMemoryCatalog())
    result, declarations = _read_script(script, name, recording, default_database, default_schema, limits)
    return ScriptReading(result, declarations, recording.answers)


def declared_columns(
    sql: str,
    *,
    dialect: str = "",
    default_database: str | None = None,
    default_schema: str | None = None,
    source_name: str = "<ddl>",
) -> tuple[dict[str, tuple[str, ...]], tuple[Diagnostic, ...]]:
    """The relations that DDL declares, by dotted name, and what was not understood: a catalog from SQL.

    >>> declared_columns("CREATE TABLE shop.t (a INT, b INT); CREATE VIEW v AS SELECT a FROM shop.t")[0]
    {'shop.t': ('a', 'b'), 'v': ('a',)}

    Raises:
        UnknownDialectError: nothing is known of that dialect.
    """
    name = resolve_dialect(dialect)
    script = Script(source_name, sql)
    result, declarations = _read_script(script, name, None, default_database, default_schema, None)
    columns = {join_name(parts): tuple(names) for parts, names in declarations}
    return columns, result.diagnostics


def _read_script(
    script: Script,
    dialect: str,
    catalog: Catalog | None,
    database: str | None,
    schema: str | None,
    limits: Limits | None,
) -> tuple[LineageResult, tuple[Declaration, ...]]:
    """A script's lineage and the relations that it declares: name parts and columns."""
    with quiet_sqlglot(), Collector() as collector:
        reading = Reading(
            script,
            dialect,
            catalog,
            script.default_database or database,
            script.default_schema or schema,
            limits,
        )
        result, declarations = reading.run(collector), tuple(reading.declarations())
        del reading  # so that the collector finds what only the reading held
    return result, declarations


class Reading:
    """One script being read."""

    def __init__(
        self,
        script: Script,
        dialect: str,
        catalog: Catalog | None,
        database: str | None,
        schema: str | None,
        limits: Limits | None,
    ) -> None:
        self.dialect = dialect
        self.limits = limits or DEFAULT_LIMITS
        text = script.whole_text
        source = SourceText(script.name, text, len(script.prefix), len(script.suffix))
        text = " " + text[1:] if text.startswith("\ufeff") else text
        self.template = neutralise(text)
        watch = Stopwatch(self.limits)
        self.session = Session(source, self.template, rules_of(dialect), catalog, database, schema, watch)
        self.parser = StatementParser(dialect)
        self.outcomes: list[Outcome] = []
        self.count = 0
        self.losses = 0
        self.is_declaring = False  # behind DECLARE and before BEGIN

    def run(self, collector: Collector) -> LineageResult:
        """Read the whole script."""
        for part in split(self.template.text, self.dialect):
            if isinstance(part, BrokenText):
                self._fail(part.start, part.end, part.start, part.end, "unreadable_text", part.message)
            else:
                self._statement(part)
            collector.statement_done()
        self._note_template()
        return script_result(self.session, self.outcomes, self.dialect)

    # Statements -----------------------------------------------------------------------------------

    def _statement(self, raw: RawStatement) -> None:
        """Read what stands between two semicolons: usually one statement, in T-SQL often many."""
        if self._is_too_large(raw):
            return
        if raw.is_routine:
            statement = self._begin(raw)
            report_routine(statement)
            self.outcomes.append(statement.outcome())
            return
        word = raw.tokens[0].text.upper()
        if self.is_declaring or word in DECLARERS:
            self._note_variables(raw, word)
        pieces = raw.pieces() if self.dialect in _NO_SEMICOLONS else [raw]
        index = 0
        while index < len(pieces):
            index += self._piece(pieces, index)

    def _note_variables(self, raw: RawStatement, word: str) -> None:
        """A variable of a block is no column of a table whose columns are not known."""
        if self.dialect in _NO_SEMICOLONS:
            return  # an @ tells them apart
        self.is_declaring = word == "DECLARE" or (self.is_declaring and not raw.begins_statement)
        found = [*raw.declared, *raw.variables(self.is_declaring)]
        if found:
            self.session.note_variables(found)

    def _piece(self, pieces: list[RawStatement], index: int) -> int:
        """Read the piece at ``index``, joined with those behind it where it is no statement alone.

        Returns how many pieces were read.
        """
        failure: StatementError | None = None
        for count in range(1, min(_MAX_JOINED, len(pieces) - index) + 1):
            current = pieces[index].joined(pieces[index + 1 : index + count])
            current = current.without_block_words() or current.behind_task_header() or current
            if current.is_block_word:
                return count
            if current.is_command:
                if not self._read_text(current):
                    self.outcomes.append(self._begin(current).outcome())
                return count
            try:
                tree = self._parse(current)
            except StatementError as error:
                failure = failure or error
                continue
            if tree is not None:
                self._read(current, tree)
            return count
        if failure is not None:
            self._broken(pieces[index], failure)
        return 1

    def _parse(self, raw: RawStatement) -> Any:
        """The tree of a statement; its time begins here, and a parser cannot be interrupted."""
        self.session.watch.start()
        return self.parser.parse(raw)

    def _broken(self, raw: RawStatement, failure: StatementError) -> None:
        """A piece that the parser refuses: known by its text, several in one, or lost."""
        current = raw.without_block_words() or raw.behind_task_header() or raw
        if self._read_text(current):
            return
        if current.has_comments:
            plain = self._without_comments(current)
            if plain is not None:
                self._read(*plain)
                return
        pending: RawStatement | None = self._recover(current, failure)
        while pending is not None and pending.tokens:
            current, pending = pending, None
            current = current.without_block_words() or current
            if current.is_block_word:
                return
            try:
                tree = self._parse(current)
            except StatementError as error:
                if not self._read_text(current):
                    pending = self._recover(current, error)
                continue
            if tree is not None:
                self._read(current, tree)

    def _without_comments(self, raw: RawStatement) -> tuple[RawStatement, Any] | None:
        """The statement with its comments blanked: the tokenizer does not see ``ORDER /* … */ BY``."""
        start = raw.start
        text = blank_comments(self.template.text[start : raw.end])
        inner = next(iter(split(text, self.dialect)), None)
        if not isinstance(inner, RawStatement):
            return None
        inner.shift(start)
        try:
            tree = self._parse(inner)
        except StatementError:
            return None
        return (inner, tree) if tree is not None else None

    def _read_text(self, raw: RawStatement) -> bool:
        """A statement that no parser knows but whose lineage shows in its text."""
        statement = self._begin(raw)
        text = self.session.source.text[raw.start : raw.end]
        self.session.watch.start()
        try:
            is_known = read_command(statement, text)
            outcome = statement.outcome()
        except TimeLimitError as error:
            self.count -= 1
            self._fail(raw.start, raw.end, raw.start, raw.end, "time_limit", str(error))
            return True
        except (MalformedTextError, *_SLIPS):
            is_known = False  # too malformed even for that: the parser's message is the better one
        if not is_known:
            self.count -= 1
            return False
        self.outcomes.append(outcome)
        return True

    def _begin(self, raw: RawStatement) -> Statement:
        self.count += 1
        return Statement(self.session, raw, self.count)

    def _read(self, raw: RawStatement, tree: Any) -> None:
        statement = self._begin(raw)
        try:
            self.session.watch.check()
            read_statement(statement, tree)
            self.outcomes.append(statement.outcome())
        except RecursionError:
            self.count -= 1
            self._fail(
                raw.start, raw.end, raw.start, raw.end, "nesting_limit", "the statement is nested too deeply"
            )
        except TimeLimitError as late:
            self.count -= 1
            self._fail(raw.start, raw.end, raw.start, raw.end, "time_limit", str(late))
        except MalformedTextError as malformed:
            self.count -= 1
            self._fail(raw.start, raw.end, raw.start, raw.end, "parse_error", str(malformed))
        except _SLIPS as slip:
            # A shape of tree that no reader expects: this statement is lost, the others are not.
            self.count -= 1
            fault = find_fault(tree, raw, statement.reader.quoter)
            if fault is not None:
                (at, behind), why = fault
                self._fail(raw.start, raw.end, at, behind, "parse_error", why)
                return
            message = f"cannot read this statement ({type(slip).__name__}: {slip}); please report it"
            self._fail(raw.start, raw.end, raw.start, raw.end, "internal_error", message)
        statement.release()

    def _recover(self, raw: RawStatement, error: StatementError) -> RawStatement | None:
        """A statement the parser refuses: perhaps two without a semicolon, else a diagnostic."""
        start = next_statement_start(raw, error.index) if self.losses < _MAX_LOSSES else None
        if start is not None and start == error.index:
            before, behind = raw.cut(start)
            try:
                tree = self._parse(before)
            except StatementError:
                tree = None
            if tree is not None:
                self._read(before, tree)
                return behind
        self.losses += 1
        if start is None and self.losses < _MAX_LOSSES:
            start = next_statement_start(raw, error.index + 1)
        rest: RawStatement | None = None
        first = raw
        if start is not None and start > error.index:
            first, rest = raw.cut(start)
        if first.moves_no_data or (first.declares and self._is_in_block(first)):
            self.outcomes.append(self._begin(first).outcome())
        else:
            token = raw.tokens[error.index]
            at, end = raw.base + token.start, raw.base + token.end + 1
            self._fail(first.start, first.end, at, end, "parse_error", error.message)
        return rest

    def _is_in_block(self, raw: RawStatement) -> bool:
        """Whether a block was begun before a statement; T-SQL's declarations bear an @."""
        return self.dialect not in _NO_SEMICOLONS and bool(_BLOCK.search(self.template.text, 0, raw.start))

    def _is_too_large(self, raw: RawStatement) -> bool:
        if raw.nesting > self.limits.max_nesting:
            message = f"nested {raw.nesting} deep; the limit is {self.limits.max_nesting}"
            self._fail(raw.start, raw.end, raw.start, raw.end, "nesting_limit", message)
            return True
        length = raw.end - raw.start
        if length > self.limits.max_statement_chars:
            message = f"{length} characters long; the limit is {self.limits.max_statement_chars}"
            self._fail(raw.start, raw.end, raw.start, raw.end, "statement_too_long", message)
            return True
        return False

    def _fail(self, start: int, end: int, at: int, behind: int, code: str, message: str) -> None:
        """A statement without lineage: keep its place and say why."""
        self.count += 1
        self.session.report(Severity.ERROR, code, message, at, behind)
        span = self.session.source.span(start, end)
        self.outcomes.append(Outcome(StatementLineage(self.count, StatementKind.ERROR, span, is_ok=False)))

    def _note_template(self) -> None:
        starts, ends = self.template.starts, self.template.ends
        if starts:
            more = f" (and {len(starts) - 1} more in this text)" if len(starts) > 1 else ""
            message = f"unrendered template expression{more}: read as a name or a value"
            self.session.report(Severity.INFO, "template_placeholder", message, starts[0], ends[0])

    # Result ---------------------------------------------------------------------------------------

    def declarations(self) -> Iterator[Declaration]:
        """Relations that the script creates with known columns."""
        return ((tuple(parts), tuple(columns)) for parts, columns in self.session.declared.items())
