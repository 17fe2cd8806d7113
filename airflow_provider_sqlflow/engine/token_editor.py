"""A statement's tokens copied from left to right, some left out, some put another way."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import pairwise

from sqlglot.tokenizer_core import Token, TokenType

from airflow_provider_sqlflow.engine.segments import CLOSERS, OPENERS
from airflow_provider_sqlflow.engine.tokens import made

TEXTS = frozenset(
    {
        TokenType.STRING, TokenType.NATIONAL_STRING, TokenType.RAW_STRING, TokenType.BYTE_STRING,
        TokenType.HEX_STRING, TokenType.BIT_STRING, TokenType.UNICODE_STRING,
    }
)  # fmt: skip
QUOTED = TEXTS | {TokenType.IDENTIFIER, TokenType.HEREDOC_STRING}
OPERANDS = QUOTED | {TokenType.VAR, TokenType.NUMBER, TokenType.PARAMETER, TokenType.NULL}
ENDS = OPERANDS | {TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.END}
_STARTS = OPERANDS | {TokenType.L_PAREN, TokenType.CASE, TokenType.DASH}
SYMBOLS = frozenset("+-*/<>=~!@#%^&|?")
# A comparison or sum whose right side has a sign: the parser knows both.
_SIGNED = re.compile(r"(?:[-+*/%=<>]|<=|>=|<>|!=|\|\|)[-+~@]|[-+*/%&|^]=|=>|->>?|::|--")
_PLACEHOLDER = re.compile(r"j{5,}")  # what a template leaves of ``{{ … }}``

Action = Callable[["Editor", int], "int | None"]
"""Changes what stands at an index; returns where to go on, or ``None`` where nothing is to be changed."""


class Editor:
    """Copies tokens from left to right, with changes.

    Args:
        tokens: of one statement.
        dialect: sqlglot name.
        phrases: by the first word, phrases and what to do where they stand.
        clauses: words that begin a clause.
    """

    def __init__(
        self,
        tokens: list[Token],
        dialect: str,
        phrases: Mapping[str, Sequence[tuple[tuple[str, ...], Action]]],
        clauses: AbstractSet[str],
    ) -> None:
        self._phrases = phrases
        self._clauses = clauses
        self.tokens = tokens
        self.dialect = dialect
        self.words = ["" if token.token_type in QUOTED else token.text.upper() for token in tokens]
        self.out: list[Token] = []
        self.calls: list[str] = []  # the word before each open bracket
        self.subsets = {  # of MATCH_RECOGNIZE: SUBSET name = (…)
            after for word, after in pairwise(self.words) if word == "SUBSET"
        }
        self.clause = ""  # the last of GROUP BY, RETURNING … outside brackets
        self.is_changed = False

    def run(self) -> None:
        """Fill :attr:`out`."""
        index = 0
        while index < len(self.tokens):
            index = self._step(index)

    def _step(self, index: int) -> int:
        """Copy or change what stands at a place; returns where to go on."""
        kind, word = self.tokens[index].token_type, self.words[index]
        behind = index + 2 if word in self.subsets and self.kind(index + 1) is TokenType.DOT else None
        behind = self._operator(index) if behind is None else behind
        if behind is None:
            for phrase, action in self._phrases.get(word, ()):
                if self.follows(index, phrase):
                    behind = action(self, index)
                    if behind is not None:
                        break
        if behind is None and kind is TokenType.VAR and _PLACEHOLDER.fullmatch(self.tokens[index].text):
            behind = self._placeholder(index)
        if behind is None and kind in TEXTS and index and self.tokens[index - 1].token_type in TEXTS:
            behind = index + 1  # 'a' 'b' is one text
        if behind is not None:
            self.is_changed = True
            return behind
        if kind in OPENERS:
            self.calls.append(self.words[index - 1] if index else "")
        elif kind in CLOSERS and self.calls:
            self.calls.pop()
        elif not self.calls and word in self._clauses:
            self.clause = word
        self.out.append(self.tokens[index])
        return index + 1

    def _placeholder(self, index: int) -> int | None:
        """A placeholder where a type stands, or a clause: ``WHERE a = 1 {{ more() }}``."""
        if not self.out:
            return None
        before = self.out[-1].token_type
        is_cast = bool(self.calls) and self.calls[-1].endswith("CAST") and before is TokenType.ALIAS
        if is_cast or before is TokenType.DCOLON:
            self.make(TokenType.VARCHAR, "VARCHAR", index)
            return index + 1
        return index + 1 if before in ENDS else None

    # What stands at a place -----------------------------------------------------------------------

    def follows(self, index: int, phrase: tuple[str, ...]) -> bool:
        """Whether words stand at a place; ``a|b`` is one of two."""
        found = self.words[index : index + len(phrase)]
        return len(found) == len(phrase) and all(
            wanted == "*" or word in wanted.split("|") for word, wanted in zip(found, phrase, strict=True)
        )

    def kind(self, index: int) -> TokenType | None:
        """The kind of a token; ``None`` outside the statement."""
        return self.tokens[index].token_type if 0 <= index < len(self.tokens) else None

    def word(self, index: int) -> str:
        """The word at a place; empty for what is quoted and outside the statement."""
        return self.words[index] if 0 <= index < len(self.words) else ""

    def closing(self, index: int) -> int:
        """Behind the bracket that opens at a place."""
        depth = 0
        for number in range(index, len(self.tokens)):
            kind = self.tokens[number].token_type
            depth += (kind in OPENERS) - (kind in CLOSERS)
            if depth == 0:
                return number + 1
        return len(self.tokens)

    def until(self, index: int, words: frozenset[str]) -> int:
        """The first of some words, or the bracket or comma that ends what stands at a place."""
        depth = 0
        for number in range(index, len(self.tokens)):
            kind = self.tokens[number].token_type
            depth += (kind in OPENERS) - (kind in CLOSERS)
            if depth < 0 or (depth == 0 and self.words[number] in words):
                return number
        return len(self.tokens)

    def name_end(self, index: int) -> int:
        """Behind a dotted name."""
        while index < len(self.tokens):
            index += 2 if self.kind(index) is TokenType.PARAMETER else 1
            if self.kind(index) is not TokenType.DOT:
                break
            index += 1
        return index

    def make(self, kind: TokenType, text: str, index: int) -> None:
        """Write a token that does not stand in the text, placed at one that does."""
        near = self.tokens[min(index, len(self.tokens) - 1)]
        self.out.append(made(kind, text, near))

    # Operators ------------------------------------------------------------------------------------

    def _operator(self, index: int) -> int | None:
        """An operator of signs or words that the parser does not know: any other takes the same operands."""
        if self.kind(index - 1) not in ENDS or not self.out:
            return None
        word = self.words[index]
        if self.dialect == "clickhouse" and word in ("?", ":") and self.kind(index + 1) in _STARTS:
            self.make(TokenType.PLUS, "+", index)  # a ? b : c
            return index + 1
        if word in ("MOD", "MULTISET"):
            end = index + 1
            if word == "MULTISET":
                end += 1 + (self.word(index + 2) in ("ALL", "DISTINCT"))
        elif word and SYMBOLS.issuperset(word):
            end = index + 1
            while self._is_glued(end):
                end += 1
            signs = "".join(self.words[index:end])
            is_alone = end == index + 1
            if is_alone and not (signs == "@" and self._stands_free(index)):
                return None
            if not is_alone and _SIGNED.fullmatch(signs):
                return None
        else:
            return None
        if self.kind(end) not in _STARTS:
            return None
        self.make(TokenType.PLUS, "+", index)
        return end

    def _is_glued(self, index: int) -> bool:
        word = self.word(index)
        is_near = bool(word) and self.tokens[index].start == self.tokens[index - 1].end + 1
        return is_near and SYMBOLS.issuperset(word)

    def _stands_free(self, index: int) -> bool:
        """Whether blanks stand on both sides: ``a @ b``, not ``@b``."""
        tokens = self.tokens
        return index + 1 < len(tokens) and tokens[index + 1].start > tokens[index].end + 1


def drop(count: int) -> Action:
    """Leave out some words."""
    return lambda _, index: index + count


def drop_call(count: int) -> Action:
    """Leave out some words and the bracket behind them."""
    return lambda editor, index: editor.closing(index + count)
