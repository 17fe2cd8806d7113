"""The syntax check. Facts: reference sqlflow-api, section 6."""

from __future__ import annotations

import time

from airflow_provider_sqlflow import __version__
from airflow_provider_sqlflow.api import queries as q
from airflow_provider_sqlflow.api import work
from airflow_provider_sqlflow.api.envelope import Answer
from airflow_provider_sqlflow.api.operations import Call, Operation
from airflow_provider_sqlflow.api.subjects import dialect_of
from airflow_provider_sqlflow.errors import RequestTooLargeError

GROUP = "SQL parser interface"

INVALID = 400
"""The envelope's code for SQL that is not valid; the HTTP status is 200, because the check itself worked."""


def check(call: Call[q.SyntaxQuery]) -> Answer:
    """Whether a text is understood, and if not, where and why."""
    text, dialect = _checked(call)
    begin = time.monotonic()
    problems = call.server.workers.run(work.check_syntax, text, dialect, call.server.settings)
    found = [
        {"errorMessage": f"{item.message} ({item.line},{item.column})"} for item in problems if item.is_error
    ]
    used = round((time.monotonic() - begin) * 1000)
    data = {"usedTime": f"{used}ms", "gsp.version": __version__}
    if not found:
        return Answer(data)
    return Answer(data | {"errorInfos": found}, members={"code": INVALID})


def to_xml(call: Call[q.SyntaxQuery]) -> Answer:
    """The syntax tree: our parser's, since the documents do not fix the vendor's."""
    text, dialect = _checked(call)
    xml = call.server.workers.run(work.syntax_xml, text, dialect, call.server.settings)
    return Answer({"xml": xml})


def _checked(call: Call[q.SyntaxQuery]) -> tuple[str, str]:
    limit = call.server.settings.server_max_query_bytes
    if len(call.parameters.sql.encode("utf-8", "replace")) > limit:
        raise RequestTooLargeError(f"sql: longer than {limit} bytes")
    return call.parameters.sql, dialect_of(call.parameters.dbvendor)


OPERATIONS = (
    Operation("/demo/syntax/check", q.SyntaxQuery, check, "Check the syntax of SQL", GROUP),
    Operation("/demo/xml/toXML", q.SyntaxQuery, to_xml, "Syntax tree of SQL", GROUP),
)
"""The SQL parser interface."""
