"""CREATE: tables and views from queries, declared tables, clones, external tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlglot import exp

from airflow_provider_sqlflow.engine.definitions import Definitions, read_definitions
from airflow_provider_sqlflow.engine.graph import Node
from airflow_provider_sqlflow.engine.model import RelationKind, Severity, StatementKind
from airflow_provider_sqlflow.engine.rescue import Rescued
from airflow_provider_sqlflow.engine.select_list import select_all
from airflow_provider_sqlflow.engine.session import Name, temporary_id
from airflow_provider_sqlflow.engine.statements.columns import map_columns
from airflow_provider_sqlflow.engine.statements.context import Statement
from airflow_provider_sqlflow.engine.statements.dictionary import read_dictionary
from airflow_provider_sqlflow.engine.statements.files import uris_of, write_from_path
from airflow_provider_sqlflow.engine.statements.keys import note_altered, note_declared, relation_parts
from airflow_provider_sqlflow.engine.statements.stages import read_stage, stage_of_table

# MySQL: the columns listed by CREATE TABLE (…) SELECT come on top of the query's.
_COLUMNS_ADD_UP = frozenset({"mysql", "singlestore"})
_ROUTINES = frozenset({"PROCEDURE", "FUNCTION", "TRIGGER", "PACKAGE"})


def _text_of(statement: Statement) -> str:
    return statement.session.source.text[statement.raw.start : statement.raw.end]


def _stage(statement: Statement) -> None:
    read_stage(statement, _text_of(statement))


_BY_TEXT: dict[str, Callable[[Statement], None]] = {"STAGE": _stage}


def read_create(statement: Statement, tree: Any) -> None:
    """``CREATE …``."""
    kind = str(tree.args.get("kind") or "").upper()
    by_text = report_routine if kind in _ROUTINES else _BY_TEXT.get(kind)
    if by_text is not None:
        by_text(statement)
        return
    if kind.endswith("INDEX"):
        read_index(statement)
        return
    if kind == "DICTIONARY":
        read_dictionary(statement, tree)
        return
    if kind not in ("TABLE", "VIEW", "STREAM", "DYNAMIC TABLE", "MATERIALIZED VIEW"):
        statement.kind = StatementKind.OTHER
        return
    this = tree.args["this"]
    columns = statement.names(this.args.get("expressions") or ()) if isinstance(this, exp.Schema) else []
    found = _definitions(statement) if kind == "TABLE" and isinstance(this, exp.Schema) else None
    if found is not None and found.is_plain and statement.session.rules.skips_identity:
        # T-SQL's INDEX among the columns is one to the parser.
        starts = {column.name.start + statement.raw.base for column in found.columns}
        columns = [column for column in columns if column.start in starts or column.start < 0]
    _read_create(statement, tree, kind, columns)
    if found is not None and statement.writes:
        note_declared(statement, statement.writes[-1].target, found)


def _definitions(statement: Statement) -> Definitions | None:
    return read_definitions(statement.raw.tokens, statement.session.rules.name)


def _read_create(statement: Statement, tree: Any, kind: str, columns: list[Name]) -> None:
    this = tree.args["this"]
    properties = _properties(tree)
    for item in properties:
        if (
            isinstance(item, exp.PartitionedByProperty)
            and isinstance(item.args["this"], exp.Schema)
            and columns
        ):
            known = {column.key for column in columns}
            added = statement.names(item.args["this"].args.get("expressions") or ())
            columns += [column for column in added if column.key not in known]  # Hive's partition columns
    relation_kind = _relation_kind(kind, properties)
    statement.kind = StatementKind.CREATE_VIEW if kind.endswith("VIEW") else StatementKind.CREATE_TABLE
    query = tree.args.get("expression")
    parts = statement.parts(this)
    is_temporary = _is_temporary(parts, properties)
    if isinstance(query, exp.Table):
        query = select_all(query)
    to_table = next((item for item in properties if isinstance(item, exp.ToTableProperty)), None)
    if to_table is not None and isinstance(query, exp.Query):
        _write_through(statement, to_table.args["this"], query, tree)
        return
    if isinstance(query, (exp.Query, exp.Values)):
        create_from_query(statement, parts, query, columns, relation_kind, is_temporary, tree)
        return
    if not parts:
        return
    clone = tree.args.get("clone") or _like(this, properties)
    if clone is not None:
        _copy_of(statement, parts, clone, relation_kind, is_temporary)
        return
    target = _declare(statement, parts, relation_kind, columns or None, is_temporary)
    paths = [item.args["this"].name for item in properties if isinstance(item, exp.LocationProperty)]
    paths += uris_of(tree.args.get("properties"))
    for path in paths:
        write_from_path(statement, target, path)
    if not paths:
        statement.write(target, [], None, [])


def read_index(statement: Statement) -> bool:
    """``CREATE INDEX``: a key of its table; no data flows. False when it names no table and columns."""
    statement.kind = StatementKind.OTHER
    found = _definitions(statement)
    if found is None or not found.keys:
        return False
    note_altered(statement, statement.session.relation(relation_parts(statement, found.name)), found)
    return True


def read_declared(statement: Statement, found: Definitions) -> None:
    """A CREATE TABLE that is known by its tokens alone."""
    statement.kind = StatementKind.CREATE_TABLE
    parts = relation_parts(statement, found.name)
    base = statement.raw.base
    columns = [statement.session.token_name(column.name, base, is_column=True) for column in found.columns]
    is_temporary = found.is_temporary or parts[-1].text.startswith("#")
    target = _declare(statement, parts, RelationKind.TABLE, columns, is_temporary)
    stage = None if found.is_all else stage_of_table(_text_of(statement))
    if stage is not None:
        write_from_path(statement, target, stage)
    else:
        statement.write(target, [], None, [])
    note_declared(statement, target, found)


def read_rescued(statement: Statement, rescued: Rescued) -> None:
    """A CREATE … AS query whose header the parser does not know."""
    is_view = rescued.kind is not RelationKind.TABLE
    statement.kind = StatementKind.CREATE_VIEW if is_view else StatementKind.CREATE_TABLE
    parts = relation_parts(statement, rescued.name)
    base = statement.raw.base
    columns = [statement.session.token_name(token, base, is_column=True) for token in rescued.columns]
    if rescued.is_recursive:
        relation = statement.session.declare(parts, rescued.kind, columns)
        node = Node(relation.id, rescued.kind, is_derived=True)
        statement.reader.read_recursive(rescued.query, node, parts[-1], columns)
        statement.write(relation, map_columns(statement, relation, node, columns), node.rows, [node])
        return
    create_from_query(statement, parts, rescued.query, columns, rescued.kind, rescued.is_temporary)


def create_from_query(
    statement: Statement,
    parts: list[Name],
    query: Any,
    columns: list[Name],
    kind: RelationKind,
    is_temporary: bool,
    tree: Any = None,
) -> None:
    """CREATE … AS query and SELECT INTO: the relation has the query's columns."""
    if not parts:
        statement.warn("unsupported_target", "the target of this statement is not read")
        return
    is_temporary = is_temporary or parts[-1].text.startswith(("#", "@"))
    ctes = statement.reader.read_ctes(tree, None, {}) if tree is not None else {}
    identity = temporary_id(parts) if is_temporary else None
    probe = Node(identity or statement.session.relation(parts).id, kind, is_derived=True)
    statement.reader.read(query, probe, None, ctes)
    outputs = [Name(column.name or "", key.split("\0")[0], -1, -1) for key, column in probe.columns.items()]
    declared = columns or (None if probe.has_unknown_columns else outputs)
    target = _declare(statement, parts, kind, declared, is_temporary)
    if is_temporary and probe.has_unknown_columns and not columns:
        target.any_inputs = probe.any_inputs
    adds_up = statement.session.rules.name in _COLUMNS_ADD_UP and kind is RelationKind.TABLE
    if adds_up and columns and not is_temporary:
        by_name = [name for name in outputs if name.key not in {column.key for column in columns}]
        target = _declare(statement, parts, kind, [*columns, *by_name], is_temporary)
        columns = []
        values = map_columns(statement, target, probe, columns, by_name=True)
    else:
        values = map_columns(statement, target, probe, columns)
    statement.write(target, values, probe.rows, [probe])


def _write_through(statement: Statement, table: Any, query: Any, tree: Any) -> None:
    """ClickHouse's ``CREATE MATERIALIZED VIEW v TO t AS query``: the rows go to t."""
    target = statement.session.relation(statement.parts(table))
    node = Node(target.id, RelationKind.SUBQUERY, is_derived=True)
    statement.reader.read(query, node, None, statement.reader.read_ctes(tree, None, {}))
    statement.write(target, map_columns(statement, target, node, [], by_name=True), node.rows, [node])


def _declare(
    statement: Statement,
    parts: list[Name],
    kind: RelationKind,
    columns: list[Name] | None,
    is_temporary: bool,
) -> Node:
    if is_temporary:
        target = statement.session.new_temporary(parts)
        for column in columns or ():
            target.add(column.key, column.text, [])
        target.is_open = columns is None
        target.complete()
        return target
    return statement.session.declare(parts, kind, columns)


def _copy_of(
    statement: Statement, parts: list[Name], clone: Any, kind: RelationKind, is_temporary: bool
) -> None:
    """CLONE, COPY and LIKE: the same columns; the rows come from the original."""
    source_parts = statement.parts(clone.args["this"])
    if not source_parts:
        return
    source = statement.session.relation(source_parts)
    node = Node(source.id, RelationKind.SUBQUERY, is_derived=True)
    query = select_all(clone.args["this"])
    statement.reader.read(query, node, None, {})
    names = [Name(column.name or "", key, -1, -1) for key, column in node.columns.items()]
    target = _declare(statement, parts, kind, None if node.has_unknown_columns else names, is_temporary)
    statement.session.types[target.id] = dict(statement.session.types.get(source.id, {}))
    statement.write(target, map_columns(statement, target, node, []), node.rows, [node])


def report_routine(statement: Statement) -> None:
    """Bodies of procedures and functions are not read yet: say so once."""
    statement.kind = StatementKind.CREATE_ROUTINE
    statement.session.report(
        Severity.WARNING,
        "routine_body",
        "the body of this procedure, function or trigger is not analysed",
        statement.raw.start,
        statement.raw.end,
    )


def _like(this: Any, properties: list[Any]) -> Any:
    """``LIKE t``, as a property or inside the column list."""
    items = [*properties, *(this.args.get("expressions") or () if isinstance(this, exp.Schema) else ())]
    return next((item for item in items if isinstance(item, exp.LikeProperty)), None)


def _properties(tree: Any) -> list[Any]:
    properties = tree.args.get("properties")
    return list(properties.args.get("expressions") or ()) if isinstance(properties, exp.Expr) else []


def _relation_kind(kind: str, properties: list[Any]) -> RelationKind:
    if kind.endswith("VIEW"):
        is_materialized = any(isinstance(item, exp.MaterializedProperty) for item in properties)
        return (
            RelationKind.MATERIALIZED_VIEW if is_materialized or kind.startswith("MAT") else RelationKind.VIEW
        )
    return RelationKind.STREAM if kind == "STREAM" else RelationKind.TABLE


def _is_temporary(parts: list[Name], properties: list[Any]) -> bool:
    if any(isinstance(item, (exp.TemporaryProperty, exp.VolatileProperty)) for item in properties):
        return not any(_is_connector(item) for item in properties)
    return bool(parts) and parts[-1].text.startswith("#")


def _is_connector(item: Any) -> bool:
    """Flink's ``WITH ('connector' = …)``: only the name is temporary, the data is elsewhere."""
    name = item.args.get("this") if isinstance(item, exp.Property) else None
    return isinstance(name, exp.Literal) and name.name.lower() == "connector"
