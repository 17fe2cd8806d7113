"""What stands in FROM and the parser refuses, put as it knows it: window functions of tables, files, rows.

Tried, like all of :mod:`airflow_provider_sqlflow.engine.retouch`, when a statement does not parse.
"""

from __future__ import annotations

from sqlglot.tokenizer_core import TokenType

from airflow_provider_sqlflow.engine.segments import CLOSERS
from airflow_provider_sqlflow.engine.token_editor import TEXTS, Action, Editor

_WINDOW_COLUMNS = ("window_start", "window_end", "window_time")
_NO_NAMES = frozenset({None, TokenType.ALIAS, *CLOSERS})
_BEHIND_LATERAL_VIEW = frozenset(
    {"LATERAL", "WHERE", "JOIN", "GROUP", "ORDER", "LEFT", "INNER", "CROSS", "LIMIT"}
)


def _windowed(editor: Editor, index: int) -> int | None:
    """Flink's ``TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), size))``: t with columns of its windows."""
    end = editor.closing(index + 1)
    table = next((n for n in range(index + 4, end) if editor.word(n) == "TABLE"), None)
    time = next((n for n in range(index + 4, end) if editor.word(n) == "DESCRIPTOR"), None)
    if table is None or time is None or end > len(editor.tokens):
        return None
    moment = editor.tokens[time + 2 : editor.closing(time + 1) - 1]
    make = editor.make
    make(TokenType.L_PAREN, "(", index)
    make(TokenType.SELECT, "SELECT", index)
    make(TokenType.STAR, "*", index)
    for name in _WINDOW_COLUMNS:
        make(TokenType.COMMA, ",", index)
        make(TokenType.VAR, "WINDOW_BOUND", index)
        make(TokenType.L_PAREN, "(", index)
        editor.out.extend(moment)
        make(TokenType.R_PAREN, ")", index)
        make(TokenType.ALIAS, "AS", index)
        make(TokenType.VAR, name, index)
    make(TokenType.FROM, "FROM", index)
    editor.out.extend(editor.tokens[table + 1 : editor.name_end(table + 1)])
    make(TokenType.R_PAREN, ")", end)
    return end


def _lateral_table(editor: Editor, index: int) -> int | None:
    """Flink's ``LATERAL TABLE(split(x))``: any function, whatever the parser knows of its name."""
    if editor.kind(index + 4) is not TokenType.L_PAREN:
        return None
    editor.out.extend(editor.tokens[index : index + 3])
    editor.make(TokenType.VAR, "TABLE_ROWS", index + 3)
    return index + 4


def _table_argument(editor: Editor, index: int) -> int | None:
    """BigQuery's ``f(TABLE t)``: all rows of t."""
    names = (TokenType.VAR, TokenType.IDENTIFIER)
    if not editor.calls or editor.dialect != "bigquery" or editor.kind(index + 1) not in names:
        return None
    if editor.kind(index - 1) not in (TokenType.L_PAREN, TokenType.COMMA):
        return None
    editor.make(TokenType.L_PAREN, "(", index)
    for kind, text in ((TokenType.SELECT, "SELECT"), (TokenType.STAR, "*"), (TokenType.FROM, "FROM")):
        editor.make(kind, text, index)
    end = editor.name_end(index + 1)
    editor.out.extend(editor.tokens[index + 1 : end])
    editor.make(TokenType.R_PAREN, ")", end - 1)
    return end


def _matched_rows(editor: Editor, index: int) -> int | None:
    """MATCH_RECOGNIZE of a dialect in which the word is a name like any other."""
    if editor.kind(index) is not TokenType.VAR:
        return None
    editor.make(TokenType.MATCH_RECOGNIZE, "MATCH_RECOGNIZE", index)
    return index + 1


def _watermark(editor: Editor, index: int) -> int | None:
    """Flink's ``WATERMARK FOR ts AS …`` in a list of columns."""
    if not editor.calls or editor.kind(index - 1) not in (TokenType.COMMA, TokenType.L_PAREN):
        return None
    end = editor.until(index, frozenset({","}))
    if editor.kind(index - 1) is TokenType.L_PAREN:
        return end + (editor.kind(end) is TokenType.COMMA)
    editor.out.pop()
    return end


def _lateral_view(editor: Editor, index: int) -> int | None:
    """``LATERAL VIEW f(x) t a, b``: Hive and Spark do not ask for the AS."""
    start = index + 2 + (editor.word(index + 2) == "OUTER")
    bracket = editor.name_end(start)
    if editor.kind(bracket) is not TokenType.L_PAREN:
        return None
    end = editor.closing(bracket)
    names = (TokenType.VAR, TokenType.IDENTIFIER)
    if editor.kind(end) not in names or editor.kind(end + 1) in _NO_NAMES:
        return None
    following = editor.tokens[end + 1]
    if following.token_type not in names and not following.text.isidentifier():
        return None
    if following.text.upper() in _BEHIND_LATERAL_VIEW:
        return None
    editor.out.extend(editor.tokens[index : end + 1])
    editor.make(TokenType.ALIAS, "AS", end)
    return end + 1


def _file_rows(editor: Editor, index: int) -> int | None:
    """T-SQL's ``OPENROWSET(BULK 'path', …) WITH (a INT)``: the file, without what it says of its format."""
    path = next((number for number in (index + 3, index + 4) if editor.kind(number) in TEXTS), None)
    end = editor.closing(index + 1)
    if path is None or end > len(editor.tokens):
        return None
    editor.out.extend((*editor.tokens[index : index + 2], editor.tokens[path], editor.tokens[end - 1]))
    return editor.closing(end + 1) if editor.follows(end, ("WITH", "(")) else end


def _split_rows(editor: Editor, index: int) -> int:
    """Teradata's ``STRTOK_SPLIT_TO_TABLE(key, text, ',')``, of which the parser knows another form."""
    editor.make(TokenType.VAR, "STRTOK_ROWS", index)
    return index + 1


def _document_rows(editor: Editor, index: int) -> int | None:
    """T-SQL's ``OPENXML(@doc, 'path') WITH (a INT)`` or ``WITH t``: the names show where they are used."""
    end = editor.closing(index + 1)
    if editor.word(end) != "WITH":
        return None
    editor.make(TokenType.VAR, "OPENXML", index)  # any name: the parser asks OPENJSON for a literal path
    editor.out.extend(editor.tokens[index + 1 : end])
    is_list = editor.kind(end + 1) is TokenType.L_PAREN
    return editor.closing(end + 1) if is_list else editor.name_end(end + 1)


def _attribute(editor: Editor, index: int) -> int | None:
    """ClickHouse's words behind the type of a dictionary's column: ``HIERARCHICAL``, ``EXPRESSION f(x)``."""
    if len(editor.calls) != 1 or "DICTIONARY" not in editor.words[1:4]:
        return None
    if editor.word(index) != "EXPRESSION":
        return index + 1
    return editor.until(index, frozenset({","}))


FROM_PHRASES: tuple[tuple[str, Action], ...] = (
    ("TABLE ( TUMBLE|HOP|CUMULATE|SESSION (", _windowed),
    ("TABLE", _table_argument),
    ("LATERAL TABLE ( * (", _lateral_table),
    ("WATERMARK FOR", _watermark),
    ("HIERARCHICAL|BIDIRECTIONAL|INJECTIVE|IS_OBJECT_ID|EXPRESSION", _attribute),
    ("MATCH_RECOGNIZE (", _matched_rows),
    ("LATERAL VIEW", _lateral_view),
    ("OPENROWSET ( BULK", _file_rows),
    ("STRTOK_SPLIT_TO_TABLE (", _split_rows),
    ("OPENXML|OPENJSON (", _document_rows),
)
"""Phrases, as those of :mod:`~airflow_provider_sqlflow.engine.retouch`, and what to do where they stand."""
