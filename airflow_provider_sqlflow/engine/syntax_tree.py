"""The syntax tree of SQL as XML: sqlglot's nodes, their arguments and where they stand in the text."""

from __future__ import annotations

import re
from typing import Any
from xml.etree.ElementTree import Element, SubElement  # nosec B405 - writes, reads nothing
from xml.sax.saxutils import escape  # nosec B406 - likewise

from sqlglot import exp

from airflow_provider_sqlflow.engine.dialects import resolve_dialect
from airflow_provider_sqlflow.engine.limits import DEFAULT_LIMITS, Limits
from airflow_provider_sqlflow.engine.parse import StatementError, StatementParser
from airflow_provider_sqlflow.engine.split import BrokenText, RawStatement, split


def syntax_tree(sql: str, dialect: str, limits: Limits = DEFAULT_LIMITS) -> str:
    """Each statement of a text as one element of ``<statements>``.

    A node is an element named after its sqlglot class; a child with a name in its parent has that name as the
    attribute ``role``; a value is the attribute of its name. What cannot be read is an ``<error>``.

    Args:
        sql: the text.
        dialect: any name of a dialect.
        limits: a statement beyond them is an ``<error>``.

    Raises:
        UnknownDialectError: nothing is known of that dialect.
    """
    name = resolve_dialect(dialect)
    root = Element("statements", dialect=name)
    parser = StatementParser(name)
    for part in split(sql, name):
        if isinstance(part, BrokenText):
            _append_error(root, part.message)
        elif part.nesting > limits.max_nesting:
            _append_error(root, f"nested {part.nesting} deep; the limit is {limits.max_nesting}")
        elif part.end - part.start > limits.max_statement_chars:
            _append_error(root, f"longer than {limits.max_statement_chars} characters")
        else:
            _append_statement(root, parser, part)
    return _written(root)


def _append_statement(root: Element, parser: StatementParser, statement: RawStatement) -> None:
    try:
        tree = parser.tree(statement)
    except StatementError as error:
        _append_error(root, error.message)
        return
    if tree is not None:
        _append(root, tree)


def _append_error(root: Element, message: str) -> None:
    SubElement(root, "error", message=_text(message))


def _append(root: Element, tree: exp.Expr) -> None:
    """The tree below an element, without recursion: trees can be deep."""
    waiting: list[tuple[Element, Any, str]] = [(root, tree, "")]
    while waiting:
        parent, node, name = waiting.pop()
        element = SubElement(parent, type(node).__name__, {"role": name} if name else {})
        children: list[tuple[Element, Any, str]] = []
        for key, value in node.args.items():
            for item in value if isinstance(value, list) else [value]:
                if isinstance(item, exp.Expr):
                    children.append((element, item, key))
                elif item is not None and item is not False and item != "":
                    element.set(key, _text(str(item)))
        waiting.extend(reversed(children))


def _written(root: Element) -> str:
    """The element as text, without recursion."""
    written: list[str] = []
    waiting: list[Element | str] = [root]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            written.append(item)
            continue
        attributes = "".join(f' {name}="{escape(value, _IN_QUOTES)}"' for name, value in item.items())
        written.append(f"<{item.tag}{attributes}{'>' if len(item) else ' />'}")
        if len(item):
            waiting.append(f"</{item.tag}>")
            waiting.extend(reversed(item))
    return "".join(written)


_IN_QUOTES = {'"': "&quot;", "\t": "&#09;", "\n": "&#10;", "\r": "&#13;"}


def _text(text: str) -> str:
    """Without what XML cannot hold."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)


_NOT_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
