"""Names in requests: compared without case and quotes, or by regular expression."""

from __future__ import annotations

from airflow_provider_sqlflow.errors import ExportOptionError
from airflow_provider_sqlflow.formats.sqlflow.shapes import split_name, unquoted

EVERY_TABLE = ".*"


def folded(name: str) -> str:
    """A name as it is compared: without quotes and case."""
    return unquoted(name).casefold()


def split_table(database: str, schema: str, table: str) -> tuple[str, str, str]:
    """Folded database, schema and table; a dotted table name fills in what the others do not say.

    >>> split_table("", "", 'HR."Emp"')
    ('', 'hr', 'emp')
    """
    parts = [part.casefold() for part in split_name(table)]
    qualifiers = ["", "", *parts[:-1]][-2:]
    return folded(database) or qualifiers[0], folded(schema) or qualifiers[1], parts[-1]


class NamePattern:
    r"""A regular expression that a whole qualified name has to match, without case.

    The expressions come from requests, so they run in an engine whose time grows with the length of the
    name only (Rust's, which pydantic brings): none can hang a server. It knows no look-around and no
    back-references.

    Raises:
        ExportOptionError: the text is no such expression.

    >>> NamePattern("tableNamePattern", r"sales\..*").matches("SALES.ORDERS")
    True
    """

    def __init__(self, name: str, pattern: str) -> None:
        from pydantic_core import SchemaError, SchemaValidator, core_schema

        def compile_pattern(text: str) -> SchemaValidator:
            return SchemaValidator(core_schema.str_schema(pattern=text, regex_engine="rust-regex"))

        try:
            compile_pattern(pattern)  # alone first: a stray parenthesis must not close ours
            self._matcher = compile_pattern(rf"(?is)\A(?:{pattern})\z")
        except SchemaError as error:
            reason = next((line for line in str(error).splitlines() if line.startswith("error:")), "")
            reason = reason.removeprefix("error: ") or "it needs too much memory"
            raise ExportOptionError(
                f"{name}: {pattern!r} is no regular expression that can be used: {reason}"
            ) from error
        self._is_all = pattern == EVERY_TABLE

    def matches(self, name: str) -> bool:
        """Whether all of the name matches."""
        return self._is_all or self._matcher.isinstance_python(name)
