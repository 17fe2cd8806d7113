"""The items of a column list: columns with their types, keys and constraints, read from tokens.

Databases add options to column definitions and constraints faster than a parser follows, and trees keep
no text of a type. So items are scanned word by word: names, types and keys are understood, what stands
around them is passed over.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from sqlglot.tokenizer_core import Token, TokenType

from airflow_provider_sqlflow.engine.cursor import COMMA, DOT, L_PAREN, Cursor
from airflow_provider_sqlflow.engine.model import KeyKind
from airflow_provider_sqlflow.engine.segments import CLOSERS, OPENERS

_INDEX_ITEMS = frozenset({"", "mysql", "singlestore", "doris", "starrocks", "tsql", "fabric", "clickhouse"})
_KEY_ITEMS = frozenset({"", "mysql", "singlestore", "doris", "starrocks"})
# What may follow a column's type.
_BEHIND_TYPE = frozenset(
    {
        "NOT", "NULL", "DEFAULT", "PRIMARY", "UNIQUE", "REFERENCES", "CONSTRAINT", "CHECK", "GENERATED", "AS",
        "COLLATE", "COMMENT", "AUTO_INCREMENT", "AUTOINCREMENT", "IDENTITY", "ENCODE", "DISTKEY", "SORTKEY",
        "ON", "KEY", "FOREIGN", "OPTIONS", "MASKED", "MASKING", "TAG", "CHARSET", "INVISIBLE", "VISIBLE",
        "VIRTUAL", "STORED", "PERSISTED", "SPARSE", "ROWGUIDCOL", "FORMAT", "TITLE", "CASESPECIFIC",
        "COMPRESS", "UPPERCASE", "CODEC", "TTL", "ALIAS", "MATERIALIZED", "EPHEMERAL", "DEFERRABLE",
        "INITIALLY", "ENABLE", "DISABLE", "RELY", "NORELY", "HIDDEN", "STORAGE", "COMPRESSION", "CLUSTERED",
        "NONCLUSTERED", "SORT", "ENCRYPT", "FIRST", "AFTER", "USING", "PROJECTION", "SUM", "REPLACE", "MIN",
        "MAX", "BITMAP_UNION", "HLL_UNION", "INDEX", "UPDATE", "INCLUDE", "POLICY",
    }
)  # fmt: skip
# Further words of a type of several words.
_TYPE_WORDS = frozenset(
    {
        "PRECISION", "VARYING", "UNSIGNED", "SIGNED", "ZEROFILL", "WITH", "WITHOUT", "LOCAL", "TIME", "ZONE",
        "ARRAY", "LARGE", "OBJECT", "CHARACTER", "BYTE", "DAY", "TO", "SECOND", "YEAR", "MONTH", "HOUR",
        "MINUTE", "CHAR", "VARCHAR", "LONG", "RAW", "BINARY", "FOR", "BIT", "DATA", "VARBINARY", "TEXT",
        "INT",
    }
)  # fmt: skip
# Words between UNIQUE, INDEX or KEY and the columns that are no name.
_KEY_NOISE = frozenset(
    {
        "KEY", "INDEX", "CLUSTERED", "NONCLUSTERED", "NULLS", "NOT", "DISTINCT", "USING", "BTREE", "HASH",
        "IF", "EXISTS", "CONCURRENTLY", "ONLY", "ON", "PRIMARY", "AMP", "NO", "HEAP",
    }
)  # fmt: skip
_NO_COLUMN = frozenset({"CHECK", "LIKE", "SUPPLEMENTAL", "PROJECTION", "EXCLUDE", "PARTITION", "PERIOD"})
_COMPUTED = frozenset({"ALIAS", "MATERIALIZED"})
_NAMES = frozenset({TokenType.VAR, TokenType.IDENTIFIER})
_ITEM_ENDS = frozenset({TokenType.COMMA, *CLOSERS})
_ANGLES: dict[TokenType | None, int] = {TokenType.LT: 1, TokenType.GT: -1}
_KEY_START = {
    "PRIMARY": KeyKind.PRIMARY,
    "UNIQUE": KeyKind.UNIQUE,
    "FOREIGN": KeyKind.FOREIGN,
}
_ITEM_WORDS = _NO_COLUMN | frozenset({*_KEY_START, "CONSTRAINT", "INDEX", "KEY", "FULLTEXT", "SPATIAL"})


class ColumnDefinition(NamedTuple):
    """A declared column. ``type`` is the tokens of its type from first to last, empty when it has none."""

    name: Token
    type: tuple[Token, ...]
    is_computed: bool = False
    is_identity: bool = False


@dataclass(frozen=True, slots=True)
class KeyDefinition:
    """A declared key; ``first`` and ``last`` are its outermost tokens, ``target`` the name it references."""

    kind: KeyKind
    columns: tuple[Token, ...]
    name: Token | None
    first: Token
    last: Token
    target: tuple[Token, ...] = ()
    target_columns: tuple[Token, ...] = ()


@dataclass(slots=True)
class Definitions:
    """What one statement declares of one relation.

    ``is_plain`` tells that every item was understood: a reader may rely on it where the parser gave up.
    ``is_all`` tells that there is nothing but columns and keys: nothing is left for a parser to find.
    """

    name: tuple[Token, ...]
    columns: list[ColumnDefinition] = field(default_factory=list)
    retyped: list[ColumnDefinition] = field(default_factory=list)
    keys: list[KeyDefinition] = field(default_factory=list)
    is_plain: bool = True
    is_all: bool = True
    is_temporary: bool = False


class ItemReader(Cursor):
    """Reads the items of one statement into :attr:`found`."""

    def __init__(self, tokens: list[Token], dialect: str) -> None:
        super().__init__(tokens)
        self.dialect = dialect
        self.found = Definitions(())

    def items(self) -> None:
        """The items of a bracket that opens here."""
        self.at += 1
        while not self.is_end and self.kinds[self.at] not in CLOSERS:
            begin = self.at
            if self._is_plain_column():
                self.found.columns.append(ColumnDefinition(self.tokens[begin], (self.tokens[begin + 1],)))
                self.at += 3 if self.kinds[begin + 2] is COMMA else 2
                continue
            self.item()
            self.skip_item()
            if self.kind() is COMMA:
                self.at += 1
            if self.at == begin:
                self.at += 1
                self.found.is_plain = False
        self.found.is_plain &= not self.is_end
        self.at += 1

    def _is_plain_column(self) -> bool:
        """Whether a name and a type of one word are all there is of an item: most columns are so."""
        at, kinds = self.at, self.kinds
        return (
            kinds[at + 2] in _ITEM_ENDS
            and kinds[at] in _NAMES
            and self.words[at] not in _ITEM_WORDS
            and self.words[at + 1] not in _BEHIND_TYPE
            and kinds[at + 1] not in _ITEM_ENDS
        )

    def item(self) -> None:
        """A column with its keys, or a key of the table."""
        if self.words[self.at] not in _ITEM_WORDS and self.is_name():
            self.found.columns.append(self.column())
            return
        begin = self.at
        name = None
        if self.take("CONSTRAINT"):
            if self.is_name() and self.word() not in _KEY_START:
                name = self.tokens[self.at]
                self.at += 1
            if self.word() in _NO_COLUMN:
                self.found.is_all = False
                return
        if self._starts_key():
            self._table_key(begin, name)
        elif self.word() not in _NO_COLUMN or self._is_column_named_so():
            if self.is_name():
                self.found.columns.append(self.column())
            else:
                self.found.is_plain = False
        else:
            self.found.is_all = False

    def _is_column_named_so(self) -> bool:
        """Whether a word that begins a constraint is a column's name: ``period INT``."""
        return self.word() in ("EXCLUDE", "PERIOD", "PROJECTION") and self.word(1) not in ("FOR", "USING", "")

    def _starts_key(self) -> bool:
        word = self.word()
        if word in ("FULLTEXT", "SPATIAL"):
            return self.word(1) in ("KEY", "INDEX") or self.kind(1) is L_PAREN
        if word in ("INDEX", "KEY"):
            return self.dialect in (_INDEX_ITEMS if word == "INDEX" else _KEY_ITEMS)
        return word in _KEY_START

    def _table_key(self, begin: int, name: Token | None) -> None:
        kind = _KEY_START.get(self.word(), KeyKind.INDEX)
        self.at += 1
        while not self.is_end and self.kind() is not L_PAREN:
            if self.kind() is COMMA or self.kind() in CLOSERS:
                break
            if self.is_name() and self.word() not in _KEY_NOISE:
                if name is not None and self.dialect == "clickhouse":
                    break  # INDEX name expression TYPE …
                name = name or self.tokens[self.at]
            self.at += 1
        columns = self.listed()
        target, target_columns = self._reference() if kind is KeyKind.FOREIGN else ((), ())
        last = self.last
        if columns and (target or kind is not KeyKind.FOREIGN):
            first = self.tokens[begin]
            self.found.keys.append(KeyDefinition(kind, columns, name, first, last, target, target_columns))
        elif kind is not KeyKind.INDEX:
            self.found.is_plain = False

    def listed(self) -> tuple[Token, ...]:
        """The columns in a bracket that opens here, or one without bracket; expressions are passed over."""
        if self.kind() is not L_PAREN:
            if not self.is_name() or self.kind(1) is L_PAREN:
                return ()
            self.at += 1
            return (self.tokens[self.at - 1],)
        self.at += 1
        columns = []
        while not self.is_end and self.kind() not in CLOSERS:
            is_call = self.kind(1) is L_PAREN and self.kind(2) is not TokenType.NUMBER
            if self.is_name() and not is_call:
                columns.append(self.tokens[self.at])
            self.skip_item()
            self.at += self.kind() is COMMA
        self.at += 1
        return tuple(columns)

    def _reference(self) -> tuple[tuple[Token, ...], tuple[Token, ...]]:
        """``REFERENCES t [(columns)]``."""
        if not self.take("REFERENCES"):
            return (), ()
        self.take("ONLY")
        target = self.names()
        return target, self.listed() if self.kind() is L_PAREN else ()

    def column(self) -> ColumnDefinition:
        """A name, its type, and what is said of the column; its keys are added on the way."""
        name = self.tokens[self.at]
        self.at += 1
        type_ = self.type()
        is_computed = is_identity = False
        constraint: Token | None = None
        while not self.is_end and self.kinds[self.at] not in _ITEM_ENDS:
            word = self.word()
            begin = self.at
            if word == "CONSTRAINT" and self.is_name(1):
                constraint = self.tokens[self.at + 1]
                self.at += 2
                continue
            if word in ("PRIMARY", "UNIQUE", "REFERENCES", "KEY", "INDEX"):
                self._column_key(name, constraint, begin)
                constraint = None
                continue
            is_computed |= (word == "AS" and self.word(1) != "IDENTITY") or (
                word in _COMPUTED and self.dialect == "clickhouse"
            )
            is_identity |= word == "IDENTITY"
            if word not in ("FOREIGN", "KEY"):
                constraint = None
            self.skip_one()
        if not type_ and not is_computed and self.dialect != "sqlite":
            self.found.is_plain = False
        return ColumnDefinition(name, type_, is_computed, is_identity)

    def _column_key(self, column: Token, name: Token | None, begin: int) -> None:
        word = self.word()
        target: tuple[Token, ...] = ()
        target_columns: tuple[Token, ...] = ()
        if word == "REFERENCES":
            kind = KeyKind.FOREIGN
            target, target_columns = self._reference()
        else:
            # MySQL: KEY alone says PRIMARY KEY; behind UNIQUE it says nothing.
            kind = {"UNIQUE": KeyKind.UNIQUE, "INDEX": KeyKind.INDEX}.get(word, KeyKind.PRIMARY)
            is_key = word != "KEY" or self.dialect in _KEY_ITEMS
            self.at += 1
            self.take("KEY")
            if word == "INDEX":  # T-SQL: b INT INDEX ix
                name = self.tokens[self.at] if self.is_name() else None
                is_key = self.dialect in ("tsql", "fabric") and name is not None
            if not is_key:
                return
        if kind is KeyKind.FOREIGN and not target:
            self.found.is_plain = False
            return
        first, last = self.tokens[begin], self.last
        self.found.keys.append(KeyDefinition(kind, (column,), name, first, last, target, target_columns))

    def type(self) -> tuple[Token, ...]:
        """The tokens of a type, up to the first word that says something else."""
        begin, angles = self.at, 0
        kinds, words = self.kinds, self.words
        while not self.is_end:
            kind, word = kinds[self.at], words[self.at]
            if angles == 0:
                if kind is COMMA or kind in CLOSERS or self._is_behind_type(word):
                    break
                is_first = self.at == begin or kinds[self.at - 1] is DOT
                if not is_first and word and word[0].isalpha() and word not in _TYPE_WORDS:
                    self.found.is_plain = False
            if kind in OPENERS:
                self.found.is_all &= self.at > begin  # a type begins with a word
                self.skip_brackets()
                continue
            if kind in _ANGLES:
                angles += _ANGLES[kind]
            self.at += 1
        return tuple(self.tokens[begin : self.at])

    def _is_behind_type(self, word: str) -> bool:
        if word in _BEHIND_TYPE:
            return True
        if word == "CHARACTER":  # MySQL: VARCHAR(9) CHARACTER SET utf8
            return self.word(1) == "SET"
        return word == "WITH" and self.word(1) not in ("TIME", "LOCAL")
