"""Statements that change names and session state: ALTER, DROP, TRUNCATE, USE, SET, streams."""

from __future__ import annotations

import re
from typing import Any

from sqlglot import exp

from airflow_provider_sqlflow.engine.catalog import split_name
from airflow_provider_sqlflow.engine.definitions import read_definitions
from airflow_provider_sqlflow.engine.graph import IDENTITY, Input, Node
from airflow_provider_sqlflow.engine.model import RelationKind, StatementKind
from airflow_provider_sqlflow.engine.session import Name
from airflow_provider_sqlflow.engine.statements.context import Statement, value_column
from airflow_provider_sqlflow.engine.statements.create import read_index, report_routine
from airflow_provider_sqlflow.engine.statements.files import read_file_command, write_from_path
from airflow_provider_sqlflow.engine.statements.keys import forget_keys, note_altered, relation_parts
from airflow_provider_sqlflow.engine.statements.stages import read_stage

_SEARCH_PATH = re.compile(
    r"^\s*(?:LOCAL\s+|SESSION\s+)?search_path\s*(?:=|TO)\s*(.+)$", re.IGNORECASE | re.DOTALL
)
_SCHEMA = re.compile(r"^\s*(?:CURRENT\s+)?SCHEMA\s*=?\s*(\S+)\s*$", re.IGNORECASE)
_STREAM = re.compile(
    r"^\s*CREATE\s+(?:OR\s+REPLACE\s+)?STREAM\s+(?:IF\s+NOT\s+EXISTS\s+)?(\S+)\s+.*?\bON\s+"
    r"(?:EXTERNAL\s+)?(?:TABLE|VIEW|STAGE|DYNAMIC\s+TABLE)\s+([^\s;(]+)",
    re.IGNORECASE | re.DOTALL,
)
_SYNONYM = re.compile(
    r"^\s*CREATE\s+(?:OR\s+REPLACE\s+)?(?:PUBLIC\s+)?SYNONYM\s+(\S+)\s+FOR\s+([^\s;]+)", re.IGNORECASE
)
_SET_SCHEMA = re.compile(
    r"^\s*ALTER\s+(?:TABLE|VIEW)\s+(?:IF\s+EXISTS\s+)?(\S+)\s+SET\s+SCHEMA\s+([^\s;]+)", re.I
)
_SWITCH = re.compile(
    r"^\s*ALTER\s+TABLE\s+(\S+)\s+SWITCH\s+(?:PARTITION\s+\S+\s+)?TO\s+([^\s;]+)", re.IGNORECASE
)
_SET_LOCATION = re.compile(
    r"^\s*ALTER\s+TABLE\s+(\S+)\s+(?:PARTITION\s*\([^()]*\)\s*)?SET\s+LOCATION\s+'([^']+)'", re.IGNORECASE
)
_MOVE = re.compile(
    r"^\s*ALTER\s+TABLE\s+(\S+)\s+MOVE\s+PARTITION\s+.+?\s+TO\s+TABLE\s+([^\s;]+)", re.IGNORECASE | re.DOTALL
)
# ClickHouse's REPLACE / ATTACH PARTITION … FROM, Redshift's APPEND FROM: rows come from the second.
_TAKE = re.compile(
    r"^\s*ALTER\s+TABLE\s+(\S+)\s+(?:APPEND|(?:REPLACE|ATTACH)\s+PARTITION\s+.+?)\s+FROM\s+([^\s;]+)",
    re.IGNORECASE | re.DOTALL,
)
_EXCHANGE = re.compile(
    r"^\s*ALTER\s+TABLE\s+(\S+)\s+EXCHANGE\s+(?:SUB)?PARTITION\b.+?\bWITH\s+TABLE\s+([^\s;]+)",
    re.IGNORECASE | re.DOTALL,
)
_EXCHANGE_TABLES = re.compile(r"^\s*EXCHANGE\s+TABLES\s+(\S+)\s+AND\s+([^\s;]+)", re.IGNORECASE)
_CURRENT_SCHEMA = re.compile(
    r"^\s*ALTER\s+SESSION\s+SET\s+CURRENT_SCHEMA\s*=\s*\"?([\w$#]+)\"?", re.IGNORECASE
)
_CLONE = re.compile(
    r"^\s*CREATE\s+(?:OR\s+REPLACE\s+)?(?:SNAPSHOT\s+|TRANSIENT\s+)?TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?(\S+)\s+"
    r"(?:SHALLOW\s+|DEEP\s+)?(?:CLONE|COPY)\s+([^\s;(]+)",
    re.IGNORECASE,
)
_RENAME = re.compile(r"^\s*RENAME\s+(?:TABLE\s+)?(.+)$", re.IGNORECASE | re.DOTALL)
_PAIR = re.compile(r"(\S+)\s+(?:TO|AS)\s+([^\s,;]+)", re.IGNORECASE)


def read_alter(statement: Statement, tree: Any) -> None:
    """ALTER TABLE: renames, swaps, exchanged partitions, changed columns."""
    statement.kind = StatementKind.ALTER
    text = statement.session.source.text[statement.raw.start : statement.raw.end]
    parts = statement.parts(tree.args.get("this"))
    if _alter(statement, text) or not parts:
        return
    actions = tree.args.get("actions") or ()
    if not any(
        isinstance(one, exp.SwapTable) or (isinstance(one, exp.AlterRename) and not _new_column(tree, one))
        for one in actions
    ):
        _change(statement, parts)
    for action in actions:
        column = _new_column(tree, action)
        if column:
            _rename_columns(statement, parts, statement.names([action.this]), statement.names([column]))
        elif isinstance(action, exp.AlterRename):
            target = statement.parts(action.args["this"])
            if len(target) == 1:
                target = [*parts[:-1], *target]
            rename(statement, parts, target)
        elif isinstance(action, exp.SwapTable):
            _swap(statement, parts, statement.parts(action.args["this"]))
        elif isinstance(action, (exp.ColumnDef, exp.Schema)):
            added = action.args.get("expressions") or () if isinstance(action, exp.Schema) else [action]
            for name in statement.names([one for one in added if isinstance(one, exp.ColumnDef)]):
                if name.key.upper() != "CONSTRAINT":  # T-SQL: ADD b INT, CONSTRAINT … UNIQUE (b)
                    _add_column(statement, parts, name)
        elif isinstance(action, exp.Drop) and str(action.args.get("kind") or "").upper() == "COLUMN":
            _change_columns(statement, parts, statement.names(action.args.get("tables") or ()), [])
    read_altered(statement)


def _new_column(tree: Any, action: Any) -> Any:
    """The new name of a column that an action renames; in ``RENAME a TO b`` it is an option to the parser."""
    if isinstance(action, exp.RenameColumn):
        return action.args["to"]
    if isinstance(action, exp.AlterRename):
        for option in tree.args.get("options") or ():
            if isinstance(option, exp.ToTableProperty):
                return option.this
    return None


def read_altered(statement: Statement) -> bool:
    """Keys and types that ALTER TABLE adds or changes; false when it does neither."""
    found = read_definitions(statement.raw.tokens, statement.session.rules.name)
    if found is None or not (found.keys or found.columns or found.retyped):
        return False
    note_altered(statement, statement.session.relation(relation_parts(statement, found.name)), found)
    return bool(found.keys)


def _alter_command(statement: Statement) -> bool:
    """An ALTER TABLE that the parser does not know; false when it is not understood here either."""
    found = read_definitions(statement.raw.tokens, statement.session.rules.name)
    if found is not None:
        _change(statement, relation_parts(statement, found.name))
    return read_altered(statement)


def _change(statement: Statement, parts: list[Name]) -> None:
    """Note that the statement changes a stored relation; temporary tables are nobody else's business."""
    if not _is_temporary(statement, parts):
        statement.changes.append(statement.session.stored(parts))


def _is_temporary(statement: Statement, parts: list[Name]) -> bool:
    return parts[-1].key in statement.session.temporary or parts[-1].text.startswith("#")


def _rename_columns(statement: Statement, parts: list[Name], old: list[Name], new: list[Name]) -> None:
    """Columns of a relation renamed: what was in a stored one is now found under the new name."""
    node = statement.session.relation(parts)
    before = [node.find(name.key, name.text) for name in old]
    _change_columns(statement, parts, old, new)
    node = statement.session.relation(parts)
    for source, name in zip(before, new, strict=False):
        target = node.find(name.key, name.text)
        if source is not None and target is not None:
            statement.column_links.append((source, target, statement.reader.quoter.whole))


def _change_columns(statement: Statement, parts: list[Name], old: list[Name], new: list[Name]) -> None:
    """Columns of a known relation renamed (by position in ``new``) or dropped."""
    session = statement.session
    node = session.relation(parts)
    if node.has_unknown_columns or not node.columns:
        return
    replaced = {name.key: (new[number] if number < len(new) else None) for number, name in enumerate(old)}
    columns: list[Name] = []
    for key, column in node.columns.items():
        kept = replaced.get(key, Name(column.name or "", key, -1, -1))
        if kept is not None:
            columns.append(kept)
    if node.is_derived:
        fresh = session.next_version(node)
        fresh.columns = {}
        by_old = {key: column for key, column in node.columns.items() if replaced.get(key, key) is not None}
        for name, column in zip(columns, by_old.values(), strict=False):
            fresh.add(name.key, name.text, list(column.inputs or ())).fold()
        return
    session.declare(parts, node.kind, columns)


def _add_column(statement: Statement, parts: list[Name], name: Name) -> None:
    node = statement.session.relation(parts)
    if node.columns and name.key not in node.columns and not node.has_unknown_columns:
        column = node.add(name.key, name.text, [] if node.is_derived else None)
        column.fold()
        if not node.is_derived:
            known = [one.name or "" for one in node.columns.values()]
            identity = node.id
            statement.session.declared.add(
                [part for part in (identity.database, identity.schema, identity.name) if part], known
            )


def rename(statement: Statement, old: list[Name], new: list[Name]) -> None:
    """A relation gets another name; what is known of it moves along."""
    statement.kind = StatementKind.RENAME
    session = statement.session
    if not old or not new:
        return
    source = session.relation(old)
    if source.is_derived:  # a temporary table of this script
        session.forget(source)
        session.temporary[new[-1].key] = source
        return
    columns = (
        None
        if source.has_unknown_columns
        else [Name(column.name or "", key, -1, -1) for key, column in source.columns.items()]
    )
    target = session.declare(new, source.kind, columns)
    session.types[target.id] = dict(session.types.get(source.id, {}))
    _link_rows(statement, source, target)
    session.renamed(source.id, target.id, statement.index)


def _swap(statement: Statement, left: list[Name], right: list[Name]) -> None:
    statement.kind = StatementKind.SWAP
    if not left or not right:
        return
    first, second = statement.session.relation(left), statement.session.relation(right)
    _link_rows(statement, second, first)
    _link_rows(statement, first, second)
    statement.extra_reads.append(second)
    statement.swapped = (first, second)


def _link_rows(statement: Statement, source: Node, target: Node) -> None:
    """All rows of ``source`` are now those of ``target`` (SQLFlow: RelationRows fdd RelationRows)."""
    place = statement.reader.quoter.whole
    statement.row_links.append((source, target, place))


def read_drop(statement: Statement, tree: Any) -> None:
    """DROP: a temporary table's name is free again."""
    statement.kind = StatementKind.DROP
    kind = str(tree.args.get("kind") or "").upper()
    if kind and not kind.endswith(("TABLE", "VIEW")):
        return
    for table in tree.args.get("tables") or ():
        parts = statement.parts(table)
        if not parts:
            continue
        _change(statement, parts)
        temporary = statement.session.temporary.get(parts[-1].key)
        if temporary is not None:
            statement.session.forget(temporary)
        else:
            forget_keys(statement.session, statement.session.stored(parts))


def read_truncate(statement: Statement, tree: Any) -> None:
    """TRUNCATE: the rows go, nothing flows."""
    statement.kind = StatementKind.TRUNCATE
    for table in tree.args.get("expressions") or ():
        parts = statement.parts(table)
        if parts and not tree.args.get("is_database"):
            _change(statement, parts)


def read_declare(statement: Statement, tree: Any) -> None:
    """``DECLARE @t TABLE (…)``: a table variable is a temporary table."""
    for item in tree.args.get("expressions") or ():
        schema = item.args.get("kind")
        if not isinstance(schema, exp.Schema):
            continue
        for variable in item.args.get("this") or ():
            text = f"@{variable.name}"
            name = Name(text, statement.session.rules.relation_key(text, False), -1, -1)
            node = statement.session.new_temporary([name])
            for column in statement.names(schema.args.get("expressions") or ()):
                node.add(column.key, column.text, [])
            node.complete()


def read_execute(statement: Statement, tree: Any) -> None:
    """SQL Server's ``sp_rename 'old', 'new'``; other procedures are not followed."""
    procedure = tree.args.get("this")
    arguments = [item for item in tree.args.get("expressions") or () if isinstance(item, exp.Literal)]
    if isinstance(procedure, exp.Expr) and procedure.name.lower() == "sp_rename" and len(arguments) == 2:
        old = statement.named(arguments[0].name)
        new = statement.named(arguments[1].name)
        rename(statement, old, [*old[:-1], *new] if len(new) == 1 else new)


def read_use(statement: Statement, tree: Any) -> None:
    """``USE DATABASE x``, ``USE SCHEMA x``, ``USE x.y``."""
    statement.kind = StatementKind.USE
    kind = str(tree.args["kind"].name if isinstance(tree.args.get("kind"), exp.Expr) else "").upper()
    this = tree.args.get("this")
    parts = [part.text for part in statement.parts(this)] if isinstance(this, exp.Table) else []
    session = statement.session
    if not parts or kind in ("ROLE", "WAREHOUSE", "SECONDARY ROLES"):
        return
    if len(parts) > 1:
        session.database, session.schema = parts[-2], parts[-1]
    elif kind in ("SCHEMA",):
        session.schema = parts[0]
    elif kind in ("DATABASE", "CATALOG") or (
        session.rules.has_schemas
        and session.rules.name
        not in (
            "databricks",
            "spark",
            "presto",
            "trino",
            "duckdb",
        )
    ):
        session.database = parts[0]
    else:
        session.schema = parts[0]


def read_command(statement: Statement, text: str) -> bool:
    """Statements that the parser keeps as text, or does not know; false when the text says nothing."""
    word = text.split(None, 1)[0].upper() if text.strip() else ""
    if word == "SET":
        _set(statement, text.strip()[3:])
        return True
    if word == "RENAME":
        match = _RENAME.match(text)
        for old, new in _PAIR.findall(match.group(1)) if match else ():
            rename(statement, statement.named(old), statement.named(new))
        return match is not None
    if word == "DO":
        report_routine(statement)
        return True
    if word == "CREATE":
        return _create(statement, text)
    if word == "ALTER":
        return _alter(statement, text) or _alter_command(statement)
    if word == "EXCHANGE":
        match = _EXCHANGE_TABLES.match(text)
        if match:
            _swap(statement, statement.named(match.group(1)), statement.named(match.group(2)))
        return match is not None
    if word in ("BULK", "UNLOAD", "EXPORT", "IMPORT", "COPY", "LOAD", "SELECT", "WITH"):
        return read_file_command(statement, text)
    return False


def _create(statement: Statement, text: str) -> bool:
    clone = _CLONE.match(text)
    if clone:
        return _clone(statement, clone)
    match = _STREAM.match(text) or _SYNONYM.match(text)
    if match is None:
        return read_stage(statement, text) or read_index(statement)
    is_stream = "STREAM" in text[: match.start(1)].upper()
    statement.kind = StatementKind.CREATE_STREAM if is_stream else StatementKind.CREATE_VIEW
    kind = RelationKind.STREAM if is_stream else RelationKind.VIEW
    _link_rows(statement, *_same_columns(statement, match, kind))
    return True


def _clone(statement: Statement, match: re.Match[str]) -> bool:
    """Clones in forms the parser does not know: SHALLOW CLONE, SNAPSHOT TABLE … CLONE."""
    statement.kind = StatementKind.CREATE_TABLE
    _same_columns(statement, match, RelationKind.TABLE)
    return True


def _same_columns(statement: Statement, match: re.Match[str], kind: RelationKind) -> tuple[Node, Node]:
    """Declare the relation of group 1 with all columns of that of group 2; returns source and target."""
    source = statement.session.relation(statement.named(match.group(2)))
    columns = [Name(column.name or "", key, -1, -1) for key, column in source.columns.items()]
    declared = None if source.has_unknown_columns else columns
    target = statement.session.declare(statement.named(match.group(1)), kind, declared)
    place = statement.reader.quoter.whole
    named = list(zip(columns, source.columns.values(), strict=True))
    if source.has_unknown_columns:
        named.append((Name("*", "*", -1, -1), source.star_column()))
    pairs = [
        (name, value_column(target, name.text, [Input(column, IDENTITY, place)])) for name, column in named
    ]
    statement.write(target, pairs, None, [source])
    return source, target


def _alter(statement: Statement, text: str) -> bool:
    statement.kind = StatementKind.ALTER
    moved = _SET_SCHEMA.match(text)
    if moved:
        old = statement.named(moved.group(1))
        rename(statement, old, [*statement.named(moved.group(2)), old[-1]])
        return True
    session = _CURRENT_SCHEMA.match(text)
    if session:
        statement.kind = StatementKind.USE
        statement.session.schema = session.group(1)
        return True
    located = _SET_LOCATION.match(text)
    if located:
        target = statement.session.relation(statement.named(located.group(1)))
        write_from_path(statement, target, located.group(2))
        return True
    exchanged = _EXCHANGE.match(text)
    if exchanged:
        names = [statement.named(exchanged.group(number)) for number in (1, 2)]
        _swap(statement, names[0], names[1])
        return True
    for pattern, is_source_first in ((_SWITCH, True), (_MOVE, True), (_TAKE, False)):
        match = pattern.match(text)
        if match:
            ends = [statement.session.relation(statement.named(match.group(number))) for number in (1, 2)]
            source, target = ends if is_source_first else ends[::-1]
            _link_rows(statement, source, target)
            statement.extra_reads.append(source)
            return True
    return False


def _set(statement: Statement, rest: str) -> None:
    path = _SEARCH_PATH.match(rest)
    if path:
        first = next((part.strip() for part in path.group(1).split(",")), "")
        names = split_name(first.strip("'"))
        statement.kind = StatementKind.USE
        if names and names[0] not in ("$user", "DEFAULT"):
            statement.session.schema = names[0]
            rest_names = [split_name(part.strip().strip("'")) for part in path.group(1).split(",")[1:]]
            statement.session.search_path = tuple(names[0] for names in rest_names if names)
        return
    schema = _SCHEMA.match(rest)
    if schema:
        statement.kind = StatementKind.USE
        statement.session.schema = statement.named(schema.group(1).strip("'"))[-1].text
