"""Reading forward through the tokens of a statement, word by word."""

from __future__ import annotations

from sqlglot.tokenizer_core import Token, TokenType

from airflow_provider_sqlflow.engine.segments import CLOSERS, OPENERS

# Python 3.11 takes longer to look a member up in its enum than to read a token.
COMMA, DOT, L_PAREN, IDENTIFIER = TokenType.COMMA, TokenType.DOT, TokenType.L_PAREN, TokenType.IDENTIFIER
_QUOTED = frozenset({TokenType.IDENTIFIER, TokenType.STRING})
_MARGIN = 8  # how far a look ahead may go behind the end


def _words(tokens: list[Token]) -> list[str]:
    """The tokens' words in capitals: of ``PRIMARY KEY``, one token, the first. Empty for quoted text."""
    texts = ["" if token.token_type in _QUOTED else token.text.upper() for token in tokens]
    return [text if " " not in text else _first_word(text) for text in texts]


def _first_word(text: str) -> str:
    words = text.split() or [""]
    return words[-1] if words[-1] == "INDEX" else words[0]  # T-SQL: NONCLUSTERED INDEX is one token


class Cursor:
    """A place among tokens. ``at`` is the index of the token here."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.words = _words(tokens) + [""] * _MARGIN
        self.kinds: list[TokenType | None] = [token.token_type for token in tokens]
        self.kinds += [None] * _MARGIN
        self.at = 0

    def word(self, ahead: int = 0) -> str:
        """The word here or further on; empty for what is none and behind the end."""
        return self.words[self.at + ahead]

    def kind(self, ahead: int = 0) -> TokenType | None:
        """The kind of the token here or further on; ``None`` behind the end."""
        return self.kinds[self.at + ahead]

    def take(self, *words: str) -> bool:
        """Step over these words if they stand here."""
        if all(self.word(number) == word for number, word in enumerate(words)):
            self.at += len(words)
            return True
        return False

    def is_name(self, ahead: int = 0) -> bool:
        """Whether a name may stand here."""
        if self.kind(ahead) is IDENTIFIER:
            return True
        word = self.word(ahead)
        return bool(word) and (word[0].isalpha() or word[0] in "_#@")

    @property
    def is_end(self) -> bool:
        """Whether no token is left."""
        return self.at >= len(self.tokens)

    @property
    def last(self) -> Token:
        """The token before this place; the text may end within a bracket."""
        return self.tokens[min(self.at, len(self.tokens)) - 1]

    def names(self) -> tuple[Token, ...]:
        """A dotted name."""
        parts: list[Token] = []
        while self.is_name():
            parts.append(self.tokens[self.at])
            self.at += 1
            if self.kind() is not DOT:
                break
            self.at += 1
        return tuple(parts)

    def skip_brackets(self) -> None:
        """Behind the bracket that opens here."""
        depth = 0
        kinds, end = self.kinds, len(self.tokens)
        while self.at < end:
            kind = kinds[self.at]
            depth += (kind in OPENERS) - (kind in CLOSERS)
            self.at += 1
            if depth == 0:
                return

    def skip_item(self) -> None:
        """To the comma or bracket that ends the item."""
        while not self.is_end and self.kind() is not COMMA and self.kind() not in CLOSERS:
            if self.kind() in OPENERS:
                self.skip_brackets()
            else:
                self.at += 1

    def skip_one(self) -> None:
        """Behind the token here, or behind the bracket that it opens."""
        if self.kind() in OPENERS:
            self.skip_brackets()
        else:
            self.at += 1
