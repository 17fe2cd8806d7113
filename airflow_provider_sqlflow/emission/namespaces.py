"""Where a database is, as OpenLineage writes it: the namespace that belongs to a connection.

Pure: fields of a connection in, a :class:`DatabaseAddress` out. Rules: reference openlineage-marquez,
section 2. Airflow's own hooks name their databases the same way, so events of both join.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from airflow_provider_sqlflow.errors import ConfigError

Extra = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class ConnectionFacts:
    """What of an Airflow connection says where its database is. No credentials.

    ``schema`` is Airflow's field of that name: for most databases it holds the database.
    """

    conn_type: str
    host: str = ""
    port: int | None = None
    schema: str = ""
    extra: Extra = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DatabaseAddress:
    """A database: its dialect, its namespace, and what completes short names.

    ``namespace`` is empty where the connection does not say enough; nothing is invented.
    """

    dialect: str
    namespace: str = ""
    default_database: str | None = None
    default_schema: str | None = None


def database_address(connection: ConnectionFacts) -> DatabaseAddress:
    """The address of a connection's database.

    Raises:
        ConfigError: the connection's type is no database that we know.
    """
    rule = _RULES.get(connection.conn_type)
    if rule is None:
        raise ConfigError(
            f"a connection of type {connection.conn_type!r} names no database that we know; "
            f"known are {', '.join(sorted(_RULES))}. Give the dataset namespace instead"
        )
    return rule(connection)


def known_types() -> tuple[str, ...]:
    """The connection types that :func:`database_address` knows."""
    return tuple(_RULES)


def _text(extra: Extra, *names: str) -> str:
    for name in names:
        for key in (name, f"extra__{name}"):
            value = extra.get(key)
            if value:
                return str(value)
    return ""


def _host_of(connection: ConnectionFacts) -> str:
    """The host as spelt; a URL in the field loses its scheme, path and user."""
    return connection.host.strip().rpartition("://")[2].partition("/")[0].rpartition("@")[2]


def _network(
    dialect: str,
    scheme: str,
    port: int | None,
    *,
    schema: str | None = None,
    has_database: bool = True,
) -> Callable[[ConnectionFacts], DatabaseAddress]:
    """Rule of systems named by host and port.

    Args:
        dialect: sqlglot name.
        scheme: of the namespace.
        port: where the connection gives none.
        schema: the schema of names without one.
        has_database: whether names begin with a database; else the connection's is their schema.
    """

    def rule(connection: ConnectionFacts) -> DatabaseAddress:
        host = _host_of(connection)
        number = connection.port or port
        authority = host if ":" in host or number is None else f"{host}:{number}"
        namespace = f"{scheme}://{authority}" if host else ""
        given = connection.schema or None
        if not has_database:
            return DatabaseAddress(dialect, namespace, None, given)
        extra_schema = _text(connection.extra, "schema", "currentSchema", "current_schema")
        return DatabaseAddress(dialect, namespace, given, extra_schema or schema)

    return rule


def _oracle(connection: ConnectionFacts) -> DatabaseAddress:
    host = _host_of(connection)
    service = _text(connection.extra, "service_name", "sid") or connection.schema
    namespace = f"oracle://{host}:{connection.port or 1521}" if host else ""
    return DatabaseAddress("oracle", namespace, service or None)


def _redshift(connection: ConnectionFacts) -> DatabaseAddress:
    """``cluster.region:port``, from the endpoint or from the extra fields of an IAM connection."""
    host = _host_of(connection)
    port = connection.port or 5439
    parts = host.split(".")
    cluster = _text(connection.extra, "cluster_identifier") or parts[0]
    region = _text(connection.extra, "region", "region_name")
    if not region and "redshift" in host and len(parts) > 2:
        # name.id.region.redshift.amazonaws.com, or workgroup.account.region.redshift-serverless…
        region = parts[2]
    authority = f"{cluster}.{region}:{port}" if cluster and region else f"{host}:{port}" if host else ""
    namespace = f"redshift://{authority}" if authority else ""
    return DatabaseAddress("redshift", namespace, connection.schema or None, "public")


def _snowflake(connection: ConnectionFacts) -> DatabaseAddress:
    """``org-account``, else ``locator.region.cloud`` with OpenLineage's defaults."""
    domain = ".snowflakecomputing.com"
    account = (_text(connection.extra, "account") or _host_of(connection)).lower().removesuffix(domain)
    region = _text(connection.extra, "region").lower()
    if "-" in account.partition(".")[0]:
        account = account.partition(".")[0]
    elif account:
        parts = [*account.split("."), *(region.split(".") if region else ())]
        account = ".".join((*parts, *("us-west-1", "aws")[len(parts) - 1 :]))
    database = _text(connection.extra, "database")
    schema = connection.schema or _text(connection.extra, "schema")
    return DatabaseAddress(
        "snowflake", f"snowflake://{account}" if account else "", database or None, schema or None
    )


def _bigquery(connection: ConnectionFacts) -> DatabaseAddress:
    project = _text(connection.extra, "project", "google_cloud_platform__project", "project_id")
    return DatabaseAddress("bigquery", "bigquery", project or None)


def _databricks(connection: ConnectionFacts) -> DatabaseAddress:
    host = _host_of(connection)
    catalog = _text(connection.extra, "catalog") or "hive_metastore"
    return DatabaseAddress(
        "databricks", f"databricks://{host}" if host else "", catalog, connection.schema or "default"
    )


def _athena(connection: ConnectionFacts) -> DatabaseAddress:
    region = _text(connection.extra, "region_name", "region")
    return DatabaseAddress(
        "athena",
        f"awsathena://athena.{region}.amazonaws.com" if region else "",
        _text(connection.extra, "catalog_name") or "AwsDataCatalog",
        connection.schema or _text(connection.extra, "schema_name") or None,
    )


def _trino(connection: ConnectionFacts) -> DatabaseAddress:
    host = _host_of(connection)
    dialect = connection.conn_type
    return DatabaseAddress(
        dialect,
        f"{dialect}://{host}:{connection.port or 8080}" if host else "",
        _text(connection.extra, "catalog") or "hive",
        connection.schema or None,
    )


def _sqlite(connection: ConnectionFacts) -> DatabaseAddress:
    """The file is the authority; OpenLineage has no rule for SQLite."""
    path = connection.host if connection.host.startswith("/") else ""
    return DatabaseAddress("sqlite", f"sqlite://{path}" if path else "", None, "main")


def _duckdb(connection: ConnectionFacts) -> DatabaseAddress:
    """As dbt names it: the file is the authority, its stem the database."""
    path = connection.host or _text(connection.extra, "database")
    stem = path.rpartition("/")[2].partition(".")[0]
    namespace = f"duckdb://{path}" if path.startswith("/") else ""
    return DatabaseAddress("duckdb", namespace, stem or None, "main")


_RULES: Mapping[str, Callable[[ConnectionFacts], DatabaseAddress]] = {
    "athena": _athena,
    "aws_athena": _athena,
    "bigquery": _bigquery,
    "clickhouse": _network("clickhouse", "clickhouse", 9000, has_database=False),
    "databricks": _databricks,
    "db2": _network("", "db2", 50000),
    "doris": _network("doris", "mysql", 9030, has_database=False),
    "duckdb": _duckdb,
    "gcpbigquery": _bigquery,
    "google_cloud_platform": _bigquery,
    "hive_cli": _network("hive", "hive", 10000, has_database=False),
    "hiveserver2": _network("hive", "hive", 10000, has_database=False),
    "mariadb": _network("mysql", "mysql", 3306, has_database=False),
    "mssql": _network("tsql", "mssql", 1433, schema="dbo"),
    "mysql": _network("mysql", "mysql", 3306, has_database=False),
    "oracle": _oracle,
    "postgres": _network("postgres", "postgres", 5432, schema="public"),
    "presto": _trino,
    "redshift": _redshift,
    "snowflake": _snowflake,
    "spark_sql": _network("spark", "hive", 10000, has_database=False),
    "sqlite": _sqlite,
    "starrocks": _network("starrocks", "mysql", 9030, has_database=False),
    "teradata": _network("teradata", "teradata", 1025, has_database=False),
    "trino": _trino,
    "vertica": _network("postgres", "vertica", 5433, schema="public"),
}
