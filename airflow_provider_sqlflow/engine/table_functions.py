"""The columns of table functions: those that the text declares, and those that a function always has."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

_FLATTENED = ("SEQ", "KEY", "PATH", "INDEX", "VALUE", "THIS")
_SPLIT = ("SEQ", "INDEX", "VALUE")
_PAIR = ("key", "value")
# Manuals: Snowflake FLATTEN, SPLIT_TO_TABLE; SQL Server STRING_SPLIT, OPENJSON; PostgreSQL "JSON functions",
# "set returning functions"; SQLite json1; Oracle XMLTABLE; Redshift and DuckDB as PostgreSQL.
_SNOWFLAKE = {
    "flatten": _FLATTENED,
    "explode": _FLATTENED,  # what the parser makes of FLATTEN
    "split_to_table": _SPLIT,
    "strtok_split_to_table": _SPLIT,
}
_TSQL = {"string_split": ("value", "ordinal"), "openjson": ("key", "value", "type")}
_POSTGRES = {
    "json_each": _PAIR, "jsonb_each": _PAIR, "json_each_text": _PAIR, "jsonb_each_text": _PAIR, "each": _PAIR,
    "json_array_elements": ("value",), "jsonb_array_elements": ("value",),
    "json_array_elements_text": ("value",), "jsonb_array_elements_text": ("value",),
}  # fmt: skip
_OUTPUTS: dict[str, dict[str, tuple[str, ...]]] = {
    "snowflake": _SNOWFLAKE,
    "tsql": _TSQL,
    "fabric": _TSQL,
    "postgres": _POSTGRES,
    "materialize": _POSTGRES,
    "risingwave": _POSTGRES,
    "oracle": {"xmltable": ("COLUMN_VALUE",)},
}
# There a function without an alias gives a column, and a relation, of its own name.
_NAMED_LIKE_FUNCTION = frozenset({"postgres", "redshift", "materialize", "risingwave", "duckdb", "sqlite"})
_PAIRS = frozenset({"key", "value"})
_EXPLODED = _PAIRS | {"col"}
_HIVE = {
    "explode": _EXPLODED,
    "explode_outer": _EXPLODED,
    "posexplode": _EXPLODED | {"pos"},
    "posexplode_outer": _EXPLODED | {"pos"},
}
_JSON_NODE = _PAIRS | {"atom", "fullkey"}  # and more that are often columns of tables: type, id, parent, path
_SQLITE = dict.fromkeys(("json_each", "json_tree", "jsonb_each", "jsonb_tree"), _JSON_NODE)
_LIKELY: dict[str, dict[str, frozenset[str]]] = {
    "hive": _HIVE,
    "spark": _HIVE,
    "spark2": _HIVE,
    "databricks": _HIVE,
    "sqlite": _SQLITE,
    "duckdb": _SQLITE,
}
# What the parser calls otherwise.
_OWN_NAMES = {
    "exploding_generate_series": "generate_series",
    "open_j_s_o_n": "openjson",
    "x_m_l_table": "xmltable",
}
# Manual: BigQuery ML "input table columns are part of the output"; AI.FORECAST gives the history on request.
_MODEL_FUNCTIONS = frozenset(
    {
        "predict", "explain_predict", "detect_anomalies", "transform", "recommend", "generate_text",
        "generate_embedding", "generate_table", "generate_bool", "m_l_translate", "translate",
        "understand_text", "annotate_image", "process_document", "transcribe", "a_i_forecast",
    }
)  # fmt: skip
# PostgreSQL's that may stand in a select list, where what they are called tells them from others.
_SET_RETURNING = frozenset(_POSTGRES) | {
    "generate_subscripts", "jsonb_object_keys", "json_object_keys", "jsonb_path_query", "skeys", "svals",
    "regexp_matches", "regexp_split_to_table", "string_to_table", "jsonb_populate_recordset",
    "json_populate_recordset",
}  # fmt: skip
_REMOTE = frozenset({"remote", "remotesecure", "cluster", "clusterallreplicas"})
NO_NAMES: frozenset[str] = frozenset()
# The columns of VALUES without a list of names: what stands before the number, and the first number.
# Manuals: Spark and Databricks "VALUES", MySQL "VALUES statement", Trino "VALUES"; DuckDB tried.
_VALUES = {
    "duckdb": ("col", 0),
    "hive": ("col", 1), "spark": ("col", 1), "spark2": ("col", 1), "databricks": ("col", 1),
    "mysql": ("column_", 0),
    "trino": ("_col", 0), "presto": ("_col", 0), "athena": ("_col", 0),
}  # fmt: skip


def function_name(call: Any) -> str:
    """The name of a call in lower case; empty for what is none."""
    if isinstance(call, exp.Anonymous):
        return str(call.name).lower()
    name = str(call.sql_name()).lower() if isinstance(call, exp.Func) else ""
    return _OWN_NAMES.get(name, name)


def unwrapped(call: Any) -> Any:
    """The function in Trino's ``TABLE(function(…))``."""
    if isinstance(call, exp.Anonymous) and call.name.upper() == "TABLE":
        arguments: list[Any] = call.args.get("expressions") or []
        inner = arguments[0] if len(arguments) == 1 else None
        if isinstance(inner, exp.Dot):
            inner = inner.args["expression"]  # behind a schema
        if isinstance(inner, exp.Func):
            return inner
    return call


def table_argument(argument: Any) -> list[Any]:
    """The name in an argument ``TABLE(name)``; empty for other arguments."""
    if isinstance(argument, exp.Kwarg):
        argument = argument.args["expression"]
    if not isinstance(argument, exp.Anonymous) or argument.name.upper() != "TABLE":
        return []
    names: list[Any] = argument.args.get("expressions") or []
    return list(names[0].parts) if len(names) == 1 and isinstance(names[0], exp.Column) else []


def predicted_table(call: Any) -> Any:
    """The table or query to whose columns a function of a model adds its own; ``None`` for others."""
    if isinstance(call, exp.Anonymous):
        found = call.args.get("expressions") if call.name.lower() in _MODEL_FUNCTIONS else None
    elif function_name(call) in _MODEL_FUNCTIONS:
        found = [call.args.get("expression") or call.args.get("this")]
    else:
        return None
    return next((one for one in found or () if isinstance(one, (exp.Subquery, exp.Table))), None)


def reads_last_result(call: Any) -> bool:
    """Snowflake's ``TABLE(RESULT_SCAN(LAST_QUERY_ID()))``: what the statement before has given."""
    call = call.args.get("this") if isinstance(call, exp.TableFromRows) else call
    if function_name(call) != "result_scan":
        return False
    arguments: list[Any] = call.args.get("expressions") or []
    query: Any = arguments[0] if arguments else None
    if function_name(query) != "last_query_id":
        return False
    numbers: list[Any] = query.args.get("expressions") or []
    return all(one.sql() == "-1" for one in numbers)


def remote_table(call: Any, dialect: str) -> list[Any]:
    """The name of the table that ClickHouse's ``remote(host, database.table)`` reads; empty for others."""
    if dialect != "clickhouse" or not isinstance(call, exp.Anonymous) or call.name.lower() not in _REMOTE:
        return []
    arguments = (call.args.get("expressions") or [])[1:3]
    if arguments and isinstance(arguments[0], exp.Column) and len(arguments[0].parts) > 1:
        return list(arguments[0].parts)
    names = [one.this if isinstance(one, exp.Column) else one for one in arguments]
    if len(names) == 2 and all(isinstance(one, (exp.Identifier, exp.Literal)) for one in names):
        return [one if isinstance(one, exp.Identifier) else exp.to_identifier(one.name) for one in names]
    return []


def makes_rows(call: Any, dialect: str) -> bool:
    """Whether a function in a select list gives several rows."""
    is_call = isinstance(call, exp.Anonymous) and dialect in _NAMED_LIKE_FUNCTION
    return is_call and str(call.name).lower() in _SET_RETURNING


def values_name(number: int, dialect: str) -> str:
    """The name of a column of VALUES, counted from 0, to which the text gives none."""
    text, first = _VALUES.get(dialect, ("column", 1))
    return f"{text}{number + first}"


def declared_columns(call: Any) -> list[Any]:
    """The columns that a call lists: ``JSON_TABLE(… COLUMNS (…))``, ``XMLTABLE``, ``OPENJSON … WITH``."""
    if isinstance(call, exp.XMLTable):
        return _identifiers(call.args.get("columns"))
    if isinstance(call, exp.OpenJSON):
        return _identifiers(call.args.get("expressions"))
    schema = call.args.get("schema") if isinstance(call, exp.JSONTable) else None
    return _identifiers(schema.args.get("expressions")) if isinstance(schema, exp.Expr) else []


def _identifiers(columns: Any) -> list[Any]:
    found: list[Any] = []
    for column in columns or ():
        nested = column.args.get("nested_schema")
        if isinstance(nested, exp.Expr):
            found += _identifiers(nested.args.get("expressions"))
        elif isinstance(column.args.get("this"), exp.Identifier):
            found.append(column.args["this"])
    return found


def output_names(call: Any, dialect: str) -> tuple[str, ...]:
    """The columns that a function of this name always has; empty where they are not known."""
    outputs = _OUTPUTS.get(dialect)
    return outputs.get(function_name(call), ()) if outputs is not None else ()


def likely_names(call: Any, dialect: str) -> frozenset[str]:
    """Names that the columns of a function have unless the text gives others."""
    likely = _LIKELY.get(dialect)
    return likely.get(function_name(call), NO_NAMES) if likely is not None else NO_NAMES


def likely_of_array(dialect: str) -> frozenset[str]:
    """BigQuery: what the structs in an array without an alias most often have as fields."""
    return _PAIRS if dialect == "bigquery" else NO_NAMES


def names_itself(dialect: str) -> bool:
    """Whether a function in FROM without an alias is known by its own name."""
    return dialect in _NAMED_LIKE_FUNCTION
