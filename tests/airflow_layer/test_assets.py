from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from airflow.sdk import DAG, Asset, AssetAlias

from airflow_provider_sqlflow.assets.sqlflow import (
    TableUri,
    create_asset,
    sanitize_uri,
    to_openlineage,
    written_assets,
)
from airflow_provider_sqlflow.hooks.sqlflow import SqlFlowHook
from airflow_provider_sqlflow.jobs.model import JobStatus, JobTable, TableRole
from airflow_provider_sqlflow.operators.sqlflow import SqlFlowExportOperator, SqlFlowSubmitJobOperator

READ, WRITE = TableRole.READ, TableRole.WRITE
ALIAS = AssetAlias("tables")


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("sqlflow://Postgres/shop/public/orders", "sqlflow://postgres/shop/public/orders"),
        ("sqlflow://mysql/orders/", "sqlflow://mysql/orders"),
        ("sqlflow://snowflake/DWH/PUBLIC/odd%20name", "sqlflow://snowflake/DWH/PUBLIC/odd%20name"),
        (
            "sqlflow://tsql/db/dbo/t?namespace=mssql://h:1",
            "sqlflow://tsql/db/dbo/t?namespace=mssql%3A%2F%2Fh%3A1",
        ),
    ],
)
def test_one_spelling(given, wanted):
    assert Asset(given).uri == wanted
    assert Asset(wanted).uri == wanted


@pytest.mark.parametrize(
    "uri",
    [
        "sqlflow://",
        "sqlflow://postgres",
        "sqlflow://postgres/",
        "sqlflow:///t",
        "sqlflow://pg/a/b/c/d",
        "sqlflow://pg/a//t",
    ],
)
def test_what_is_no_table_is_refused_with_the_shape(uri):
    with pytest.raises(ValueError, match="write sqlflow://<dialect>/"):
        sanitize_uri(urlsplit(uri))


@pytest.mark.parametrize(
    ("arguments", "uri"),
    [
        (
            {"table": "Orders", "schema": "Public", "database": "Shop", "dialect": "postgres"},
            "postgres/shop/public/orders",
        ),
        ({"table": "orders", "schema": "public", "dialect": "snowflake"}, "snowflake/PUBLIC/ORDERS"),
        (
            {"table": "Orders", "dialect": "bigquery", "schema": "s", "database": "p-1"},
            "bigquery/p-1/s/Orders",
        ),
        ({"table": "odd/name", "dialect": "postgres"}, "postgres/odd%2Fname"),
        ({"table": "t"}, "sql/t"),
    ],
)
def test_the_factory_spells_as_the_database_stores(arguments, uri):
    asset = create_asset(**arguments, extra={"owner": "me"})
    assert asset.uri == f"sqlflow://{uri}"
    assert asset.extra == {"owner": "me"}
    assert str(TableUri.of(asset.uri)) == asset.uri


@pytest.mark.parametrize(
    ("arguments", "namespace", "name"),
    [
        ({"table": "t", "schema": "s", "database": "d", "dialect": "postgres"}, "postgres", "d.s.t"),
        ({"table": "t", "schema": "s", "dialect": "snowflake"}, "snowflake", "S.T"),
        ({"table": "a.b", "dialect": "mysql"}, "mysql", '"a.b"'),
        (
            {
                "table": "t",
                "schema": "s",
                "database": "d",
                "dialect": "postgres",
                "namespace": "postgres://h:5432",
            },
            "postgres://h:5432",
            "d.s.t",
        ),
    ],
)
def test_the_converter_gives_the_dataset_of_events(arguments, namespace, name):
    dataset = to_openlineage(create_asset(**arguments), None)
    assert (dataset.namespace, dataset.name) == (namespace, name)


def test_only_what_is_written_and_stays_is_an_asset():
    tables = [
        JobTable("d", "s", "kept", "table", WRITE),
        JobTable("d", "s", "KEPT", "table", WRITE),
        JobTable("d", "s", "seen", "view", WRITE),
        JobTable("d", "s", "source", "table", READ),
        JobTable(None, None, "scratch", "temp_table", WRITE),
        JobTable(None, None, "s3://b/f", "path", WRITE),
    ]
    assert [asset.uri for asset in written_assets(tables, "postgres")] == [
        "sqlflow://postgres/d/s/kept",
        "sqlflow://postgres/d/s/seen",
    ]


class TestEvents:
    def run(self, client, context, operator_class=SqlFlowSubmitJobOperator, **arguments):
        client.tables = (JobTable("shop", "public", "daily", "table", WRITE),)
        if operator_class is SqlFlowSubmitJobOperator:
            arguments = {"sql": "select 1", "dialect": "postgres", "poll_interval": 0.01, **arguments}
        with DAG("dag", schedule=None):
            operator = operator_class(task_id="task", **arguments)
        operator.hook = SqlFlowHook(client=client)
        return operator.execute(context)

    def events(self, context, alias=ALIAS):
        return context["outlet_events"][alias].asset_alias_events

    def test_tables_written_become_events_of_every_alias(self, make_client, context):
        other = AssetAlias("other")
        self.run(make_client(), context, outlets=[ALIAS, Asset("s3://b/k"), other])
        [event] = self.events(context)
        assert event.source_alias_name == "tables"
        assert event.dest_asset_key.uri == "sqlflow://postgres/shop/public/daily"
        assert event.extra["job_id"] == "job-1"
        assert event.extra["status"] == "success"
        assert event.extra["counts"]["statements"] == 5
        assert len(self.events(context, other)) == 1

    def test_the_namespace_is_part_of_the_asset(self, make_client, context):
        self.run(make_client(), context, outlets=[ALIAS], dataset_namespace="postgres://db:5432")
        [event] = self.events(context)
        assert event.dest_asset_key.uri.endswith("daily?namespace=postgres%3A%2F%2Fdb%3A5432")

    @pytest.mark.parametrize("arguments", [{"outlets": []}, {"outlets": [ALIAS], "emit_assets": False}])
    def test_nothing_unasked(self, make_client, context, arguments):
        client = make_client()
        client.list_tables = None  # not even looked up
        self.run(client, context, **arguments)
        assert self.events(context) == []

    def test_nothing_for_a_job_that_failed(self, make_client, context):
        with pytest.raises(Exception, match="ended as fail"):
            self.run(make_client([JobStatus.RUNNING, JobStatus.FAIL]), context, outlets=[ALIAS])
        assert self.events(context) == []

    def test_an_export_names_its_files(self, make_client, context, tmp_path):
        client = make_client([JobStatus.RUNNING, JobStatus.SUCCESS])
        self.run(client, context)
        target = str(tmp_path / "out.csv")
        arguments = {"job_id": "job-1", "output_path": target, "formats": "csv", "outlets": [ALIAS]}
        self.run(client, context, SqlFlowExportOperator, **arguments)
        [event] = self.events(context)
        assert event.extra["exports"] == {"csv": target}
