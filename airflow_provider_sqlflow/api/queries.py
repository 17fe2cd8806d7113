"""What each operation takes.

Facts: reference sqlflow-api, sections 4 to 6. Every operation also takes the display settings that its table
leaves out, where they make sense for it.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from airflow_provider_sqlflow.api.parameters import (
    Delimited,
    Drawing,
    Flag,
    JobKey,
    JobSettings,
    Matched,
    Name,
    NamedJobKey,
    Parameters,
    Pattern,
    Selected,
    SelfLineage,
    SessionOrJob,
    Source,
    SqlInput,
    SqlText,
    Submitted,
    Vendor,
    View,
)


class ModelQuery(SqlInput, View):
    """``/sqlflow/generation/sqlflow``."""

    return_full_relationship: Flag = Field(False, description="Accepted: the model is never cut.")


class GraphQuery(SqlInput, Drawing):
    """``/sqlflow/generation/sqlflow/graph``."""


class TableGraphQuery(SqlInput, Drawing, SelfLineage):
    """``/sqlflow/generation/sqlflow/graph/table_level_lineage``."""


class SelectedGraphQuery(Vendor, SessionOrJob, Selected, Drawing):
    """``/sqlflow/generation/sqlflow/selectedgraph``."""


class SelectedTableGraphQuery(SelectedGraphQuery, SelfLineage):
    """``/sqlflow/generation/sqlflow/selectedgraph/table_level_lineage``."""


class StreamGraphQuery(Vendor, SessionOrJob, Matched, Drawing):
    """Upstream and downstream graphs."""


class LeftMostGraphQuery(Vendor, SessionOrJob, Pattern, Drawing):
    """Left-most graphs."""

    share: Flag = Field(False, description="Accepted without effect: undocumented.")


class ErQuery(SqlInput, Selected):
    """E-R diagrams."""

    normalize_identifier: Flag = Field(True, description="Names as the dialect compares them.")
    share: Flag = Field(False, description="Accepted without effect: undocumented.")


class CsvQuery(SqlInput, View, Delimited):
    """CSV of one SQL text."""

    export_include_table: Name = Field(
        "", alias="export_include_table", description="Only these tables: names with commas between."
    )


class SelectedCsvQuery(Vendor, SessionOrJob, Selected, View, Delimited):
    """CSV of a selected object."""


class PlacesQuery(SessionOrJob):
    """``/sqlflow/generation/sqlflow/getSelectedDbObjectInfo``."""

    coordinates: SqlText = Field(..., description='JSON: [{"x": line, "y": column, "hashCode": "0"}, ...].')


class ColumnsQuery(Vendor, SessionOrJob, Selected):
    """``/sqlflow/generation/sqlflow/listTableColumns``."""


class SyntaxQuery(Vendor):
    """``/demo/syntax/check``."""

    sql: SqlText = Field(..., description="SQL text.")


class CredentialsQuery(Parameters):
    """``/user/generateToken``."""

    secret_key: Name = Field("", description="The account's secret key.")


class LatestJobGraphQuery(JobKey, Selected, Drawing):
    """Graphs of a job."""

    contain_graph_ml: Flag = Field(
        False, alias="containGraphML", description="Also return the GraphML text, as data.graphML."
    )


class LatestLeftMostQuery(JobKey, Pattern, Drawing):
    """``displayUserLatestJobLeftMostTable``."""


class SummaryQuery(Vendor, JobKey, View):
    """``/sqlflow/job/graph/summary``."""


class LatestTableQuery(JobKey, SelfLineage):
    """``displayUserLatestJobTableLevelLineage``."""

    is_return_model: Flag = Field(True, description="Also return the lineage document.")


class FullExportQuery(JobKey, View, Delimited, SelfLineage):
    """Exports of a job."""

    ignore_self_lineage: Flag = Field(False, description="Leave out relations from a table to itself.")


class JobExportQuery(FullExportQuery, Selected):
    """Exports of a job or of an object in it."""

    show_link_only: Flag = Field(True, description="Accepted without effect: an export has no graph.")


class SubmitQuery(Vendor, Source, JobSettings, Submitted):
    """``/sqlflow/job/submitUserJob``."""

    job_name: Name = Field(..., min_length=1, description="Label.")


class PersistQuery(Vendor, Source, JobSettings, Submitted):
    """``/sqlflow/job/submitPersistJob``."""

    job_id: Name = Field("", description="Absent on the first submit; from its answer on every later one.")
    job_name: Name = Field("", description="Label; without it, the name of the first file.")
    first_submit: Flag | None = Field(None, description="Must not be true together with a jobId.")
    incremental: Flag = Field(True, description="Add to what the job has; false replaces it.")
    schedulable: Flag = Field(False, description="Run again on cronExpression.")
    cron_expression: Name = Field("", description="Five fields, UTC: 0 1 * * *.")


class OnTopQuery(JobKey):
    """``/sqlflow/job/setJobOnTop``."""

    on_top: Flag = Field(..., description="Pin the job, so that it comes first in the list, or undo that.")


class CronQuery(JobKey):
    """``/sqlflow/job/updateScheduleJob``."""

    cron_expression: Name = Field(..., min_length=1, description="Five fields, UTC: 0 1 * * *.")


class LeftMostTablesQuery(JobKey, Pattern):
    """Left-most source tables of a job, as a list."""

    tag: Name = Field("", description="Accepted without effect: undocumented.")


class LeftMostCsvQuery(LeftMostTablesQuery):
    """The same as CSV."""

    delimiter: Name = Field(",", description="Between values: one character, or tab.")


class WayQuery(NamedJobKey):
    """``/sqlflow/job/fetchLeftMostTableLineageSQL``."""

    source_table: Name = Field(..., min_length=1, description="Where the way begins.")
    source_column: Name = Field("", description="Its column.")
    target_table: Name = Field(..., min_length=1, description="Where it ends.")
    target_column: Name = Field("", description="Its column.")


class ObjectQuery(JobKey):
    """An object of a job by name."""

    database: Name = Field("", description="Its database.")
    schema_: Name = Field("", alias="schema", description="Its schema.")
    name: Name = Field(..., min_length=1, description="Its name.")


class ObjectGraphQuery(ObjectQuery, Drawing):
    """The graph of an object of a job."""


class BatchQuery(NamedJobKey):
    """Parquet of a batch."""

    batch_id: Name = Field(..., min_length=1, description="Which run of the job: the last whole one.")


class TableAffectQuery(NamedJobKey, Submitted):
    """``/sqlflow/job/submitTableAffectSQLJob``."""

    column_level: Flag = Field(False, description="Join columns, not tables.")


class SubJobFileQuery(NamedJobKey):
    """``/sqlflow/job/download/subJobFile``."""

    batch_id: Name = Field(..., min_length=1, description="Which run of the job.")
    file_name: Name = Field(..., min_length=1, description="Which of its files.")


class MetadataQuery(JobKey):
    """``/sqlflow/job/exportDatabaseMetadata``."""

    display_query_source: Flag = Field(False, description="With the SQL texts.")


class SchemaFileQuery(Vendor):
    """``/sqlflow/generation/deleteUserSchema``."""

    file_name: Name = Field(..., min_length=1, description="Which file.")


class NeighboursQuery(BaseModel):
    """The JSON body of ``/sqlflow/generation/upstream`` and ``/downstream``."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    tablename: Name = Field(..., min_length=1, description="Qualified name of the table.")
    columnname: Name = Field("", description="One of its columns.")
    jobid: Name = Field("", description="Job whose result is used; empty means the latest.")
    level: int | None = Field(None, ge=0, le=10_000, description="How many hops; without it, all.")
    userid: Name = Field("", description="Account id.")
    token: Name = Field("", description="From generateToken.")
