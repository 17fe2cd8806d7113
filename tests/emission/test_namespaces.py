from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_sqlflow.emission.namespaces import (
    ConnectionFacts,
    DatabaseAddress,
    database_address,
)
from airflow_provider_sqlflow.engine.dialects import known_dialects
from airflow_provider_sqlflow.errors import ConfigError


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (
            ConnectionFacts("postgres", "db.example.com", None, "shop"),
            DatabaseAddress("postgres", "postgres://db.example.com:5432", "shop", "public"),
        ),
        (
            ConnectionFacts("postgres", "db", 6432, "shop", {"currentSchema": "sales"}),
            DatabaseAddress("postgres", "postgres://db:6432", "shop", "sales"),
        ),
        (ConnectionFacts("postgres"), DatabaseAddress("postgres", "", None, "public")),
        (
            ConnectionFacts("mysql", "db", None, "shop"),
            DatabaseAddress("mysql", "mysql://db:3306", None, "shop"),
        ),
        (
            ConnectionFacts("mssql", "db", None, "shop"),
            DatabaseAddress("tsql", "mssql://db:1433", "shop", "dbo"),
        ),
        (
            ConnectionFacts("oracle", "db", None, "SCOTT", {"service_name": "ORCL"}),
            DatabaseAddress("oracle", "oracle://db:1521", "ORCL"),
        ),
        (
            ConnectionFacts("redshift", "clu.abc123.eu-west-1.redshift.amazonaws.com", None, "dev"),
            DatabaseAddress("redshift", "redshift://clu.eu-west-1:5439", "dev", "public"),
        ),
        (
            ConnectionFacts("redshift", "warehouse.internal", 5555, "dev"),
            DatabaseAddress("redshift", "redshift://warehouse.internal:5555", "dev", "public"),
        ),
        (
            ConnectionFacts("snowflake", "", None, "SALES", {"account": "MyOrg-Acc1", "database": "DWH"}),
            DatabaseAddress("snowflake", "snowflake://myorg-acc1", "DWH", "SALES"),
        ),
        (
            ConnectionFacts("snowflake", extra={"extra__account": "xy12345"}),
            DatabaseAddress("snowflake", "snowflake://xy12345.us-west-1.aws"),
        ),
        (
            ConnectionFacts("snowflake", extra={"account": "xy12345", "region": "us-east-2"}),
            DatabaseAddress("snowflake", "snowflake://xy12345.us-east-2.aws"),
        ),
        (
            ConnectionFacts("snowflake", "xy12345.east-us-2.azure.snowflakecomputing.com"),
            DatabaseAddress("snowflake", "snowflake://xy12345.east-us-2.azure"),
        ),
        (
            ConnectionFacts("google_cloud_platform", extra={"project": "acme"}),
            DatabaseAddress("bigquery", "bigquery", "acme"),
        ),
        (
            ConnectionFacts("databricks", "https://adb-1.azuredatabricks.net/", extra={"catalog": "main"}),
            DatabaseAddress("databricks", "databricks://adb-1.azuredatabricks.net", "main", "default"),
        ),
        (
            ConnectionFacts("athena", extra={"region_name": "eu-west-1"}),
            DatabaseAddress("athena", "awsathena://athena.eu-west-1.amazonaws.com", "AwsDataCatalog"),
        ),
        (
            ConnectionFacts("trino", "trino", 443, "sales", {"catalog": "lake"}),
            DatabaseAddress("trino", "trino://trino:443", "lake", "sales"),
        ),
        (
            ConnectionFacts("sqlite", "/data/shop.db"),
            DatabaseAddress("sqlite", "sqlite:///data/shop.db", None, "main"),
        ),
        (
            ConnectionFacts("duckdb", "/data/shop.duckdb"),
            DatabaseAddress("duckdb", "duckdb:///data/shop.duckdb", "shop", "main"),
        ),
    ],
)
def test_a_connection_gives_an_address(facts: ConnectionFacts, expected: DatabaseAddress) -> None:
    assert database_address(facts) == expected


def test_credentials_in_the_host_field_go() -> None:
    facts = ConnectionFacts("postgres", "postgresql://ann:hunter2@db/shop")
    assert database_address(facts).namespace == "postgres://db:5432"


def test_what_is_no_database_is_refused() -> None:
    with pytest.raises(ConfigError, match="'slack'"):
        database_address(ConnectionFacts("slack", "h"))


def test_snowflake_is_named_as_the_openlineage_project_names_it() -> None:
    fix = pytest.importorskip("openlineage.common.provider.snowflake").fix_account_name
    for account in ("myorg-acc", "xy12345", "xy12345.us-east-1", "xy12345.east-us-2.azure", "ab1.x.gcp"):
        facts: dict[str, Any] = {"account": account}
        namespace = database_address(ConnectionFacts("snowflake", extra=facts)).namespace
        assert namespace == f"snowflake://{fix(account)}"


def test_dialects_are_ours() -> None:
    from airflow_provider_sqlflow.emission import namespaces

    dialects = {rule(ConnectionFacts(kind, "h")).dialect for kind, rule in namespaces._RULES.items()}
    assert dialects - {""} <= set(known_dialects())
