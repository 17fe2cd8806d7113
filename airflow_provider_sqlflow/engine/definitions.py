"""What DDL declares, read from its tokens: ``CREATE TABLE``, ``ALTER TABLE … ADD`` and ``CREATE INDEX``.

The statement is read here; the columns and keys in its brackets by
:mod:`~airflow_provider_sqlflow.engine.definition_items`.
"""

from __future__ import annotations

import itertools

from sqlglot.tokenizer_core import Token, TokenType

from airflow_provider_sqlflow.engine.cursor import COMMA, L_PAREN
from airflow_provider_sqlflow.engine.definition_items import (
    ColumnDefinition,
    Definitions,
    ItemReader,
    KeyDefinition,
)
from airflow_provider_sqlflow.engine.model import KeyKind

__all__ = ["ColumnDefinition", "Definitions", "KeyDefinition", "read_definitions", "read_plain_table"]

# Words between CREATE and TABLE that say nothing which only a parser understands.
_PLAIN_WORDS = frozenset({"OR", "REPLACE", "TEMP", "TEMPORARY", "TRANSIENT", "UNLOGGED"})
_QUERY_KINDS = frozenset(
    {TokenType.SELECT, TokenType.WITH, TokenType.VALUES, TokenType.FROM, TokenType.ALIAS}
)
_OTHER_OBJECTS = frozenset(
    {
        "VIEW", "SCHEMA", "DATABASE", "FUNCTION", "PROCEDURE", "TRIGGER", "TYPE", "SEQUENCE", "STREAM",
        "TASK", "AS",
    }
)  # fmt: skip
_ACTIONS = frozenset({"ADD", "MODIFY", "CHANGE", "ALTER", "DROP", "RENAME", "SET", "ENGINE", "VALIDATE"})


def read_plain_table(tokens: list[Token], dialect: str) -> Definitions | None:
    """What ``CREATE TABLE t (columns and keys)`` declares; ``None`` where more is said."""
    if tokens[-1].token_type is not TokenType.R_PAREN or tokens[0].token_type is not TokenType.CREATE:
        return None
    kinds = {token.token_type for token in tokens}
    words = itertools.takewhile(lambda word: word != "TABLE", (token.text.upper() for token in tokens[1:5]))
    if (
        TokenType.TABLE not in kinds
        or not _QUERY_KINDS.isdisjoint(kinds)
        or not _PLAIN_WORDS.issuperset(words)
    ):
        return None
    found = read_definitions(tokens, dialect)
    return found if found is not None and found.is_plain and found.is_all and found.columns else None


def read_definitions(tokens: list[Token], dialect: str) -> Definitions | None:
    """What a CREATE TABLE, ALTER TABLE or CREATE INDEX declares; ``None`` for every other statement."""
    scan = _Scan(tokens, dialect)
    if scan.take("CREATE"):
        return scan.created()
    if scan.take("ALTER") and scan.take("TABLE"):
        return scan.altered()
    return None


class _Scan(ItemReader):
    """Reads what one statement declares."""

    def created(self) -> Definitions | None:
        words: list[str] = []
        while self.word() not in ("TABLE", "INDEX", ""):
            if self.word() in _OTHER_OBJECTS or len(words) > 5:
                return None
            words.append(self.word())
            self.at += 1
        if self.take("INDEX"):
            return self.index("UNIQUE" in words)
        if not self.take("TABLE"):
            return None
        self.found.is_temporary = bool({"TEMP", "TEMPORARY", "VOLATILE"} & set(words))
        self.take("IF", "NOT", "EXISTS")
        self.found.name = self.names()
        if self.take("ON", "CLUSTER"):
            self.at += 1
        while self.kind() is COMMA:  # Teradata's options stand between name and columns
            while not self.is_end and self.kind() is not L_PAREN:
                self.at += 1
        if not self.found.name or self.kind() is not L_PAREN:
            return None
        self.items()
        self.found.is_all &= self.is_end
        self.table_keys()
        return self.found

    def altered(self) -> Definitions | None:
        self.take("IF", "EXISTS")
        self.take("ONLY")
        self.found.name = self.names()
        is_adding = False
        while not self.is_end and self.found.name:
            is_adding = self.take("ADD") or (is_adding and self.word() not in _ACTIONS)
            if is_adding:
                self.added()
            elif self.take("MODIFY") or self.take("CHANGE"):
                self.modified()
            elif self.take("ALTER"):
                self.column_altered()
            else:
                self.skip_one()
                while not (self.is_end or self.kind() is COMMA or self.word() in _ACTIONS):
                    self.skip_one()
                continue
            self.skip_item()
            if self.kind() is COMMA:
                self.at += 1
            elif not self.is_end:
                self.skip_one()
        return self.found if self.found.name else None

    def added(self) -> None:
        if self.word() in ("COLUMN", "COLUMNS"):
            self.at += 1
        self.take("IF", "NOT", "EXISTS")
        if self.kind() is L_PAREN:
            self.items()
        else:
            self.item()

    def modified(self) -> None:
        """``MODIFY [COLUMN] a type``, ``CHANGE [COLUMN] old new type``."""
        is_change = self.tokens[self.at - 1].text.upper() == "CHANGE"
        self.take("COLUMN")
        if is_change:
            self.at += 1
        is_list = self.kind() is L_PAREN
        self.at += is_list
        while self.is_name():
            self.found.retyped.append(self.column())
            if not is_list or self.kind() is not COMMA:
                break
            self.at += 1

    def column_altered(self) -> None:
        """``ALTER [COLUMN] a [SET DATA] TYPE type``; T-SQL leaves out the word TYPE."""
        self.take("COLUMN")
        if not self.is_name():
            return
        name = self.tokens[self.at]
        self.at += 1
        self.take("SET", "DATA")
        if self.take("TYPE") or self.dialect in ("tsql", "fabric"):
            self.found.retyped.append(ColumnDefinition(name, self.type()))

    def index(self, is_unique: bool) -> Definitions | None:
        """``CREATE [UNIQUE] INDEX [name] ON t [USING method] (columns)``."""
        first = self.tokens[0]
        self.take("CONCURRENTLY")
        self.take("IF", "NOT", "EXISTS")
        name = None
        while not self.is_end and self.word() != "ON":
            name = self.tokens[self.at] if self.is_name() else name
            self.at += 1
        self.take("ON")
        self.take("ONLY")
        self.found.name = self.names()
        while not self.is_end and self.kind() is not L_PAREN:
            self.at += 1
        columns = self.listed()
        if not self.found.name or not columns:
            return None
        kind = KeyKind.UNIQUE if is_unique else KeyKind.INDEX
        self.found.keys.append(KeyDefinition(kind, columns, name, first, self.tokens[-1]))
        return self.found

    def table_keys(self) -> None:
        """Keys that stand behind the column list: ClickHouse, StarRocks, Teradata's primary index."""
        while not self.is_end and self.word() not in ("AS", "SELECT", "WITH"):
            begin = self.at
            word, following = self.word(), self.word(1)
            is_one = self.tokens[self.at].text.upper().split() == ["PRIMARY", "KEY"]
            if is_one or (word, following) in (("PRIMARY", "KEY"), ("UNIQUE", "KEY")):
                self.at += 1 if is_one else 2
                kind = KeyKind.UNIQUE if word == "UNIQUE" else KeyKind.PRIMARY
            elif self.dialect == "teradata" and "INDEX" in (word, following, self.word(2)):
                kind = KeyKind.UNIQUE if word == "UNIQUE" else KeyKind.INDEX
                while not self.is_end and self.kind() is not L_PAREN:
                    self.at += 1
            else:
                self.skip_one()
                continue
            columns = self.listed()
            if columns:
                first = self.tokens[begin]
                self.found.keys.append(KeyDefinition(kind, columns, None, first, self.last))
