"""Secrets out of SQL: what stands in an event may not open a door.

:func:`mask_sql` keeps the statement readable and puts ``***`` for passwords, keys, tokens and credentials of
URLs. It reads words and signs, not grammar, so it also works on text that no parser understands. When in
doubt it masks: a comparison such as ``WHERE token = 'abc'`` loses its literal too.

What it knows: options and clauses (``PASSWORD = '…'``, ``IDENTIFIED BY …``, ``CREDENTIALS '…'``,
``CREDENTIALS = (AWS_SECRET_KEY = '…')``, ``OPTIONS (password '…')``, ``'fs.azure.account.key' = '…'``), key
value pairs inside literals and comments (``host=h password=…``), user information and signatures of URLs,
arguments of functions that take a key, and tokens recognised by their shape (AWS, GitHub, Google, JWT, PEM).
"""

from __future__ import annotations

import re
from collections.abc import Callable

MASK = "***"

_BACKSLASH_DIALECTS = frozenset(
    {"bigquery", "clickhouse", "databricks", "doris", "hive", "mysql", "redshift", "singlestore"}
    | {"snowflake", "spark", "spark2", "starrocks"}
)

_HIDDEN_WORD = (
    r"(?:password|passwd|passphrase|passcode|pwd|secret|secret_?key|secret_?access_?key|access_?key(?:_?id)?"
    r"|aws_?key_?id|session_?token|security_?token|token|sas_?token|api_?key|apikey|account_?key|private_?key"
    r"|client_?secret|master_?key|shared_?key|encryption_?key|signing_?key|key_?secret|credentials?"
    r"|connection_?string|authorization|bearer|hmac_?key|hmac_?secret|identity_token|account\.key)"
)
_HIDDEN_NAME = re.compile(
    rf"(?:.*[^a-z0-9])?{_HIDDEN_WORD}(?:\..*)?|.*(?:password|passphrase)", re.IGNORECASE
)
_PAIR = re.compile(
    rf"""(?P<key>["']?\b[\w.\-]*?{_HIDDEN_WORD}["']?\s*(?:=>|:=|[=:])\s*["']?)(?P<value>[^\s"'&;,|)}}\]]+)""",
    re.IGNORECASE,
)
_URL_USER = re.compile(
    r"(?P<scheme>\b[a-z][\w+.\-]*://)(?P<user>[^\s/@:'\"]*):(?P<password>[^\s/'\"]*)@", re.I
)
_URL_QUERY = re.compile(
    r"(?P<key>[?&](?:sig|signature|x-amz-signature|x-amz-credential|x-amz-security-token|x-goog-signature"
    r"|access_token|token|code)=)[^\s&'\"]+",
    re.IGNORECASE,
)
_SHAPES = re.compile(
    r"\b(?:AKIA|ASIA|AROA|AIDA)[0-9A-Z]{16}\b"  # AWS key ids
    r"|\bgh[pousr]_[0-9A-Za-z]{30,}\b|\bgithub_pat_\w{30,}\b"
    r"|\bAIza[0-9A-Za-z_\-]{35}"  # Google
    r"|\bxox[abpros]-[0-9A-Za-z\-]{10,}"  # Slack
    r"|\bdapi[0-9a-f]{32}\b"  # Databricks
    r"|\beyJ[\w\-]{8,}\.[\w\-]{8,}\.[\w\-]*"  # JSON web tokens
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
    re.DOTALL,
)

# Where a function's literals hold a key: the number of the first argument to mask, from 0.
_KEYED_FUNCTIONS = {
    **dict.fromkeys(
        (
            "aes_encrypt",
            "aes_decrypt",
            "aes_encrypt_mysql",
            "aes_decrypt_mysql",
            "decrypt",
            "decrypt_iv",
            "encrypt",
            "encrypt_iv",
            "decrypt_raw",
            "des_decrypt",
            "des_encrypt",
            "encrypt_raw",
            "hmac",
            "hmac_sha256",
            "hmac_sha512",
            "pgp_pub_decrypt",
            "pgp_sym_decrypt",
            "pgp_sym_decrypt_bytea",
            "pgp_sym_encrypt",
            "pgp_sym_encrypt_bytea",
            "try_decrypt",
            "try_aes_decrypt",
        ),
        1,
    ),
    # Functions that read other systems (ClickHouse, SQL Server): address first, credentials behind.
    **dict.fromkeys(("s3", "s3cluster", "gcs", "deltalake", "iceberg", "hudi", "url"), 1),
    **dict.fromkeys(("remote", "remotesecure", "mysql", "postgresql", "mongodb"), 3),
    **dict.fromkeys(("azureblobstorage", "redis"), 2),
    **dict.fromkeys(("openrowset", "opendatasource"), 1),
    **dict.fromkeys(("encryptbypassphrase", "decryptbypassphrase"), 0),
    "password": 0,
}

_SUSPECT = re.compile(
    rf"{_HIDDEN_WORD}|identified|://|-----BEGIN|crypt|hmac"
    r"|\b(?:s3|gcs|url|remote|mysql|postgresql|mongodb|azureblobstorage|redis|openrowset|opendatasource"
    r"|s3cluster|deltalake|iceberg|hudi|remotesecure)\s*\(|[?&]\w+="
    rf"|{_SHAPES.pattern}",
    re.IGNORECASE | re.DOTALL,
)

_FILLERS = frozenset({"=", "=>", ":=", ":", "by", "values", "is", "hash", "identified", "n", "e", "u&", "to"})
_VALUE_AFTER = frozenset({"by", "values"})


def mask_sql(text: str, dialect: str = "") -> str:
    """The text with ``***`` in place of what looks like a secret.

    >>> mask_sql("COPY t FROM 's3://b/k' CREDENTIALS 'aws_secret_access_key=abc'", "redshift")
    "COPY t FROM 's3://b/k' CREDENTIALS '***'"

    Args:
        text: SQL, or any text with SQL in it.
        dialect: sqlglot name; says whether a backslash escapes a quote.
    """
    if not _SUSPECT.search(text):
        return text
    pieces = _pieces(text, dialect)
    _Masker(pieces, dialect).run()
    return "".join(pieces)


def mask_text(text: str) -> str:
    """The same for text that is no SQL: messages, URLs, names of files."""
    if not _SUSPECT.search(text):
        return text
    text = _URL_USER.sub(_masked_user, text)
    text = _URL_QUERY.sub(lambda match: match["key"] + MASK, text)
    text = _PAIR.sub(_masked_pair, text)
    return _SHAPES.sub(MASK, text)


def _masked_user(match: re.Match[str]) -> str:
    return f"{match['scheme']}{match['user']}:{MASK}@"


def _masked_pair(match: re.Match[str]) -> str:
    return match["key"] + MASK


_LEXICON = r"""
    --[^\n]* | /\*.*?(?:\*/|\Z)                      # comments
  | (?P<dollar>\$[A-Za-z_]*\$).*?(?:(?P=dollar)|\Z)  # PostgreSQL's bodies
  | {string}                                         # literals
  | "(?:[^"]|"")*(?:"|\Z) | `[^`]*(?:`|\Z)           # quoted names
  | [\w.\-$@]+ | \s+ | => | := | .
"""
_PLAIN = re.compile(_LEXICON.format(string=r"'(?:[^']|'')*(?:'|\Z)"), re.VERBOSE | re.DOTALL)
_ESCAPED = re.compile(_LEXICON.format(string=r"'(?:[^'\\]|''|\\.)*(?:'|\Z)"), re.VERBOSE | re.DOTALL)


def _pieces(text: str, dialect: str) -> list[str]:
    pattern = _ESCAPED if dialect in _BACKSLASH_DIALECTS else _PLAIN
    return [match.group() for match in pattern.finditer(text)]


class _Masker:
    """Replaces pieces in place."""

    def __init__(self, pieces: list[str], dialect: str) -> None:
        self._pieces = pieces
        self._dialect = dialect

    def run(self) -> None:
        position = 0
        while position < len(self._pieces):
            piece = self._pieces[position]
            if piece.startswith(("--", "/*")):
                self._pieces[position] = mask_text(piece)
            elif piece.startswith("$") and piece.count("$") > 1:
                self._mask_body(position)
            elif _is_word(piece) or _is_quoted(piece):
                position = self._mask_after(position)
            position += 1

    def _mask_body(self, position: int) -> None:
        piece = self._pieces[position]
        mark = piece[: piece.index("$", 1) + 1]
        inner = piece[len(mark) :]
        end = mark if inner.endswith(mark) else ""
        self._pieces[position] = mark + mask_sql(inner[: len(inner) - len(end)], self._dialect) + end

    def _mask_after(self, position: int) -> int:
        """Mask what belongs to the word or literal at ``position``; returns where to go on."""
        piece = self._pieces[position]
        name = _bare(piece)
        following = self._next(position)
        if name.lower() == "identified":
            return self._mask_value(position, takes_words=True)
        if _is_word(piece) and following is not None and self._pieces[following] == "(":
            first = _KEYED_FUNCTIONS.get(name.lower())
            if first is not None:
                return self._mask_arguments(following, first)
        if len(name) < 120 and _HIDDEN_NAME.fullmatch(name):
            end = self._mask_value(position, takes_words=False)
            if end != position:
                return end
        if _is_quoted(piece):
            self._pieces[position] = mask_text(piece)
        return position

    def _mask_value(self, position: int, *, takes_words: bool) -> int:
        """Mask the literal that follows a name, over the words and signs that may stand between."""
        index = self._next(position)
        may_take_word = False
        has_comma = False
        while index is not None:
            piece = self._pieces[index]
            lowered = piece.lower()
            if piece.startswith(("'", '"', "$")) and len(piece) > 1:
                self._pieces[index] = f"{piece[0]}{MASK}{piece[0]}"
                return index
            if may_take_word and _is_word(piece) and lowered not in _FILLERS:
                self._pieces[index] = MASK
                return index
            if lowered == "with" and takes_words:
                index = self._next(self._next(index) or index)  # the name of a plug-in
                continue
            if piece == "," and not has_comma and _is_quoted(self._pieces[position]):
                has_comma = True  # map('password', 'x')
            elif lowered not in _FILLERS:
                return position
            may_take_word = takes_words and lowered in _VALUE_AFTER
            index = self._next(index)
        return position

    def _mask_arguments(self, opening: int, first: int) -> int:
        """Mask the literals of a call from argument number ``first`` on."""
        depth, argument, index = 0, 0, opening
        while index < len(self._pieces):
            piece = self._pieces[index]
            if piece == "(":
                depth += 1
            elif piece == ")":
                depth -= 1
                if depth == 0:
                    return index
            elif piece in (",", ";") and depth == 1:
                argument += 1
            elif piece.startswith("'"):
                self._pieces[index] = f"'{MASK}'" if argument >= first else mask_text(piece)
            index += 1
        return index

    def _next(self, position: int) -> int | None:
        """The next piece that is no blank and no comment."""
        for index in range(position + 1, len(self._pieces)):
            piece = self._pieces[index]
            if not piece.isspace() and not piece.startswith(("--", "/*")):
                return index
        return None


def _is_word(piece: str) -> bool:
    return piece[0].isalnum() or piece[0] == "_"


def _is_quoted(piece: str) -> bool:
    return len(piece) > 1 and piece[0] in "'\"`"


def _bare(piece: str) -> str:
    return piece[1:-1] if _is_quoted(piece) else piece


Redact = Callable[[str], str]
"""Takes more secrets out of a text, for example those that Airflow knows by value."""
