"""Database metadata in the format of the SQLFlow ingester: columns of relations, and SQL texts.

Facts: reference sqlflow-lineage-model, section 10. Which layers there are follows from the document itself,
because the flags and the samples contradict each other for some vendors; names carry the quotes of the
vendor in some places and none in others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from airflow_provider_sqlflow.ingest.documents import Document, list_of, said_dialect, text_of
from airflow_provider_sqlflow.ingest.model import Source, SourceFile, held_source, printable

_RELATION_LISTS = ("tables", "views", "others")
_QUOTES = {'"': '"', "`": "`", "[": "]"}
Name = tuple[str, ...]


def metadata_source(document: Document, root: str) -> Source:
    """The texts of ``queries`` as files, and the catalog."""
    servers = list_of(document.content, "servers")
    dialects = [said_dialect(text_of(server, "dbVendor")) for server in servers]
    files = tuple(
        _query_file(query, dialect)
        for server, dialect in zip(servers, dialects, strict=True)
        for query in list_of(server, "queries")
    )
    said = {dialect for dialect in dialects if dialect}
    catalog = {dotted(name): columns for server in servers for name, columns in _relations(server).items()}
    return held_source(root, files, catalog, said.pop() if len(said) == 1 else "")


def dotted(parts: Name) -> str:
    """A relation's name as catalogs write it: parts with dots or blanks in quotes."""
    from airflow_provider_sqlflow.engine.catalog import join_name

    return join_name(parts)


def script_name(*parts: str) -> str:
    """What an object's SQL is called as a file: ``shop/public/orders.sql``."""
    plain = [" ".join(printable(part).split()) for part in parts if part.strip()]
    return "/".join(plain) + ".sql"


def unquoted(name: str) -> str:
    """A name without the quotes that ``"``, `````, or ``[]`` put around it.

    >>> unquoted("[dbo]"), unquoted('"BIG KING"'), unquoted("plain")
    ('dbo', 'BIG KING', 'plain')
    """
    name = name.strip()
    closing = _QUOTES.get(name[:1])
    return name[1:-1].replace(closing * 2, closing) if closing and name.endswith(closing) else name


def _query_file(query: Mapping[str, Any], dialect: str) -> SourceFile:
    database, schema, name = (unquoted(text_of(query, key)) for key in ("database", "schema", "name"))
    text = text_of(query, "sourceCode")
    return SourceFile(
        script_name(database, schema, name or text_of(query, "type") or "query"),
        len(text.encode("utf-8", "replace")),
        text,
        database=database or None,
        schema=schema or None,
        dialect=dialect,
    )


def _relations(server: Mapping[str, Any]) -> dict[Name, tuple[str, ...]]:
    """Columns by name parts, synonyms included."""
    relations: dict[Name, tuple[str, ...]] = {}
    synonyms: list[tuple[Name, Name]] = []
    for database, schema, holder in _layers(server):
        for item in (item for key in _RELATION_LISTS for item in list_of(holder, key)):
            columns = tuple(unquoted(text_of(column, "name")) for column in list_of(item, "columns"))
            name = _parts(
                database or text_of(item, "databaseName"),
                schema or text_of(item, "schemaName"),
                text_of(item, "name"),
            )
            if columns and name:
                relations.setdefault(name, columns)
        for item in list_of(holder, "synonyms"):
            name = _parts(
                text_of(item, "database") or database,
                text_of(item, "schema") or schema,
                text_of(item, "name"),
            )
            source = _parts(database, text_of(item, "sourceSchema") or schema, text_of(item, "sourceName"))
            synonyms.append((name, source))
    by_key = {_key(name): columns for name, columns in relations.items()}
    for name, source in synonyms:
        if name and _key(source) in by_key:
            relations.setdefault(name, by_key[_key(source)])
    return relations


def _layers(server: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Whatever may hold relations, with the database and schema it stands in."""
    yield "", "", server
    for schema in list_of(server, "schemas"):
        yield "", text_of(schema, "name"), schema
    for database in list_of(server, "databases"):
        yield text_of(database, "name"), "", database
        for schema in list_of(database, "schemas"):
            yield text_of(database, "name"), text_of(schema, "name"), schema


def _parts(*names: str) -> Name:
    """The parts that are given, unquoted; nothing where the last, the relation's own, is missing."""
    plain = [unquoted(name) for name in names]
    return tuple(name for name in plain if name) if plain[-1] else ()


def _key(name: Name) -> Name:
    return tuple(part.casefold() for part in name)
