"""Clauses and operators that the parser refuses and that change no lineage: left out, or put as known ones.

Tried only when a statement does not parse, so a phrase that means something else elsewhere does no harm.
Tokens keep their places, so what is quoted stays the user's text.
"""

from __future__ import annotations

from sqlglot.tokenizer_core import Token, TokenType

from airflow_provider_sqlflow.engine.retouch_from import FROM_PHRASES
from airflow_provider_sqlflow.engine.segments import CLOSERS, OPENERS
from airflow_provider_sqlflow.engine.token_editor import (
    ENDS,
    SYMBOLS,
    Action,
    Editor,
)

_UNITS = ("YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND", "MICROSECOND")
_JSON_ENDS = frozenset(
    {"NULL", "ERROR", "EMPTY", "DEFAULT", "WITH", "WITHOUT", "STRICT", "ABSENT", "FORMAT", "ORDER BY"}
)
_LIMIT_ENDS = frozenset({"SETTINGS", "FORMAT", "INTO", "UNION", "WITH"})
_QUERIES = frozenset({"SELECT", "WITH", "INSERT", "UPDATE", "DELETE", "REPLACE"})
_JSON_NAMES = {
    "JSON_OBJECT": "JSON_PAIRS",
    "JSON_OBJECTAGG": "JSON_OBJECT_AGG",
    "JSON_ARRAY": "JSON_ITEMS",
    "JSON_ARRAYAGG": "JSON_AGG",
}
_OPTIONS = frozenset(
    {
        "LOW_PRIORITY", "HIGH_PRIORITY", "DELAYED", "QUICK", "IGNORE", "SQL_CALC_FOUND_ROWS", "SQL_CACHE",
        "SQL_NO_CACHE", "SQL_BUFFER_RESULT", "SQL_SMALL_RESULT", "SQL_BIG_RESULT",
    }
)  # fmt: skip
_WITH_OPTIONS = frozenset({"DELETE", "UPDATE", "INSERT", "REPLACE", "SELECT"})
_GROUP_ENDS = frozenset({"HAVING", "ORDER BY", "LIMIT", "WITH", "WINDOW", "UNION", "INTO", "FOR"})


def retouch(tokens: list[Token], dialect: str) -> list[Token] | None:
    """The tokens without what the parser refuses; ``None`` when there is nothing of the kind."""
    editor = Editor(tokens, dialect, _PHRASES, _CLAUSES)
    editor.run()
    return editor.out if editor.is_changed else None


def _drop(count: int) -> Action:
    return lambda _, index: index + count


def _drop_call(count: int) -> Action:
    """Leave out some words and the bracket behind them."""
    return lambda editor, index: editor.closing(index + count)


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


def _inner_words(editor: Editor, index: int) -> int:
    """ClickHouse's ``LEFT ANY OUTER JOIN``, without OUTER."""
    editor.out.append(editor.tokens[index])
    return index + 2


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


def _to_end(editor: Editor, index: int) -> int | None:
    return None if editor.calls or index == 0 else len(editor.tokens)


def _rest(editor: Editor, index: int) -> int:
    """Oracle's MODEL and Teradata's EXPAND ON: to the end of the query."""
    return editor.until(index, frozenset({"ORDER BY"}))


def _second_limit(editor: Editor, index: int) -> int | None:
    """ClickHouse's ``LIMIT 2 BY a LIMIT 10``: the number behind counts rows only."""
    depth, is_by = 0, False
    for number in range(index - 1, -1, -1):
        kind, word = editor.kind(number), editor.word(number)
        depth += (kind in CLOSERS) - (kind in OPENERS)
        if depth < 0 or (depth == 0 and word == "SELECT"):
            return None
        is_by = is_by or (depth == 0 and word == "BY")
        if depth == 0 and word == "LIMIT":
            return editor.until(index + 1, _LIMIT_ENDS) if is_by else None
    return None


def _isolation(editor: Editor, index: int) -> int:
    """DB2's ``WITH RS USE AND KEEP UPDATE LOCKS``."""
    return index + (7 if editor.follows(index + 2, ("USE", "AND", "KEEP", "*", "LOCKS")) else 2)


def _output_into(editor: Editor, index: int) -> int | None:
    """T-SQL's ``OUTPUT … INTO @log (a)``: the sign is part of the name."""
    sign, name = index + 1, index + 2
    if editor.word(sign) != "@" or editor.kind(index + 3) is not TokenType.L_PAREN:
        return None
    first, last = editor.tokens[sign], editor.tokens[name]
    editor.out.append(editor.tokens[index])
    editor.out.append(
        Token(TokenType.VAR, first.text + last.text, first.line, first.col, first.start, last.end, [])
    )
    return index + 3


def _into_variables(editor: Editor, index: int) -> int | None:
    """``SELECT a, b INTO @x, @y FROM t``, ``RETURNING a, b INTO x, y``: values of variables."""
    if editor.calls:
        return None
    if editor.clause == "RETURNING":
        return len(editor.tokens)
    if editor.words[0] not in ("SELECT", "WITH") or editor.dialect not in (
        "mysql",
        "singlestore",
        "doris",
        "starrocks",
    ):
        return None
    end = editor.name_end(index + 1)
    while editor.kind(end) is TokenType.COMMA:
        end = editor.name_end(end + 1)
    return end


def _row_image(editor: Editor, index: int) -> int | None:
    """``RETURNING OLD a, NEW b``."""
    is_name = editor.kind(index + 1) in (TokenType.VAR, TokenType.IDENTIFIER)
    return index + 1 if editor.clause == "RETURNING" and is_name else None


def _direction(editor: Editor, index: int) -> int | None:
    """MySQL's old ``GROUP BY a DESC``."""
    return index + 1 if editor.clause == "GROUP BY" and not editor.calls else None


def _option(editor: Editor, index: int) -> int | None:
    """MySQL's words behind DELETE, UPDATE, INSERT and SELECT that say how it is done."""
    first = next((n for n in range(index - 1, -1, -1) if editor.words[n] not in _OPTIONS), 0)
    return index + 1 if editor.word(first) in _WITH_OPTIONS else None


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


def _pivot_end(editor: Editor, index: int) -> int | None:
    """DuckDB's ``PIVOT t ON a USING sum(b) ORDER BY c``."""
    is_pivot = editor.words[0] in ("PIVOT", "UNPIVOT") and not editor.calls
    return len(editor.tokens) if is_pivot else None


def _applied(editor: Editor, index: int) -> int | None:
    """ClickHouse's ``* APPLY(x -> f(x))``."""
    is_behind_columns = editor.kind(index - 1) in (TokenType.STAR, TokenType.R_PAREN)
    return editor.closing(index + 1) if is_behind_columns else None


def _all_columns(editor: Editor, index: int) -> int | None:
    """``DELETE a.*, b.* FROM …``."""
    is_head = editor.words[0] == "DELETE" and editor.clause in ("", "FROM") and not editor.calls
    return index + 2 if is_head and editor.word(index + 1) == "*" else None


def _table_query(editor: Editor, index: int) -> int | None:
    """``INSERT INTO t TABLE u``."""
    is_query = editor.words[0] in ("INSERT", "REPLACE") and not editor.calls
    if not is_query or editor.word(index - 1) in ("INTO", "OVERWRITE", "INSERT"):
        return None
    for kind, text in ((TokenType.SELECT, "SELECT"), (TokenType.STAR, "*"), (TokenType.FROM, "FROM")):
        editor.make(kind, text, index)
    return index + 1


def _portion(editor: Editor, index: int) -> int:
    return editor.until(index, frozenset({"SET", "WHERE", "AS", "ORDER BY", "LIMIT"}))


def _sort_operator(editor: Editor, index: int) -> int | None:
    """``ORDER BY a USING >``."""
    word = editor.word(index + 1)
    if word == "OPERATOR":
        return editor.closing(index + 2)
    return index + 2 if word and SYMBOLS.issuperset(word) else None


def _limit_over(editor: Editor, index: int) -> int | None:
    """Vertica's ``LIMIT 2 OVER (…)``."""
    return editor.closing(index + 1) if editor.word(index - 2) == "LIMIT" else None


def _normalized(editor: Editor, index: int) -> int | None:
    """Teradata's ``SELECT NORMALIZE ON MEETS OR OVERLAPS``."""
    end = index + 1
    while editor.word(end) in ("ON", "MEETS", "OVERLAPS", "OR"):
        end += 1
    return end if editor.word(index - 1) == "SELECT" else None


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


def _copy_options(editor: Editor, index: int) -> int | None:
    """``COPY t FROM STDIN (FORMAT CSV)``, without WITH."""
    before = editor.kind(index - 1)
    is_options = editor.word(index - 1) in ("STDIN", "STDOUT") or before is TokenType.STRING
    is_last = editor.words[0] == "COPY" and not editor.calls and editor.closing(index) == len(editor.tokens)
    return len(editor.tokens) if is_options and is_last else None


def _interpolate(editor: Editor, index: int) -> int:
    """ClickHouse's ``ORDER BY a WITH FILL INTERPOLATE (b AS b + 1)``."""
    is_call = editor.kind(index + 1) is TokenType.L_PAREN
    return editor.closing(index + 1) if is_call else index + 1


_CLAUSES = _GROUP_ENDS | {"GROUP BY", "RETURNING", "FROM", "USING", "WHERE", "SET", "VALUES", "SELECT"}
_TABLE: tuple[tuple[str, Action], ...] = (
    *FROM_PHRASES,
    # Ends of queries
    ("WITH UR|CS|RS|RR", _isolation),
    ("FOR READ|FETCH ONLY", _drop(3)),
    ("OPTIMIZE FOR * ROW|ROWS", _drop(4)),
    ("OPTION (", _drop_call(1)),
    ("SETTINGS", _to_end),
    ("OVER (", _limit_over),
    ("USING", _sort_operator),
    ("INTERPOLATE", _interpolate),
    ("MODEL DIMENSION|PARTITION|RETURN|IGNORE|KEEP|UNIQUE|REFERENCE|MAIN", _rest),
    ("EXPAND ON", _rest),
    ("SUBSET * = (", _drop_call(3)),
    ("TIMESERIES * AS * OVER (", _drop_call(5)),
    ("ORDER~BY|LIMIT", _pivot_end),
    ("LIMIT", _second_limit),
    # Rows and values that come from no column
    ("CURRENT OF", _cursor_row),
    ("NEXT|PREVIOUS VALUE FOR", _sequence),
    # Words of statements
    ("WITH LABEL *", _drop(3)),
    ("WITH TIES", _drop(2)),
    ("BY POSITION", _drop(2)),
    ("FOR PORTION OF", _portion),
    ("|".join(sorted(_OPTIONS)), _option),
    (". *", _all_columns),
    ("TABLE", _table_query),
    ("INTO #|@", _output_into),
    ("INTO", _into_variables),
    ("BULK~COLLECT~INTO", _into_variables),
    ("OLD|NEW", _row_image),
    ("ASC|DESC", _direction),
    ("NORMALIZE", _normalized),
    ("(", _copy_options),
    ("MATCH", _matched),
    (":=", _assigned),
    ("[ ]", _array_type),
    ("APPLY (", _applied),
    # Joins
    ("ASOF|ANTI|SEMI|ANY|ALL OUTER JOIN", _inner_words),
    # Arguments of functions, types
    ("USING PARAMETERS", _parameters),
    ("RETURNS (", _drop_call(1)),
    ("MODEL", _model),
    ("UESCAPE", _drop(2)),
    (":: !", _null_cast),
    ("END CASE", _end_case),
    ("YEAR|MONTH|DAY|HOUR|MINUTE|SECOND", _precision),
    ("|".join(f"{unit}|{unit}S" for unit in _UNITS), _duration),
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


def _by_first_word() -> dict[str, list[tuple[tuple[str, ...], Action]]]:
    found: dict[str, list[tuple[tuple[str, ...], Action]]] = {}
    for phrase, action in _TABLE:
        words = tuple(word.replace("~", " ") for word in phrase.split())
        for first in words[0].split("|"):
            found.setdefault(first, []).append((words, action))
    return found


_PHRASES = _by_first_word()
