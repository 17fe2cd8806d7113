"""Tokens that stand in no text: what rewording puts between those that do."""

from __future__ import annotations

from sqlglot.tokenizer_core import Token, TokenType


def made(kind: TokenType, text: str, near: Token) -> Token:
    """A token of our own, placed at one of the text, so that what is quoted stays the user's."""
    return Token(kind, text, near.line, near.col, near.start, near.end, [])
