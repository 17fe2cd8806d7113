"""Pipe operators that the parser does not know, as those that it does.

``|> SET``, ``DROP``, ``RENAME`` and ``DISTINCT`` are a SELECT of all columns with changes.
"""

from __future__ import annotations

from sqlglot.tokenizer_core import Token, TokenType

from airflow_provider_sqlflow.engine.segments import CLOSERS, OPENERS
from airflow_provider_sqlflow.engine.tokens import made

_STAR = ((TokenType.SELECT, "SELECT"), (TokenType.STAR, "*"))
_HEADS = {
    "SET": (*_STAR, (TokenType.REPLACE, "REPLACE"), (TokenType.L_PAREN, "(")),
    "DROP": (*_STAR, (TokenType.EXCEPT, "EXCEPT"), (TokenType.L_PAREN, "(")),
    "RENAME": (*_STAR, (TokenType.RENAME, "RENAME"), (TokenType.L_PAREN, "(")),
    "DISTINCT": ((TokenType.SELECT, "SELECT"), (TokenType.DISTINCT, "DISTINCT"), (TokenType.STAR, "*")),
    "WINDOW": ((TokenType.VAR, "EXTEND"),),
    "CALL": (),
}
_IN_BRACKETS = frozenset({"SET", "DROP", "RENAME"})


def plain_pipes(tokens: list[Token]) -> list[Token] | None:
    """The statement with pipe operators that the parser knows; ``None`` when there is nothing to change."""
    pipes = [index for index, token in enumerate(tokens) if token.token_type is TokenType.PIPE_GT]
    if not pipes:
        return None
    out: list[Token] = []
    if tokens[0].token_type is TokenType.L_PAREN:
        out.append(made(TokenType.FROM, "FROM", tokens[0]))
    done = 0
    for index in pipes:
        word = tokens[index + 1].text.upper() if index + 1 < len(tokens) else ""
        if word not in _HEADS or index < done:
            continue
        out.extend(tokens[done:index])
        done = _end(tokens, index + 1)
        out.extend(_operator(word, tokens[index], tokens[index + 2 : done]))
    out.extend(tokens[done:])
    return out


def _operator(word: str, pipe: Token, body: list[Token]) -> list[Token]:
    """One operator; CALL of a table function leaves the columns as they are, as far as is known."""
    if word == "CALL":
        return []
    head = [pipe, *(made(kind, text, pipe) for kind, text in _HEADS[word])]
    if word == "SET":
        body = [token for item in _items(body) for token in _assignment(item)][:-1]
    elif word == "RENAME":
        body = [token for item in _items(body) for token in _renaming(item)][:-1]
    return [*head, *body, made(TokenType.R_PAREN, ")", pipe)] if word in _IN_BRACKETS else [*head, *body]


def _assignment(item: list[Token]) -> list[Token]:
    """``a = value`` as ``value AS a,``."""
    end = item[-1]
    comma = made(TokenType.COMMA, ",", end)
    if len(item) < 3 or item[1].token_type is not TokenType.EQ:
        return [*item, comma]
    return [*item[2:], made(TokenType.ALIAS, "AS", end), item[0], comma]


def _renaming(item: list[Token]) -> list[Token]:
    """``a b`` as ``a AS b,``."""
    comma = made(TokenType.COMMA, ",", item[-1])
    if len(item) == 2:
        return [item[0], made(TokenType.ALIAS, "AS", item[0]), item[1], comma]
    return [*item, comma]


def _items(body: list[Token]) -> list[list[Token]]:
    """A list cut at its commas."""
    items: list[list[Token]] = [[]]
    depth = 0
    for token in body:
        kind = token.token_type
        depth += (kind in OPENERS) - (kind in CLOSERS)
        if depth == 0 and kind is TokenType.COMMA:
            items.append([])
        else:
            items[-1].append(token)
    return [item for item in items if item]


def _end(tokens: list[Token], start: int) -> int:
    """Where the operator that begins at a place ends: at the next one, or at a bracket that closes."""
    depth = 0
    for index in range(start, len(tokens)):
        kind = tokens[index].token_type
        depth += (kind in OPENERS) - (kind in CLOSERS)
        if depth < 0 or (depth == 0 and kind is TokenType.PIPE_GT):
            return index
    return len(tokens)
