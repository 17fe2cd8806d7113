"""COPY, UNLOAD, LOAD DATA and external tables: lineage between relations and files."""

from __future__ import annotations

import re
from typing import Any

from sqlglot import exp

from airflow_provider_sqlflow.engine.catalog import split_name
from airflow_provider_sqlflow.engine.graph import IDENTITY, Input, Node
from airflow_provider_sqlflow.engine.model import RelationKind, StatementKind
from airflow_provider_sqlflow.engine.parse import StatementError, StatementParser
from airflow_provider_sqlflow.engine.select_list import select_all
from airflow_provider_sqlflow.engine.session import Name
from airflow_provider_sqlflow.engine.statements.columns import map_columns, unloaded
from airflow_provider_sqlflow.engine.statements.context import Statement, value_column

STAR = Name("*", "*", -1, -1)


def read_copy(statement: Statement, tree: Any) -> None:
    """``COPY INTO t FROM files`` and ``COPY INTO files FROM t``."""
    statement.kind = StatementKind.COPY
    this = tree.args.get("this")
    files = [node for item in tree.args.get("files") or () if (node := _file(statement, item)) is not None]
    if isinstance(this, (exp.Table, exp.Schema)) and not _is_file(this):
        if bool(tree.args.get("kind")):
            _copy_from(statement, this, tree, files)
        else:
            _copy_to(statement, this, files)
    elif isinstance(this, exp.Query):
        _unload(statement, this, files)
    elif this is not None:
        _copy_into_file(statement, this, tree)


def _copy_from(statement: Statement, this: Any, tree: Any, files: list[Node]) -> None:
    parts = statement.parts(this)
    if not parts:
        return
    relation = statement.session.relation(parts)
    listed = statement.names(this.args.get("expressions") or ()) if isinstance(this, exp.Schema) else []
    for query in tree.args.get("files") or ():
        if isinstance(query, exp.Query):
            node = Node(relation.id, RelationKind.SUBQUERY, is_derived=True)
            statement.reader.read(query, node, None, {})
            statement.write(relation, map_columns(statement, relation, node, listed), node.rows, [node])
    for source in files:
        _load(statement, relation, source, listed)


def _copy_to(statement: Statement, this: Any, files: list[Node]) -> None:
    """``COPY t (a, b) TO 'file'``: the columns listed, or all."""
    table = this.args["this"] if isinstance(this, exp.Schema) else this
    listed = list(this.args.get("expressions") or ()) if isinstance(this, exp.Schema) else []
    columns: list[exp.Expr] = [exp.Column(this=item) for item in listed]
    _unload(statement, exp.Select(expressions=columns or [exp.Star()], from_=exp.From(this=table)), files)


def _unload(statement: Statement, query: Any, files: list[Node]) -> None:
    for target in files:
        node = Node(target.id, RelationKind.SUBQUERY, is_derived=True)
        statement.reader.read(query, node, None, {})
        statement.write(target, unloaded(node), node.rows, [node])


def _copy_into_file(statement: Statement, this: Any, tree: Any) -> None:
    """Snowflake writes both directions as COPY INTO: here the target is the stage."""
    target = _file(statement, this)
    for item in tree.args.get("files") or () if target is not None else ():
        query = item if isinstance(item, exp.Query) else select_all(item)
        _unload(statement, query, [target] if target is not None else [])


def _load(statement: Statement, relation: Node, source: Node, listed: list[Name]) -> None:
    place = statement.reader.quoter.whole
    names = (
        listed or [Name(column.name or "", key, -1, -1) for key, column in relation.columns.items()] or [STAR]
    )
    value = value_column(relation, "*", [Input(source.star_column(), IDENTITY, place)])
    statement.write(relation, [(name, value) for name in names], None, [source])


def write_from_path(statement: Statement, target: Node, path: str) -> None:
    """An external table: every declared column comes from the path or stage."""
    kind = RelationKind.STAGE if path.startswith("@") else RelationKind.PATH
    source = statement.session.relation([_path_name(path)], kind)
    if target.is_derived and target.has_unknown_columns:  # a temporary view: look behind it, at the file
        target.stars.append((source, statement.reader.quoter.whole))
    _load(statement, target, source, [])


def read_load_data(statement: Statement, tree: Any) -> None:
    """Hive's ``LOAD DATA INPATH``."""
    statement.kind = StatementKind.COPY
    parts = statement.parts(tree.args["this"])
    path = tree.args.get("inpath")
    paths = [path.name] if isinstance(path, exp.Expr) else uris_of(tree.args.get("files"))
    if parts:
        target = statement.session.relation(parts)
        for one in paths:
            write_from_path(statement, target, one)


def _is_file(item: Any) -> bool:
    table = item.args["this"] if isinstance(item, exp.Schema) else item
    inner = table.args.get("this") if isinstance(table, exp.Table) else table
    return isinstance(inner, (exp.Literal, exp.Var)) or (
        isinstance(inner, exp.Identifier) and inner.name.startswith("@")
    )


def _file(statement: Statement, item: Any) -> Node | None:
    """A stage or path; ``None`` for a query."""
    if isinstance(item, exp.Query):
        return None
    inner = item.args.get("this") if isinstance(item, exp.Table) else item
    name = inner.name if isinstance(inner, exp.Expr) else str(inner)
    if not name or name.lower() in ("stdin", "stdout"):
        return None
    kind = RelationKind.STAGE if name.startswith("@") else RelationKind.PATH
    return statement.session.relation([_path_name(name)], kind)


def _path_name(text: str) -> Name:
    return Name(text, text, -1, -1)


_BULK = re.compile(r"^\s*BULK\s+INSERT\s+(\S+)\s+FROM\s+'([^']+)'", re.IGNORECASE)
_UNLOAD = re.compile(
    r"^\s*UNLOAD\s*\(\s*(?:'((?:[^']|'')*)'|\$\$(.*?)\$\$|(.*?))\s*\)\s*TO\s*'([^']+)'",
    re.IGNORECASE | re.DOTALL,
)
_OUTFILE = re.compile(
    r"\bINTO\s+(?:OUTFILE|DUMPFILE)\s+'([^']+)'(?:\s+(?:FORMAT\s+\w+|CHARACTER\s+SET\s+\w+|(?:FIELDS|COLUMNS|LINES|"
    r"OPTIONALLY|TERMINATED|ENCLOSED|ESCAPED|STARTING|BY)\b|'(?:[^']|'')*'))*",
    re.IGNORECASE,
)
_LOAD_INFILE = re.compile(
    r"^\s*LOAD\s+DATA\b.*?\bINFILE\s+'([^']+)'.*?\bINTO\s+TABLE\s+([^\s(]+)(.*)", re.IGNORECASE | re.DOTALL
)
_COLUMN_LIST = re.compile(r"\(([^()@]+)\)\s*;?\s*\Z")
_EXPORT = re.compile(r"^\s*EXPORT\s+DATA\b.*?\buri\s*=\s*'([^']+)'.*?\)\s*AS\b", re.IGNORECASE | re.DOTALL)

# Hive, and Exasol, whose files may also be those of a database behind a connection.
_EXPORT_TABLE = re.compile(
    r"^\s*EXPORT\s+(?:TABLE\s+)?(?:\((.*)\)|([^\s(]+)(?:\s*\([^()]*\))?)\s+"
    r"(?:PARTITION\s*\([^()]*\)\s*)?(?:TO\s+'([^']+)'|INTO\b.*?\bFILE\s+'([^']+)')",
    re.IGNORECASE | re.DOTALL,
)
_IMPORT_TABLE = re.compile(
    r"^\s*IMPORT\s+(?:EXTERNAL\s+)?(?:TABLE|INTO)\s+([^\s(]+)\s*(?:\(([^()]*)\)\s*)?(?:PARTITION\s*\([^()]*\)\s*)?"
    r"FROM\s+(?:'([^']+)'|.*?\bFILE\s+'([^']+)')",
    re.IGNORECASE | re.DOTALL,
)
_COPY_FILES = re.compile(r"^\s*COPY\s+FILES\s+INTO\s+'?(@[^\s']+)'?\s+FROM\s+'?(@[^\s']+)'?", re.IGNORECASE)


def read_file_command(statement: Statement, text: str) -> bool:
    """``BULK INSERT``, Redshift's and Athena's ``UNLOAD``, BigQuery's ``EXPORT DATA``."""
    bulk = _BULK.match(text)
    if bulk:
        parts = statement.named(bulk.group(1))
        statement.kind = StatementKind.COPY
        source = statement.session.relation([_path_name(bulk.group(2))], RelationKind.PATH)
        _load(statement, statement.session.relation(parts), source, [])
        return True
    unload = _UNLOAD.match(text)
    if unload:
        group = next(number for number in (1, 2, 3) if unload.group(number) is not None)
        return _unload_query(statement, text, unload.start(group), unload.end(group), unload.group(4))
    infile = _LOAD_INFILE.match(text)
    if infile:
        return _load_infile(statement, infile)
    outfile = _OUTFILE.search(text)
    if outfile:
        query = text[: outfile.start()] + " " * len(outfile.group()) + text[outfile.end() :]
        return _unload_query(statement, query, 0, len(query), outfile.group(1))
    export = _EXPORT.match(text)
    if export:
        return _unload_query(statement, text, export.end(), len(text), export.group(1))
    return _read_transfer(statement, text)


def _read_transfer(statement: Statement, text: str) -> bool:
    """``EXPORT t TO 'path'``, ``IMPORT INTO t FROM … FILE 'path'``, ``COPY FILES INTO @a FROM @b``."""
    out = _EXPORT_TABLE.match(text)
    if out:
        path = out.group(3) or out.group(4)
        if out.group(1) is not None:
            return _unload_query(statement, text, out.start(1), out.end(1), path)
        statement.kind = StatementKind.COPY
        source = statement.session.relation(statement.named(out.group(2)))
        _load(statement, statement.session.relation([_path_name(path)], RelationKind.PATH), source, [])
        return True
    into = _IMPORT_TABLE.match(text)
    if into:
        rules = statement.session.rules
        names = split_name(into.group(2).replace(",", ".")) if into.group(2) else ()
        listed = [Name(name, rules.column_key(name, False), -1, -1) for name in names]
        source = statement.session.relation([_path_name(into.group(3) or into.group(4))], RelationKind.PATH)
        statement.kind = StatementKind.COPY
        _load(statement, statement.session.relation(statement.named(into.group(1))), source, listed)
        return True
    copy = _COPY_FILES.match(text)
    if copy:
        target, source = (
            statement.session.relation([_path_name(name)], RelationKind.STAGE) for name in copy.groups()
        )
        statement.kind = StatementKind.COPY
        _load(statement, target, source, [])
    return copy is not None


def _load_infile(statement: Statement, match: re.Match[str]) -> bool:
    """MySQL's ``LOAD DATA INFILE 'path' INTO TABLE t … (columns)``."""
    rules = statement.session.rules
    parts = statement.named(match.group(2))
    listed = _COLUMN_LIST.search(match.group(3))
    names = split_name(listed.group(1).replace(",", ".")) if listed else ()
    columns = [Name(name, rules.column_key(name, False), -1, -1) for name in names]
    statement.kind = StatementKind.COPY
    source = statement.session.relation([_path_name(match.group(1))], RelationKind.PATH)
    _load(statement, statement.session.relation(parts), source, columns)
    return True


def read_export(statement: Statement, tree: Any) -> None:
    """BigQuery's ``EXPORT DATA OPTIONS (uri = …) AS query``."""
    statement.kind = StatementKind.COPY
    paths = uris_of(tree.args.get("options"))
    query = tree.args.get("this")
    if not paths or not isinstance(query, exp.Query):
        return
    target = statement.session.relation([_path_name(paths[0])], RelationKind.PATH)
    node = Node(target.id, RelationKind.SUBQUERY, is_derived=True)
    statement.reader.read(query, node, None, {})
    statement.write(target, unloaded(node), node.rows, [node])


def uris_of(properties: Any) -> list[str]:
    """The addresses of ``uri = '…'``, ``uris = ['…']`` or ``path '…'`` among properties."""
    found: list[str] = []
    for item in (properties.args.get("expressions") if isinstance(properties, exp.Expr) else None) or ():
        if isinstance(item, exp.OptionsProperty):  # Spark: OPTIONS (path '…')
            found += uris_of(item)
        elif isinstance(item, exp.Property) and item.name.lower() in ("uri", "uris", "path", "location"):
            value = item.args.get("value")
            literals = value.find_all(exp.Literal) if isinstance(value, exp.Expr) else ()
            found.extend(literal.name for literal in literals)
    return found


def _unload_query(statement: Statement, text: str, start: int, end: int, path: str) -> bool:
    """Read the query that stands in a part of the statement's text and write it to a path."""
    query = text[start:end].replace("''", "' ")  # a doubled quote, at the same length
    inner = statement.inner(query, statement.raw.start + start)
    if inner is None:
        return False
    try:
        tree = StatementParser(statement.session.rules.name).parse(inner.raw)
    except StatementError:
        return False  # the caller reports the statement
    if not isinstance(tree, exp.Expr):
        return False
    target = statement.session.relation([_path_name(path)], RelationKind.PATH)
    node = Node(target.id, RelationKind.SUBQUERY, is_derived=True)
    inner.reader.read(tree, node, None, {})
    statement.reader.nodes.extend(inner.reader.nodes)
    statement.kind = StatementKind.COPY
    statement.write(target, unloaded(node), node.rows, [node])
    return True
