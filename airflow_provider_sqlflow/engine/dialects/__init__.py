"""Dialects: their names, and the few rules in which they differ for lineage.

sqlglot's dialect classes know the syntax. What stands here is what lineage needs on top: how names
compare, whether an alias may be used in its own SELECT list, which words are no columns.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache

from sqlglot.dialects import DIALECTS
from sqlglot.dialects.dialect import Dialect, NormalizationStrategy
from sqlglot.errors import ErrorLevel
from sqlglot.parser import Parser
from sqlglot.tokenizer_core import Token
from sqlglot.tokens import Tokenizer

from airflow_provider_sqlflow.errors import UnknownDialectError

# SQLFlow's dbvendor values (reference: sqlflow-api, section 2). Where sqlglot has no dialect of that
# name, the nearest relative parses it.
_VENDORS = {
    "dbvansi": "",
    "dbvathena": "athena",
    "dbvazuresql": "tsql",
    "dbvbigquery": "bigquery",
    "dbvclickhouse": "clickhouse",
    "dbvcouchbase": "",
    "dbvdatabricks": "databricks",
    "dbvdb2": "",
    "dbvduckdb": "duckdb",
    "dbvexasol": "exasol",
    "dbvgaussdb": "postgres",
    "dbvgreenplum": "postgres",
    "dbvhana": "",
    "dbvhive": "hive",
    "dbvimpala": "hive",
    "dbvinformix": "",
    "dbvmssql": "tsql",
    "dbvmysql": "mysql",
    "dbvnetezza": "postgres",
    "dbvopenedge": "",
    "dbvoracle": "oracle",
    "dbvpostgresql": "postgres",
    "dbvpresto": "presto",
    "dbvredshift": "redshift",
    "dbvsnowflake": "snowflake",
    "dbvsparksql": "spark",
    "dbvsqlite": "sqlite",
    "dbvstarrocks": "starrocks",
    "dbvsybase": "tsql",
    "dbvteradata": "teradata",
    "dbvtrino": "trino",
    "dbvvertica": "postgres",
}
_ALIASES = {
    "ansi": "",
    "generic": "",
    "aurora": "",  # MySQL's or PostgreSQL's SQL
    "flink": "",
    "flinksql": "",
    "h2": "",
    "ksqldb": "",
    "saphana": "",
    "bq": "bigquery",
    "googlesql": "bigquery",
    "spanner": "bigquery",
    "motherduck": "duckdb",
    "maxcompute": "hive",
    "odps": "hive",
    "auroramysql": "mysql",
    "mariadb": "mysql",
    "oceanbase": "mysql",
    "percona": "mysql",
    "tidb": "mysql",
    "dameng": "oracle",
    "plsql": "oracle",
    "alloydb": "postgres",
    "aurorapostgresql": "postgres",
    "cockroach": "postgres",
    "cockroachdb": "postgres",
    "cratedb": "postgres",
    "dws": "postgres",
    "enterprisedb": "postgres",
    "firebolt": "postgres",
    "greenplum": "postgres",
    "hologres": "postgres",
    "kingbase": "postgres",
    "opengauss": "postgres",
    "pg": "postgres",
    "postgresql": "postgres",
    "questdb": "postgres",
    "timescaledb": "postgres",
    "yugabyte": "postgres",
    "yugabytedb": "postgres",
    "memsql": "singlestore",
    "pyspark": "spark",
    "spark3": "spark",
    "sparksql": "spark",
    "azuresql": "tsql",
    "mssql": "tsql",
    "sqlserver": "tsql",
    "synapse": "tsql",
    "starburst": "trino",
}
_VENDOR_OF = {
    "": "dbvansi",
    "tsql": "dbvmssql",
    "fabric": "dbvazuresql",
    "postgres": "dbvpostgresql",
    "materialize": "dbvpostgresql",
    "risingwave": "dbvpostgresql",
    "spark": "dbvsparksql",
    "spark2": "dbvsparksql",
    "doris": "dbvmysql",
    "singlestore": "dbvmysql",
}

# An alias of the SELECT list may be used further right in the same list (and in WHERE).
# Manuals: Snowflake SELECT, Redshift "lateral column alias reference", Databricks LCA, DuckDB
# "reusable column aliases", Teradata "named expression", ClickHouse WITH/alias scoping.
_LATERAL_ALIAS = frozenset(
    {"snowflake", "redshift", "databricks", "spark", "duckdb", "teradata", "clickhouse", "exasol", "dremio"}
)

_FIELD_ACCESS = frozenset(
    {
        "bigquery", "spark", "spark2", "databricks", "hive", "trino", "presto", "athena", "duckdb",
        "clickhouse", "dremio", "drill", "starrocks", "doris", "oracle",
    }
)  # fmt: skip

# A relation's name may stand for its row as a value. Manuals: PostgreSQL "whole-row references", BigQuery
# "range variables", DuckDB "struct creation"; and text of unknown origin.
_ROW_VALUES = frozenset(
    {"", "postgres", "redshift", "materialize", "risingwave", "duckdb", "bigquery", "spanner"}
)

_NAMES_BY_FUNCTION = frozenset({"postgres", "redshift", "materialize", "risingwave"})

# Elsewhere the values of computed columns must be given as DEFAULT, so they count.
# Manuals: SQL Server INSERT, ClickHouse default values; SQLite and DuckDB tried.
_TSQL = frozenset({"tsql", "fabric"})
_SKIPS_COMPUTED = _TSQL | {"sqlite", "duckdb", "clickhouse"}

# Words that the grammar reads as columns but that are values of the session or the row.
_PSEUDO_COLUMNS = {
    "oracle": {
        "rownum", "level", "sysdate", "systimestamp", "user", "uid",
        "connect_by_isleaf", "connect_by_iscycle", "connect_by_root", "sqlcode", "sqlerrm",
    },
    "teradata": {"date", "time", "user", "session", "database"},
    "mysql": {"dual"},
    "snowflake": {"level", "connect_by_root"},
    "tsql": {"$action", "@@rowcount", "@@identity"},
}  # fmt: skip
# Columns that every table has without declaring them.
_SYSTEM_COLUMNS = {
    "oracle": frozenset({"rowid", "ora_rowscn"}),
    "postgres": frozenset({"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"}),
    "sqlite": frozenset({"rowid", "oid", "_rowid_"}),
    "duckdb": frozenset({"rowid"}),
    "bigquery": frozenset({"_partitiontime", "_partitiondate", "_table_suffix", "_file_name"}),
    "snowflake": frozenset(
        {
            "metadata$filename", "metadata$file_row_number", "metadata$file_last_modified",
            "metadata$action", "metadata$isupdate", "metadata$row_id",
        }
    ),
}  # fmt: skip
_ALWAYS_PSEUDO = frozenset(
    {
        "current_date", "current_time", "current_timestamp", "current_user", "session_user",
        "localtime", "localtimestamp", "sysdate", "default", "true", "false", "null", "unknown",
    }
)  # fmt: skip


_CASE_INSENSITIVE = NormalizationStrategy.CASE_INSENSITIVE
_CASE_SENSITIVE = NormalizationStrategy.CASE_SENSITIVE
_UPPERCASE = NormalizationStrategy.UPPERCASE


@dataclass(frozen=True, slots=True)
class Rules:
    """What differs between dialects for lineage."""

    name: str
    strategy: NormalizationStrategy
    has_lateral_alias: bool
    pseudo_columns: frozenset[str]
    system_columns: frozenset[str]
    has_schemas: bool
    has_field_access: bool
    """Whether ``a.b`` may be a field of a column ``a`` without brackets."""
    skips_computed: bool
    """Whether INSERT without a column list leaves computed columns out."""
    skips_identity: bool
    """Whether INSERT without a column list leaves identity columns out."""
    has_row_values: bool
    """Whether a relation's name may stand for its row."""
    names_by_function: bool
    """Whether ``sum(x)`` without an alias is a column ``sum``."""
    using_order: str
    """Where ``*`` has the columns of USING: ``using_list`` and ``left_table`` first, else ``in_place``."""

    def relation_key(self, name: str, quoted: bool) -> str:
        """The form under which relation names compare."""
        if self.name == "bigquery":
            return name  # project, dataset and table names keep their case; columns do not
        return self._key(name, quoted)

    def column_key(self, name: str, quoted: bool) -> str:
        """The form under which column names compare."""
        if self.name == "mysql":
            return name.lower()  # only table names depend on the file system
        return self._key(name, quoted)

    def column_keys(self, names: Iterable[str]) -> Iterable[str]:
        """:meth:`column_key` of names written without quotes."""
        if self.name == "mysql" or self.strategy not in (_UPPERCASE, _CASE_SENSITIVE):
            return map(str.lower, names)
        return map(str.upper, names) if self.strategy is _UPPERCASE else names

    def _key(self, name: str, quoted: bool) -> str:
        strategy = self.strategy
        if strategy is _CASE_INSENSITIVE:
            return name.lower()
        if quoted or strategy is _CASE_SENSITIVE:
            return name
        return name.upper() if strategy is _UPPERCASE else name.lower()


def resolve_dialect(name: str) -> str:
    """The sqlglot name of a dialect, from sqlglot's, SQLFlow's (``dbv…``) or a common name.

    Raises:
        UnknownDialectError: nothing of that name; the message offers the nearest.

    >>> resolve_dialect("dbvmssql"), resolve_dialect("Snowflake"), resolve_dialect("ansi")
    ('tsql', 'snowflake', '')
    """
    wanted = (name or "").strip().lower()
    if wanted in _VENDORS:
        return _VENDORS[wanted]
    if wanted not in _ALIASES:
        plain = wanted.replace("_", "").replace("-", "").replace(" ", "")
        wanted = plain if plain in _ALIASES or plain in known_dialects() else wanted
    wanted = _ALIASES.get(wanted, wanted)
    if f"dbv{wanted}" in _VENDORS and wanted not in known_dialects():
        return _VENDORS[f"dbv{wanted}"]
    if wanted == "" or wanted in known_dialects():
        return wanted
    choices = [*known_dialects(), *_ALIASES, *_VENDORS]
    near = get_close_matches(wanted, choices, n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known are {', '.join(known_dialects())}"
    raise UnknownDialectError(f"unknown SQL dialect {name!r}: {hint}")


def vendor_of(dialect: str) -> str:
    """SQLFlow's ``dbv…`` name of a sqlglot dialect."""
    return _VENDOR_OF.get(dialect, f"dbv{dialect}")


@lru_cache(maxsize=1)
def known_dialects() -> tuple[str, ...]:
    """All SQL dialects of sqlglot, sorted. Their modules are not loaded for it."""
    return tuple(sorted({name.lower() for name in DIALECTS} - {"dax", "prql", "solr", "tableau"}))


@lru_cache(maxsize=64)
def syntax_of(dialect: str) -> Dialect:
    """The parser's object for a dialect name; it holds no state, so one serves all scripts."""
    return Dialect.get_or_raise(dialect)


class _Tools(threading.local):
    """Tokenizers and parsers by dialect. They hold state while they work, so each thread has its own."""

    def __init__(self) -> None:
        self.tokenizers: dict[str, Tokenizer] = {}
        self.parsers: dict[str, Parser] = {}


_TOOLS = _Tools()


def _tokenizer_of(dialect: str) -> Tokenizer:
    """A tokenizer; where statements follow one another without semicolons, one without commands.

    What follows a command such as PRINT, up to the next semicolon, would be one token. And the ``#`` of
    T-SQL's temporary tables is part of their names: ``t`` is another table than ``#t``.
    """
    syntax = syntax_of(dialect)
    if dialect not in _TSQL and dialect != "bigquery":
        return syntax.tokenizer()
    own = syntax.tokenizer_class
    changes: dict[str, object] = {"COMMANDS": set()}
    if dialect in _TSQL:
        changes["SINGLE_TOKENS"] = {sign: kind for sign, kind in own.SINGLE_TOKENS.items() if sign != "#"}
    plain: type[Tokenizer] = type("PlainTokenizer", (own,), changes)
    return plain(syntax)


def tokenize(text: str, dialect: str) -> list[Token]:
    """The tokens of a text.

    Raises:
        TokenError: the text cannot be cut into tokens; on odd text a ValueError or IndexError.
    """
    tokenizer = _TOOLS.tokenizers.get(dialect)
    if tokenizer is None:
        tokenizer = _TOOLS.tokenizers[dialect] = _tokenizer_of(dialect)
    try:
        return tokenizer.tokenize(text)
    finally:
        tokenizer.tokenize("")  # else it would keep the text and its tokens


def parser_of(dialect: str) -> Parser:
    """The parser of a dialect that this thread uses; the first error ends what it parses."""
    parser = _TOOLS.parsers.get(dialect)
    if parser is None:
        parser = _TOOLS.parsers[dialect] = syntax_of(dialect).parser(error_level=ErrorLevel.IMMEDIATE)
    return parser


@lru_cache(maxsize=64)
def rules_of(dialect: str) -> Rules:
    """The rules of a sqlglot dialect name."""
    strategy = syntax_of(dialect).normalization_strategy
    if dialect == "":
        strategy = NormalizationStrategy.CASE_INSENSITIVE  # text of unknown origin: be generous
    return Rules(
        name=dialect,
        strategy=strategy,
        has_lateral_alias=dialect in _LATERAL_ALIAS,
        pseudo_columns=_ALWAYS_PSEUDO | frozenset(_PSEUDO_COLUMNS.get(dialect, ())),
        system_columns=_SYSTEM_COLUMNS.get(dialect, frozenset()),
        has_field_access=dialect in _FIELD_ACCESS,
        skips_computed=dialect in _SKIPS_COMPUTED,
        skips_identity=dialect in _TSQL,
        has_row_values=dialect in _ROW_VALUES,
        names_by_function=dialect in _NAMES_BY_FUNCTION,
        using_order=str(syntax_of(dialect).USING_COLUMN_ORDER.value).lower(),
        has_schemas=dialect not in {"mysql", "hive", "teradata", "clickhouse", "sqlite"},
    )


def case_of(dialect: str) -> str:
    """How a dialect stores names written without quotes: ``upper``, ``lower``, ``exact`` or ``any``."""
    return _CASES.get(rules_of(dialect).strategy, "any")


_CASES = {
    NormalizationStrategy.UPPERCASE: "upper",
    NormalizationStrategy.LOWERCASE: "lower",
    NormalizationStrategy.CASE_SENSITIVE: "exact",
}
