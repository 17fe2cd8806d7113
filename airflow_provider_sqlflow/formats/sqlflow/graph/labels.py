"""Names as the text spells them, which graphs show even where the document's are normalised."""

from __future__ import annotations

from collections.abc import Mapping

from airflow_provider_sqlflow.formats.sqlflow.entities import Level
from airflow_provider_sqlflow.formats.sqlflow.model import Model
from airflow_provider_sqlflow.formats.sqlflow.terms import ROWS_COLUMN

Labels = Mapping[str, str]
"""Name by id of an object or column; where an id is missing, the document's name is shown."""


def labels_of(model: Model) -> Labels:
    """The labels of a model's objects and columns."""
    labels: dict[str, str] = {}
    fold = model.entities.spelling.relation
    for entity in model.objects:
        name = model.entities.name(entity.id)
        label = entity.id.name
        if entity.prefix and entity.level is not Level.STORED:
            label = entity.prefix + name[len(fold(entity.prefix)) :]  # the number behind it stays
        labels[model.ids[entity.id]] = label
    for ref, column_id in model.column_ids.items():
        labels[column_id] = ROWS_COLUMN if ref.name is None else ref.name
    return labels
