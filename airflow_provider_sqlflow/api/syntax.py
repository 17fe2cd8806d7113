"""The syntax check. Facts: reference sqlflow-api, section 6."""

from __future__ import annotations

import time

from airflow_provider_sqlflow import __version__
from airflow_provider_sqlflow.api import parameters as p
from airflow_provider_sqlflow.api import work
from airflow_provider_sqlflow.api.envelope import Answer
from airflow_provider_sqlflow.api.operations import Call, Operation
from airflow_provider_sqlflow.api.subjects import dialect_of
from airflow_provider_sqlflow.errors import RequestTooLargeError

GROUP = "SQL parser interface"

INVALID = 400
"""The envelope's code for SQL that is not valid; the HTTP status is 200, because the check itself worked."""


def check(call: Call[p.SyntaxQuery]) -> Answer:
    """Whether a text is understood, and if not, where and why."""
    limit = call.server.settings.server_max_query_bytes
    if len(call.parameters.sql.encode("utf-8", "replace")) > limit:
        raise RequestTooLargeError(f"sql: longer than {limit} bytes")
    begin = time.monotonic()
    problems = call.server.workers.run(
        work.check_syntax, call.parameters.sql, dialect_of(call.parameters.dbvendor), call.server.settings
    )
    found = [
        {"errorMessage": f"{item.message} ({item.line},{item.column})"} for item in problems if item.is_error
    ]
    used = round((time.monotonic() - begin) * 1000)
    data = {"usedTime": f"{used}ms", "gsp.version": __version__}
    if not found:
        return Answer(data)
    return Answer(data | {"errorInfos": found}, members={"code": INVALID})


OPERATIONS = (
    Operation("/demo/syntax/check", p.SyntaxQuery, check, "Check the syntax of SQL", GROUP),
)
"""The SQL parser interface. ``/demo/xml/toXML`` is not part of it: it shows the vendor's own syntax tree."""
