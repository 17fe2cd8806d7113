"""What is done to a value on its way, in SQLFlow's words (reference sqlflow-lineage-model, section 2.4)."""

from __future__ import annotations

from airflow_provider_sqlflow.engine.calls import CASE, read_calls
from airflow_provider_sqlflow.engine.model import Subtype
from airflow_provider_sqlflow.formats.sqlflow.entities import Entities, Level
from airflow_provider_sqlflow.formats.sqlflow.flow import Flow


def transform_type_of(flow: Flow, entities: Entities, dialect: str) -> str:
    """``simple``, ``function``, ``expression``, ``constant``, ``case`` or ``subquery``."""
    if entities.of(flow.source.relation).level is Level.CONSTANT:
        return "constant"
    edge = flow.edge
    if edge is None:
        return "simple"
    call = read_calls(edge.expression, dialect)
    if edge.subtype is Subtype.IDENTITY and not call.calls and not call.has_query:
        return "simple"
    if call.columns or call.constants or len(call.calls) != 1:
        return "subquery" if call.has_query and not call.columns else "expression"
    return "case" if call.calls[0].name == CASE else "function"
