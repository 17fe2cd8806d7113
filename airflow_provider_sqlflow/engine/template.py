"""Unrendered Jinja, neutralised in place: the text keeps its length, so positions stay true.

``{{ expression }}`` becomes an identifier of the same length; the relation or column then shows the
expression as its name. ``{{ ref('x') }}`` and ``{{ source('a', 'x') }}`` become the name they
stand for. Of ``{% if %}`` the first branch is kept (one condition has one answer in a text), of
``{% for %}`` one turn; comments, ``set``, ``macro`` and ``config`` become blanks.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass

_TEXT = r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\""""  # it may hold braces: dbt's hooks are Jinja in a text
_TAG = re.compile(r"\{\{(?:[^'\"}]|" + _TEXT + r"|\}(?!\}))*\}\}|\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_BLOCK_WORD = re.compile(r"\{%[-+]?\s*(\w+)")
_CONDITION = re.compile(r"\{%[-+]?\s*if\s+(not\s+)?((?:(?!\b(?:and|or)\b).)*?)\s*[-+]?%\}\Z", re.DOTALL)
_RAW_END = re.compile(r"\{%[-+]?\s*endraw\s*[-+]?%\}")
_CALL = re.compile(r"""\{\{[-+]?\s*(ref|source)\s*\(\s*(.*?)\s*\)\s*[-+]?\}\}\Z""", re.DOTALL)
_ARGUMENT = re.compile(r"""['"]([^'"]+)['"]""")
# What writes no SQL, a clause of its own, or a separator between the turns of a loop, of which one is kept.
_SILENT = re.compile(
    r"\{\{[-+]?\s*(?:(?:config|log|print|return|exceptions)\b|[\w.]*\bgroup_by\s*\(|['\"][^'\"]*['\"]\s*if\b[^}]*\bloop\.)"
)
_CONSTANT = re.compile(r"""\{%[-+]?\s*set\s+(\w+)\s*=\s*['"]([^'"]*)['"]\s*[-+]?%\}\Z""")
# Macros of dbt's packages: all columns of a relation, and the name of a type in the dialect.
_STAR = re.compile(r"\{\{[-+]?\s*(?:dbt_utils\.star|(?:fivetran_utils\.)?fill_staging_columns)\s*\(")
_STAR_ALIAS = re.compile(r"""\brelation_alias\s*=\s*['"](\w+)['"]""")
_TYPE = re.compile(r"\{\{[-+]?\s*(?:\w+\.)?type_(\w+)\s*\(\s*\)\s*[-+]?\}\}\Z")
_TYPES = {
    "timestamp": "TIMESTAMP",
    "int": "INT",
    "bigint": "BIGINT",
    "float": "FLOAT",
    "numeric": "NUMERIC",
    "boolean": "BOOLEAN",
}
_ALONE = re.compile(r"[ \t]*(?:\r?\n|\Z)")
_LAST_WORD = re.compile(r"[\w$]+\Z")
# Words that want something behind them.
_WAITING = frozenset(
    {
        "SELECT", "DISTINCT", "ALL", "FROM", "JOIN", "WHERE", "AND", "OR", "NOT", "ON", "BY", "AS", "HAVING",
        "QUALIFY", "CASE", "WHEN", "THEN", "ELSE", "IN", "LIKE", "ILIKE", "BETWEEN", "IS", "UNION", "EXCEPT",
        "INTERSECT", "MINUS", "INTO", "TABLE", "VIEW", "UPDATE", "SET", "VALUES", "LIMIT", "OFFSET", "USING",
        "EXISTS", "WITH", "OVER", "RETURNING", "TOP", "END", "LATERAL", "APPLY", "INTERVAL", "CALL", "DO",
    }
)  # fmt: skip
_SAFE_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*\Z")
# Blocks whose whole content is not SQL of this place.
_DROPPED_BLOCKS = frozenset({"macro", "set", "docs", "call"})


@dataclass(frozen=True, slots=True)
class Template:
    """A text without Jinja, of the same length, and where the placeholders stood."""

    text: str
    starts: tuple[int, ...] = ()
    ends: tuple[int, ...] = ()

    def covers(self, start: int, end: int) -> bool:
        """Whether ``[start, end)`` lies inside one placeholder."""
        index = bisect_right(self.starts, start) - 1
        return index >= 0 and end <= self.ends[index]

    def touches(self, start: int, end: int) -> bool:
        """Whether ``[start, end)`` holds a part of a placeholder."""
        index = bisect_right(self.starts, end - 1) - 1
        return index >= 0 and self.ends[index] > start


def neutralise(text: str) -> Template:
    """The text with Jinja replaced.

    >>> neutralise("SELECT a FROM {{ params.schema }}.t").text
    'SELECT a FROM jjjjjjjjjjjjjjjjjjj.t'
    """
    if "{{" not in text and "{%" not in text and "{#" not in text:
        return Template(text)
    return _Neutraliser(text).run()


class _Neutraliser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.out: list[str] = []
        self.placeholders: list[tuple[int, int]] = []
        # For each open block: (word, is its content dropped, was one of its branches kept).
        self.blocks: list[tuple[str, bool, bool]] = []
        self.values: dict[str, str] = {}  # of {% set name = 'text' %}
        self.assumed: dict[str, bool] = {}  # conditions met before: one text, one answer

    def run(self) -> Template:
        position = 0
        while True:
            match = _TAG.search(self.text, position)
            if match is None:
                break
            self._copy(position, match.start())
            position = self._tag(match)
        self._copy(position, len(self.text))
        return Template(
            "".join(self.out),
            tuple(start for start, _ in self.placeholders),
            tuple(end for _, end in self.placeholders),
        )

    @property
    def is_dropping(self) -> bool:
        return any(dropped for _, dropped, _ in self.blocks)

    def _copy(self, start: int, end: int) -> None:
        piece = self.text[start:end]
        self.out.append(_blank(piece) if self.is_dropping else piece)

    def _tag(self, match: re.Match[str]) -> int:
        tag = match.group()
        if tag.startswith("{%"):
            return self._block(match)
        if tag.startswith("{#") or self.is_dropping or _SILENT.match(tag):
            self.out.append(_blank(tag))
        else:
            name = _named(tag, self.values)
            if name is None:
                self.placeholders.append((match.start(), match.end()))
                name = _blank(tag) if self._is_clause(match) else _placeholder(tag)
            self.out.append(name)
        return match.end()

    def _is_clause(self, match: re.Match[str]) -> bool:
        """Whether a call on a line of its own writes more than a name: nothing before it waits for one."""
        if "(" not in match.group() or not _ALONE.match(self.text, match.end()):
            return False
        line = self.text.rfind("\n", 0, match.start()) + 1
        if self.text[line : match.start()].strip():
            return False
        before = next((piece.rstrip() for piece in reversed(self.out) if not piece.isspace()), "")
        word = _LAST_WORD.search(before)
        if word is None:
            return before.endswith((")", "*", "]", "'", '"', "`"))
        return word.group().upper() not in _WAITING

    def _block(self, match: re.Match[str]) -> int:
        tag = match.group()
        self.out.append(_blank(tag))
        word_match = _BLOCK_WORD.match(tag)
        word = word_match.group(1) if word_match else ""
        if word == "raw":
            end = _RAW_END.search(self.text, match.end())
            stop = end.start() if end else len(self.text)
            self._copy(match.end(), stop)
            self.out.append(_blank(self.text[stop : end.end() if end else stop]))
            return end.end() if end else stop
        if word.startswith("end"):
            if self.blocks:
                self.blocks.pop()
        elif word in ("else", "elif"):
            if self.blocks:
                opener, _, is_taken = self.blocks[-1]
                self.blocks[-1] = (opener, is_taken, True)
        elif word == "if":
            # The separator idiom `{% if not loop.last %},{% endif %}`: one turn is kept, so none.
            is_separator = "loop.last" in tag or "loop.first" in tag
            is_kept = not is_separator and self._holds(tag)
            self.blocks.append((word, not is_kept, is_separator or is_kept))
        elif word == "for":
            self.blocks.append((word, False, True))
        elif word in _DROPPED_BLOCKS:
            constant = _CONSTANT.match(tag)
            if constant:
                self.values[constant.group(1)] = constant.group(2)
            if word != "set" or "=" not in tag:
                self.blocks.append((word, True, True))
        elif word in ("filter", "block", "snapshot", "test", "materialization"):
            self.blocks.append((word, False, True))
        return match.end()

    def _holds(self, tag: str) -> bool:
        """Whether a condition is taken as true: the first time it is, and ``not …`` of it then is not."""
        match = _CONDITION.match(tag)
        if match is None or self.is_dropping:
            return True
        is_negated = match.group(1) is not None
        condition = " ".join(match.group(2).split())
        return self.assumed.setdefault(condition, not is_negated) != is_negated


def _blank(piece: str) -> str:
    return re.sub(r"[^\r\n]", " ", piece)


def _named(tag: str, values: dict[str, str]) -> str | None:
    """What is known of a tag, padded to its length: the relation of ``ref`` or ``source``, a type, a star."""
    call = _CALL.match(tag)
    if call:
        names: list[str] = _ARGUMENT.findall(call.group(2)) or [values.get(call.group(2), "")]
        name = ".".join(names) if call.group(1) == "source" else "".join(names[-1:])
        if name and all(_SAFE_WORD.match(part) for part in name.split(".")):
            return name + _blank(tag[len(name) :])
    star = _STAR.match(tag)
    if star:
        alias = _STAR_ALIAS.search(tag)
        text = f"{alias.group(1)}.*" if alias else "*"
        return text + _blank(tag[len(text) :])
    type_ = _TYPE.match(tag)
    if type_:
        text = _TYPES.get(type_.group(1), "VARCHAR")
        return text + _blank(tag[len(text) :])
    return None


def _placeholder(tag: str) -> str:
    # Newlines stay, so the lines below keep their numbers; the identifier fills the first line.
    first = re.match(r"[^\r\n]*", tag)
    length = first.end() if first else 0
    return "j" * length + _blank(tag[length:])
