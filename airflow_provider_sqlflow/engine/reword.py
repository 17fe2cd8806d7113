"""Statements in a form that the parser refuses, in another order of tokens that it takes.

Tried only when a statement does not parse. Tokens keep their places, so what is quoted stays the user's text.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from sqlglot.tokenizer_core import Token, TokenType

from airflow_provider_sqlflow.engine.pipes import plain_pipes
from airflow_provider_sqlflow.engine.segments import CLOSERS, OPENERS
from airflow_provider_sqlflow.engine.split import RawStatement
from airflow_provider_sqlflow.engine.tokens import made

_CHANGE_OPTIONS = frozenset({"KEYS", "WHERE", "IGNORE", "APPLY", "SEQUENCE", "COLUMNS", "STORED", "TRACK"})
_LOAD_OPTIONS = frozenset({"PARTITION BY", "PARTITION", "PARTITIONS", "CLUSTER BY", "CLUSTER", "OPTIONS"})
_SIDES = frozenset({TokenType.INNER, TokenType.LEFT, TokenType.RIGHT, TokenType.FULL, TokenType.OUTER})
_OTHER_JOINS = frozenset(
    {
        TokenType.CROSS, TokenType.NATURAL, TokenType.SEMI, TokenType.ANTI, TokenType.ASOF, TokenType.ARRAY,
        TokenType.ANY, TokenType.ALL, TokenType.GLOBAL, TokenType.POSITIONAL,
    }
)  # fmt: skip
_FROM_ENDS = frozenset(
    {
        TokenType.WHERE, TokenType.GROUP_BY, TokenType.SELECT, TokenType.UNION, TokenType.ORDER_BY,
        TokenType.SEMICOLON, TokenType.COMMA,
    }
)  # fmt: skip
_OUTPUT_ENDS = frozenset({"FROM", "WHERE", "OPTION"})
_JOIN_CONDITIONS = (TokenType.ON, TokenType.USING, TokenType.CROSS, TokenType.NATURAL)
_FEW = 4


def reword(raw: RawStatement) -> RawStatement | None:
    """The statement as the parser takes it, or ``None`` when nothing is known to help."""
    reworded = _REWORDED.get(raw.tokens[0].text.upper(), plain_pipes)
    tokens = reworded(raw.tokens)
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
    name = made(TokenType.VAR, "target", tokens[2])
    insert = replace(raw, tokens=[*tokens[:2], name, *tokens[end + 1 :]])
    return insert, replace(raw, tokens=tokens[3:end])


def _update(tokens: list[Token]) -> list[Token] | None:
    return _named_view(tokens) or _named_source(tokens)


def _named_view(tokens: list[Token]) -> list[Token] | None:
    """``UPDATE (query) SET``: an alias keeps the parser from taking SET for one."""
    if len(tokens) < 2 or tokens[1].token_type is not TokenType.L_PAREN:
        return None
    end = _closing(tokens, 1)
    if end is None or end + 1 >= len(tokens) or tokens[end + 1].token_type is not TokenType.SET:
        return None
    return [*tokens[: end + 1], made(TokenType.VAR, "target", tokens[end]), *tokens[end + 1 :]]


def _named_source(tokens: list[Token]) -> list[Token] | None:
    """Teradata's ``UPDATE t FROM s SET``: an alias keeps the parser from taking SET for one."""
    start = _word(tokens, 1, frozenset({"FROM"}))
    end = _word(tokens, 1, frozenset({"SET"}))
    if start is None or end is None or end < start + 2:
        return None
    name = tokens[end - 1]
    return [*tokens[:end], made(TokenType.VAR, name.text, name), *tokens[end:]]


def _late_output(tokens: list[Token]) -> list[Token] | None:
    """T-SQL's ``DELETE FROM t OUTPUT … [INTO x (a)] WHERE …``: OUTPUT behind the condition."""
    start = _word(tokens, 1, frozenset({"OUTPUT"}))
    if start is None:
        return None
    end = _word(tokens, start + 1, _OUTPUT_ENDS)
    if end is None:
        return None
    return [*tokens[:start], *tokens[end:], *tokens[start:end]]


def _delete(tokens: list[Token]) -> list[Token] | None:
    return _late_output(tokens) or _second_from(tokens)


def _second_from(tokens: list[Token]) -> list[Token] | None:
    """T-SQL's ``DELETE FROM t FROM u JOIN …``: the first FROM may be left out."""
    if len(tokens) < 2 or tokens[1].token_type is not TokenType.FROM:
        return None
    second = _word(tokens, 2, frozenset({"FROM", "WHERE", "OUTPUT", "USING"}))
    if second is None or tokens[second].token_type is not TokenType.FROM:
        return None
    return [tokens[0], *tokens[2:]]


def _renamed(tokens: list[Token]) -> list[Token] | None:
    """MySQL's ``ALTER TABLE t RENAME AS u``."""
    words = [token.text.upper() for token in tokens[-3:]]
    return [*tokens[:-2], tokens[-1]] if words[:2] == ["RENAME", "AS"] else None


def lacks_conditions(tokens: list[Token]) -> bool:
    """Whether more than a few joins are without a condition; a few cost next to nothing."""
    kinds = [token.token_type for token in tokens]
    return kinds.count(TokenType.JOIN) - sum(map(kinds.count, _JOIN_CONDITIONS)) > _FEW


def spelt_crosses(tokens: list[Token]) -> list[Token]:
    """``a JOIN b JOIN c`` without any condition as CROSS JOIN.

    The parser looks for the conditions of each behind all the others, which takes it twice as long for each
    one more.
    """
    waiting: list[list[int]] = [[]]  # for each open bracket the joins that have no condition yet
    bare: list[int] = []
    for index, token in enumerate(tokens):
        kind = token.token_type
        if kind in OPENERS:
            waiting.append([])
        elif kind in CLOSERS:
            bare += waiting.pop() if len(waiting) > 1 else []
        elif kind is TokenType.JOIN and tokens[index - 1].token_type not in _OTHER_JOINS:
            waiting[-1].append(index)
        elif (kind is TokenType.ON or kind is TokenType.USING) and waiting[-1]:
            waiting[-1].pop()
        elif kind in _FROM_ENDS:
            bare += waiting[-1]
            waiting[-1] = []
    bare += [index for joins in waiting for index in joins]
    crossed = set(bare)
    dropped: set[int] = set()
    for index in bare:
        while tokens[index - 1].token_type in _SIDES:
            index -= 1
            dropped.add(index)
    out: list[Token] = []
    for index, token in enumerate(tokens):
        if index in dropped:
            continue
        if index in crossed:
            out.append(made(TokenType.CROSS, "CROSS", token))
        out.append(token)
    return out


def _inline_data(tokens: list[Token]) -> list[Token] | None:
    """ClickHouse's ``INSERT INTO t FORMAT JSONEachRow {…}``: rows of nothing but values."""
    start = _word(tokens, 1, frozenset({"FORMAT", "SELECT"}))
    if start is None or tokens[start].text.upper() != "FORMAT":
        return None
    words = (
        (TokenType.VALUES, "VALUES"), (TokenType.L_PAREN, "("),
        (TokenType.NULL, "NULL"), (TokenType.R_PAREN, ")"),
    )  # fmt: skip
    return [*tokens[:start], *(made(kind, text, tokens[start]) for kind, text in words)]


def _replaced_table(tokens: list[Token]) -> list[Token] | None:
    """Iceberg's and Delta's ``REPLACE TABLE t AS query``: the table is there before."""
    if len(tokens) < 3 or tokens[1].token_type not in (TokenType.TABLE, TokenType.VIEW):
        return None
    first = tokens[0]
    words = ((TokenType.CREATE, "CREATE"), (TokenType.OR, "OR"), (TokenType.REPLACE, "REPLACE"))
    return [*(made(kind, text, first) for kind, text in words), *tokens[1:]]


def _defined(tokens: list[Token]) -> list[Token] | None:
    """Snowflake's ``DEFINE TABLE | VIEW …``, in files that say what a database holds."""
    return [made(TokenType.CREATE, "CREATE", tokens[0]), *tokens[1:]] if len(tokens) > 2 else None


def _piped_table(tokens: list[Token]) -> list[Token] | None:
    """Spark's ``TABLE t |> …``."""
    begun = [made(TokenType.FROM, "FROM", tokens[0]), *tokens[1:]]
    return plain_pipes(begun)


def _applied_changes(tokens: list[Token]) -> list[Token] | None:
    """Databricks' ``APPLY CHANGES INTO t FROM s KEYS (…) … COLUMNS …``, also called AUTO CDC."""
    words = [token.text.upper() for token in tokens]
    into = _word(tokens, 1, frozenset({"INTO"}))
    start = _word(tokens, into + 1, frozenset({"FROM"})) if into is not None else None
    if into is None or start is None or words[into - 2 : into] not in (["APPLY", "CHANGES"], ["AUTO", "CDC"]):
        return None
    end = _word(tokens, start + 1, _CHANGE_OPTIONS) or len(tokens)
    listed = _word(tokens, end, frozenset({"COLUMNS"}))
    columns = [made(TokenType.STAR, "*", tokens[start])]
    if listed is not None:
        behind = _word(tokens, listed + 1, _CHANGE_OPTIONS) or len(tokens)
        columns = tokens[listed + 1 : behind]
        if columns and columns[0].token_type is TokenType.L_PAREN:
            columns = columns[1:-1]
    head = made(TokenType.INSERT, "INSERT", tokens[into]), tokens[into]
    select = made(TokenType.SELECT, "SELECT", tokens[start])
    return [*head, *tokens[into + 1 : start], select, *columns, *tokens[start:end]]


def _loaded_files(tokens: list[Token]) -> list[Token] | None:
    """BigQuery's ``LOAD DATA INTO t … FROM FILES (…)`` without what it says of partitions and connections."""
    start = _word(tokens, 1, frozenset({"FROM"}))
    if start is None or len(tokens) < start + 3 or tokens[start + 1].text.upper() != "FILES":
        return None
    extra = _word(tokens, 3, _LOAD_OPTIONS)
    files = _closing(tokens, start + 2)
    if files is None or tokens[start + 2].token_type is not TokenType.L_PAREN:
        return None
    head = tokens[: min(start, extra)] if extra is not None else tokens[:start]
    return [*head, *tokens[start : files + 1]]


def _replaced_duplicates(tokens: list[Token]) -> list[Token] | None:
    """Redshift's ``MERGE … REMOVE DUPLICATES``: every column of the source goes into the target."""
    if [token.text.upper() for token in tokens[-2:]] != ["REMOVE", "DUPLICATES"]:
        return None
    branch = (
        (TokenType.WHEN, "WHEN"), (TokenType.NOT, "NOT"), (TokenType.VAR, "MATCHED"),
        (TokenType.THEN, "THEN"), (TokenType.INSERT, "INSERT"), (TokenType.STAR, "*"),
    )  # fmt: skip
    return [*tokens[:-2], *(made(kind, text, tokens[-1]) for kind, text in branch)]


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


_REWORDED: dict[str, Callable[[list[Token]], list[Token] | None]] = {
    "INSERT": _inline_data,
    "UPDATE": _update,
    "DELETE": _delete,
    "MERGE": _replaced_duplicates,
    "REPLACE": _replaced_table,
    "DEFINE": _defined,
    "ALTER": _renamed,
    "TABLE": _piped_table,
    "APPLY": _applied_changes,
    "AUTO": _applied_changes,
    "CREATE": _applied_changes,
    "LOAD": _loaded_files,
}
