from __future__ import annotations

import pytest

from airflow_provider_sqlflow.emission.masking import mask_sql, mask_text

HIDDEN = "hunter2"

WITH_SECRETS = [
    ("redshift", "COPY t FROM 's3://b/k' CREDENTIALS 'aws_access_key_id=AK;aws_secret_access_key=hunter2'"),
    (
        "redshift",
        "COPY t FROM 's3://b' ACCESS_KEY_ID 'hunter2' SECRET_ACCESS_KEY 'hunter2' SESSION_TOKEN 'hunter2'",
    ),
    ("snowflake", "COPY INTO t FROM 's3://b' CREDENTIALS = (AWS_KEY_ID='hunter2' AWS_SECRET_KEY='hunter2')"),
    ("snowflake", "CREATE STAGE s ENCRYPTION = (TYPE = 'AWS_CSE' MASTER_KEY = 'hunter2')"),
    ("snowflake", "CREATE STAGE s URL='azure://a' CREDENTIALS=(AZURE_SAS_TOKEN='?sv=1&sig=hunter2')"),
    ("oracle", "CREATE USER u IDENTIFIED BY hunter2 DEFAULT TABLESPACE x"),
    ("oracle", 'ALTER USER u IDENTIFIED BY "hunter2"'),
    ("oracle", "CREATE USER u IDENTIFIED BY VALUES 'hunter2'"),
    ("mysql", "CREATE USER 'u'@'h' IDENTIFIED WITH mysql_native_password BY 'hunter2'"),
    ("mysql", "SET PASSWORD FOR 'u'@'h' = PASSWORD('hunter2')"),
    ("mysql", "CREATE USER u IDENTIFIED BY 'it\\'s hunter2'"),
    ("tsql", "CREATE LOGIN l WITH PASSWORD = N'hunter2', CHECK_POLICY = OFF"),
    (
        "tsql",
        "CREATE DATABASE SCOPED CREDENTIAL c WITH IDENTITY = 'SHARED ACCESS SIGNATURE', SECRET = 'hunter2'",
    ),
    ("tsql", "SELECT * FROM OPENROWSET('SQLNCLI', 'server';'sa';'hunter2', 'select 1')"),
    ("postgres", "CREATE USER MAPPING FOR u SERVER s OPTIONS (user 'bob', password 'hunter2')"),
    ("postgres", "ALTER ROLE r WITH ENCRYPTED PASSWORD 'hunter2' VALID UNTIL 'infinity'"),
    ("postgres", "SELECT * FROM dblink('host=h user=u password=hunter2 dbname=d', 'select 1')"),
    ("postgres", "CREATE SUBSCRIPTION s CONNECTION 'postgresql://u:hunter2@h/db' PUBLICATION p"),
    ("postgres", "DO $body$ BEGIN PERFORM set_config('app.password', 'hunter2', true); END $body$"),
    ("postgres", "SELECT pgp_sym_decrypt(ssn, 'hunter2') FROM t"),
    ("postgres", "SELECT encode(hmac(id, 'hunter2', 'sha256'), 'hex') FROM t"),
    ("spark", "CREATE TABLE t USING jdbc OPTIONS (url 'jdbc:postgresql://h/d?user=a&password=hunter2')"),
    ("spark", "CREATE TABLE t USING jdbc OPTIONS (password 'hunter2', 'fs.azure.account.key' = 'hunter2')"),
    ("databricks", "COPY INTO t FROM 's3://b' WITH (CREDENTIAL (AWS_SECRET_KEY = 'hunter2'))"),
    ("clickhouse", "INSERT INTO t SELECT * FROM s3('https://b/k', 'AK', 'hunter2', 'CSV')"),
    ("clickhouse", "SELECT * FROM mysql('h:3306', 'd', 't', 'u', 'hunter2')"),
    ("duckdb", "CREATE SECRET s (TYPE s3, KEY_ID 'k', SECRET 'hunter2')"),
    ("bigquery", 'SELECT * FROM EXTERNAL_QUERY("c", "x") WHERE api_key = "hunter2"'),
    ("postgres", "INSERT INTO t -- password: hunter2\nSELECT 1 /* pwd=hunter2 */"),
    ("postgres", """SELECT '{"client_secret": "hunter2"}'::json"""),
    ("", "SELECT 1 WHERE password = 'hunter2"),  # never closed
]


@pytest.mark.parametrize(("dialect", "sql"), WITH_SECRETS)
def test_secrets_go(dialect: str, sql: str) -> None:
    masked = mask_sql(sql, dialect)
    assert HIDDEN not in masked
    assert "***" in masked
    assert mask_sql(masked, dialect) == masked


@pytest.mark.parametrize(
    "secret",
    [
        "AKIA" + "A1B2C3D4E5F6G7H8",
        "ghp_" + "a1" * 18,
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.c2lnbmF0dXJl",
        "AIza" + "B" * 35,
        "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_secrets_are_known_by_their_shape(secret: str) -> None:
    assert mask_sql(f"SELECT '{secret}' AS x") == "SELECT '***' AS x"
    assert mask_text(f"got {secret} here") == "got *** here"


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT password, token AS t, secret FROM users u JOIN b ON u.token = b.token",
        "SELECT a FROM t WHERE name = 'Ann' -- nothing hidden",
        "COPY t FROM 's3://bucket/key' IAM_ROLE 'arn:aws:iam::1:role/x' CSV",
        "COPY t FROM 'abfss://container@account.dfs.core.windows.net/x'",
        "CREATE TABLE credentials (id int, password_hash text, created timestamp)",
        "SELECT 'https://example.com/a?b=c' AS url, md5(email) FROM t",
        "INSERT INTO remote_orders (id) VALUES (1)",
    ],
)
def test_what_is_no_secret_stays(sql: str) -> None:
    assert mask_sql(sql, "postgres") == sql


def test_what_stands_around_a_secret_stays() -> None:
    masked = mask_sql("COPY t (a, b) FROM 's3://b/k' CREDENTIALS 'aws_iam=x' DELIMITER ';'", "redshift")
    assert masked == "COPY t (a, b) FROM 's3://b/k' CREDENTIALS '***' DELIMITER ';'"


def test_urls_lose_passwords_and_signatures() -> None:
    assert mask_text("see https://ann:pw@host/x?sig=abc&b=1") == "see https://ann:***@host/x?sig=***&b=1"
