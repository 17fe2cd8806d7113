"""Pipe syntax as the parser knows it: ``FROM t |> EXTEND a + 1 AS b |> SET c = 2``.

A query in front of the first pipe is a subquery, for the parser would forget its select list. ``|> SET``,
``DROP``, ``RENAME`` and ``DISTINCT`` are a SELECT of all columns with changes; ``|> AS`` and ``|> CALL`` put
what stands before them into brackets; ``|> WITH`` moves to the front.
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
}
_IN_BRACKETS = frozenset({"SET", "DROP", "RENAME"})
_QUERY_STARTS = (TokenType.FROM, TokenType.SELECT, TokenType.WITH)
_PIPED = frozenset({"bigquery", "databricks", "spark", ""})


def has_pipes(text: str, start: int, end: int, dialect: str) -> bool:
    """Whether pipe syntax may stand in a part of a text."""
    return dialect in _PIPED and text.find("|>", start, end) >= 0


def plain_pipes(tokens: list[Token]) -> list[Token] | None:
    """The statement with pipe operators that the parser knows; ``None`` when there is nothing to change."""
    if not any(token.token_type is TokenType.PIPE_GT for token in tokens):
        return None
    pieces = _pieces(tokens)
    if not any(len(piece) == 1 and piece[0].token_type is TokenType.PIPE_GT for piece in pieces):
        return [token for piece in pieces for token in piece]
    return _pipeline(pieces)


def _pieces(tokens: list[Token]) -> list[list[Token]]:
    """Single tokens, and brackets with what is in them, the pipes in which are plain already."""
    pieces: list[list[Token]] = []
    index = 0
    while index < len(tokens):
        end = _closing(tokens, index) if tokens[index].token_type in OPENERS else None
        if end is None:
            pieces.append([tokens[index]])
            index += 1
            continue
        inner = tokens[index + 1 : end]
        pieces.append([tokens[index], *(plain_pipes(inner) or inner), tokens[end]])
        index = end + 1
    return pieces


def _pipeline(pieces: list[list[Token]]) -> list[Token]:
    """A statement with one query of pipes in it."""
    pipes = [number for number, piece in enumerate(pieces) if piece[0].token_type is TokenType.PIPE_GT]
    start = _query_start(pieces[: pipes[0]])
    if start is None:
        return _joined(pieces)
    main, named = start, []
    if pieces[start][0].token_type is TokenType.WITH:
        ends = (n for n in range(start + 1, pipes[0]) if pieces[n][0].token_type in _QUERY_STARTS)
        main = next(ends, start)
        named = _joined(pieces[start + 1 : main])
    first, query = pieces[main][0], _joined(pieces[main : pipes[0]])
    if first.token_type is not TokenType.FROM:
        query = _from_brackets(query)
    is_plain = True
    for number, pipe in enumerate(pipes):
        end = pipes[number + 1] if number + 1 < len(pipes) else len(pieces)
        mark, body = pieces[pipe][0], _joined(pieces[pipe + 1 : end])
        word = body[0].text.upper() if body else ""
        if word == "WITH":
            named += [*([made(TokenType.COMMA, ",", mark)] if named else []), *body[1:]]
        elif word == "AS":
            query = [*(query if is_plain else _from_brackets(query)), *body]
        elif word == "CALL" and body[-1].token_type is TokenType.R_PAREN:
            query = _called(query, body[1:])
        else:
            query += _operator(mark, body)
            is_plain = False
    with_ = [made(TokenType.WITH, "WITH", first), *named] if named else []
    return [*_joined(pieces[:start]), *with_, *query]


def _query_start(pieces: list[list[Token]]) -> int | None:
    """Where the query in front of the first pipe begins."""
    if pieces and pieces[0][0].token_type is TokenType.L_PAREN:
        return 0
    for number, piece in enumerate(pieces):
        kind = piece[0].token_type
        if kind is TokenType.WITH:
            names = [one[0].token_type for one in pieces[number + 1 : number + 4]]
            if TokenType.ALIAS not in names:
                continue  # WITH CONNECTION … of a table
        if kind in _QUERY_STARTS:
            return number
    return None


def _joined(pieces: list[list[Token]]) -> list[Token]:
    return [token for piece in pieces for token in piece]


def _from_brackets(query: list[Token]) -> list[Token]:
    """``FROM (query)``."""
    first, last = query[0], query[-1]
    return [
        made(TokenType.FROM, "FROM", first),
        made(TokenType.L_PAREN, "(", first),
        *query,
        made(TokenType.R_PAREN, ")", last),
    ]


def _called(query: list[Token], call: list[Token]) -> list[Token]:
    """``FROM function(MODEL m, (query), …)``; other functions leave the columns, as far as is known."""
    start = next((n for n, token in enumerate(call) if token.token_type is TokenType.L_PAREN), 0) + 1
    arguments = _items(call[start:-1])
    if not arguments or arguments[0][0].text.upper() != "MODEL":
        return query
    source = _from_brackets(query)
    arguments.insert(1, source[1:])
    listed = [token for item in arguments for token in (made(TokenType.COMMA, ",", item[0]), *item)][1:]
    return [source[0], *call[:start], *listed, call[-1]]


def _operator(pipe: Token, body: list[Token]) -> list[Token]:
    """One operator."""
    word = body[0].text.upper() if body else ""
    if word == "AGGREGATE":
        return _aggregate(pipe, body)
    if word not in _HEADS:
        return [pipe, *body]
    rest = body[1:]
    if word == "SET":
        rest = [token for item in _items(rest) for token in _assignment(item)][:-1]
    elif word == "RENAME":
        rest = [token for item in _items(rest) for token in _renaming(item)][:-1]
    head = [pipe, *(made(kind, text, pipe) for kind, text in _HEADS[word])]
    return [*head, *rest, made(TokenType.R_PAREN, ")", pipe)] if word in _IN_BRACKETS else [*head, *rest]


def _aggregate(pipe: Token, body: list[Token]) -> list[Token]:
    """``AGGREGATE … GROUP BY value AS name``: with the name as a column that is there already."""
    start = next((n for n, token in enumerate(body) if token.token_type is TokenType.GROUP_BY), len(body) - 1)
    extended: list[list[Token]] = []
    groups: list[Token] = []
    for item in _items(body[start + 1 :]):
        is_named = len(item) > 2 and item[-2].token_type is TokenType.ALIAS
        if is_named:
            extended.append(item)
        groups += [*(item[-1:] if is_named else item), made(TokenType.COMMA, ",", item[-1])]
    if not extended:
        return [pipe, *body]
    added = [token for item in extended for token in (made(TokenType.COMMA, ",", item[0]), *item)][1:]
    head = [pipe, made(TokenType.VAR, "EXTEND", pipe), *added]
    return [*head, pipe, *body[: start + 1], *groups[:-1]]


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


def _closing(tokens: list[Token], start: int) -> int | None:
    """The bracket that closes the one at ``start``; ``None`` if none does."""
    depth = 0
    for index in range(start, len(tokens)):
        kind = tokens[index].token_type
        depth += (kind in OPENERS) - (kind in CLOSERS)
        if depth == 0:
            return index
    return None
