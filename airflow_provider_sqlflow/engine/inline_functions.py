"""``WITH FUNCTION … SELECT``: functions that live in one query, as Oracle and Trino have them.

Their bodies hold semicolons and statements, so they are blanked before a script is split. What calls them is
read like a call of any other function.
"""

from __future__ import annotations

import re

_HEAD = re.compile(r"\bWITH\s+(?:FUNCTION|PROCEDURE)\b", re.IGNORECASE)
_PIECE = re.compile(
    r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/|\$\$.*?\$\$|[\w$#]+|[^\s\w]", re.DOTALL
)
_QUERY_WORDS = frozenset({"SELECT", "WITH", "INSERT", "UPDATE", "DELETE", "MERGE", "CREATE"})
_NO_NAMES = frozenset({"IF", "LOOP", "CASE"})
_DIALECTS = frozenset({"oracle", "trino", "athena"})


def without_inline_functions(text: str, dialect: str) -> str:
    """The text with such functions blanked; of the same length."""
    if dialect not in _DIALECTS:
        return text
    start = 0
    while (head := _HEAD.search(text, start)) is not None:
        end, keeps_with = _end(text, head.end())
        start = max(head.end(), end)
        if end > 0:
            kept = head.start() + 4 * keeps_with
            text = text[:kept] + re.sub(r"[^\r\n]", " ", text[kept:end]) + text[end:]
    return text


def _end(text: str, start: int) -> tuple[int, bool]:
    """Where the query begins, and whether it begins with a CTE that needs the WITH; 0: nowhere.

    Trino's bodies hold no queries, so the query begins with the first word of one. Oracle's end with
    ``END;`` or ``END name;``.
    """
    depth = 0
    last = ["", "", ""]  # the words before
    has_type = is_block = False
    for match in _PIECE.finditer(text, start):
        piece = match.group()
        if piece.startswith(("--", "/*")):
            continue
        word = piece.upper()
        depth += (piece == "(") - (piece == ")")
        has_type = has_type or word == "RETURNS"  # Trino's; Oracle's is RETURN
        is_block = is_block or (depth == 0 and word in ("IS", "AS") and not has_type)
        if is_block:
            is_behind = last[-1] == ";" and "END" in (last[-2], last[-3]) and last[-2] not in _NO_NAMES
            if is_behind and (word in _QUERY_WORDS or piece == "("):
                return match.start(), False
            if is_behind and word not in ("FUNCTION", "PROCEDURE") and _names_query(text, match.end()):
                return match.start(), True
        elif depth == 0 and word in _QUERY_WORDS and not text[match.end() :].lstrip().startswith("("):
            return match.start(), False
        last = [*last[1:], word]
    return 0, False


_NAMED = re.compile(r"\s*(?:\([^()]*\)\s*)?AS\s*\(", re.IGNORECASE)


def _names_query(text: str, start: int) -> bool:
    return _NAMED.match(text, start) is not None
