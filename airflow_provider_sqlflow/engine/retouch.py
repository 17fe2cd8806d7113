"""Clauses and operators that the parser refuses and that change no lineage: left out, or put as known ones.

Tried only when a statement does not parse, so a phrase that means something else elsewhere does no harm.
Tokens keep their places, so what is quoted stays the user's text. Phrases of queries and statements stand
here, those inside expressions in :mod:`~airflow_provider_sqlflow.engine.retouch_values`.
"""

from __future__ import annotations

from sqlglot.tokenizer_core import Token, TokenType

from airflow_provider_sqlflow.engine.retouch_from import FROM_PHRASES
from airflow_provider_sqlflow.engine.retouch_values import VALUE_PHRASES
from airflow_provider_sqlflow.engine.segments import CLOSERS, OPENERS
from airflow_provider_sqlflow.engine.token_editor import (
    SYMBOLS,
    Action,
    Editor,
    drop,
    drop_call,
)

_LIMIT_ENDS = frozenset({"SETTINGS", "FORMAT", "INTO", "UNION", "WITH"})
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


def _inner_words(editor: Editor, index: int) -> int:
    """ClickHouse's ``LEFT ANY OUTER JOIN``, without OUTER."""
    editor.out.append(editor.tokens[index])
    return index + 2


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


def _pivot_end(editor: Editor, index: int) -> int | None:
    """DuckDB's ``PIVOT t ON a USING sum(b) ORDER BY c``."""
    is_pivot = editor.words[0] in ("PIVOT", "UNPIVOT") and not editor.calls
    return len(editor.tokens) if is_pivot else None


def _pivot_query(editor: Editor, index: int) -> int | None:
    """DuckDB's ``CREATE TABLE t AS PIVOT …`` and ``INSERT INTO t PIVOT …``: a query like any other."""
    is_query = editor.words[0] in ("CREATE", "INSERT") and not editor.calls and editor.clause in ("", "INTO")
    if not is_query or (editor.words[0] == "CREATE" and editor.word(index - 1) != "AS"):
        return None
    end = editor.until(index, frozenset({"ORDER BY", "LIMIT"}))
    for kind, text in (
        (TokenType.SELECT, "SELECT"),
        (TokenType.STAR, "*"),
        (TokenType.FROM, "FROM"),
        (TokenType.L_PAREN, "("),
    ):
        editor.make(kind, text, index)
    editor.out.extend(editor.tokens[index:end])
    editor.make(TokenType.R_PAREN, ")", end)
    return end


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


def _copy_options(editor: Editor, index: int) -> int | None:
    """``COPY t FROM STDIN (FORMAT CSV)``, without WITH."""
    before = editor.kind(index - 1)
    is_options = editor.word(index - 1) in ("STDIN", "STDOUT") or before is TokenType.STRING
    is_last = editor.words[0] == "COPY" and not editor.calls and editor.closing(index) == len(editor.tokens)
    return len(editor.tokens) if is_options and is_last else None


def _searched(editor: Editor, index: int) -> int | None:
    """``SEARCH DEPTH FIRST BY a, b SET n`` behind a recursive CTE: the order in which it is gone through."""
    end = editor.until(index, frozenset({"SET"}))
    return editor.name_end(end + 1) if editor.word(end) == "SET" else None


def _join_alias(editor: Editor, index: int) -> int | None:
    """``USING (a, b) AS j``: the columns of USING under one more name."""
    end = editor.closing(index + 1)
    if editor.word(end) != "AS":
        return None
    editor.out.extend(editor.tokens[index:end])
    return editor.name_end(end + 1)


def _interpolate(editor: Editor, index: int) -> int:
    """ClickHouse's ``ORDER BY a WITH FILL INTERPOLATE (b AS b + 1)``."""
    is_call = editor.kind(index + 1) is TokenType.L_PAREN
    return editor.closing(index + 1) if is_call else index + 1


_CLAUSES = _GROUP_ENDS | {"GROUP BY", "RETURNING", "FROM", "USING", "WHERE", "SET", "VALUES", "SELECT"}
_CLAUSE_PHRASES: tuple[tuple[str, Action], ...] = (
    # Ends of queries
    ("WITH UR|CS|RS|RR", _isolation),
    ("FOR READ|FETCH ONLY", drop(3)),
    ("OPTIMIZE FOR * ROW|ROWS", drop(4)),
    ("OPTION (", drop_call(1)),
    ("SETTINGS", _to_end),
    ("OVER (", _limit_over),
    ("USING", _sort_operator),
    ("INTERPOLATE", _interpolate),
    ("MODEL DIMENSION|PARTITION|RETURN|IGNORE|KEEP|UNIQUE|REFERENCE|MAIN", _rest),
    ("EXPAND ON", _rest),
    ("SUBSET * = (", drop_call(3)),
    ("TIMESERIES * AS * OVER (", drop_call(5)),
    ("ORDER~BY|LIMIT", _pivot_end),
    ("PIVOT|UNPIVOT", _pivot_query),
    ("LIMIT", _second_limit),
    # Words of statements
    ("WITH LABEL *", drop(3)),
    ("WITH TIES", drop(2)),
    ("BY POSITION", drop(2)),
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
    ("APPLY (", _applied),
    # Joins
    ("ASOF|ANTI|SEMI|ANY|ALL OUTER JOIN", _inner_words),
    ("LATERAL ROWS FROM (", drop(1)),
    ("USING (", _join_alias),
    ("SEARCH DEPTH|BREADTH FIRST BY", _searched),
)  # fmt: skip


def _by_first_word() -> dict[str, list[tuple[tuple[str, ...], Action]]]:
    found: dict[str, list[tuple[tuple[str, ...], Action]]] = {}
    for phrase, action in (*FROM_PHRASES, *_CLAUSE_PHRASES, *VALUE_PHRASES):
        words = tuple(word.replace("~", " ") for word in phrase.split())
        for first in words[0].split("|"):
            found.setdefault(first, []).append((words, action))
    return found


_PHRASES = _by_first_word()
