"""CSV files of SQL: each row one script, as SQLFlow takes them (reference: sqlflow-api, section 1.6)."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from airflow_provider_sqlflow.errors import ConfigError, EmptyInputError, UnreadableInputError
from airflow_provider_sqlflow.ingest.files import FileProblemError, StoredFile, first_bytes
from airflow_provider_sqlflow.ingest.metadata import script_name, unquoted
from airflow_provider_sqlflow.ingest.model import Note, Source, SourceFile, too_large
from airflow_provider_sqlflow.ingest.text import UndecodableTextError, check_text
from airflow_provider_sqlflow.settings import Settings

if TYPE_CHECKING:
    from _csv import Reader

_ZIP_MAGIC = b"PK\x03\x04"
CSV_SUFFIX = ".csv"
DEFAULT_COLUMNS = "123456"
_FIELDS = ("database", "schema", "object type", "object name", "object code", "notes")
_CODE = _FIELDS.index("object code")
_HEADINGS = frozenset({"objectcode", "code", "sql", "sqlcode", "sqltext", "sourcecode", "definition", "ddl"})
"""What the column of the SQL is called in a heading, without blanks and signs."""
_ENCODING_NAMES = {"utf-8-sig": "UTF-8", "utf-16": "UTF-16", "cp1252": "Windows-1252"}
_MAX_LISTED_LINES = 10


@dataclass(frozen=True, slots=True)
class CsvFormat:
    """How a CSV of SQL is laid out.

    Attributes:
        columns: six digits, the positions from 1 of database, schema, object type, object name, object
            code and notes; 0 where there is no such column.
        enclose: the quote around fields; empty for none.
        escape: what makes a quote part of a field: the quote itself, doubled, or another character.
    """

    columns: str = DEFAULT_COLUMNS
    enclose: str = '"'
    escape: str = '"'

    def check(self) -> None:
        """Refuse a layout that cannot be read.

        Raises:
            ConfigError: says what is wrong.
        """
        if len(self.columns) != len(_FIELDS) or not (self.columns.isascii() and self.columns.isdigit()):
            raise ConfigError(
                f"CSV columns {self.columns!r}: give {len(_FIELDS)} digits, the positions of "
                f"{', '.join(_FIELDS)}; 0 where there is no such column"
            )
        given = [digit for digit in self.columns if digit != "0"]
        if len(set(given)) < len(given):
            raise ConfigError(f"CSV columns {self.columns!r}: two fields have the same position")
        if self.columns[_CODE] == "0":
            raise ConfigError(
                f"CSV columns {self.columns!r}: the fifth digit, the position of the SQL, must not be 0"
            )
        for name, value in (("enclose", self.enclose), ("escape", self.escape)):
            if len(value) > 1 or value in ("\r", "\n", ","):
                raise ConfigError(f"CSV {name} character {value!r}: give one character, or none")

    def field(self, row: list[str], name: str) -> str:
        """A field of a row, empty where the row does not have it."""
        position = int(self.columns[_FIELDS.index(name)])
        return row[position - 1] if 0 < position <= len(row) else ""


def open_csv(file: StoredFile, layout: CsvFormat, settings: Settings) -> Source:
    """List the rows of a CSV of SQL.

    Rows are named by database, schema and object; a heading is left out, and so are rows without SQL. All
    rows that cannot be read make one file with a problem, which names their lines.

    Raises:
        ConfigError: the layout cannot be read.
        UnreadableInputError: the file cannot be read, or is no CSV.
        EmptyInputError: no row has SQL.
    """
    layout.check()
    encodings = _encodings(file)
    for encoding in encodings:
        try:
            names = tuple(item.name for item in _read(file, layout, settings, encoding))
        except UnicodeDecodeError:
            continue
        except FileProblemError as error:
            raise UnreadableInputError(f"{file.shown} {error}") from None
        if not names:
            raise EmptyInputError(
                f"no SQL in column {layout.columns[_CODE]} of {file.shown}: the fifth of the CSV columns "
                f"{layout.columns!r} gives the position of the SQL"
            )
        return Source(file.shown, names, partial(_read_again, file, layout, settings, encoding, names))
    tried = " or ".join(_ENCODING_NAMES[encoding] for encoding in encodings)
    raise UnreadableInputError(f"{file.shown} is not text in {tried}; save it as UTF-8")


def _encodings(file: StoredFile) -> tuple[str, ...]:
    """What to try, by the file's first bytes."""
    try:
        start = first_bytes(file, len(_ZIP_MAGIC))
    except FileProblemError as error:
        raise UnreadableInputError(f"{file.shown} {error}") from None
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return ("utf-16",)
    if start == _ZIP_MAGIC:
        raise UnreadableInputError(f"{file.shown} is a zip archive, not CSV; unpack it")
    return ("utf-8-sig", "cp1252")


def _read_again(
    file: StoredFile, layout: CsvFormat, settings: Settings, encoding: str, names: tuple[str, ...]
) -> Iterator[SourceFile]:
    """The listed rows. When the file has changed since, what is missing is a problem."""
    assumed = Note(
        "assumed_encoding", "not UTF-8: read as Windows-1252. If names look wrong, save it as UTF-8"
    )
    problem = f"{file.shown} changed while it was read"
    rows = _read(file, layout, settings, encoding)
    is_good = True
    for number, name in enumerate(names):
        item = None
        if is_good:
            try:
                item = next(rows, None)
            except (FileProblemError, UnicodeDecodeError) as error:
                problem, is_good = f"{file.shown}: {error}", False
        if item is None:
            item = SourceFile(name, 0, "", problem)
        if encoding == "cp1252" and number == 0:
            item = replace(item, notes=(assumed,))
        yield replace(item, name=name)


def _read(file: StoredFile, layout: CsvFormat, settings: Settings, encoding: str) -> Iterator[SourceFile]:
    """The scripts of the rows, then one file without a name for all rows that cannot be read."""
    bad: list[tuple[int, str]] = []
    for line, row in _rows(file, layout, settings, encoding):
        if isinstance(row, str):
            bad.append((line, row))
            continue
        code_position = int(layout.columns[_CODE])
        if len(row) < code_position:
            bad.append((line, f"{len(row)} columns, but the SQL is expected in column {code_position}"))
            continue
        item = _script(row, layout, settings)
        if item is not None:
            yield item
    if bad:
        yield SourceFile("", 0, "", _bad_rows(bad, layout), problem_line=bad[0][0])


def _rows(
    file: StoredFile, layout: CsvFormat, settings: Settings, encoding: str
) -> Iterator[tuple[int, list[str] | str]]:
    """First line and fields of each row, or why it cannot be read; a heading and empty rows left out."""
    # A process-wide limit of the library: only ever raised, so that no other reader suffers.
    csv.field_size_limit(max(csv.field_size_limit(), settings.max_file_bytes))
    with file.open() as stream:
        size = file.size(stream)
        if size is not None and size > settings.max_archive_bytes:
            raise FileProblemError(
                f"{size} bytes large, the limit is {settings.max_archive_bytes}; split it or raise "
                "max_archive_bytes"
            )
        reader = _reader(io.TextIOWrapper(stream, encoding, newline=""), layout)
        is_first = True
        while True:
            line = reader.line_num + 1
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield line, str(error)
                continue
            except UnicodeDecodeError:
                raise
            except Exception as error:  # noqa: BLE001  # each remote file system raises its own kinds
                raise FileProblemError(file.explain(error)) from None
            if row and not (is_first and _is_heading(row, layout)):
                yield line, row
            is_first = False


def _reader(text: io.TextIOWrapper, layout: CsvFormat) -> Reader:
    if not layout.enclose:
        return csv.reader(text, quoting=csv.QUOTE_NONE, escapechar=layout.escape or None, strict=True)
    is_doubled = layout.escape in ("", layout.enclose)
    return csv.reader(
        text,
        quotechar=layout.enclose,
        doublequote=is_doubled,
        escapechar=None if is_doubled else layout.escape,
        strict=True,
    )


def _is_heading(row: list[str], layout: CsvFormat) -> bool:
    code = layout.field(row, "object code")
    return "".join(filter(str.isalnum, code)).lower() in _HEADINGS


def _script(row: list[str], layout: CsvFormat, settings: Settings) -> SourceFile | None:
    text = layout.field(row, "object code")
    if not text.strip():
        return None
    database, schema, kind, name = (
        unquoted(layout.field(row, field)) for field in ("database", "schema", "object type", "object name")
    )
    size = len(text.encode("utf-8", "replace"))
    shown = script_name(database, schema, name or kind or "query")
    if size > settings.max_file_bytes:
        return SourceFile(shown, size, "", too_large(settings.max_file_bytes, size))
    try:
        check_text(text)
    except UndecodableTextError as error:
        return SourceFile(shown, size, "", str(error))
    return SourceFile(shown, size, text, database=database or None, schema=schema or None)


def _bad_rows(bad: list[tuple[int, str]], layout: CsvFormat) -> str:
    line, reason = bad[0]
    if len(bad) == 1:
        return f"row at line {line}: {reason}"
    others = ", ".join(str(other) for other, _ in bad[1:_MAX_LISTED_LINES])
    more = f" and {len(bad) - _MAX_LISTED_LINES} more" if len(bad) > _MAX_LISTED_LINES else ""
    return (
        f"{len(bad)} rows cannot be read with the columns {layout.columns!r}, quote {layout.enclose!r} and "
        f"escape {layout.escape!r}: line {line}: {reason}; also lines {others}{more}"
    )
