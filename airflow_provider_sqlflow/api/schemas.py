"""DDL that users keep, so that query mode knows the columns of their tables.

Facts: reference sqlflow-api, section 4.13; the answers' shapes are not documented.
"""

from __future__ import annotations

from typing import Any

from airflow_provider_sqlflow.api import parameters as p
from airflow_provider_sqlflow.api import queries as q
from airflow_provider_sqlflow.api.envelope import Answer
from airflow_provider_sqlflow.api.operations import Call, Operation
from airflow_provider_sqlflow.api.subjects import dialect_of, safe_name
from airflow_provider_sqlflow.api.user_schemas import UserSchema
from airflow_provider_sqlflow.engine.dialects import vendor_of
from airflow_provider_sqlflow.errors import RequestError, RequestTooLargeError
from airflow_provider_sqlflow.ingest.model import file_from_bytes

GROUP = "Schemas of a user"
SQLFILES = "sqlfiles"


def submit(call: Call[p.Vendor]) -> Answer:
    """Keep files of DDL; one of a known name replaces it."""
    files = call.given.files_of(SQLFILES)
    if not files:
        raise RequestError("sqlfiles: is required")
    dialect, limit = dialect_of(call.parameters.dbvendor), call.server.settings.server_max_query_bytes
    texts = {}
    for file in files:
        name = safe_name(file.filename or "")
        data = file.file.read(limit + 1)
        if len(data) > limit:
            raise RequestTooLargeError(f"{name}: larger than {limit} bytes; split it")
        read = file_from_bytes(name, data, limit)
        if read.problem:
            raise RequestError(f"{name}: {read.problem}")
        texts[name] = read.text
    return Answer(
        [_told(call.server.state.schemas.save(call.user, dialect, name, texts[name])) for name in texts]
    )


def delete(call: Call[q.SchemaFileQuery]) -> Answer:
    """Forget a file."""
    dialect = dialect_of(call.parameters.dbvendor)
    if not call.server.state.schemas.remove(call.user, dialect, call.parameters.file_name):
        raise RequestError(f"fileName: there is no schema file {call.parameters.file_name}")
    return Answer({"fileName": call.parameters.file_name})


def show_vendor(call: Call[p.Vendor]) -> Answer:
    """The files of one dialect."""
    found = call.server.state.schemas.list(call.user, dialect_of(call.parameters.dbvendor))
    return Answer([_told(item) for item in found])


def show_all(call: Call[p.Parameters]) -> Answer:
    """The files of all dialects."""
    found = call.server.state.schemas.list(call.user)
    return Answer({"total": len(found), "schemas": [_told(item) for item in found]})


def _told(item: UserSchema) -> dict[str, Any]:
    return {
        "fileName": item.name,
        "dbVendor": vendor_of(item.dialect),
        "size": item.size,
        "createTime": item.changed_at.strftime("%Y-%m-%d %H:%M:%S"),
    }


def _op(name: str, parameters: Any, run: Any, summary: str, **more: Any) -> Operation[Any]:
    return Operation(f"/sqlflow/generation/{name}", parameters, run, summary, GROUP, **more)


OPERATIONS = (
    _op("submitUserSchema", p.Vendor, submit, "Keep DDL for later queries", file_part=SQLFILES),
    _op("deleteUserSchema", q.SchemaFileQuery, delete, "Forget a file of DDL"),
    _op("displayUserDbvendorSchema", p.Vendor, show_vendor, "Kept DDL of a dialect"),
    _op("displayUserSchemaSummary", p.Parameters, show_all, "All kept DDL"),
)
"""Kept DDL."""
