"""Lenient look into SQLFlow's lineage documents: what stands where in each generation, and its words.

Facts: reference sqlflow-lineage-model, sections 2, 4 and 5. Nothing here raises for a member that is missing
or of another type than expected.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from airflow_provider_sqlflow.engine.model import Effect, RelationKind, StatementKind, Subtype
from airflow_provider_sqlflow.errors import UnexpectedAnswerError

JsonObject = Mapping[str, Any]

RELATION_LISTS = ("relationships", "relations", "relationship")
OBJECT_LISTS = ("tables", "views", "others")
_ROWS = frozenset({"relationrows", "pseudorows"})
TABLE_PLACEHOLDER = "TABLE"
_NO_NAME = frozenset({"", "default", "default_server"})
_QUOTES = {'"': '"', "`": "`", "[": "]"}
_TEMPLATE = {"{": "}"}
"""Brackets of templates that were not rendered: they belong to the name, dots in them too."""

KINDS: Mapping[str, RelationKind] = {
    "table": RelationKind.TABLE,
    "pseudotable": RelationKind.TABLE,
    "view": RelationKind.VIEW,
    "select_list": RelationKind.RESULT,
    "with_cte": RelationKind.CTE,
    "constanttable": RelationKind.CONSTANT,
    "path": RelationKind.PATH,
    "file": RelationKind.PATH,
    "stage": RelationKind.STAGE,
    "stream": RelationKind.STREAM,
    "variable": RelationKind.VARIABLE,
    "datasource": RelationKind.PATH,
}
_STATEMENTS: Mapping[str, StatementKind] = {
    "select": StatementKind.SELECT,
    "insert": StatementKind.INSERT,
    "createtable": StatementKind.CREATE_TABLE,
    "createexternaltable": StatementKind.CREATE_TABLE,
    "selectinto": StatementKind.CREATE_TABLE,
    "createview": StatementKind.CREATE_VIEW,
    "update": StatementKind.UPDATE,
    "delete": StatementKind.DELETE,
    "merge": StatementKind.MERGE,
    "mergeupdate": StatementKind.MERGE,
    "mergeinsert": StatementKind.MERGE,
    "copy": StatementKind.COPY,
    "renametable": StatementKind.RENAME,
    "swaptable": StatementKind.SWAP,
    "altertable": StatementKind.ALTER,
    "createstream": StatementKind.CREATE_STREAM,
}
CLAUSES: Mapping[str, Subtype] = {
    "where": Subtype.FILTER,
    "joincondition": Subtype.JOIN,
    "groupby": Subtype.GROUP_BY,
    "orderby": Subtype.SORT,
    "selectlist": Subtype.CONDITIONAL,
}
FLOWS: Mapping[str, Effect] = {
    "fdd": Effect.DIRECT,
    "fdr": Effect.INDIRECT,
    "frd": Effect.INDIRECT,
    "fddi": Effect.INDIRECT,
}
"""Relations that are data flow; joins, calls and foreign keys are none."""


def document_of(answer: JsonObject) -> JsonObject:
    """The document in an answer: ``data.sqlflow``, ``data`` itself, or the object given.

    Raises:
        UnexpectedAnswerError: there is no lineage document in it.
    """
    data = answer.get("data")
    for candidate in (data.get("sqlflow") if isinstance(data, Mapping) else None, data, answer):
        if isinstance(candidate, Mapping) and (
            "dbobjs" in candidate or any(isinstance(candidate.get(name), list) for name in RELATION_LISTS)
        ):
            return candidate
    raise UnexpectedAnswerError("the SQLFlow service answered without a lineage document")


def is_summary(answer: JsonObject) -> bool:
    """Whether the service left the relations out because there are too many."""
    data = answer.get("data")
    return isinstance(data, Mapping) and data.get("mode") == "summary"


def split_name(dotted: str) -> list[str]:
    """Parts of a qualified name without their quotes; dots within quotes belong to a part.

    >>> split_name('sales."my.schema".[order]')
    ['sales', 'my.schema', 'order']
    """
    parts, current, closing = [], "", ""
    for letter in dotted:
        if closing:
            is_quote = letter == closing and closing != "}"
            current += "" if is_quote else letter
            closing = "" if letter == closing else closing
        elif letter in _QUOTES:
            closing = _QUOTES[letter]
        elif letter in _TEMPLATE:
            closing = _TEMPLATE[letter]
            current += letter
        elif letter == ".":
            parts.append(current)
            current = ""
        else:
            current += letter
    return [*parts, current]


def unquoted(name: str) -> str:
    """A column's name without the quotes around it."""
    closing = _QUOTES.get(name[:1])
    return name[1:-1] if closing and len(name) > 2 and name.endswith(closing) else name


def statement_kind(word: str) -> StatementKind:
    """What a statement does, from an effect type or the type of a process, old or new."""
    plain = word.lower().removeprefix("sst").replace("_", "").replace(" ", "")
    return _STATEMENTS.get(plain, StatementKind.OTHER)


def holders(server: JsonObject) -> Iterator[JsonObject]:
    """Whatever of a server may hold objects."""
    yield server
    yield from objects_in(server.get("schemas"))
    for database in objects_in(server.get("databases")):
        yield database
        yield from objects_in(database.get("schemas"))


def objects_in(found: object) -> list[JsonObject]:
    """The objects of a JSON list; anything else holds none."""
    return [item for item in found if isinstance(item, Mapping)] if isinstance(found, (list, tuple)) else []


def given(name: object) -> str | None:
    """A qualifier that says something: without quotes, and no ``DEFAULT``."""
    text = str(name or "")
    return None if text.lower() in _NO_NAME else unquoted(text)


def is_rows(name: str) -> bool:
    """Whether a column stands for the rows of its relation."""
    return name.lower() in _ROWS


def integer(value: object) -> int:
    """A number of JSON or in a text; 0 for anything else."""
    try:
        return int(str(value))
    except ValueError:
        return 0
