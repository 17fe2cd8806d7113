"""Phrases inside expressions that the parser refuses: functions and their arguments, types, operators.

See :mod:`~airflow_provider_sqlflow.engine.retouch`, which tries them.
"""

from __future__ import annotations

from sqlglot.tokenizer_core import TokenType

from airflow_provider_sqlflow.engine.segments import CLOSERS, OPENERS
from airflow_provider_sqlflow.engine.token_editor import ENDS, Action, Editor, drop, drop_call

_UNITS = ("YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND", "MICROSECOND")
_JSON_ENDS = frozenset(
    {"NULL", "ERROR", "EMPTY", "DEFAULT", "WITH", "WITHOUT", "STRICT", "ABSENT", "FORMAT", "ORDER BY"}
)
_QUERIES = frozenset({"SELECT", "WITH", "INSERT", "UPDATE", "DELETE", "REPLACE"})
_JSON_NAMES = {
    "JSON_OBJECT": "JSON_PAIRS",
    "JSON_OBJECTAGG": "JSON_OBJECT_AGG",
    "JSON_ARRAY": "JSON_ITEMS",
    "JSON_ARRAYAGG": "JSON_AGG",
}


def _in_json(count: int) -> Action:
    return lambda editor, index: index + count if _is_json(editor) else None


def _is_json(editor: Editor) -> bool:
    return any(call.startswith(("JSON", "COLUMNS")) for call in editor.calls)


def _json_returning(editor: Editor, index: int) -> int | None:
    """``RETURNING type`` inside a JSON function."""
    if not _is_json(editor):
        return None
    return editor.until(index + 1, _JSON_ENDS)


def _json_colon(editor: Editor, index: int) -> int | None:
    """``JSON_OBJECTAGG(key VALUE v)`` and ``key: v``: two arguments."""
    if not editor.calls or not editor.calls[-1].startswith("JSON_OBJECT"):
        return None
    if editor.kind(index - 1) not in ENDS:
        return None
    editor.make(TokenType.COMMA, ",", index)
    return index + 1


def _json_call(editor: Editor, index: int) -> int:
    """A JSON function as any other: the parser wants pairs, and ``JSON_OBJECT(a)`` has none."""
    editor.make(TokenType.VAR, _JSON_NAMES[editor.words[index]], index)
    return index + 1


def _json_key(editor: Editor, index: int) -> int | None:
    is_first = editor.kind(index - 1) in (TokenType.L_PAREN, TokenType.COMMA)
    return index + 1 if _is_json(editor) and is_first else None


def _cursor_row(editor: Editor, index: int) -> int:
    """``WHERE CURRENT OF cursor``: which row it is shows nowhere."""
    editor.make(TokenType.TRUE, "TRUE", index)
    return editor.name_end(index + 2)


def _sequence(editor: Editor, index: int) -> int:
    """``NEXT VALUE FOR sequence``: a value of no column."""
    editor.make(TokenType.NULL, "NULL", index)
    return editor.name_end(index + 3)


def _parameters(editor: Editor, index: int) -> int | None:
    """Vertica's ``f(a USING PARAMETERS name = value, …)``."""
    return editor.closing(_opening(editor, index)) - 1 if editor.calls else None


def _opening(editor: Editor, index: int) -> int:
    depth = 0
    for number in range(index - 1, -1, -1):
        kind = editor.kind(number)
        depth += (kind in CLOSERS) - (kind in OPENERS)
        if depth < 0:
            return number
    return 0


def _matched(editor: Editor, index: int) -> int | None:
    """MySQL's ``MATCH a, b AGAINST ('text')``, without brackets."""
    end = editor.until(index + 1, frozenset({"AGAINST"}))
    if editor.kind(index + 1) is TokenType.L_PAREN or editor.word(end) != "AGAINST":
        return None
    editor.out.append(editor.tokens[index])
    editor.make(TokenType.L_PAREN, "(", index)
    editor.out.extend(editor.tokens[index + 1 : end])
    editor.make(TokenType.R_PAREN, ")", end)
    return end


def _assigned(editor: Editor, index: int) -> int | None:
    """``WHERE (@n := @n + 1) > 2``: a variable on the way."""
    if editor.words[0] not in _QUERIES:
        return None
    editor.make(TokenType.EQ, "=", index)
    return index + 1


def _array_type(editor: Editor, index: int) -> int | None:
    """``a::regtype[]``: the type of the items says as much."""
    is_type = editor.word(index - 2) in ("::", "AS") and editor.word(index - 1) != ""
    return index + 2 if is_type else None


def _precision(editor: Editor, index: int) -> int | None:
    """``INTERVAL DAY(2) TO SECOND(6)``: a type without its digits."""
    is_type = editor.word(index - 1) in ("INTERVAL", "TO") and editor.kind(index + 1) is TokenType.L_PAREN
    if not is_type:
        return None
    editor.out.append(editor.tokens[index])
    return editor.closing(index + 1)


def _span_unit(editor: Editor, index: int) -> int:
    """Teradata's ``(a - b) DAY(4) TO SECOND``."""
    end = editor.closing(index + 1) if editor.kind(index + 1) is TokenType.L_PAREN else index + 1
    return _span_unit(editor, end + 1) if editor.word(end) == "TO" else end


def _duration(editor: Editor, index: int) -> int | None:
    """DB2's ``d + 3 DAYS`` and ``d - (n) MONTHS``."""
    before = editor.kind(index - 1)
    if editor.dialect == "teradata" and before is TokenType.R_PAREN:
        return _span_unit(editor, index)
    if editor.dialect or editor.kind(index + 1) in (TokenType.L_PAREN, TokenType.DOT):
        return None
    if before is TokenType.R_PAREN:
        start = _opening(editor, index - 1)
    elif before in (TokenType.NUMBER, TokenType.VAR):
        start = index - 1
    else:
        return None
    return index + 1 if editor.word(start - 1) in ("+", "-") else None


def _end_case(editor: Editor, index: int) -> int | None:
    """``CASE … END CASE`` as a value."""
    if editor.words[0] in ("CASE", "END"):
        return None
    editor.out.append(editor.tokens[index])
    return index + 2


def _model(editor: Editor, index: int) -> int | None:
    """``ML.WEIGHTS(MODEL a.b)``."""
    is_first = editor.kind(index - 1) is TokenType.L_PAREN
    if not is_first or editor.kind(index + 1) not in (TokenType.VAR, TokenType.IDENTIFIER):
        return None
    end = editor.name_end(index + 1)
    return end + (editor.kind(end) is TokenType.COMMA)


def _null_cast(editor: Editor, index: int) -> int:
    """Vertica's ``a::!INT``."""
    editor.out.append(editor.tokens[index])
    return index + 2


VALUE_PHRASES: tuple[tuple[str, Action], ...] = (
    # Rows and values that come from no column
    ("CURRENT OF", _cursor_row),
    ("NEXT|PREVIOUS VALUE FOR", _sequence),
    # Operators, arguments of functions, types
    ("MATCH", _matched),
    (":=", _assigned),
    ("[ ]", _array_type),
    ("USING PARAMETERS", _parameters),
    ("RETURNS (", drop_call(1)),
    ("MODEL", _model),
    ("UESCAPE", drop(2)),
    (":: !", _null_cast),
    ("END CASE", _end_case),
    ("YEAR|MONTH|DAY|HOUR|MINUTE|SECOND", _precision),
    ("|".join(f"{unit}|{unit}S" for unit in _UNITS), _duration),
    # JSON
    ("NULL|ABSENT ON NULL", _in_json(3)),
    ("NULL|ERROR|EMPTY|TRUE|FALSE|UNKNOWN ON EMPTY|ERROR", _in_json(3)),
    ("EMPTY ARRAY|OBJECT ON EMPTY|ERROR", _in_json(4)),
    ("DEFAULT * ON EMPTY|ERROR", _in_json(4)),
    ("WITH|WITHOUT CONDITIONAL|UNCONDITIONAL|ARRAY WRAPPER", _in_json(3)),
    ("WITH|WITHOUT CONDITIONAL|UNCONDITIONAL ARRAY WRAPPER", _in_json(4)),
    ("WITH|WITHOUT WRAPPER", _in_json(2)),
    ("WITH|WITHOUT UNIQUE KEYS", _in_json(3)),
    ("WITH|WITHOUT UNIQUE", _in_json(2)),
    ("WITH TYPENAME", _in_json(2)),
    ("FORMAT JSON", _in_json(2)),
    ("KEEP|OMIT QUOTES", _in_json(2)),
    ("STRICT", _in_json(1)),
    ("RETURNING", _json_returning),
    ("JSON_OBJECT|JSON_OBJECTAGG|JSON_ARRAY|JSON_ARRAYAGG (", _json_call),
    ("KEY", _json_key),
    ("VALUE", _json_colon),
    (":", _json_colon),
)  # fmt: skip
