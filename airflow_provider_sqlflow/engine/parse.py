"""The one call into sqlglot's parser; its errors become ours, with an offset in the script."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from sqlglot import exp
from sqlglot.errors import ParseError
from sqlglot.tokenizer_core import Token, TokenType

from airflow_provider_sqlflow.engine.definitions import Definitions, read_plain_table
from airflow_provider_sqlflow.engine.dialects import parser_of
from airflow_provider_sqlflow.engine.pipes import has_pipes, plain_pipes
from airflow_provider_sqlflow.engine.rescue import (
    Rescued,
    RescuedMerge,
    create_columns,
    create_header,
    merge_parts,
)
from airflow_provider_sqlflow.engine.retouch import retouch
from airflow_provider_sqlflow.engine.reword import insert_parts, lacks_conditions, reword, spelt_crosses
from airflow_provider_sqlflow.engine.split import RawStatement

_MANY_JOINS = 8


class StatementError(Exception):
    """One statement the parser refuses: what, and at which token of the statement."""

    def __init__(self, message: str, index: int) -> None:
        super().__init__(message, index)
        self.message = message
        self.index = index

    def seen_in(self, read: RawStatement, written: RawStatement) -> StatementError:
        """The error in a statement as the user wrote it, not as it was put for the parser."""
        if read is written:
            return self
        start = read.tokens[self.index].start if self.index < len(read.tokens) else -1
        places = (number for number, token in enumerate(written.tokens) if token.start >= start)
        return StatementError(self.message, next(places, 0))


Parsed = exp.Expr | Rescued | RescuedMerge | Definitions
"""What a statement is read from: the parser's tree, or what is known of it without one."""


_DEFINING = (TokenType.CREATE, TokenType.ALTER)


class StatementParser:
    """Parses one statement after another with one parser object."""

    def __init__(self, dialect: str) -> None:
        self._dialect = dialect
        self._parser = parser_of(dialect)

    def parse(self, statement: RawStatement) -> Parsed | None:
        """The tree of a statement, or ``None`` for one of comments only.

        A table that is declared by nothing but columns and keys needs no tree: its tokens are read anyway,
        because a tree keeps no text of types.

        Raises:
            StatementError: the text is not a statement of the dialect.
        """
        plain = read_plain_table(statement.tokens, self._dialect)
        if plain is not None:
            return plain
        written, statement = statement, self._without_pipes(statement)
        try:
            tree = self.tree(statement)
        except StatementError as error:
            rescued = self._rescue(statement) or self._retouched(statement)
            if rescued is None:
                raise error.seen_in(statement, written) from None
            return rescued
        if isinstance(tree, exp.Command) and statement.tokens[0].token_type in _DEFINING:
            return self._rescue(statement) or self._retouched(statement) or self._unread(statement, tree)
        if isinstance(tree, exp.Alter) and any(isinstance(one, exp.Query) for one in tree.args["actions"]):
            return self._rescue(statement) or tree  # ALTER VIEW … AS query
        return tree

    def _without_pipes(self, statement: RawStatement) -> RawStatement:
        """The statement with pipe operators as the parser knows them."""
        tokens = statement.tokens
        if not tokens or not has_pipes(statement.text, tokens[0].start, tokens[-1].end, self._dialect):
            return statement
        plain = plain_pipes(tokens)
        return statement if plain is None else replace(statement, tokens=plain)

    def _retouched(self, statement: RawStatement) -> Parsed | None:
        """The statement without what the parser refuses although it changes no lineage."""
        tokens = retouch(statement.tokens, self._dialect)
        if not tokens:
            return None
        statement = replace(statement, tokens=tokens)
        try:
            tree = self.tree(statement)
        except StatementError:
            return self._rescue(statement)
        is_text = isinstance(tree, exp.Command) and tokens[0].token_type in _DEFINING
        return self._rescue(statement) if is_text else tree

    def _unread(self, statement: RawStatement, tree: exp.Command) -> Parsed | None:
        """A definition that stays text: nothing to say of it unless it has a query that cannot be read."""
        header = create_header(statement)
        if header is not None:
            self.tree(header.query)
        return tree

    def _rescue(self, statement: RawStatement) -> Parsed | None:
        try:
            reworded = reword(statement)
            if reworded is not None:
                return self.tree(reworded)
            insert = insert_parts(statement)
            if insert is not None:
                return _into_query(self.tree(insert[0]), self.tree(insert[1]))
        except StatementError:
            return None
        parts = merge_parts(statement)
        if parts is not None:
            try:
                tree = self.tree(parts[0])
                conditions = [self.tree(part) for part in parts[1]]
            except StatementError:
                return None
            return RescuedMerge(tree, conditions) if isinstance(tree, exp.Merge) else None
        header = create_header(statement)
        if header is None:
            return create_columns(statement, self._dialect)
        try:
            tree = self.tree(header.query)
        except StatementError:
            return None
        return header.with_query(tree) if isinstance(tree, exp.Query) else None

    def tree(self, statement: RawStatement) -> exp.Expr | None:
        """What sqlglot makes of a statement as it stands; ``None`` for one of comments only.

        Raises:
            StatementError: the text is not a statement of the dialect.
        """
        tokens = statement.tokens
        span = statement.text[tokens[0].start : tokens[-1].end] if tokens else ""
        joins = span.count("JOIN") + span.count("join") + span.count("Join")
        if joins > _MANY_JOINS and lacks_conditions(tokens):
            tokens = spelt_crosses(tokens)
        try:
            trees = self._parser.parse(tokens, statement.text)
        except ParseError as error:
            details = error.errors[0] if error.errors else {}
            index = _token_at(statement.tokens, details.get("line"), details.get("col"))
            raise StatementError(_message(error, statement.tokens, index), index) from None
        except RecursionError:
            raise StatementError("nested too deeply", 0) from None
        except Exception:  # noqa: BLE001 - a guest: what it trips over loses one statement only
            # It keeps no public note of where it stood; the last token it took is the best place there is.
            index = max(min(getattr(self._parser, "_index", 0), len(statement.tokens)) - 1, 0)
            message = f"this makes no sense near {statement.tokens[index].text!r}"
            raise StatementError(message, index) from None
        self._parser.reset()  # else it would keep the text and its tokens
        return trees[0] if trees else None


def _into_query(tree: exp.Expr | None, query: exp.Expr | None) -> exp.Expr | None:
    """An INSERT into a name with the query in its place."""
    if not isinstance(tree, exp.Insert) or not isinstance(query, exp.Query):
        return None
    table = tree.find(exp.Table)
    if table is not None:
        table.replace(exp.Subquery(this=query))
    return tree


# The parser's own words for tokens and classes, as people should not have to read them.
_TOKEN = re.compile(r"<Token token_type: (?:TokenType\.)?(\w+), text: (.*?), line: .*?>")
_TOKEN_WORDS = {"SENTINEL": "the end of the statement"}
# It names the first of a set, which differs from process to process.
_MISSING = re.compile(r"Required keyword: '\w+' missing for <class '[\w.]+\.(\w+)'>")
_CLASS = re.compile(r"<class '[\w.]+\.(\w+)'>")


def _token_at(tokens: list[Token], line: int | None, column: int | None) -> int:
    for index, token in enumerate(tokens):
        if token.line == line and token.col == column:
            return index
    return 0


def _message(error: ParseError, tokens: list[Token], index: int) -> str:
    details = error.errors[0] if error.errors else {}
    description = str(details.get("description") or str(error).split("\n")[0]).rstrip(".")
    description = _TOKEN.sub(
        lambda match: _TOKEN_WORDS.get(match.group(1), repr(match.group(2))), description
    )
    description = _MISSING.sub(r"a part of \1 is missing", description)
    description = _CLASS.sub(lambda match: match.group(1), description)
    return f"{description} near {tokens[index].text!r}" if tokens else description


_quiet = threading.local()


class _DropFallbackNotes(logging.Filter):
    """Drops sqlglot's note about unsupported syntax while this thread analyses.

    The engine says the same as a diagnostic with a position.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        return not getattr(_quiet, "on", False)


_FILTER = _DropFallbackNotes()


@contextmanager
def quiet_sqlglot() -> Iterator[None]:
    """Keep sqlglot's warnings of this thread out of the log."""
    logger = logging.getLogger("sqlglot")
    if _FILTER not in logger.filters:
        logger.addFilter(_FILTER)
    before = getattr(_quiet, "on", False)
    _quiet.on = True
    try:
        yield
    finally:
        _quiet.on = before
