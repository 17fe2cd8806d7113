"""What a script knows while its statements are read in order.

Session defaults (``USE``, ``search_path``), the relations met so far with their columns, temporary tables
of the script, and the diagnostics.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from sqlglot import exp
from sqlglot.tokenizer_core import Token, TokenType

from airflow_provider_sqlflow.engine.catalog import Catalog, InMemoryCatalog, split_name
from airflow_provider_sqlflow.engine.dialects import Rules
from airflow_provider_sqlflow.engine.graph import Column, Input, Node, Place
from airflow_provider_sqlflow.engine.limits import DEFAULT_LIMITS, Stopwatch
from airflow_provider_sqlflow.engine.model import Diagnostic, KeyKind, RelationId, RelationKind, Severity
from airflow_provider_sqlflow.engine.normalise import HIDDEN_DOT
from airflow_provider_sqlflow.engine.template import Template
from airflow_provider_sqlflow.engine.text import SourceText
from airflow_provider_sqlflow.engine.values import maker

make_relation_id = maker(RelationId)
# Tables of one row that exist so that FROM has something to name.
_DUMMIES = frozenset({"dual", "sysdummy1"})
_TEMPORARY_SCHEMAS = frozenset({"pg_temp", "tempdb", "session", "temp"})
Key = tuple[str | None, str | None, str]


class Name:
    """An identifier: as it is shown, as it compares, and where it stands in the script."""

    __slots__ = ("end", "is_placeholder", "key", "start", "text")

    def __init__(self, text: str, key: str, start: int, end: int, is_placeholder: bool = False) -> None:
        self.text = text
        self.key = key
        self.start = start
        self.end = end
        self.is_placeholder = is_placeholder


class StructField(NamedTuple):
    """A field of a struct that the script builds: what its value comes from, its own fields, its name."""

    inputs: list[Input]
    fields: dict[str, StructField]
    text: str


class Struct(NamedTuple):
    """A column that a query builds as a struct: its node, its fields, and how many inputs they have in all.

    A column with more inputs than that is not only this struct: another branch of a union adds to it.
    """

    node: Node
    fields: dict[str, StructField]
    width: int


class DeclaredKey(NamedTuple):
    """A key while its script is being read; ``target`` is what a foreign key references."""

    kind: KeyKind
    node: Node
    columns: list[Column]
    target: Node | None
    referenced: list[Column]
    name: str
    place: Place
    statement: int


class Session:
    """State of one script."""

    def __init__(
        self,
        source: SourceText,
        template: Template,
        rules: Rules,
        catalog: Catalog | None,
        database: str | None,
        schema: str | None,
        watch: Stopwatch | None = None,
    ) -> None:
        self.source = source
        self.watch = watch or Stopwatch(DEFAULT_LIMITS)
        self.template = template
        self.rules = rules
        self.pseudo_columns = rules.pseudo_columns  # and the variables
        self.variables: frozenset[str] = frozenset()  # of the script's blocks, in lower case
        self.catalog = catalog
        self.declared = InMemoryCatalog()
        self.database = database
        self.schema = schema
        self.search_path: tuple[str, ...] = ()  # further schemas where bare names are looked up
        self.renames: list[tuple[RelationId, RelationId, int]] = []  # old, new, statement
        self.nodes: dict[Key, Node] = {}
        self.temporary: dict[str, Node] = {}
        self.last_result: Node | None = None  # of the statement before, if that was a query
        self.caches: set[RelationId] = set()  # temporary, and no place where data ends
        self.mentions: dict[RelationId, tuple[Node, Place | None]] = {}
        self.types: dict[RelationId, dict[str, str]] = {}  # by compared column name, as written
        self.skipped: dict[RelationId, frozenset[str]] = {}  # columns that INSERT without a list leaves out
        self.keys: list[DeclaredKey] = []
        self.diagnostics: list[Diagnostic] = []
        self.structs: dict[Column, Struct] = {}
        self.is_templated = bool(template.starts)
        self._column_keys: dict[tuple[str, bool], str] = {}
        self._relation_keys: dict[tuple[str, bool], str] = {}

    # Names ------------------------------------------------------------------------------------

    def column_name(self, identifier: Any, base: int) -> Name:
        """The name of a column identifier; ``base`` is the statement's offset."""
        return self._name(identifier, base, self._column_keys, self.rules.column_key)

    def relation_name(self, identifier: Any, base: int) -> Name:
        """The name of a relation, schema or database identifier."""
        return self._name(identifier, base, self._relation_keys, self.rules.relation_key)

    def column_key(self, identifier: Any) -> str:
        """The compared form of a column identifier."""
        args = identifier.args
        spelling = args["this"], args.get("quoted")
        key = self._column_keys.get(spelling)
        if key is None:
            key = self._column_keys[spelling] = self.rules.column_key(spelling[0], bool(spelling[1]))
        return key

    def column_spelling(self, identifier: Any, base: int) -> tuple[str, str]:
        """How a column identifier compares and how it is shown."""
        text = identifier.args["this"]
        if self.is_templated or not isinstance(text, str):
            name = self.column_name(identifier, base)
            return name.key, name.text
        return self.column_key(identifier), text

    def relation_key(self, identifier: Any) -> str:
        """The compared form of an alias or relation identifier."""
        args = identifier.args
        spelling = args["this"], args.get("quoted")
        key = self._relation_keys.get(spelling)
        if key is None:
            key = self._relation_keys[spelling] = self.rules.relation_key(spelling[0], bool(spelling[1]))
        return key

    def token_name(self, token: Token, base: int, *, is_column: bool) -> Name:
        """The name that a token spells."""
        fold = self.rules.column_key if is_column else self.rules.relation_key
        quoted = token.token_type is TokenType.IDENTIFIER
        start, end = token.start + base, token.end + base + 1
        text, is_placeholder = token.text, False
        if self.is_templated and self.template.touches(start, end):
            text = self.source.text[start:end].strip("\"`[]'")
            is_placeholder = self.template.covers(start, end)
        return Name(text, fold(text, quoted), start, end, is_placeholder)

    def token_key(self, token: Token, base: int) -> str:
        """The compared form of the column name that a token spells."""
        if self.is_templated:
            return self.token_name(token, base, is_column=True).key
        name = (token.text, token.token_type is TokenType.IDENTIFIER)
        key = self._column_keys.get(name)
        if key is None:
            key = self._column_keys[name] = self.rules.column_key(*name)
        return key

    def relation_name_of(self, name: Name) -> Name:
        """A name read as a column's, compared as a relation's."""
        return Name(name.text, self.rules.relation_key(name.text, False), name.start, name.end)

    def _name(
        self,
        identifier: Any,
        base: int,
        keys: dict[tuple[str, bool], str],
        fold: Callable[[str, bool], str],
    ) -> Name:
        args = identifier.args
        text = args["this"]
        quoted = bool(args.get("quoted"))
        if not isinstance(text, str):
            text = identifier.name
        key = keys.get((text, quoted))
        if key is None:
            key = keys[text, quoted] = fold(text, quoted)
        meta = identifier.meta
        start, end = meta.get("start"), meta.get("end")
        if start is None or end is None:  # BigQuery's quoted `p.d.INFORMATION_SCHEMA.V` has a start alone
            return Name(text, key, -1, -1)
        start += base
        end += base + 1
        if self.is_templated and self.template.touches(start, end):
            text = self.source.text[start:end].strip("\"`[]'")  # shown as the user wrote it
            return Name(text, fold(text, quoted), start, end, self.template.covers(start, end))
        return Name(text, key, start, end)

    def note_variables(self, names: list[str]) -> None:
        """Names, in lower case, that are variables from here on: no columns where none is declared."""
        self.variables |= frozenset(names)
        self.pseudo_columns = self.rules.pseudo_columns | self.variables

    # Relations --------------------------------------------------------------------------------

    def relation(self, parts: list[Name], kind: RelationKind = RelationKind.TABLE) -> Node:
        """The node of a relation of the database, temporary table of the script, or file."""
        if self.temporary:
            temporary = self.temporary.get(parts[-1].key)
            if temporary is not None and _means(parts, temporary.id):
                return temporary
        node = self.stored(parts, kind)
        mention = self.mentions.get(node.id)
        if mention is None or mention[1] is None:
            start = parts[0].start
            place = (start, max([part.end for part in parts])) if start >= 0 else None
            self.mentions[node.id] = (node, place)
        return node

    def stored(self, parts: list[Name], kind: RelationKind = RelationKind.TABLE) -> Node:
        """The node of a relation of the database or file, without a mention of it in the result."""
        key = self._key(parts)
        node = self.nodes.get(key)
        if node is None:
            relation = self._identity(parts)
            if relation.name.lower() in _DUMMIES:
                kind = RelationKind.CONSTANT
            node = Node(relation, kind, is_derived=False)
            self.nodes[key] = node
            columns = self._look_up(relation)
            if columns is None:
                node.is_open = True
            else:
                for column_key, column in zip(self.rules.column_keys(columns), columns, strict=True):
                    node.add(column_key, column)
        return node

    def _key(self, parts: list[Name]) -> Key:
        """The compared parts of a name, those that it leaves out filled in."""
        name = parts[-1]
        if len(parts) == 1:
            return self._default_key(self.database), self._default_key(self._schema_of(name)), name.key
        if len(parts) == 2:
            return self._default_key(self.database), parts[0].key, name.key
        return ".".join([part.key for part in parts[:-2]]), parts[-2].key, name.key

    def _identity(self, parts: list[Name]) -> RelationId:
        name = parts[-1]
        schema = parts[-2].text if len(parts) > 1 else self._schema_of(name)
        database = ".".join(part.text for part in parts[:-2]) if len(parts) > 2 else self.database
        return make_relation_id(database or None, schema or None, name.text)

    def _schema_of(self, name: Name) -> str | None:
        """The schema of a bare name: the first of the search path that is known to have it."""
        for schema in (self.schema, *self.search_path) if self.search_path else ():
            relation = RelationId(self.database, schema, name.text)
            if (self._default_key(self.database), self._default_key(schema), name.key) in self.nodes:
                return schema
            if self._look_up(relation) is not None:
                return schema
        return self.schema

    def renamed(self, old: RelationId, new: RelationId, statement: int) -> None:
        """ALTER … RENAME: what was written under the old name is now found under the new one."""
        self.renames.append((old, new, statement))

    def _default_key(self, name: str | None) -> str | None:
        if not name:
            return None
        key = self._relation_keys.get((name, False))
        return self.rules.relation_key(name, False) if key is None else key

    def _look_up(self, relation: RelationId) -> Sequence[str] | None:
        columns = self.declared.columns(relation.database, relation.schema, relation.name)
        if columns is None and self.catalog is not None:
            columns = self.catalog.columns(relation.database, relation.schema, relation.name)
        return columns

    def declare(self, parts: list[Name], kind: RelationKind, columns: Iterable[Name] | None) -> Node:
        """A relation made by CREATE: its columns replace what was known. ``None``: not known."""
        node = self.relation(parts, kind)
        node.kind = kind
        if columns is not None:
            old = {**node.found, **node.columns}
            node.columns, node.found = {}, {}
            node.is_open = False
            names = []
            for column in columns:
                names.append(column.text)
                # An earlier reference already made the column: keep the object, edges point at it.
                existing = old.get(column.key)
                if existing is not None:
                    node.columns[column.key] = existing
                else:
                    node.add(column.key, column.text, [] if node.is_derived else None)
            identity = node.id
            self.declared.add(
                [part for part in (identity.database, identity.schema) if part] + [identity.name], names
            )
        return node

    def new_temporary(self, parts: list[Name]) -> Node:
        """A fresh, empty temporary table that hides any relation of that name."""
        name = parts[-1]
        relation = temporary_id(parts)
        node = Node(relation, RelationKind.TEMP_TABLE, is_derived=True)
        self.temporary[name.key] = node
        place = (name.start, name.end) if name.start >= 0 else None
        self.mentions.setdefault(relation, (node, place))
        return node

    def next_version(self, node: Node) -> Node:
        """A temporary table after a write: readers of before keep the old one."""
        fresh = Node(node.id, node.kind, is_derived=True, is_open=node.is_open)
        fresh.stars, fresh.starts = list(node.stars), list(node.starts)
        fresh.any_inputs = node.any_inputs
        fresh.reads = dict(node.reads)
        for key, column in node.columns.items():
            fresh.add(key, column.name or "", list(column.inputs or ()))
        for key, column in node.found.items():
            fresh.found[key] = Column(fresh, column.name, list(column.inputs or ()))
        fresh.rows.inputs = list(node.rows.inputs or ())
        for key, current in self.temporary.items():
            if current is node:
                self.temporary[key] = fresh
        self.mentions[node.id] = (fresh, self.mentions[node.id][1] if node.id in self.mentions else None)
        return fresh

    def forget(self, node: Node) -> None:
        """DROP of a temporary table: its name is free again."""
        for key, current in list(self.temporary.items()):
            if current is node:
                del self.temporary[key]

    # Diagnostics --------------------------------------------------------------------------------

    def report(self, severity: Severity, code: str, message: str, start: int, end: int) -> None:
        """Note something at a place of the script, once."""
        item = Diagnostic(severity, code, message, self.source.span(start, max(end, start)))
        if item not in self.diagnostics[-8:]:
            self.diagnostics.append(item)


def _means(parts: list[Name], temporary: RelationId) -> bool:
    """Whether a name whose last part is that of a temporary table is the table's."""
    if len(parts) == 1 or parts[-2].key.lower() in _TEMPORARY_SCHEMAS:
        return True
    given = [part.text.lower() for part in parts[:-1]]
    place = [part.lower() for part in (temporary.database, temporary.schema) if part]
    return bool(place) and given[-len(place) :] == place[-len(given) :]


def temporary_id(parts: list[Name]) -> RelationId:
    """The id of a temporary table: Snowflake and Teradata have them in the schemas of other tables."""
    places = [part.text for part in parts[:-1] if part.key.lower() not in _TEMPORARY_SCHEMAS]
    schema = places.pop() if places else None
    return make_relation_id(".".join(places) or None, schema or None, parts[-1].text, "session")


def table_parts(session: Session, table: exp.Expr, base: int) -> list[Name]:
    """The name parts of a table expression, outermost first; empty when it is not a name."""
    this = table.args.get("this")
    if isinstance(this, exp.Func) and not isinstance(this, exp.DynamicIdentifier):
        return []  # a table function, perhaps with its schema in front
    parts: list[Name] = []
    for key in ("catalog", "db", "this"):
        part = table.args.get(key)
        if part is not None and part != "":
            parts += _flatten(session, part, base)
    return parts


def names_of_text(session: Session, text: str) -> list[Name]:
    """The parts of a name given as text; dots hidden from the parser count."""
    parts = split_name(text.replace(HIDDEN_DOT, "."))
    return [Name(part, session.rules.relation_key(part, False), -1, -1) for part in parts]


def _flatten(session: Session, part: Any, base: int) -> list[Name]:
    if isinstance(part, exp.Identifier):
        whole = session.relation_name(part, base)
        if len(part.args) > 2:  # the parser takes T-SQL's # from the name: t is another table than #t
            signs = "##" if part.args.get("global_") else "#" * bool(part.args.get("temporary"))
            whole = Name(signs + whole.text, signs + whole.key, whole.start, whole.end, whole.is_placeholder)
        return names_of_text(session, whole.text) if HIDDEN_DOT in whole.text else [whole]
    if isinstance(part, exp.Dot):
        return _flatten(session, part.this, base) + _flatten(session, part.expression, base)
    if isinstance(part, exp.Parameter):  # a table variable: @t
        name = f"@{part.name}"
        return [Name(name, session.rules.relation_key(name, False), -1, -1)]
    literal = part.args.get("this") if isinstance(part, exp.Expr) else None
    is_named = isinstance(part, exp.DynamicIdentifier) or (
        isinstance(part, exp.TableFromRows) and isinstance(literal, exp.Literal)
    )
    if is_named:  # Snowflake: IDENTIFIER('a.b'), TABLE('a.b')
        names = split_name(literal.name) if isinstance(literal, exp.Literal) else ()
        return [Name(name, session.rules.relation_key(name, False), -1, -1) for name in names]
    if isinstance(part, (exp.Var, exp.Literal)):
        return [Name(part.name, session.rules.relation_key(part.name, False), -1, -1)]
    return []
