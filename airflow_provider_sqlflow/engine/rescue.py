"""CREATE … AS query that the parser does not know in full: header by hand, query by the parser.

Warehouses add clauses to CREATE faster than any parser follows (ON COMMIT, WITH NO DATA, SCHEMABINDING,
refresh options …). For lineage only the name, the column list and the query matter.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from sqlglot.tokenizer_core import Token, TokenType

from airflow_provider_sqlflow.engine.definitions import Definitions, read_definitions
from airflow_provider_sqlflow.engine.model import RelationKind
from airflow_provider_sqlflow.engine.split import RawStatement

_NAME_STOPS = frozenset({TokenType.L_PAREN, TokenType.ALIAS, TokenType.SEMICOLON})
_QUERY_STARTS = frozenset(
    {TokenType.SELECT, TokenType.WITH, TokenType.L_PAREN, TokenType.VALUES, TokenType.FROM}
)
_CONTINUED = frozenset(
    {
        TokenType.UNION,
        TokenType.EXCEPT,
        TokenType.INTERSECT,
        TokenType.ORDER_BY,
        TokenType.LIMIT,
        TokenType.FETCH,
    }
)
_TEMPORARY = frozenset({"TEMP", "TEMPORARY", "VOLATILE"})


@dataclass(frozen=True, slots=True)
class Rescued:
    """A CREATE … AS query whose header is read by hand. ``query`` is the parser's tree."""

    kind: RelationKind
    is_temporary: bool
    is_recursive: bool
    name: list[Token]
    columns: list[Token]
    query: Any


@dataclass(frozen=True, slots=True)
class Header:
    """What stands before the query of a CREATE, and the query's tokens."""

    kind: RelationKind
    is_temporary: bool
    is_recursive: bool
    name: list[Token]
    columns: list[Token]
    query: RawStatement

    def with_query(self, tree: Any) -> Rescued:
        """The statement, once the parser has read its query."""
        return Rescued(self.kind, self.is_temporary, self.is_recursive, self.name, self.columns, tree)


def create_header(raw: RawStatement) -> Header | None:
    """The header of a CREATE or ALTER VIEW … AS query, or ``None`` when the statement is something else."""
    tokens = raw.tokens
    is_alter = tokens[0].token_type is TokenType.ALTER
    if not is_alter and tokens[0].token_type is not TokenType.CREATE:
        return None
    words: list[str] = []
    index = 1
    while index < len(tokens) and tokens[index].token_type not in (TokenType.TABLE, TokenType.VIEW):
        words.append(tokens[index].text.upper())
        index += 1
        if index > 8:
            return None
    if index >= len(tokens):
        return None
    is_view = tokens[index].token_type is TokenType.VIEW
    if is_alter and not is_view:
        return None
    index = _behind_if_not_exists(tokens, index + 1)
    name, index = _name(tokens, index)
    columns, index = _columns(tokens, index)
    start = _query_start(tokens, index)
    if not name or start is None:
        return None
    kind = RelationKind.VIEW if is_view else RelationKind.TABLE
    if is_view and "MATERIALIZED" in words:
        kind = RelationKind.MATERIALIZED_VIEW
    query = replace(raw, tokens=tokens[start : _query_end(tokens, start)])
    return Header(kind, bool(_TEMPORARY & set(words)), "RECURSIVE" in words, name, columns, query)


def create_columns(raw: RawStatement, dialect: str) -> Definitions | None:
    """CREATE TABLE whose columns are all understood, whatever the parser stumbled over between them."""
    found = read_definitions(raw.tokens, dialect) if raw.tokens[0].token_type is TokenType.CREATE else None
    return found if found is not None and found.is_plain and found.columns else None


def _behind_if_not_exists(tokens: list[Token], index: int) -> int:
    words = [token.text.upper() for token in tokens[index : index + 3]]
    return index + 3 if words == ["IF", "NOT", "EXISTS"] else index


def _name(tokens: list[Token], index: int) -> tuple[list[Token], int]:
    name: list[Token] = []
    expects_part = True
    while index < len(tokens):
        token = tokens[index]
        if token.token_type is TokenType.DOT:
            expects_part = True
        elif expects_part and token.token_type not in _NAME_STOPS:
            name.append(token)
            expects_part = False
        else:
            break
        index += 1
    return name, index


def _columns(tokens: list[Token], index: int) -> tuple[list[Token], int]:
    """The first word of each item of a bracket that follows the name."""
    if index >= len(tokens) or tokens[index].token_type is not TokenType.L_PAREN:
        return [], index
    columns: list[Token] = []
    depth = 0
    is_first = False
    while index < len(tokens):
        kind = tokens[index].token_type
        if kind is TokenType.L_PAREN:
            depth += 1
            is_first = depth == 1
        elif kind is TokenType.R_PAREN:
            depth -= 1
            if depth == 0:
                return columns, index + 1
        elif kind is TokenType.COMMA and depth == 1:
            is_first = True
        elif is_first:
            if not _is_constraint(tokens, index):
                columns.append(tokens[index])
            is_first = False
        index += 1
    return columns, index


def _is_constraint(tokens: list[Token], index: int) -> bool:
    """Whether an item of a list of columns is none: ``CONSTRAINT c EXPECT (a > 0)``."""
    if index + 1 >= len(tokens) or tokens[index].token_type is TokenType.IDENTIFIER:
        return False
    word, following = tokens[index].text.upper(), tokens[index + 1].text.upper()
    is_key = word in ("PRIMARY", "FOREIGN") and following == "KEY"
    return word == "CONSTRAINT" or is_key or (word in ("UNIQUE", "CHECK") and following == "(")


def _query_start(tokens: list[Token], index: int) -> int | None:
    depth = 0
    for number in range(index, len(tokens) - 1):
        kind = tokens[number].token_type
        if kind is TokenType.L_PAREN:
            depth += 1
        elif kind is TokenType.R_PAREN:
            depth -= 1
        elif kind is TokenType.ALIAS and depth == 0 and tokens[number + 1].token_type in _QUERY_STARTS:
            return number + 1
    return None


def _query_end(tokens: list[Token], start: int) -> int:
    """Where the query ends: WITH [NO] DATA and WITH CHECK OPTION are not part of it.

    Behind a query in brackets anything may follow that is not another operand of UNION.
    """
    words = [token.text.upper() for token in tokens[-4:]]
    for tail in (
        ["WITH", "NO", "DATA"],
        ["WITH", "DATA"],
        ["WITH", "LOCAL", "CHECK", "OPTION"],
        ["WITH", "CASCADED", "CHECK", "OPTION"],
        ["WITH", "CHECK", "OPTION"],
        ["WITH", "LOCAL", "CHECK", "OPTION"],
        ["WITH", "CASCADED", "CHECK", "OPTION"],
        ["WITH", "READ", "ONLY"],
    ):
        if words[-len(tail) :] == tail:
            return len(tokens) - len(tail)
    if tokens[start].token_type is TokenType.L_PAREN:
        depth = 0
        for index in range(start, len(tokens)):
            kind = tokens[index].token_type
            depth += (kind is TokenType.L_PAREN) - (kind is TokenType.R_PAREN)
            if depth == 0:
                is_last = index + 1 < len(tokens) and tokens[index + 1].token_type not in _CONTINUED
                return index + 1 if is_last else len(tokens)
    return len(tokens)


@dataclass(frozen=True, slots=True)
class RescuedMerge:
    """A MERGE without the conditions of its branches, and these: Oracle's WHERE and DELETE WHERE."""

    tree: Any
    conditions: list[Any]


def merge_parts(raw: RawStatement) -> tuple[RawStatement, list[RawStatement]] | None:
    """A MERGE cut into what the parser knows and the conditions it does not; ``None``: nothing to cut."""
    tokens = raw.tokens
    if tokens[0].text.upper() != "MERGE":
        return None
    kept: list[Token] = []
    conditions: list[list[Token]] = []
    depth = 0
    is_branch = is_condition = False
    for index, token in enumerate(tokens):
        kind, word = token.token_type, token.text.upper()
        if kind is TokenType.L_PAREN or kind is TokenType.CASE:
            depth += 1
        elif kind is TokenType.R_PAREN or kind is TokenType.END:
            depth -= 1
        elif depth == 0 and kind is TokenType.WHEN:
            is_branch, is_condition = True, False
        elif depth == 0 and is_branch and kind is TokenType.WHERE:
            is_condition = True
            conditions.append([])
            continue
        elif depth == 0 and is_branch and word == "DELETE" and _is_where(tokens, index + 1):
            is_condition = True
            continue
        (conditions[-1] if is_condition and conditions else kept).append(token)
    if len(kept) == len(tokens):
        return None
    return replace(raw, tokens=kept), [replace(raw, tokens=part) for part in conditions if part]


def _is_where(tokens: list[Token], index: int) -> bool:
    return index < len(tokens) and tokens[index].token_type is TokenType.WHERE
