"""The document's older shape (2022): ``dbobjs`` is one flat list, processes stand in it.

Reference sqlflow-lineage-model, section 2.1. Samples of the REST interface still show this shape.
"""

from __future__ import annotations

from collections.abc import Iterator

from airflow_provider_sqlflow.engine.dialects import vendor_of
from airflow_provider_sqlflow.engine.model import LineageResult
from airflow_provider_sqlflow.formats.options import DEFAULT_OPTIONS, ExportOptions
from airflow_provider_sqlflow.formats.sqlflow.chain import Texts, no_texts
from airflow_provider_sqlflow.formats.sqlflow.document import summary
from airflow_provider_sqlflow.formats.sqlflow.members import MemberWriter
from airflow_provider_sqlflow.formats.sqlflow.model import Model
from airflow_provider_sqlflow.formats.sqlflow.pieces import Items, JsonObject, Members, iter_pieces


def iter_flat_json(
    result: LineageResult,
    title: str = "",
    options: ExportOptions = DEFAULT_OPTIONS,
    texts: Texts = no_texts,
) -> Iterator[str]:
    """The answer as compact JSON. ``title`` has no place in this format."""
    model = Model(result, options, texts, is_table_level=options.table_level)
    writer = MemberWriter(model)
    sqlflow = Members(
        {
            "dbvendor": vendor_of(result.dialect),
            "dbobjs": Items(_objects(model, writer)),
            "relationships": Items(writer.relationships()),
            "errors": Items(writer.errors()),
        }
    )
    data = Members({"mode": "global", "summary": summary(model), "sqlflow": sqlflow})
    yield from iter_pieces(Members({"code": 200, "data": data}))


def _objects(model: Model, writer: MemberWriter) -> Iterator[JsonObject]:
    yield from map(writer.object, model.objects)
    for process in writer.processes():
        # The list tells its members apart by type, so that of the statement has a name of its own.
        yield {**process, "type": "process", "processType": process["type"]}
