"""Facets of datasets.

Pure: values in, objects of ``openlineage.client.facet_v2`` out. Which consumer needs what, and why:
reference openlineage-marquez, sections 0, 3 and 4.2.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from airflow_provider_sqlflow.emission.context import DatasetDetails
from airflow_provider_sqlflow.emission.datasets import OutputLineage, Sources
from airflow_provider_sqlflow.emission.naming import DatasetId
from airflow_provider_sqlflow.emission.splitting import MAX_DESCRIPTION, MAX_TRANSFORMATIONS
from airflow_provider_sqlflow.engine.model import Edge, Effect, RelationKind, StatementKind, Subtype

if TYPE_CHECKING:
    from openlineage.client.facet_v2 import DatasetFacet
    from openlineage.client.generated.column_lineage_dataset import Fields, InputField

PRODUCER = "https://github.com/airflow-provider-sqlflow/airflow-provider-sqlflow"
"""The project's home page (``pyproject.toml``)."""

ENGINE_NAME = "sqlflow"
UNKNOWN_TYPE = "UNKNOWN"
"""Marquez stores a column without a type anew at every event."""

Clean = Callable[[str], str]
"""Takes secrets out of a text."""

DatasetFacets = dict[str, "DatasetFacet"]


def schema_facet(columns: Mapping[str, str], descriptions: Mapping[str, str] | None = None) -> DatasetFacets:
    """The ``schema`` facet of columns and their types.

    Nothing where no column is known: an empty facet would erase a known one.
    """
    from openlineage.client.facet_v2 import schema_dataset

    known = descriptions or {}
    fields = [
        schema_dataset.SchemaDatasetFacetFields(
            name=name, type=type_ or UNKNOWN_TYPE, description=known.get(name) or None
        )
        for name, type_ in columns.items()
    ]
    if not fields:
        return {}
    return {"schema": schema_dataset.SchemaDatasetFacet(fields=fields, producer=PRODUCER)}


def identity_facets(
    dataset: DatasetId, kind: RelationKind, symlinks: Sequence[DatasetId], *, is_resolved: bool
) -> DatasetFacets:
    """``datasetType``, ``symlinks``, and ``dataSource`` where the namespace is the database's own address."""
    from openlineage.client.facet_v2 import dataset_type_dataset, datasource_dataset, symlinks_dataset

    type_, subtype = _TYPES.get(kind, ("TABLE", None))
    facets: DatasetFacets = {
        "datasetType": dataset_type_dataset.DatasetTypeDatasetFacet(
            datasetType=type_, subType=subtype, producer=PRODUCER
        )
    }
    is_address = "://" in dataset.namespace
    if is_address and (is_resolved or kind is RelationKind.PATH):
        facets["dataSource"] = datasource_dataset.DatasourceDatasetFacet(
            name=dataset.namespace, uri=dataset.namespace, producer=PRODUCER
        )
    if symlinks:
        facets["symlinks"] = symlinks_dataset.SymlinksDatasetFacet(
            identifiers=[
                symlinks_dataset.Identifier(namespace=link.namespace, name=link.name, type=type_)
                for link in symlinks
            ],
            producer=PRODUCER,
        )
    return facets


_TYPES: Mapping[RelationKind, tuple[str, str | None]] = {
    RelationKind.TABLE: ("TABLE", None),
    RelationKind.VIEW: ("VIEW", None),
    RelationKind.MATERIALIZED_VIEW: ("VIEW", "MATERIALIZED"),
    RelationKind.STREAM: ("TABLE", "STREAM"),
    RelationKind.PATH: ("FILE", None),
}


def details_facets(details: DatasetDetails) -> DatasetFacets:
    """``documentation``, ``ownership`` and ``tags``, as far as they are known."""
    from openlineage.client.facet_v2 import documentation_dataset, ownership_dataset, tags_dataset

    facets: DatasetFacets = {}
    if details.description:
        facets["documentation"] = documentation_dataset.DocumentationDatasetFacet(
            description=details.description, producer=PRODUCER
        )
    if details.owners:
        owners = [ownership_dataset.Owner(name=name) for name in details.owners]
        facets["ownership"] = ownership_dataset.OwnershipDatasetFacet(owners=owners, producer=PRODUCER)
    if details.tags:
        tags = []
        for name, value in details.tags.items():
            column, _, key = name.rpartition(".")
            tags.append(
                tags_dataset.TagsDatasetFacetFields(
                    key=key, value=value, source=ENGINE_NAME, field=column or None
                )
            )
        facets["tags"] = tags_dataset.TagsDatasetFacet(tags=tags, producer=PRODUCER)
    return facets


def column_lineage_facet(lineage: OutputLineage | None, clean: Clean | None = str) -> DatasetFacets:
    """The ``columnLineage`` facet of an output, or nothing where no column is known.

    Columns that only decide about rows stand once in the facet's ``dataset`` list, not in each field.

    Args:
        lineage: of the output.
        clean: takes secrets out of expressions; ``None`` leaves expressions out.
    """
    from openlineage.client.facet_v2 import column_lineage_dataset

    if lineage is None or not (lineage.fields or lineage.rows):
        return {}
    facet = column_lineage_dataset.ColumnLineageDatasetFacet(
        fields={column: _field(sources, clean) for column, sources in lineage.fields.items()},
        dataset=[_input_field(key, edges, clean) for key, edges in lineage.rows.items()],
        producer=PRODUCER,
    )
    return {"columnLineage": facet}


def _field(sources: Sources, clean: Clean | None) -> Fields:
    from openlineage.client.facet_v2 import column_lineage_dataset

    edges = [edge for group in sources.values() for edge in group]
    kind = _main_kind(edges)
    return column_lineage_dataset.Fields(
        inputFields=[_input_field(key, group, clean) for key, group in sources.items()],
        transformationType=kind,
        transformationDescription=_main_description(edges, clean) if kind else None,
    )


def _input_field(key: tuple[DatasetId, str], edges: Sequence[Edge], clean: Clean | None) -> InputField:
    from openlineage.client.facet_v2 import column_lineage_dataset

    dataset, column = key
    seen: dict[tuple[str, str, str, bool], None] = {}
    for edge in edges:
        seen[edge.effect.value, edge.subtype.value, _description(edge, clean), edge.masking] = None
    return column_lineage_dataset.InputField(
        namespace=dataset.namespace,
        name=dataset.name,
        field=column,
        transformations=[
            column_lineage_dataset.Transformation(
                type=effect, subtype=subtype, description=description or None, masking=masking
            )
            for effect, subtype, description, masking in list(seen)[:MAX_TRANSFORMATIONS]
        ],
    )


def _main_kind(edges: Sequence[Edge]) -> str | None:
    """The field-level type, deprecated but the only one that Marquez shows: the strongest of the inputs."""
    if any(edge.masking for edge in edges):
        return "MASKED"
    subtypes = {edge.subtype for edge in edges if edge.effect is Effect.DIRECT}
    for subtype in (Subtype.AGGREGATION, Subtype.TRANSFORMATION, Subtype.IDENTITY):
        if subtype in subtypes:
            return str(subtype.value)
    return edges[0].subtype.value if edges else None


def _main_description(edges: Sequence[Edge], clean: Clean | None) -> str | None:
    """The expression of the first input whose value flows, else of the first one."""
    first = next((edge for edge in edges if edge.effect is Effect.DIRECT), edges[0])
    return _description(first, clean) or None


def _description(edge: Edge, clean: Clean | None) -> str:
    if clean is None:
        return ""
    return shorten(clean(edge.expression), MAX_DESCRIPTION)


def shorten(text: str, limit: int) -> str:
    """The text, cut to ``limit`` characters with ``…`` at the end, without what no JSON column takes."""
    text = text.replace("\x00", "")
    return text if len(text) <= limit else text[: limit - 1] + "…"


_LIFECYCLE: Mapping[StatementKind, str] = {
    StatementKind.CREATE_TABLE: "CREATE",
    StatementKind.CREATE_VIEW: "CREATE",
    StatementKind.CREATE_STREAM: "CREATE",
    StatementKind.DROP: "DROP",
    StatementKind.TRUNCATE: "TRUNCATE",
    StatementKind.ALTER: "ALTER",
    StatementKind.RENAME: "RENAME",
    StatementKind.SWAP: "OVERWRITE",
}
_REPLACES = re.compile(r"\s*(?:create\s+or\s+\w+|replace\s+table)\b", re.IGNORECASE)
_OVERWRITES = re.compile(r"\s*insert\s+overwrite\b", re.IGNORECASE)


def lifecycle_facet(
    kind: StatementKind, previous: DatasetId | None = None, text: str | None = None
) -> DatasetFacets:
    """The ``lifecycleStateChange`` facet of an output, or nothing for statements that only move data.

    Args:
        kind: what the statement does.
        previous: the old name, for a rename.
        text: the statement, which tells whether a CREATE replaces and an INSERT overwrites.
    """
    from openlineage.client.facet_v2 import lifecycle_state_change_dataset as lifecycle

    state = _LIFECYCLE.get(kind)
    replacing = _REPLACES if state == "CREATE" else _OVERWRITES if kind is StatementKind.INSERT else None
    if text and replacing is not None and replacing.match(text):
        state = "OVERWRITE"
    if state is None:
        return {}
    identifier = None
    if previous is not None:
        identifier = lifecycle.PreviousIdentifier(name=previous.name, namespace=previous.namespace)
    facet = lifecycle.LifecycleStateChangeDatasetFacet(
        lifecycleStateChange=lifecycle.LifecycleStateChange(state),
        previousIdentifier=identifier,
        producer=PRODUCER,
    )
    return {"lifecycleStateChange": facet}
