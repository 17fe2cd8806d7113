"""Syntax that the parser does not know and that changes no lineage, blanked or reworded in place.

Every replacement keeps the text's length and line breaks, so positions stay true. What stands in quotes may
be touched as well; that is harmless, because quotes of the user's text are sliced from the original.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from airflow_provider_sqlflow.engine.inline_functions import without_inline_functions


class Rule(NamedTuple):
    """What is replaced. ``word``, in lower case, stands in every match: most texts hold none of them."""

    word: str
    pattern: re.Pattern[str]
    replacement: Callable[[re.Match[str]], str]


def _blanks(piece: str) -> str:
    """As many blanks, line breaks kept."""
    return re.sub(r"[^\r\n]", " ", piece)


def _blank(match: re.Match[str]) -> str:
    return _blanks(match.group())


def _compile(pattern: str, flags: int = 0) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE | flags)


def _semicolon(match: re.Match[str]) -> str:
    return ";" + " " * (len(match.group()) - 1)


def _keep_first(match: re.Match[str]) -> str:
    """Keep the first group, blank the rest of the match."""
    return match.group(1) + _blanks(match.group()[len(match.group(1)) :])


def _keep_mark(match: re.Match[str]) -> str:
    return "?" + " " * (len(match.group()) - 1)


def _replaced_into(match: re.Match[str]) -> str:
    return match.group(1) + "INSERT " + _blanks(match.group(2))


def _blanked_marks(text: str) -> str:
    """Comments that the server executes, without their marks."""
    return _MARKS.sub(_blank, text)


_MARKS = re.compile(r"/\*!\d+|\*/")

# A dot inside the name of T-SQL's OUTPUT … INTO a.b, which the parser reads as one word.
HIDDEN_DOT = "\u01c3"

_TABLE_HINTS = (
    "NOLOCK|TABLOCKX?|HOLDLOCK|ROWLOCK|UPDLOCK|READPAST|XLOCK|PAGLOCK|READUNCOMMITTED|READCOMMITTED|"
    r"INDEX\s*=|REPEATABLEREAD|SERIALIZABLE|SNAPSHOT|NOWAIT|NOEXPAND|FORCESEEK|FORCESCAN|KEEPIDENTITY|KEEPDEFAULTS|IGNORE_"
)

_GO = Rule("go", _compile(r"^[ \t]*(GO)(?:[ \t]+\d+)?[ \t]*;?[ \t]*(?=\r?$)", re.MULTILINE), _semicolon)
_SLASH = Rule("/", _compile(r"^[ \t]*(/)[ \t]*(?=\r?$)", re.MULTILINE), _semicolon)
_REPLACE_INTO = Rule(
    "replace",
    _compile(r"(^[ \t]*|;\s*|\*/\s*)REPLACE((?:\s+LOW_PRIORITY|\s+DELAYED)?)(?=\s+INTO\b)", re.MULTILINE),
    _replaced_into,
)
_GENERIC: tuple[Rule, ...] = (
    # Text of unknown origin: quotes of MySQL, Hive and Flink; DB2's temporary tables; Flink's sets.
    Rule("`", re.compile(r"`([^`\r\n\"']*)`"), lambda match: f'"{match.group(1)}"'),
    Rule(
        "declare",
        _compile(r"\bDECLARE(\s+)GLOBAL(?=\s+TEMPORARY\s+TABLE\b)"),
        lambda match: "CREATE " + match.group(1) + "      ",
    ),
    Rule("statement set", _compile(r"\b(?:EXECUTE|BEGIN)\s+STATEMENT\s+SET(?:\s+BEGIN\b)?"), _semicolon),
)
# A name in a text: IDENTIFIER('a.b').
_IDENTIFIER = Rule(
    "identifier",
    _compile(r"\bIDENTIFIER(\s*)\(\s*['\"]([A-Za-z_][\w$]*(?:\.[A-Za-z_][\w$]*)*)['\"]\s*\)"),
    lambda match: (
        " " * (match.start(2) - match.start()) + match.group(2) + " " * (match.end() - match.end(2))
        if "\n" not in match.group()
        else match.group()
    ),
)
_PSQL: tuple[Rule, ...] = (
    # The schema that CREATE EXTENSION puts in its scripts.
    Rule(
        "@extschema",
        _compile(r"@(extschema(?::\w+)?)@"),
        lambda match: f"_{match.group(1)}_".replace(":", "_"),
    ),
    # Data of pg_dump: COPY t FROM stdin; rows; \.
    Rule(
        "stdin",
        _compile(
            r"(\bCOPY\b[^;]*?\bFROM\s+STDIN\b[^;]*;)[ \t]*\r?\n(?:(?!\\\.)[^\r\n]*\r?\n)*\\\.[ \t]*(?=\r?$)",
            re.MULTILINE,
        ),
        _keep_first,
    ),
    Rule("\\", _compile(r"^[ \t]*\\[a-z!?][^\r\n]*", re.MULTILINE), _blank),
    # psql runs what stands before \g; :'name' is the value of a variable.
    Rule(
        "\\", _compile(r"(?<=[\s\w)])\\(?:g|gset|gx|gexec|gdesc|crosstabview|watch)\b[^\r\n;]*"), _semicolon
    ),
    # A literal first: the search jumps to it.
    Rule(":'", re.compile(r":(?<![\w:\])'\"]:)(?='\w+')"), _blank),
    Rule(':"', re.compile(r":(?<![\w:\])'\"]:)(?=\"\w+\")"), _blank),
    Rule("overriding", _compile(r"\bOVERRIDING\s+(?:SYSTEM|USER)\s+VALUE\b"), _blank),
)
# mysqldump writes a view as three comments that the server executes.
_DUMPED_VIEW = Rule(
    "/*!",
    _compile(
        r"/\*!\d+ (CREATE\s+(?:OR\s+REPLACE\s+)?ALGORITHM\b[^*]*)\*/(\s*)/\*!\d+ (DEFINER[^*]*?)\*/(\s*)"
        r"/\*!\d+ (VIEW\b(?:[^*]|\*(?!/))*)\*/"
    ),
    lambda match: _blanked_marks(match.group()),
)
# The name of a file format with its schema, which the parser knows without one.
_FILE_FORMAT = Rule("format", _compile(r'(\bFILE_FORMAT\s*=\s*[\w$"]+)((?:\.[\w$"]+)+)'), _keep_first)
_TSQL: tuple[Rule, ...] = (
    _GO,
    Rule(":", _compile(r"^[ \t]*([A-Za-z_]\w*:)(?=[ \t]*\r?$)", re.MULTILINE), _semicolon),  # a label
    # sqlcmd
    Rule(
        ":",
        _compile(
            r"^[ \t]*:(?:r|setvar|connect|on[ \t]+error|out|error|list|listvar|reset|quit|exit|help)"
            r"\b[^\r\n]*",
            re.MULTILINE,
        ),
        _blank,
    ),
    Rule(
        "top",
        _compile(r"\b((?:INSERT|UPDATE|DELETE|MERGE)\b)(\s+TOP\s*\([^()\r\n]*\)(?:\s+PERCENT)?)"),
        _keep_first,
    ),
    Rule(
        "=", re.compile(r"(?<=[\w\]\"\s])[+\-*/%&|^]=(?=\s)"), lambda match: " ="
    ),  # a += b; the reader adds a
    Rule("with", _compile(rf"\bWITH\s*\(\s*(?:{_TABLE_HINTS})[^()]*(?:\([^()]*\)[^()]*)*\)"), _blank),
    Rule(
        "output",
        _compile(r"\bOUTPUT\s+(?:inserted|deleted|\$action)[^;]*?\bINTO\s+[\w#@\[\]]+(?:\.[\w#\[\]]+)+"),
        lambda match: (
            match.group()[: match.group().upper().rindex("INTO")]
            + match.group()[match.group().upper().rindex("INTO") :].replace(".", HIDDEN_DOT)
        ),
    ),
)
_BEFORE_NAME = _compile(
    r"(?:\b(?:FROM|JOIN|INTO|TABLE|VIEW|UPDATE|USER|SCHEMA|EXISTS|ON|INDEX|SEQUENCE)\s+|\.\s*)\Z"
)

_BRACES = str.maketrans("{}", "__")


def _substituted(match: re.Match[str]) -> str:
    """SQL*Plus' ``&name``: a name where one must stand, else a value. A dot ends it: ``&owner..t``."""
    word = match.group().rstrip(".").translate(_BRACES)
    tail = " " * (len(match.group()) - len(word))
    if word.lstrip("&").isdigit():
        return word.replace("&", "0") + tail
    text, start, end = match.string, match.start(), match.end()
    is_name = (
        text[end : end + 1] in (".", "_") or _BEFORE_NAME.search(text, max(start - 20, 0), start) is not None
    )
    if is_name:
        return word.replace("&", "_") + tail
    return ":" + word.lstrip("&").rjust(len(word) - 1, "_") + tail


_SNOWSQL: tuple[Rule, ...] = (
    Rule(
        "!",
        _compile(
            r"^[ \t]*!(?:set|source|load|print|quit|exit|spool|define|system|abort|connect)\b[^\r\n]*",
            re.MULTILINE,
        ),
        _blank,
    ),
    Rule("&", re.compile(r"(?<![&\w'\"])&(?:\{\w+\}|[A-Za-z_]\w*)"), _substituted),
)
_ORACLE: tuple[Rule, ...] = (
    _SLASH,
    Rule(
        "",
        _compile(
            r"^[ \t]*(?:(?:PROMPT|REM|REMARK)\b(?!\s*(?:[,.)|]|=(?!=)|AS\b))|DEFINE[ \t]+\w+[ \t]*="
            r"|(?:WHENEVER|SPOOL|ACCEPT|UNDEFINE|SHOW|TTITLE|BTITLE"
            r"|COLUMN[ \t]+\w+[ \t]+(?:FORMAT|HEADING|NEW_VALUE)"
            r"|EXIT|QUIT|CONNECT|CONN|CLEAR|SET\s+(?:DEFINE|ECHO|FEEDBACK|SERVEROUTPUT|VERIFY|TERMOUT|HEADING|PAGESIZE"
            r"|LINESIZE|TIMING|SCAN|SQLBLANKLINES|TRIMSPOOL|TRIMOUT|COLSEP|NEWPAGE|AUTOTRACE|LONG|WRAP|TAB|NUMWIDTH"
            r"|ESCAPE))\b(?!\s*(?:[,.=)|]|BY\b|AS\b)))"  # CONNECT BY, and columns of such names, are SQL
            r"[^\r\n]*",
            re.MULTILINE,
        ),
        _blank,
    ),
    Rule(
        "@", _compile(r"^[ \t]*@@?[\w./\\$&%-]+(?=[ \t;]|\r?$)[^\r\n]*", re.MULTILINE), _blank
    ),  # another script
    Rule("&", re.compile(r"(?<![&\w'\"])&&?\w+\.?"), _substituted),
    Rule(
        ":", re.compile(r"(?<![:\w']):(\d+)\b"), lambda match: "0" + match.group(1)
    ),  # the bind :1 is no column
    Rule(
        "log",
        _compile(r"\bLOG\s+ERRORS(?:\s+INTO\s+\S+)?(?:\s*\([^()]*\))?(?:\s+REJECT\s+LIMIT\s+\w+)?"),
        _blank,
    ),
    Rule("partition", _compile(r"(?<=\bINTO\s)([\w$#.\"]+)(\s+PARTITION\s*\([^()]*\))"), _keep_first),
)
# BigQuery's tokenizer takes what follows BEGIN and EXCEPTION for one word.
_BIGQUERY: tuple[Rule, ...] = (
    Rule(
        "begin",
        _compile(r"(\A|;)(\s*(?:--[^\n]*\n\s*|/\*(?:[^*]|\*(?!/))*\*/\s*)*)BEGIN\b(?!\s*(?:TRANSACTION|;))"),
        lambda match: match.expand(r"\1\2;    "),
    ),
    Rule(
        "repeat",
        _compile(
            r"\bREPEAT(?=\s+(?:INSERT|SELECT|MERGE|UPDATE|DELETE|CREATE|SET|BEGIN|IF|CALL|TRUNCATE|EXECUTE|DROP)\b)"
        ),
        _blank,
    ),
    Rule(
        "exception",
        _compile(r"\bEXCEPTION(\s+)WHEN(\s+)ERROR(\s+)THEN\b"),
        lambda match: match.expand(r"        ;\1    \2     \3    "),
    ),
)
_CLICKHOUSE: tuple[Rule, ...] = (
    Rule(
        "alter",
        _compile(r"\bALTER(\s+)TABLE(\s+\S+\s+)UPDATE\b"),
        lambda match: match.expand(r"UPDATE\1    \2SET   ")[: len(match.group())],
    ),
    Rule(
        "alter",
        _compile(r"\bALTER(\s)(\s*)TABLE(\s+\S+\s+)DELETE\b"),
        lambda match: match.expand(r"DELETE\1\2FROM\3      "),
    ),
)
# Teradata's column phrases: name (TITLE 'text'), name (FORMAT '99'), and the cast name (DECIMAL(10,2)).
_TERADATA: tuple[Rule, ...] = (
    # BTEQ
    Rule(
        ".",
        _compile(
            r"^[ \t]*\.(?:LOGON|LOGOFF|LOGMECH|QUIT|EXIT|IF|ELSE|ELSEIF|ENDIF|GOTO|LABEL|SET|RUN|EXPORT"
            r"|IMPORT|OS|REPEAT|SHOW|REMARK|MESSAGEOUT|COMPILE|TDP|HANG|DEFAULTS|FULLYEAR|WIDTH|SESSIONS|BEGIN|END|LAYOUT|FIELD|FILLER|DML)\b[^\r\n]*",
            re.MULTILINE,
        ),
        _blank,
    ),
    Rule(
        "lock",
        _compile(
            r"\bLOCK(?:ING)?\s+(?:ROW|(?:TABLE|VIEW|DATABASE)?\s*[\w$#.\"]+)\s+(?:FOR|IN)\s+"
            r"(?:ACCESS|READ|WRITE|SHARE|EXCLUSIVE|CHECKSUM)\b(?:\s+(?:MODE|NOWAIT|OVERRIDE)\b)*"
        ),
        _blank,
    ),
    Rule(
        "named",
        _compile(r"\(\s*NAMED\s+([\w$#]+|\"[^\"\r\n]+\")\s*\)"),
        lambda match: (
            _blanks(match.group()[: match.start(1) - match.start() - 3])
            + "AS "
            + match.group(1)
            + _blanks(match.group()[match.end(1) - match.start() :])
        ),
    ),
    Rule("c", _compile(r"(?<=[\w\"'])\s*\(\s*(?:NOT\s+)?(?:CASESPECIFIC|CS|UPPERCASE)\s*\)"), _blank),
    Rule("'", _compile(r"\(\s*(?:TITLE|FORMAT|NAMED)\s+'[^'\r\n]*'\s*\)"), _blank),
    Rule(
        "(",
        _compile(
            r"(?<=[\w\"])\s*\(\s*(?:BYTEINT|SMALLINT|INTEGER|INT|BIGINT|DECIMAL|DEC|NUMERIC|NUMBER|FLOAT|REAL|CHAR"
            r"|CHARACTER|VARCHAR|DATE|TIME|TIMESTAMP)(?:\s*\(\s*\d+(?:\s*,\s*\d+)?\s*\))?"
            r"(?:\s*,?\s*(?:TITLE|FORMAT)\s+'[^'\r\n]*')*\s*\)"
        ),
        _blank,
    ),
)


def _directory(match: re.Match[str]) -> str:
    """Hive's form of Spark's ``DIRECTORY ['path'] USING format [OPTIONS (path 'path', ...)]``."""
    head, path, tail = match.groups()
    option = _PATH_OPTION.search(tail) if path is None else None
    if option is None:
        return head + (path or "") + _blanks(tail)
    start, end = option.span(1)
    return head + _blanks(tail[:start]) + tail[start:end] + _blanks(tail[end:])


_PATH_OPTION = _compile(r"""\bpath['"`]?\s*=?\s*('[^']*')""")
_NOTEBOOK = (
    # Cells of a notebook in another language, and the mark of those in SQL.
    Rule(
        "%",
        _compile(
            r"^%(?:python|py|scala|r|md|sh|fs|run|pip|conda|skip)\b.*?(?=^--[ \t]*COMMAND\b|\Z)",
            re.MULTILINE | re.DOTALL,
        ),
        _blank,
    ),
    Rule("%sql", _compile(r"^%sql\b", re.MULTILINE), _blank),
)
_SPARK: tuple[Rule, ...] = (
    Rule("evolution", _compile(r"(?:(?<=\bMERGE)|(?<=\bINSERT))\s+WITH\s+SCHEMA\s+EVOLUTION\b"), _blank),
    Rule(
        "directory",
        _compile(
            r"(\bINSERT\s+OVERWRITE\s+(?:LOCAL\s+)?DIRECTORY)(\s+'[^']*')?"
            r"(\s+USING\s+[\w.]+(?:\s+OPTIONS\s*\((?:[^()']|'[^']*')*\))?)"
        ),
        _directory,
    ),
)

# Airflow and DB-API parameters: values, never names.
_DRIVER_PARAMETERS = Rule(
    "%",
    re.compile(r"%(?:\(\w+\)s|(?<=[\s(,=<>]%)s(?![\w%']))"),  # a literal first: the search jumps to it
    lambda match: "0" * len(match.group()),
)

_RULES: dict[str, tuple[Rule, ...]] = {
    "": (_SLASH, *_GENERIC),
    "exasol": (_SLASH,),
    "tsql": _TSQL,
    "fabric": _TSQL,
    "oracle": _ORACLE,
    "postgres": _PSQL,
    "redshift": _PSQL,
    "materialize": _PSQL,
    "risingwave": _PSQL,
    "snowflake": (_IDENTIFIER, *_SNOWSQL, _FILE_FORMAT),
    "mysql": (_REPLACE_INTO, _DUMPED_VIEW),
    "singlestore": (_REPLACE_INTO, _DUMPED_VIEW),
    "sqlite": (
        _REPLACE_INTO,
        Rule(
            ".",
            _compile(
                r"^\.(?:mode|import|headers?|output|once|read|open|separator|tables|schema|width|echo|bail|timer"
                r"|nullvalue|print|quit|exit|shell|system|load|dump|databases|stats|changes|parameter)\b[^\r\n]*",
                re.MULTILINE,
            ),
            _blank,
        ),
        Rule("?", re.compile(r"\?\d+"), _keep_mark),
        Rule(
            "update",
            _compile(r"\bUPDATE\s+OR\s+(?:ROLLBACK|ABORT|REPLACE|FAIL|IGNORE)\b"),
            lambda match: "UPDATE" + _blanks(match.group()[6:]),
        ),
    ),
    "bigquery": _BIGQUERY,
    "clickhouse": _CLICKHOUSE,
    "databricks": (*_NOTEBOOK, *_SPARK, _IDENTIFIER),
    "spark": (*_SPARK, _IDENTIFIER),
    "spark2": _SPARK,
    "hive": (
        Rule(
            "[", _compile(r"\[\s*(?:(?:NO)?SHUFFLE|BROADCAST|(?:NO)?CLUSTERED|STRAIGHT_JOIN)\s*\]"), _blank
        ),  # Impala
    ),
    "teradata": _TERADATA,
}
_DELIMITED = frozenset({"mysql", "singlestore", "doris", "starrocks"})
_DELIMITER = _compile(r"^[ \t]*DELIMITER[ \t]+(\S+)[ \t]*(?=\r?$)", re.MULTILINE)


# The parser never comes back from options of these that it does not know.
_HISTORY = _compile(r"\b(SYSTEM_VERSIONING|DATA_DELETION)(\s*=?\s*ON\b\s*\(|\s*=?\s*\()([^()]*)(\)?)")
_HISTORY_WORDS = ("_VERSIONING", "_versioning", "_Versioning", "DATA_DELETION", "data_deletion")
_HISTORY_OPTION = _compile(
    r"\s*(?:(?:HISTORY_TABLE|DATA_CONSISTENCY_CHECK|FILTER_COLUMN)\s*=\s*[\w$#@.\[\]\"]+"
    r"|(?:HISTORY_)?RETENTION_PERIOD\s*=\s*(?:INFINITE|\d+\s+\w+))\s*"
)


def _known_history(match: re.Match[str]) -> str:
    is_known = match.group(4) and all(map(_HISTORY_OPTION.fullmatch, match.group(3).split(",")))
    return match.group() if is_known else "X" + match.group()[1:]


def normalise(text: str, dialect: str) -> str:
    """The text as the parser understands it, of the same length.

    >>> normalise("UPDATE TOP (5) t SET a += 1", "tsql")
    'UPDATE         t SET a  = 1'
    """
    if any(word in text for word in _HISTORY_WORDS):
        text = _HISTORY.sub(_known_history, text)
    if _DRIVER_PARAMETERS.word in text:
        text = _DRIVER_PARAMETERS.pattern.sub(_DRIVER_PARAMETERS.replacement, text)
    if dialect in _DELIMITED:
        text = _apply_delimiters(text)
    rules = _RULES.get(dialect, ())
    folded = text.lower() if rules else text
    for word, pattern, replacement in rules:
        if word in folded:
            text = pattern.sub(replacement, text)
    return without_inline_functions(text, dialect)


def _apply_delimiters(text: str) -> str:
    """MySQL's DELIMITER lines: what they say ends a statement becomes a semicolon."""
    matches = list(_DELIMITER.finditer(text))
    if not matches:
        return text
    out = [text[: matches[0].start()]]
    for number, match in enumerate(matches):
        out.append(" " * len(match.group()))
        end = matches[number + 1].start() if number + 1 < len(matches) else len(text)
        body, delimiter = text[match.end() : end], match.group(1)
        if delimiter != ";":
            body = body.replace(delimiter, ";" + " " * (len(delimiter) - 1))
        out.append(body)
    return "".join(out)
