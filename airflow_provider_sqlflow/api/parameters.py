"""Parameters that operations share: names, types, defaults and what they mean, for reading and for OpenAPI.

What each operation takes is put together of these in :mod:`~airflow_provider_sqlflow.api.queries`.
Facts: reference sqlflow-api, section 1.6 (the dictionary).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from airflow_provider_sqlflow.formats.options import ExportOptions

MAX_NAME_CHARS = 4000
"""Longest value of a parameter that is no SQL text."""

_WORDS = {"true": True, "false": False}


def _flag(value: object) -> object:
    word = str(value).strip().lower()
    if word not in _WORDS:
        raise ValueError("must be true or false")
    return _WORDS[word]


def _without_nul(value: str) -> str:
    if "\0" in value:
        raise ValueError("must not hold the character NUL")
    return value


Flag = Annotated[bool, BeforeValidator(_flag)]
Name = Annotated[str, Field(max_length=MAX_NAME_CHARS), AfterValidator(_without_nul)]
SqlText = Annotated[str, AfterValidator(_without_nul)]


class Parameters(BaseModel):
    """What every operation takes. Unknown parameters are ignored, empty ones count as not given."""

    model_config = ConfigDict(alias_generator=to_camel, extra="ignore", frozen=True)

    user_id: Name = Field("", description="Account id.")
    token: Name = Field("", description="From generateToken; may stand in the header Authorization instead.")


class JobKey(Parameters):
    """Which job."""

    job_id: Name = Field("", description="Job whose result is used. On exports, empty means the latest job.")


class NamedJobKey(JobKey):
    """Which job, by id or by name."""

    job_name: Name = Field("", description="Name of the job, where there is no jobId.")


class Vendor(Parameters):
    """The SQL dialect."""

    dbvendor: Name = Field(
        "dbvoracle", alias="dbvendor", description="SQL dialect: SQLFlow's name, or sqlglot's."
    )


class RelationTypes(Parameters):
    """Which relations are shown."""

    show_relation_type: Name = Field("fdd", description="Comma list of fdd, fdr, frd, fddi, join, er, call.")


class CommonSettings(RelationTypes):
    """What jobs and documents set alike."""

    show_constant_table: Flag = Field(False, description="Constants as sources.")
    show_transform: Flag = Field(False, description="The text of each transformation.")
    treat_arguments_in_count_function_as_direct_dataflow: Flag = Field(
        False, description="COUNT(col) yields fdd from col."
    )
    dataflow_of_aggregate_function: Name | None = Field(
        None, description="Older form of the parameter before: direct or indirect."
    )


class View(CommonSettings):
    """What a lineage document shows."""

    simple_output: Flag = Field(False, description="End-to-end relations only, no result sets at all.")
    ignore_record_set: Flag = Field(False, description="As simpleOutput, but keep the top select list.")
    ignore_function: Flag = Field(False, description="No nodes for functions.")
    normalize_identifier: Flag = Field(True, description="Names as the dialect compares them.")


class Drawing(View):
    """What a graph shows."""

    hide_column: Flag = Field(False, description="Tables without their columns.")
    show_link_only: Flag = Field(True, description="Only columns that take part in a relation.")
    is_return_model: Flag = Field(True, description="Also return the lineage document.")
    return_full_relationship: Flag = Field(
        False, description="Everything, also above the limit of relations; otherwise a summary."
    )
    column_level: Name = Field("", description="Accepted without effect: undocumented.")


class Defaults(Parameters):
    """What completes names that say less."""

    default_server: Name = Field("", description="Accepted without effect: our names have no server.")
    default_database: Name = Field("", description="Database of names without one.")
    default_schema: Name = Field("", description="Schema of names without one.")


class SqlInput(Vendor, Defaults):
    """SQL to analyse. Without it, the result of ``sessionId`` or ``jobId`` is used."""

    sqltext: SqlText = Field("", alias="sqltext", description="SQL text; wins over sqlfile.")
    session_id: Name = Field("", description="Id of an earlier answer, instead of SQL.")
    job_id: Name = Field("", description="Job whose result is used, instead of SQL.")


class Selected(Parameters):
    """One database object; what is left out matches any."""

    server: Name = Field("", description="Accepted without effect: our names have no server.")
    database: Name = Field("", description="Its database.")
    schema_: Name = Field("", alias="schema", description="Its schema.")
    table: Name = Field("", description="Its name.")
    column: Name = Field("", description="One of its columns.")


class SelfLineage(Parameters):
    """Relations of a table to itself."""

    ignore_self_lineage: Flag = Field(True, description="Leave out relations from a table to itself.")


class Pattern(Parameters):
    """Tables by pattern."""

    table_name_pattern: Name = Field(".*", description="Regular expression for the whole qualified name.")
    table_column: Name = Field("", description="Only this column of the tables.")


class Matched(Pattern):
    """Tables by pattern, and how far from them."""

    distance: int | None = Field(None, ge=0, le=10_000, description="How many hops; without it, all.")
    stopat: Name = Field(
        "", alias="stopat", description="Regular expression; tables whose whole name matches are the last."
    )


class Delimited(Parameters):
    """CSV."""

    delimiter: Name = Field(",", description="Between values: one character, or tab.")
    table_to_table: Flag = Field(False, description="Join tables, not columns.")


class SessionOrJob(Parameters):
    """A result that was made before; the caller's latest job where neither is given."""

    session_id: Name = Field("", description="Id of an earlier answer.")
    job_id: Name = Field("", description="Job whose result is used.")


class Source(Defaults):
    """What a job reads, besides uploaded files."""

    hostname: Name = Field("", alias="hostname", description="Host of the database to read.")
    port: int | None = Field(None, ge=1, le=65535, description="Its port.")
    account: Name = Field("", description="User of the database.")
    password: Name = Field("", description="Its password.")
    database: Name = Field("", description="Database to read.")
    extracted_dbs_schemas: Name = Field(
        "", description="Comma list of db/schema or db.schema; * matches any."
    )
    excluded_dbs_schemas: Name = Field("", description="The same, left out after that.")
    extracted_stored_procedures: Name = Field("", description="Comma list of schema.name; * matches any.")
    extracted_views: Name = Field("", description="Comma list of schema.name; * matches any.")
    csv_format: Name = Field(
        "", description="Uploads are CSV of SQL: positions of six columns, such as 123456."
    )
    object_code_enclose_char: Name = Field('"', description="Quote of that CSV.")
    object_code_escape_char: Name = Field('"', description="Escape character of that CSV.")


class JobSettings(CommonSettings):
    """Settings that a job is created with."""

    ignore_record_set: Flag = Field(True, description="No result sets but the top select list.")
    ignore_function: Flag = Field(True, description="No nodes for functions.")


class Submitted(Parameters):
    """What every submit takes."""

    on_top: Flag = Field(False, description="Pin the job: it comes first in the list.")

    parallel: Flag = Field(False, description="Accepted without effect: workers decide.")
    extra: Name = Field("", description="Accepted without effect: undocumented.")
    sqlsource: Name = Field("", alias="sqlsource", description="Accepted without effect: undocumented.")


_SETTINGS = (
    "simpleOutput",
    "ignoreRecordSet",
    "ignoreFunction",
    "showConstantTable",
    "showTransform",
    "treatArgumentsInCountFunctionAsDirectDataflow",
    "dataflowOfAggregateFunction",
    "normalizeIdentifier",
    "tableToTable",
    "ignoreSelfLineage",
    "delimiter",
    "showRelationType",
)
"""Parameters that are settings of a lineage document; the older form of a setting comes after the newer."""


def settings_of(parameters: BaseModel, *, only_given: bool = False) -> Mapping[str, str]:
    """The settings among an operation's parameters, by SQLFlow's names.

    Args:
        parameters: of the operation.
        only_given: leave out what the caller left at its default.
    """
    values: dict[str, Any] = parameters.model_dump(by_alias=True, exclude_unset=only_given)
    return {
        name: str(values[name]).lower() if isinstance(values[name], bool) else str(values[name])
        for name in _SETTINGS
        if values.get(name) is not None
    }


def read_options(parameters: BaseModel, base: ExportOptions, *, only_given: bool = False) -> ExportOptions:
    """What a document shows; arguments as in :func:`settings_of`.

    Raises:
        ExportOptionError: a setting has a value that it cannot have.
    """
    from airflow_provider_sqlflow.formats.sqlflow.settings import apply_settings

    return apply_settings(settings_of(parameters, only_given=only_given), base)
