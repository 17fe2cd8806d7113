"""Tables as Airflow assets: ``sqlflow://<dialect>/<database>/<schema>/<table>``.

Parts that a table does not have are left out from the left, so the last part is always the table. Parts are
percent-encoded and spelled as the database stores them (``sqlflow://snowflake/DWH/PUBLIC/ORDERS``).
``?namespace=`` holds the OpenLineage namespace of a database that is known better than by its dialect.

Airflow finds the functions through ``asset-uris`` of the provider info.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit

from airflow.sdk import Asset

from airflow_provider_sqlflow.jobs.model import JobTable, TableRole

if TYPE_CHECKING:
    from urllib.parse import SplitResult

    from airflow.providers.common.compat.openlineage.facet import Dataset as OpenLineageDataset

SCHEME = "sqlflow"
GENERIC = "sql"
"""Stands for SQL of no dialect in particular."""

_MAX_PARTS = 3
_DIALECT = re.compile(r"[a-z][a-z0-9_-]*")
_ASSET_KINDS = frozenset({"table", "view", "materialized_view"})
"""Kinds of relations that outlive the SQL that made them; values of ``engine.RelationKind``."""


@dataclass(frozen=True, slots=True)
class TableUri:
    """The parts of an asset's URI."""

    dialect: str
    parts: tuple[str, ...]
    namespace: str = ""

    def __str__(self) -> str:
        path = "/".join(quote(part, safe="") for part in self.parts)
        query = f"?{urlencode({'namespace': self.namespace})}" if self.namespace else ""
        return f"{SCHEME}://{self.dialect or GENERIC}/{path}{query}"

    @classmethod
    def of(cls, uri: str | SplitResult) -> TableUri:
        """Take a URI apart.

        Raises:
            ValueError: it names no dialect or no table, or more than three parts.
        """
        split = urlsplit(uri) if isinstance(uri, str) else uri
        parts = tuple(unquote(part) for part in split.path.split("/")[1:])
        dialect = split.netloc.lower()
        if not _DIALECT.fullmatch(dialect) or not parts or not all(parts) or len(parts) > _MAX_PARTS:
            raise ValueError(
                f"{SCHEME}://{split.netloc}{split.path} is no table: write "
                f"{SCHEME}://<dialect>/[<database>/][<schema>/]<table>"
            )
        namespaces = parse_qs(split.query).get("namespace", [""])
        return cls("" if dialect == GENERIC else dialect, parts, namespaces[0])


def sanitize_uri(uri: SplitResult) -> SplitResult:
    """Airflow's URI handler: one spelling for one URI.

    Raises:
        ValueError: the URI names no table.
    """
    return urlsplit(str(TableUri.of(uri)))


def create_asset(
    *,
    table: str,
    dialect: str = "",
    database: str | None = None,
    schema: str | None = None,
    namespace: str = "",
    extra: dict[str, Any] | None = None,
) -> Asset:
    """The asset of a table: Airflow's factory for the scheme.

    Unquoted names get the case that the dialect's databases store, so that every spelling is one asset.

    Args:
        table: its bare name.
        dialect: sqlglot's name of the SQL dialect; empty for none in particular.
        database: the database it is in.
        schema: the schema it is in.
        namespace: OpenLineage namespace, such as ``postgres://db.example.com:5432``.
        extra: of the asset.
    """
    from airflow_provider_sqlflow.emission.naming import DatasetNaming

    names = (database if schema else None, schema, table)
    naming = DatasetNaming(dialect)
    parts = tuple(naming.stored(name) for name in names if name)
    return Asset(uri=str(TableUri(dialect, parts, namespace)), extra=extra or {})


def written_assets(tables: Iterable[JobTable], dialect: str, namespace: str = "") -> list[Asset]:
    """The assets of the tables and views that a job writes, each once; temporary ones are none."""
    found = {
        asset.uri: asset
        for table in tables
        if table.role is TableRole.WRITE and table.kind in _ASSET_KINDS
        for asset in [
            create_asset(
                table=table.name,
                dialect=dialect,
                database=table.database,
                schema=table.schema,
                namespace=namespace,
            )
        ]
    }
    return list(found.values())


def to_openlineage(asset: Asset, lineage_context: Any) -> OpenLineageDataset:
    """Airflow's converter: the dataset that OpenLineage events name the table by."""
    from airflow.providers.common.compat.openlineage.facet import Dataset

    from airflow_provider_sqlflow.emission.naming import DatasetNaming
    from airflow_provider_sqlflow.engine.model import RelationId, RelationKind

    uri = TableUri.of(asset.uri)
    *qualifiers, table = uri.parts
    schema = qualifiers.pop() if qualifiers else None
    relation = RelationId(qualifiers.pop() if qualifiers else None, schema, table)
    naming = DatasetNaming(uri.dialect, uri.namespace)
    dataset = naming.dataset(relation, RelationKind.TABLE)
    return Dataset(namespace=dataset.namespace, name=dataset.name)
