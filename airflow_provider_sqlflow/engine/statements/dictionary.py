"""ClickHouse's ``CREATE DICTIONARY … SOURCE(…)``: a table that is filled from elsewhere."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from sqlglot import exp
from sqlglot.tokenizer_core import TokenType

from airflow_provider_sqlflow.engine.graph import Node
from airflow_provider_sqlflow.engine.model import RelationKind, StatementKind
from airflow_provider_sqlflow.engine.parse import StatementError, StatementParser
from airflow_provider_sqlflow.engine.statements.columns import map_columns
from airflow_provider_sqlflow.engine.statements.context import Statement
from airflow_provider_sqlflow.engine.statements.files import write_from_path


def read_dictionary(statement: Statement, tree: Any) -> None:
    """Each column of the dictionary is the one of that name of its source, or of the source's query."""
    statement.kind = StatementKind.CREATE_TABLE
    this = tree.args["this"]
    parts = statement.parts(this)
    if not parts:
        return
    columns = statement.names(this.args.get("expressions") or ()) if isinstance(this, exp.Schema) else []
    target = statement.session.declare(parts, RelationKind.TABLE, columns or None)
    settings = _settings(tree)
    path = settings.get("path") or settings.get("url")
    node = Node(target.id, RelationKind.SUBQUERY, is_derived=True)
    if settings.get("query"):
        _read_query(statement, node)
    elif settings.get("table"):
        table = exp.Table(
            this=exp.Identifier(this=settings["table"], quoted=True),
            db=exp.Identifier(this=settings["db"], quoted=True) if settings.get("db") else None,
        )
        listed = [exp.Column(this=exp.Identifier(this=one.text, quoted=True)) for one in columns]
        query = exp.Select(expressions=listed or [exp.Star()], from_=exp.From(this=table))
        statement.reader.read(query, node, None, {})
    elif path:
        write_from_path(statement, target, path)
        return
    statement.write(target, map_columns(statement, target, node, []), node.rows, [node])


def _settings(tree: Any) -> dict[str, str]:
    """What SOURCE says, by the names of its settings in lower case."""
    properties = tree.args.get("properties")
    found: dict[str, str] = {}
    for item in (properties.args.get("expressions") if isinstance(properties, exp.Expr) else None) or ():
        if isinstance(item, exp.DictProperty) and str(item.args.get("this")).upper() == "SOURCE":
            for one in item.args.get("settings") or ():
                value = one.args.get("value")
                if isinstance(value, exp.Expr):
                    found[one.name.lower()] = value.name
    return found


def _read_query(statement: Statement, node: Node) -> None:
    """The query that stands in a string behind QUERY."""
    tokens = statement.raw.tokens
    texts = (
        token
        for before, token in pairwise(tokens)
        if token.token_type is TokenType.STRING and before.text.upper() == "QUERY"
    )
    token = next(texts, None)
    if token is None:
        return
    start, end = token.start + statement.raw.base + 1, token.end + statement.raw.base
    text = statement.session.source.text[start:end].replace("''", "' ")  # at the same length
    inner = statement.inner(text, start)
    if inner is None:
        return
    try:
        tree = StatementParser(statement.session.rules.name).parse(inner.raw)
    except StatementError:
        return
    if isinstance(tree, exp.Query):
        inner.reader.read(tree, node, None, inner.reader.read_ctes(tree, None, {}))
        statement.reader.nodes.extend(inner.reader.nodes)
