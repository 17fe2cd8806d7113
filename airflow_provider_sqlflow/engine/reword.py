"""Statements in a form that the parser refuses, in another order of tokens that it takes.

Tried only when a statement does not parse. Tokens keep their places, so what is quoted stays the user's text.
"""

from __future__ import annotations

from dataclasses import replace

from sqlglot.tokenizer_core import Token, TokenType

from airflow_provider_sqlflow.engine.segments import CLOSERS, OPENERS
from airflow_provider_sqlflow.engine.split import RawStatement

_OUTPUT_ENDS = frozenset({"FROM", "WHERE", "OPTION"})


def reword(raw: RawStatement) -> RawStatement | None:
    """The statement as the parser takes it, or ``None`` when nothing is known to help."""
    word = raw.tokens[0].text.upper()
    tokens = None
    if word == "UPDATE":
        tokens = _named_view(raw.tokens) or _named_source(raw.tokens)
    elif word == "DELETE":
        tokens = _late_output(raw.tokens)
    elif word == "MERGE":
        tokens = _replaced_duplicates(raw.tokens)
    return None if tokens is None else replace(raw, tokens=tokens)


def insert_parts(raw: RawStatement) -> tuple[RawStatement, RawStatement] | None:
    """Oracle's ``INSERT INTO (query) …``: the INSERT into a name that stands for the query, and the query."""
    tokens = raw.tokens
    words = [token.text.upper() for token in tokens[:2]]
    if words != ["INSERT", "INTO"] or len(tokens) < 4 or tokens[2].token_type is not TokenType.L_PAREN:
        return None
    end = _closing(tokens, 2)
    if end is None or end == 3:
        return None
    name = _made(TokenType.VAR, "target", tokens[2])
    insert = replace(raw, tokens=[*tokens[:2], name, *tokens[end + 1 :]])
    return insert, replace(raw, tokens=tokens[3:end])


def _named_view(tokens: list[Token]) -> list[Token] | None:
    """``UPDATE (query) SET``: an alias keeps the parser from taking SET for one."""
    if len(tokens) < 2 or tokens[1].token_type is not TokenType.L_PAREN:
        return None
    end = _closing(tokens, 1)
    if end is None or end + 1 >= len(tokens) or tokens[end + 1].token_type is not TokenType.SET:
        return None
    return [*tokens[: end + 1], _made(TokenType.VAR, "target", tokens[end]), *tokens[end + 1 :]]


def _named_source(tokens: list[Token]) -> list[Token] | None:
    """Teradata's ``UPDATE t FROM s SET``: an alias keeps the parser from taking SET for one."""
    start = _word(tokens, 1, frozenset({"FROM"}))
    end = _word(tokens, 1, frozenset({"SET"}))
    if start is None or end is None or end < start + 2:
        return None
    name = tokens[end - 1]
    return [*tokens[:end], _made(TokenType.VAR, name.text, name), *tokens[end:]]


def _late_output(tokens: list[Token]) -> list[Token] | None:
    """T-SQL's ``DELETE FROM t OUTPUT … [INTO x (a)] WHERE …``: OUTPUT behind the condition."""
    start = _word(tokens, 1, frozenset({"OUTPUT"}))
    if start is None:
        return None
    end = _word(tokens, start + 1, _OUTPUT_ENDS)
    if end is None:
        return None
    return [*tokens[:start], *tokens[end:], *tokens[start:end]]


def _replaced_duplicates(tokens: list[Token]) -> list[Token] | None:
    """Redshift's ``MERGE … REMOVE DUPLICATES``: every column of the source goes into the target."""
    if [token.text.upper() for token in tokens[-2:]] != ["REMOVE", "DUPLICATES"]:
        return None
    branch = (
        (TokenType.WHEN, "WHEN"), (TokenType.NOT, "NOT"), (TokenType.VAR, "MATCHED"),
        (TokenType.THEN, "THEN"), (TokenType.INSERT, "INSERT"), (TokenType.STAR, "*"),
    )  # fmt: skip
    return [*tokens[:-2], *(_made(kind, text, tokens[-1]) for kind, text in branch)]


def _word(tokens: list[Token], start: int, words: frozenset[str]) -> int | None:
    """The first of some words outside brackets."""
    depth = 0
    for index in range(start, len(tokens)):
        kind = tokens[index].token_type
        depth += (kind in OPENERS) - (kind in CLOSERS)
        if depth == 0 and kind is not TokenType.IDENTIFIER and tokens[index].text.upper() in words:
            return index
    return None


def _closing(tokens: list[Token], start: int) -> int | None:
    """The bracket that closes the one at ``start``."""
    depth = 0
    for index in range(start, len(tokens)):
        kind = tokens[index].token_type
        depth += (kind in OPENERS) - (kind in CLOSERS)
        if depth == 0:
            return index
    return None


def _made(kind: TokenType, text: str, near: Token) -> Token:
    """A token that does not stand in the text, placed at one that does."""
    return Token(kind, text, near.line, near.col, near.start, near.end, [])
