"""Names of OpenLineage datasets: which namespace and name a relation has.

Rules: reference openlineage-marquez, section 2 (they restate OpenLineage's naming document). The one
place where dataset names are made, so that ``columnLineage`` and the event's datasets agree to the byte.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from urllib.parse import urlsplit

from airflow_provider_sqlflow.emission.masking import mask_text
from airflow_provider_sqlflow.engine.model import RelationId, RelationKind
from airflow_provider_sqlflow.errors import EmissionError

MAX_COLUMN_NAME = 255
"""Marquez answers 500 to a longer column name."""

_DATASET_KINDS = frozenset(
    {
        RelationKind.TABLE,
        RelationKind.VIEW,
        RelationKind.MATERIALIZED_VIEW,
        RelationKind.STREAM,
        RelationKind.PATH,
    }
)
_SYSTEM_SCHEMAS = frozenset({"information_schema", "pg_catalog"})


class Case(str, Enum):
    """What a database does with the case of unquoted names."""

    LOWER = "lower"
    UPPER = "upper"
    KEEP = "keep"


@dataclass(frozen=True, slots=True)
class System:
    """How one kind of database names its tables.

    Attributes:
        scheme: namespace when no host or account is known.
        parts: how many name parts a table has.
        tables: what becomes of the case of database, schema and table names.
        columns: what becomes of the case of column names.
    """

    scheme: str
    parts: int
    tables: Case = Case.KEEP
    columns: Case = Case.KEEP


_SYSTEMS: Mapping[str, System] = {
    "athena": System("awsathena", 3, Case.LOWER, Case.LOWER),
    "bigquery": System("bigquery", 3),
    "clickhouse": System("clickhouse", 2),
    "databricks": System("databricks", 3, Case.LOWER, Case.LOWER),
    "doris": System("doris", 2),
    "dremio": System("dremio", 2),
    "duckdb": System("duckdb", 3, Case.LOWER, Case.LOWER),
    "exasol": System("exasol", 2, Case.UPPER, Case.UPPER),
    "fabric": System("fabric-warehouse", 3),
    "hive": System("hive", 2, Case.LOWER, Case.LOWER),
    "materialize": System("materialize", 3, Case.LOWER, Case.LOWER),
    "mysql": System("mysql", 2),
    "oracle": System("oracle", 3, Case.UPPER, Case.UPPER),
    "postgres": System("postgres", 3, Case.LOWER, Case.LOWER),
    "presto": System("presto", 3, Case.LOWER, Case.LOWER),
    "redshift": System("redshift", 3, Case.LOWER, Case.LOWER),
    "risingwave": System("risingwave", 3, Case.LOWER, Case.LOWER),
    "singlestore": System("singlestore", 2),
    "snowflake": System("snowflake", 3, Case.UPPER, Case.UPPER),
    "spark": System("spark", 2, Case.LOWER, Case.LOWER),
    "sqlite": System("sqlite", 2),
    "starrocks": System("starrocks", 2),
    "teradata": System("teradata", 2),
    "trino": System("trino", 3, Case.LOWER, Case.LOWER),
    "tsql": System("mssql", 3),
}

_PLAIN_NAME = re.compile(r"[^\W\d][\w$]*")
_UNUSABLE = re.compile(r"[\x00-\x1f\x7f#`\[\]]|\{\{|\{%|\$\{")
_PARTITION = re.compile(r"\$[0-9A-Za-z_]+$")

# Storage schemes that name the same store (reference: openlineage-marquez, section 2).
_STORES: Mapping[str, str] = {
    "s3": "s3",
    "s3a": "s3",
    "s3n": "s3",
    "gs": "gs",
    "gcs": "gs",
    "abfs": "abfss",
    "abfss": "abfss",
    "wasb": "wasbs",
    "wasbs": "wasbs",
    "hdfs": "hdfs",
    "dbfs": "dbfs",
}
_CONTAINER_STORES = frozenset({"abfss", "wasbs"})
_KEYS_WITHOUT_SLASH = frozenset({"s3", "gs", "wasbs"})

# The scheme that another producer gives to the same table (reference: openlineage-marquez, section 2):
# Databricks' Unity Catalog; Spark's JDBC reader for SQL Server.
_SYMLINKS: Mapping[str, str] = {"databricks": "unitycatalog", "mssql": "sqlserver"}


@dataclass(frozen=True, slots=True, order=True)
class DatasetId:
    """Identity of an OpenLineage dataset."""

    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class DatasetNaming:
    """Names the relations of one database.

    Without a namespace the bare scheme word stands for the unknown host (``postgres``). Such a name is
    provisional, so it may also lack a database or schema that nobody gave. With a real namespace an
    incomplete name would be another table's name, and is refused.

    A result does not say whether a name was quoted. A name that must have been quoted (``odd name``)
    keeps its case, every other one gets the case that the database gives to unquoted names.

    Attributes:
        dialect: sqlglot name.
        namespace: for example ``postgres://db.example.com:5432``; empty when unknown.
        default_database: database of relations that name none.
        default_schema: schema of relations that name none.
        case: case of unquoted names, instead of what the database does with it: for a warehouse whose
            other producers spell names another way (dbt writes Snowflake's in lower case).
    """

    dialect: str
    namespace: str = ""
    default_database: str | None = None
    default_schema: str | None = None
    case: Case | None = None

    @property
    def system(self) -> System:
        """How this kind of database names things."""
        dialect = "spark" if self.dialect == "spark2" else self.dialect
        return _SYSTEMS.get(dialect, System(dialect or "sql", 1))

    @property
    def is_resolved(self) -> bool:
        """Whether the namespace is the database's own. BigQuery has only one for all."""
        return bool(self.namespace) or self.system.scheme == "bigquery"

    def dataset(self, relation: RelationId, kind: RelationKind) -> DatasetId:
        """The dataset of a relation for which :func:`is_dataset` holds.

        Raises:
            EmissionError: the relation has no name that other producers would give it, for example
                because its database is unknown; the message says what is missing.
        """
        if kind is RelationKind.PATH:
            return _path_dataset(relation.name)
        name = relation.name
        if self.system.scheme == "bigquery":
            name = _PARTITION.sub("", name)
            if "*" in name:
                raise EmissionError(f"{relation}: a wildcard over tables is no dataset")
        parts = [*self._qualifiers(relation), name]
        for part in parts:
            if _UNUSABLE.search(part) or part != part.strip() or not part:
                raise EmissionError(f"{relation}: {part!r} cannot be part of a dataset name")
        if self.is_resolved and len(parts) < self.system.parts:
            raise EmissionError(
                f"{relation}: the name has {len(parts)} of {self.system.parts} parts; "
                "set a default database and schema"
            )
        case = self.case or self.system.tables
        dotted = ".".join(_protect(_fold(part, case)) for part in parts)
        return DatasetId(self.namespace or self.system.scheme, dotted)

    def _qualifiers(self, relation: RelationId) -> list[str]:
        schema = relation.schema or self.default_schema
        database = relation.database or self.default_database
        if self.system.parts == 1:
            qualifiers = [relation.database, relation.schema]
        elif self.system.parts == 2 and not relation.database:
            qualifiers = [relation.schema or self.default_schema or self.default_database]
        else:
            qualifiers = [database if schema else None, schema]
        return [part for part in qualifiers if part]

    def stored(self, name: str) -> str:
        """A database's, schema's or table's name in the case in which the database stores it."""
        return _fold(name, self.system.tables)

    def column(self, name: str | None) -> str | None:
        """A column's name in facets; ``None`` for what is no column there (row sets, ``*``, too long)."""
        if name is None or name == "*" or not name or len(name) > MAX_COLUMN_NAME:
            return None
        return _fold(name, self.case or self.system.columns)

    def symlinks(self, dataset: DatasetId) -> tuple[DatasetId, ...]:
        """Other names under which producers we know tell of the same table; see ``_SYMLINKS``."""
        for scheme, other in _SYMLINKS.items():
            if dataset.namespace.startswith(f"{scheme}://"):
                return (DatasetId(other + dataset.namespace.removeprefix(scheme), dataset.name),)
        return ()


def is_dataset(relation: RelationId, kind: RelationKind) -> bool:
    """Whether a relation is a thing that other tools can know.

    Temporary tables, query results, stages, variables and the database's own catalog views are not.
    """
    if kind not in _DATASET_KINDS or relation.scope is not None:
        return False
    if (relation.schema or "").lower() in _SYSTEM_SCHEMAS:
        return False
    return not (relation.schema is None and relation.name.lower() == "dual")


def _fold(name: str, case: Case) -> str:
    if case is Case.KEEP or not _PLAIN_NAME.fullmatch(name):
        return name
    return name.lower() if case is Case.LOWER else name.upper()


def _protect(part: str) -> str:
    """A part with a dot in it goes in double quotes; nothing else keeps quotes."""
    if "." not in part and '"' not in part:
        return part
    return '"' + part.replace('"', '""') + '"'


def _path_dataset(text: str) -> DatasetId:
    """A file or folder: the store is the namespace, the key the name. Credentials are dropped."""
    path = text.strip().strip("'\"")
    address = urlsplit(path)
    scheme = address.scheme.lower()
    if not scheme and path.startswith("/"):
        return DatasetId("file", path)
    if scheme == "file" and address.path.startswith("/"):
        return DatasetId(f"file://{address.netloc}" if address.netloc else "file", address.path)
    store = _STORES.get(scheme)
    user, _, host = address.netloc.rpartition("@")
    # abfss://container@account: the part before the @ is no user there.
    authority = address.netloc if store in _CONTAINER_STORES and ":" not in user else host
    if store is None or not authority or _UNUSABLE.search(path):
        raise EmissionError(f"{mask_text(text)}: not an address of a known file store")
    key = address.path.lstrip("/") if store in _KEYS_WITHOUT_SLASH else address.path
    return DatasetId(f"{store}://{authority}", key or "/")
