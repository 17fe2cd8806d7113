"""Snowflake's stages: where their files lie, and which stage an external table reads.

Read from the text: sqlglot keeps the address of neither in one place.
"""

from __future__ import annotations

import re

from airflow_provider_sqlflow.engine.catalog import split_name
from airflow_provider_sqlflow.engine.graph import IDENTITY, Input
from airflow_provider_sqlflow.engine.model import RelationKind, StatementKind
from airflow_provider_sqlflow.engine.session import Name
from airflow_provider_sqlflow.engine.statements.context import Statement, value_column

_STAGE = re.compile(
    r"^\s*CREATE\s+(?:OR\s+REPLACE\s+)?(?:TEMP(?:ORARY)?\s+)?STAGE\s+(?:IF\s+NOT\s+EXISTS\s+)?([^\s;]+)"
    r"(?:.*?\bURL\s*=\s*'([^']+)')?",
    re.IGNORECASE | re.DOTALL,
)
_LOCATION = re.compile(r"\bEXTERNAL\s+TABLE\b.*?\bLOCATION\s*=\s*(@[^\s;]+)", re.IGNORECASE | re.DOTALL)


def read_stage(statement: Statement, text: str) -> bool:
    """``CREATE STAGE``: with a URL the stage's files are those of the address."""
    match = _STAGE.match(text)
    if match is None:
        return False
    statement.kind = StatementKind.CREATE_STAGE
    session, rules = statement.session, statement.session.rules
    *qualifiers, last = [
        Name(part, rules.relation_key(part, False), -1, -1) for part in split_name(match.group(1))
    ]
    names = [*qualifiers, Name(f"@{last.text}", f"@{last.key}", -1, -1)]
    stage = session.relation(names, RelationKind.STAGE)
    address = match.group(2)
    if address:
        source = session.relation([Name(address, address, -1, -1)], RelationKind.PATH)
        inputs = [Input(source.star_column(), IDENTITY, statement.reader.quoter.whole)]
        star = Name("*", "*", -1, -1)
        statement.write(stage, [(star, value_column(stage, "*", inputs))], None, [source])
    return True


def stage_of_table(text: str) -> str | None:
    """The stage of ``CREATE EXTERNAL TABLE … LOCATION = @stage/path``."""
    match = _LOCATION.search(text)
    return match.group(1) if match else None
