"""A script into statements: one pass over the tokens.

Splits at semicolons outside routine bodies, at T-SQL's ``GO`` lines, at Oracle's ``/`` lines and at
what MySQL's ``DELIMITER`` says. The same pass notes where select items and clauses stand, so that an
edge can quote the user's text without generating SQL.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise

from sqlglot.errors import TokenError
from sqlglot.tokenizer_core import Token, TokenType

from airflow_provider_sqlflow.engine.dialects import tokenize
from airflow_provider_sqlflow.engine.normalise import normalise
from airflow_provider_sqlflow.engine.segments import CLOSERS, OPENERS, Scan, Segments

_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/|\$(\w*)\$.*?\$\1\$", re.DOTALL)

_STOP = re.compile(r"[;'\"$]|--|/\*")

_ROUTINE_WORDS = frozenset({"PROCEDURE", "PROC", "FUNCTION", "TRIGGER", "PACKAGE"})
_BLOCK_WORDS = frozenset({"BEGIN", "ELSE", "THEN", "LOOP", "DO", "TRY", "END", "REPEAT"})
_SCHEDULED = frozenset({"TASK", "PIPE", "EVENT", "ALERT", "FLOW"})
_CONDITION_WORDS = frozenset({"IF", "ELSEIF", "ELSIF", "WHILE", "EXCEPTION", "WHEN", "FOR", "FORALL"})
_DECLARING = frozenset({"CURSOR", "PROCEDURE", "FUNCTION", "PRAGMA"})
_NO_VARIABLES = frozenset({"TYPE", "SUBTYPE", "PRAGMA", "PROCEDURE", "FUNCTION", "CONTINUE", "EXIT", "UNDO"})
_LOOPS = frozenset({"FOR", "FORALL"})
# Words that begin a statement by which variables are declared, besides the names behind DECLARE.
DECLARERS = frozenset({"DECLARE", "LET", "FOR", "FORALL", "BEGIN"})
_OPEN_CONDITIONS = frozenset({"IF", "WHILE", "FORALL"})  # no word stands between them and their statement
_LABELLED = frozenset({"BEGIN", "LOOP", "REPEAT", "WHILE", "FOR"})
_BLOCK_ONLY = _BLOCK_WORDS | {"IF", "WHILE", "FOR", "CATCH", "CASE"}
_TRANSACTION_WORDS = frozenset(
    {"TRANSACTION", "TRAN", "WORK", "DEFERRED", "IMMEDIATE", "EXCLUSIVE", "ISOLATION", "READ"}
)
# A word that begins a statement where one may begin: used to recover behind a broken statement.
_STATEMENT_WORDS = frozenset(
    {
        "SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "CREATE", "ALTER", "DROP", "TRUNCATE",
        "WITH", "USE", "COPY", "EXEC", "EXECUTE", "DECLARE", "IF", "BEGIN", "COMMIT", "ROLLBACK",
        "GRANT", "REVOKE", "CALL", "PRINT", "SET", "RETURN", "WHILE", "LOAD", "UNLOAD", "RAISERROR",
        "BULK", "DENY", "BACKUP", "RESTORE", "DBCC", "REVERT",
        "THROW", "OPEN", "FETCH", "CLOSE", "DEALLOCATE", "WAITFOR", "BREAK", "CONTINUE", "GOTO",
        "ELSE", "END",
    }
)  # fmt: skip
# Words that belong to a statement already begun although they could begin one.
_QUERY_WORDS = frozenset({"SELECT", "WITH", "EXEC", "EXECUTE", "VALUES"})
_ABSORBS = {
    "INSERT": _QUERY_WORDS,
    "WITH": frozenset({"SELECT", "INSERT", "UPDATE", "DELETE", "MERGE"}),
    "UPDATE": frozenset({"SET"}),
    "MERGE": frozenset({"UPDATE", "DELETE", "INSERT", "SET"}),
    "OPEN": frozenset({"FETCH"}),
}
# Statements that move no data: when the parser does not know their syntax, nothing is lost.
_NO_LINEAGE = frozenset(
    {
        "RAISERROR", "THROW", "PRINT", "OPEN", "FETCH", "CLOSE", "DEALLOCATE", "WAITFOR", "BREAK",
        "CONTINUE", "GOTO", "RETURN", "IF", "WHILE", "GRANT", "REVOKE", "DENY", "BACKUP", "RESTORE", "DBCC",
        "CHECKPOINT", "KILL", "LOCK", "UNLOCK", "VACUUM", "ANALYZE", "ANALYSE", "OPTIMIZE",
        "REINDEX", "CLUSTER", "COMMENT", "SHOW", "DESCRIBE", "DESC", "SET", "RESET", "LISTEN",
        "NOTIFY", "SIGNAL", "DECLARE", "PUT", "GET", "LIST", "LS", "REMOVE", "RM", "MSCK", "FLUSH",
        "SAVEPOINT", "ROLLBACK", "COMMIT", "START", "STOP", "ATTACH", "DETACH", "INSTALL", "PRAGMA",
        "SECURITY", "REASSIGN", "DISCARD", "ASSERT", "RAISE", "LEAVE", "ITERATE", "COLLECT",
        "UNCACHE", "REFRESH", "INVALIDATE", "COMPUTE", "SUSPEND", "RESUME", "UNDROP", "EXEC",
        "EXECUTE", "CALL", "CHECK", "CHECKSUM", "REPAIR", "PURGE", "RESIGNAL", "UNTIL", "UNLISTEN",
        "RECONFIGURE", "UNSET", "PRELOAD", "RECOMPRESS", "GENERATE", "CONVERT", "CONSTRAINT", "RAISEERROR",
        "END", "LET", "TYPE", "SUBTYPE", "EXIT",
        "HANDLER", "XA", "CACHE", "CHANGE", "UNINSTALL", "EXPLAIN", "UPDATE STATISTICS",
        "REVERT", "SOURCE", "RELOAD", "IMPORT", "EXISTS", "FSCK", "REORG", "SYNC", "MODEL", "AUDIT", "METRIC",
    }
)  # fmt: skip
_WITH_LINEAGE = frozenset(
    {
        "TABLE",
        "VIEW",
        "STREAM",
        "SYNONYM",
        "MATERIALIZED",
        "DYNAMIC",
        "TASK",
        "PIPE",
        "EVENT",
        "SNAPSHOT",
        "LIVE",
    }
)
# What ALTER TABLE does beyond its columns and keys.
_MOVING_WORDS = frozenset(
    {"RENAME", "SWAP", "EXCHANGE", "SWITCH", "UPDATE", "APPEND", "ATTACH", "MOVE", "REPLACE"}
)
_NEEDS_MORE = frozenset(
    {
        "AS",
        "UNION",
        "ALL",
        "EXCEPT",
        "INTERSECT",
        "MINUS",
        "FROM",
        "SET",
        "INTO",
        "THEN",
        "ON",
        "FOR",
        "OR",
        "AND",
        "NOT",
    }
)
_NEVER_LAST = frozenset({TokenType.COMMA, TokenType.DOT, TokenType.EQ})
_SEMICOLON = TokenType.SEMICOLON
_CREATORS = frozenset({TokenType.CREATE, TokenType.ALTER})
_NO_ROUTINE = frozenset({TokenType.TABLE, TokenType.VIEW, TokenType.ALIAS})
_WITH_PREFIXES = frozenset({"RECURSIVE", "XMLNAMESPACES", "CHANGE_TRACKING_CONTEXT", "FUNCTION", "PROCEDURE"})
_BLOCK_ENDS = frozenset({"IF", "LOOP", "WHILE", "REPEAT", "FOR"})


@dataclass(slots=True)
class RawStatement:
    """The tokens of one statement. ``base`` is the offset of token position 0 in the script."""

    tokens: list[Token]
    text: str
    base: int = 0
    is_routine: bool = False
    nesting: int = 0
    declared: tuple[str, ...] = ()  # variables of the declarations in front of a block
    segments: Segments = field(default_factory=Segments)

    @property
    def start(self) -> int:
        """Offset of the first character in the script."""
        first = self.tokens[0]
        if not first.text:  # Athena's tokenizer puts a mark without text in front of Hive statements
            first = next((token for token in self.tokens if token.text), first)
        return self.base + first.start

    @property
    def end(self) -> int:
        """Offset just behind the last character in the script."""
        return self.base + self.tokens[-1].end + 1

    def shift(self, base: int) -> None:
        """Place a statement that was split from a text inside the script."""
        self.base += base
        self.segments.shift(base)

    def cut(self, index: int) -> tuple[RawStatement, RawStatement]:
        """The statement before a token, and the rest from that token on."""
        return (
            replace(self, tokens=self.tokens[:index]),
            replace(self, tokens=self.tokens[index:]),
        )

    def joined(self, others: list[RawStatement]) -> RawStatement:
        """This statement and those right behind it as one."""
        if not others:
            return self
        return replace(self, tokens=[*self.tokens, *(token for other in others for token in other.tokens)])

    def pieces(self) -> list[RawStatement]:
        """A T-SQL batch cut where a line begins a statement; one scan, whatever its length."""
        starts = [0, *_line_starts(self.tokens), len(self.tokens)]
        return [replace(self, tokens=self.tokens[begin:end]) for begin, end in pairwise(starts)]

    @property
    def has_comments(self) -> bool:
        """Whether the parser saw comments in the statement."""
        return any(token.comments for token in self.tokens)

    def without_block_words(self) -> RawStatement | None:
        """The statement behind BEGIN, IF … THEN, ELSE, WHILE … DO: blocks hold DML at top level.

        ``None`` when there is nothing of the kind in front. A statement of block words alone, such as
        END IF, keeps its last token.
        """
        count = 0
        while count < len(self.tokens) - 1:
            word = self.tokens[count].text.upper()
            if word in _BLOCK_WORDS and not self._is_whole(count):
                count += 1
            elif self._is_condition(count, word) and (end := self._condition_end(count)) is not None:
                count = end + 1
            elif self._is_label(count):
                count += 2
            else:
                break
        return replace(self, tokens=self.tokens[count:]) if count else None

    @property
    def moves_no_data(self) -> bool:
        """Whether the first words say that no data flows, whatever the rest of the statement is."""
        words = [token.text.upper() for token in self.tokens[:5]]
        if words[0] in _NO_LINEAGE or words[0] == "DROP" or words[:2] == ["CREATE", "VIRTUAL"]:
            return True
        if words[0] == "ALTER" and words[1:2] == ["TABLE"]:
            return not _MOVING_WORDS & {token.text.upper() for token in self.tokens[2:]}
        return words[0] in ("CREATE", "ALTER", "DEFINE") and not _WITH_LINEAGE & set(words[1:])

    @property
    def begins_statement(self) -> bool:
        """Whether the first word is one that begins a statement."""
        return self.tokens[0].text.upper() in _STATEMENT_WORDS

    @property
    def declares(self) -> bool:
        """Whether this may be a declaration or an assignment of a block: ``v_x t.c%TYPE``."""
        words = [token.text.upper() for token in self.tokens]
        if words[0] in _DECLARING or words[1:2] in (["CURSOR"], ["RESULTSET"]):
            return True
        is_name = self.tokens[0].token_type in (TokenType.VAR, TokenType.IDENTIFIER)
        return is_name and words[0] not in _STATEMENT_WORDS and (":=" in words or "FROM" not in words)

    def variables(self, is_declaring: bool) -> list[str]:
        """The variables that a statement of a block declares: ``DECLARE a, b INT``, ``LET x``, ``FOR r IN``.

        Args:
            is_declaring: whether it stands behind DECLARE and before BEGIN, where names stand alone.
        """
        tokens = self.tokens
        word = tokens[0].text.upper()
        first = 0 if is_declaring and word != "DECLARE" else 1
        if word == "BEGIN" and len(tokens) > 2 and tokens[1].text.upper() in _LOOPS:
            first = 2
        elif word not in _LOOPS and word not in ("DECLARE", "LET") and not is_declaring:
            return []
        if first < len(tokens) and tokens[first].text.upper() in ("CURSOR", "VARIABLE"):
            first += 1
        names: list[str] = []
        while first < len(tokens) and tokens[first].token_type in (TokenType.VAR, TokenType.IDENTIFIER):
            if tokens[first].text.upper() not in _NO_VARIABLES:
                names.append(tokens[first].text.lower())
            if first + 1 >= len(tokens) or tokens[first + 1].token_type is not TokenType.COMMA:
                break
            first += 2
        return names

    def behind_task_header(self) -> RawStatement | None:
        """The statement that a task, pipe or event runs: CREATE TASK … AS statement."""
        if self.tokens[0].token_type is not TokenType.CREATE and self.tokens[0].text.upper() != "DEFINE":
            return None
        words = {token.text.upper() for token in self.tokens[1:5]}
        if not _SCHEDULED & words:
            return None
        depth = 0
        for index in range(2, len(self.tokens) - 1):
            kind = self.tokens[index].token_type
            if kind in OPENERS:
                depth += 1
            elif kind in CLOSERS:
                depth -= 1
            elif depth == 0 and self.tokens[index].text.upper() in ("AS", "DO", "THEN"):
                tokens = self.tokens[index + 1 + (self.tokens[index + 1].text.upper() == "BEGIN") :]
                if tokens and tokens[0].text.upper() in _STATEMENT_WORDS:
                    return replace(self, tokens=tokens)
        return None

    @property
    def is_command(self) -> bool:
        """Whether the parser keeps the statement as text: PRINT, CALL, FETCH."""
        kind = self.tokens[0].token_type
        following = self.tokens[1].token_type if len(self.tokens) > 1 else TokenType.STRING
        return (kind is TokenType.COMMAND or kind is TokenType.FETCH) and following is not TokenType.STRING

    @property
    def is_block_word(self) -> bool:
        """Whether nothing but words of a block is left: END, END IF, LOOP."""
        if self.tokens and self.tokens[0].text.upper() not in _BLOCK_ONLY:
            return len(self.tokens) == 1 and self.tokens[0].token_type is TokenType.R_PAREN  # of a macro
        words = [token.text.upper() for token in self.tokens]
        return words != ["BEGIN"] and all(word in _BLOCK_ONLY for word in words)

    def _is_whole(self, index: int) -> bool:
        """BEGIN TRANSACTION, and DO with its body in a string: statements, not words before one."""
        word, following = self.tokens[index].text.upper(), self.tokens[index + 1]
        is_code = word == "DO" and following.token_type in (TokenType.HEREDOC_STRING, TokenType.STRING)
        return is_code or (word == "BEGIN" and following.text.upper() in _TRANSACTION_WORDS)

    def _is_condition(self, index: int, word: str) -> bool:
        """Whether a condition begins; a CASE of a block has its END behind a semicolon."""
        if word != "CASE":
            return word in _CONDITION_WORDS
        return all(token.token_type is not TokenType.END for token in self.tokens[index:])

    def _is_label(self, index: int) -> bool:
        """Whether ``name:`` stands before a LOOP."""
        tokens = self.tokens
        is_pair = index + 2 < len(tokens) and tokens[index + 1].token_type is TokenType.COLON
        return is_pair and tokens[index + 2].text.upper() in _LABELLED

    def _condition_end(self, start: int) -> int | None:
        """The THEN or DO that ends a condition."""
        depth = 0
        for index in range(start + 1, len(self.tokens)):
            kind = self.tokens[index].token_type
            if kind in OPENERS or kind is TokenType.CASE:
                depth += 1
            elif kind in CLOSERS or kind is TokenType.END:
                depth -= 1
            elif depth == 0:
                word = self.tokens[index].text.upper()
                if word in ("THEN", "DO", "LOOP"):
                    return index
                if word in _STATEMENT_WORDS and self.tokens[start].text.upper() in _OPEN_CONDITIONS:
                    return index - 1  # T-SQL: IF condition statement
        return None


@dataclass(frozen=True, slots=True)
class BrokenText:
    """A stretch of the script that could not even be cut into tokens."""

    start: int
    end: int
    message: str


def split(text: str, dialect: str) -> Iterator[RawStatement | BrokenText]:
    """The statements of a script in order.

    An unterminated quote or other text without tokens gives one :class:`BrokenText`; the scan goes on
    behind the next semicolon that ends a line.
    """
    prepared = normalise(text, dialect)
    try:
        tokens = tokenize(prepared, dialect)
    except (TokenError, ValueError, IndexError):  # the latter two: on odd text the tokenizer slips
        yield from _split_piecewise(prepared, dialect)
        return
    yield from _statements(tokens, prepared, 0)


def next_statement_start(raw: RawStatement, index: int) -> int | None:
    """The first token at or behind ``index`` that may begin a statement.

    It stands outside brackets and first on its line (or is the very token asked for), and the word
    before it does not need a query to follow.
    """
    depth = 0
    tokens = raw.tokens
    for number in range(1, len(tokens)):
        token = tokens[number]
        kind = token.token_type
        if kind in OPENERS or kind is TokenType.CASE:
            depth += 1
        elif kind in CLOSERS or (kind is TokenType.END and depth > 0):
            depth = max(depth - 1, 0)
        elif (
            number >= max(index, 1)
            and depth == 0
            and token.text.upper() in _STATEMENT_WORDS
            and not (kind is TokenType.WITH and not _begins_ctes(tokens, number))
        ):
            previous = tokens[number - 1]
            is_first = token.line > previous.line or (number == index and index > 1)
            is_variable = number > 1 and tokens[number - 2].token_type is TokenType.PARAMETER  # @from
            needs_more = previous.text.upper() in _NEEDS_MORE and not is_variable
            if is_first and not needs_more and previous.token_type not in _NEVER_LAST:
                return number
    return None


def _line_starts(tokens: list[Token]) -> list[int]:
    """Tokens that begin a statement on a line of their own.

    Some words may stand at a line's start inside a statement: the SELECT of an INSERT, the SET of an
    UPDATE. ``absorbs`` holds those that the statement being scanned still may take.
    """
    starts: list[int] = []
    depth = 0
    absorbs = set(_ABSORBS.get(tokens[0].text.upper(), ()))
    for number in range(1, len(tokens)):
        token = tokens[number]
        kind = token.token_type
        if kind in OPENERS or kind is TokenType.CASE:
            depth += 1
        elif kind in CLOSERS or (kind is TokenType.END and depth > 0):
            depth = max(depth - 1, 0)
        elif depth == 0:
            word = token.text.upper()
            if word in absorbs:
                if tokens[starts[-1] if starts else 0].text.upper() == "MERGE":
                    continue  # its branches may follow one another
                absorbs -= _QUERY_WORDS if word in _QUERY_WORDS else {word}
                absorbs |= _ABSORBS.get(word, frozenset())
            elif word in _STATEMENT_WORDS and _may_start(tokens, number):
                starts.append(number)
                absorbs = set(_ABSORBS.get(word, ()))
    return starts


def _may_start(tokens: list[Token], number: int) -> bool:
    token, previous = tokens[number], tokens[number - 1]
    if token.line <= previous.line or previous.token_type in _NEVER_LAST:
        return False
    is_option = token.token_type is TokenType.WITH and not _begins_ctes(tokens, number)
    is_variable = number > 1 and tokens[number - 2].token_type is TokenType.PARAMETER  # @from
    is_value = number > 1 and tokens[number - 2].token_type is TokenType.EQ  # CHECK_POLICY = ON
    return not is_option and (is_variable or is_value or previous.text.upper() not in _NEEDS_MORE)


def _begins_ctes(tokens: list[Token], number: int) -> bool:
    """Whether WITH begins a query (``WITH a AS``, ``WITH a (b)``) and no options (``WITH NO DATA``)."""
    following = tokens[number + 1 : number + 4]
    if len(following) < 3 or following[0].token_type is TokenType.L_PAREN:
        return False
    if following[0].text.upper() in _WITH_PREFIXES:
        return True
    return following[1].token_type in (TokenType.ALIAS, TokenType.L_PAREN)


def blank_comments(text: str) -> str:
    """The text with comments replaced by blanks of the same length; quotes are kept."""

    def blanked(match: re.Match[str]) -> str:
        piece = match.group()
        return re.sub(r"[^\r\n]", " ", piece) if piece.startswith(("--", "/*")) else piece

    return _QUOTED.sub(blanked, text)


def _split_piecewise(text: str, dialect: str) -> Iterator[RawStatement | BrokenText]:
    """Slow path: cut at semicolons outside quotes, then read each piece on its own."""
    start = 0
    for end in [*_semicolons(text), len(text)]:
        piece = text[start:end]
        try:
            tokens = tokenize(piece, dialect)
        except (TokenError, ValueError, IndexError) as error:
            stripped = len(piece) - len(piece.lstrip())
            yield BrokenText(start + stripped, end, str(error).split("\n")[0])
        else:
            yield from _statements(tokens, piece, start)
        start = end + 1


def _semicolons(text: str) -> Iterator[int]:
    """Semicolons that end a statement, by a scan that knows quotes and comments only.

    A quote that never closes would swallow the rest, so then only semicolons at a line's end count.
    """
    position = 0
    while position < len(text):
        match = _STOP.search(text, position)
        if match is None:
            return
        if match.group() == ";":
            yield match.start()
            position = match.end()
            continue
        quoted = _QUOTED.match(text, match.start())
        position = quoted.end() if quoted else match.end()


def _statements(tokens: list[Token], text: str, base: int) -> Iterator[RawStatement]:
    """Cut a token list at its statement ends."""
    first = 0
    count = len(tokens)
    scan = Scan(tokens)
    while first < count:
        if scan.kinds[first] is _SEMICOLON:
            first += 1
            continue
        begin, first = first, _behind_declarations(tokens, first)
        statement = RawStatement([], text, base)
        if first > begin:
            statement.declared = tuple(_declared(tokens[begin + 1 : first]))
        statement.is_routine = _starts_routine(tokens, first)
        index = _routine_end(tokens, first) if statement.is_routine else scan.run(statement, first)
        statement.tokens = tokens[first:index]
        yield statement
        first = index + 1


def _behind_declarations(tokens: list[Token], first: int) -> int:
    """The BEGIN of an anonymous block that opens with declarations (PL/SQL, PL/pgSQL, Snowflake).

    T-SQL and BigQuery declare statement by statement: there a semicolon or an ``@`` or a BEGIN-less
    rest tells.
    """
    if tokens[first].text.upper() != "DECLARE" or first + 1 >= len(tokens):
        return first
    if tokens[first + 1].token_type is TokenType.PARAMETER:
        return first
    for index in range(first + 1, min(first + 400, len(tokens))):
        word = tokens[index].text.upper()
        if word == "BEGIN":
            return index
        if word in ("SELECT", "INSERT", "CREATE", "SET"):
            return first
    return first


def _declared(tokens: list[Token]) -> Iterator[str]:
    """The variables of declarations: the first name of each."""
    is_first = True
    for token in tokens:
        word = token.text.upper()
        if is_first and word == "CURSOR":
            continue  # its name follows
        if is_first and word not in _NO_VARIABLES:
            yield token.text.lower()
        is_first = token.token_type is _SEMICOLON


def _starts_routine(tokens: list[Token], first: int) -> bool:
    if tokens[first].token_type not in _CREATORS:
        return False
    for token in tokens[first + 1 : first + 8]:
        kind = token.token_type
        if kind in OPENERS or kind is _SEMICOLON:
            return False
        if token.text.upper() in _ROUTINE_WORDS:
            return True
        if kind in _NO_ROUTINE:
            return False
    return False


def _routine_end(tokens: list[Token], first: int) -> int:
    """The index of the semicolon that ends a routine, counting BEGIN … END and CASE … END.

    Without any BEGIN the first semicolon ends it; an unbalanced body runs to the end of the tokens.
    """
    words = {token.text.upper() for token in tokens[first : first + 6]}
    depth = 1 if "PACKAGE" in words else 0  # a package has an END of its own and no BEGIN
    has_body = any(
        token.token_type in (TokenType.HEREDOC_STRING, TokenType.RAW_STRING)
        for token in tokens[first : first + 200]
    )
    index = first
    while index < len(tokens):
        token = tokens[index]
        kind = token.token_type
        word = token.text.upper() if kind is not TokenType.STRING else ""
        if kind is TokenType.SEMICOLON:
            if depth == 0 and (has_body or not _declares_before_begin(tokens, first, index)):
                return index
        elif kind is TokenType.BEGIN or word == "BEGIN" or kind is TokenType.CASE:
            depth += 1
        elif kind is TokenType.END or word == "END":
            following = tokens[index + 1].text.upper() if index + 1 < len(tokens) else ""
            if following not in _BLOCK_ENDS:
                depth = max(depth - 1, 0)
                if following == "CASE":
                    index += 1
        index += 1
    return len(tokens)


def _declares_before_begin(tokens: list[Token], first: int, index: int) -> bool:
    """Whether a semicolon stands in the declarations (IS/AS … BEGIN) of a routine."""
    words = {token.text.upper() for token in tokens[first:index]}
    if "BEGIN" in words:
        return False
    rest = tokens[index : index + 400]
    for token in rest:
        if token.text.upper() == "BEGIN":
            return True
        if token.token_type is TokenType.CREATE:
            return False
    return False
