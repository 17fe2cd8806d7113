import pytest

from airflow_provider_sqlflow.emission.naming import DatasetId, DatasetNaming, is_dataset
from airflow_provider_sqlflow.engine.dialects import known_dialects
from airflow_provider_sqlflow.engine.model import RelationId, RelationKind
from airflow_provider_sqlflow.errors import EmissionError


def name(dialect: str, *parts: str | None, namespace: str = "", **defaults: str) -> str:
    relation = RelationId(*((None,) * (3 - len(parts)) + parts))  # type: ignore[arg-type]  # last one is a name
    dataset = DatasetNaming(dialect, namespace, **defaults).dataset(relation, RelationKind.TABLE)
    return f"{dataset.namespace} {dataset.name}"


@pytest.mark.parametrize(
    ("dialect", "expected"),
    [
        ("postgres", "postgres db.sales.orders"),
        ("redshift", "redshift db.sales.orders"),
        ("snowflake", "snowflake DB.SALES.ORDERS"),
        ("oracle", "oracle DB.SALES.ORDERS"),
        ("bigquery", "bigquery Db.Sales.Orders"),
        ("tsql", "mssql Db.Sales.Orders"),
        ("databricks", "databricks db.sales.orders"),
        ("trino", "trino db.sales.orders"),
        ("athena", "awsathena db.sales.orders"),
        ("", "sql Db.Sales.Orders"),
    ],
)
def test_each_system_has_its_scheme_and_case(dialect: str, expected: str) -> None:
    assert name(dialect, "Db", "Sales", "Orders") == expected


def test_systems_without_schemas_have_two_parts() -> None:
    assert name("mysql", "Shop", "Orders", namespace="mysql://h:3306") == "mysql://h:3306 Shop.Orders"
    assert name("hive", "Shop", "Orders") == "hive shop.orders"
    assert name("mysql", "Orders", default_database="shop") == "mysql shop.Orders"


def test_every_dialect_can_name_a_complete_relation() -> None:
    assert all(name(dialect, "d", "s", "t").lower().endswith("s.t") for dialect in known_dialects())


def test_quoted_names_keep_their_case_and_dots_their_quotes() -> None:
    assert name("postgres", "db", "Odd Schema", "odd.Name") == 'postgres db.Odd Schema."odd.Name"'
    assert name("snowflake", "db", "s", 'say "Hi"') == 'snowflake DB.S."say ""Hi"""'


def test_a_provisional_namespace_takes_short_names_and_a_real_one_refuses_them() -> None:
    assert name("postgres", "orders") == "postgres orders"
    with pytest.raises(EmissionError, match=r"sales\.orders: the name has 2 of 3 parts"):
        name("postgres", "sales", "orders", namespace="postgres://h:5432")
    with pytest.raises(EmissionError, match="2 of 3"):
        name("bigquery", "sales", "orders")
    complete = name(
        "postgres", "orders", namespace="postgres://h:5432", default_database="shop", default_schema="public"
    )
    assert complete == "postgres://h:5432 shop.public.orders"


@pytest.mark.parametrize("bad", ["a\nb", "a#b", "{{ ds }}", "${env}", " a", "", "[a]"])
def test_names_that_no_consumer_takes_are_refused(bad: str) -> None:
    with pytest.raises(EmissionError, match="cannot be part of a dataset name"):
        name("postgres", "db", "s", bad)


def test_bigquery_partitions_are_their_table_and_wildcards_none() -> None:
    assert name("bigquery", "p", "d", "events$20260101") == "bigquery p.d.events"
    with pytest.raises(EmissionError, match="wildcard"):
        name("bigquery", "p", "d", "events_*")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("s3://bucket/dir/file.csv", DatasetId("s3://bucket", "dir/file.csv")),
        ("'s3a://bucket'", DatasetId("s3://bucket", "/")),
        ("gcs://bucket/x", DatasetId("gs://bucket", "x")),
        (
            "abfs://c@acc.dfs.core.windows.net/x",
            DatasetId("abfss://c@acc.dfs.core.windows.net", "/x"),
        ),
        ("hdfs://node:8020/data", DatasetId("hdfs://node:8020", "/data")),
        ("/var/data.csv", DatasetId("file", "/var/data.csv")),
        ("file:///var/data.csv", DatasetId("file", "/var/data.csv")),
        ("file://host/var/data.csv", DatasetId("file://host", "/var/data.csv")),
    ],
)
def test_paths(path: str, expected: DatasetId) -> None:
    naming = DatasetNaming("snowflake", "snowflake://org-account")
    assert naming.dataset(RelationId(None, None, path), RelationKind.PATH) == expected


@pytest.mark.parametrize("path", ["relative/file.csv", "ftp://host/file", "s3:///key", "s3://bucket/a#b"])
def test_unknown_paths_are_refused(path: str) -> None:
    with pytest.raises(EmissionError, match="not an address"):
        DatasetNaming("snowflake").dataset(RelationId(None, None, path), RelationKind.PATH)


def test_columns_fold_like_the_database_and_stars_are_none() -> None:
    assert DatasetNaming("snowflake").column("amount") == "AMOUNT"
    assert DatasetNaming("postgres").column("Amount") == "amount"
    assert DatasetNaming("postgres").column("Total Amount") == "Total Amount"
    assert DatasetNaming("bigquery").column("Amount") == "Amount"
    naming = DatasetNaming("postgres")
    assert [naming.column(name) for name in (None, "*", "", "x" * 256)] == [None] * 4
    assert naming.column("x" * 255) == "x" * 255


def test_what_is_a_dataset() -> None:
    table = RelationId("db", "s", "t")
    kinds = {kind for kind in RelationKind if is_dataset(table, kind)}
    assert kinds == {
        RelationKind.TABLE,
        RelationKind.VIEW,
        RelationKind.MATERIALIZED_VIEW,
        RelationKind.STREAM,
        RelationKind.PATH,
    }
    assert not is_dataset(RelationId("db", "INFORMATION_SCHEMA", "columns"), RelationKind.TABLE)
    assert not is_dataset(RelationId(None, None, "DUAL"), RelationKind.TABLE)
    assert is_dataset(RelationId(None, "s", "dual"), RelationKind.TABLE)
    assert not is_dataset(RelationId(None, None, "t", scope="1"), RelationKind.TABLE)
