"""Files of declared jobs: what is read, and what is said about an entry that cannot be used."""

from __future__ import annotations

from datetime import date

import pytest

from airflow_provider_sqlflow.jobs.export import format_names
from airflow_provider_sqlflow.jobs.model import Schedule
from airflow_provider_sqlflow.jobs.schedules.declared import DeclaredJob, _schema, read_declared


@pytest.fixture
def read(tmp_path):
    def read(text, **options):
        path = tmp_path / "jobs.yaml"
        path.write_text(text)
        return read_declared([path], **options)

    return read


def said(declared):
    """Problems as line and text."""
    return [(problem.line, f"{problem.key}: {problem.message}") for problem in declared.problems]


def test_every_key_arrives(read):
    declared = read(
        """
defaults: {owner: team, tags: [a, b], timezone: Europe/Berlin}
jobs:
  full:
    schedule: "0 30 6 ? * 2-6"
    start_date: 2026-03-01
    paused: true
    description: all of it
    dialect: snowflake
    paths: [models, "s3://bucket/more.zip"]
    sql: select 1
    default_database: db
    default_schema: s
    catalog: {"db.s.t": [a, b]}
    formats: [csv, openlineage]
    output_path: s3://out
    openlineage: true
    dataset_conn_id: dwh
    fail_on_partial: true
    deferrable: false
    timeout: 60
    retries: 0
    retry_delay: 1.5
    sqlflow_conn_id: other
    tags: [c]
  least:
    dialect: auto
    paths: dbt
"""
    )
    assert declared.problems == ()
    full, least = declared.jobs
    assert full == DeclaredJob(
        name="full",
        file=full.file,
        line=4,
        dialect="snowflake",
        schedule=Schedule("30 6 * * 1-5", "Europe/Berlin", is_paused=True),
        timezone="Europe/Berlin",
        start_date=date(2026, 3, 1),
        description="all of it",
        owner="team",
        tags=("c",),
        paths=("models", "s3://bucket/more.zip"),
        sql="select 1",
        default_database="db",
        default_schema="s",
        catalog={"db.s.t": ("a", "b")},
        formats=("csv", "openlineage"),
        output_path="s3://out",
        openlineage=True,
        dataset_conn_id="dwh",
        fail_on_partial=True,
        deferrable=False,
        timeout=60,
        retries=0,
        retry_delay=1.5,
        sqlflow_conn_id="other",
    )
    assert (least.owner, least.tags, least.schedule, least.paths) == ("team", ("a", "b"), None, ("dbt",))


def test_defaults_of_the_schema_are_those_of_the_class():
    properties = _schema()["$defs"]["job"]["properties"]
    made = DeclaredJob("j", "f", 1, "postgres")
    for name, schema in properties.items():
        if "default" in schema and name not in ("schedule", "paused"):
            value = getattr(made, name)
            assert (list(value) if isinstance(value, tuple) else value) == schema["default"], name
    assert set(properties["formats"]["items"]["enum"]) == set(format_names())


def test_a_bad_entry_is_named_and_loses_no_other(read):
    declared = read(
        """jobs:
  good: {dialect: postgres, paths: x, schedule: 0 6 * * *}
  year:
    dialect: postgres
    paths: x
    schedule: "0 0 12 1 1 ? 2027"
  typo:
    dialct: postgres
    paths: x
    dialect: postgres
  missing:
    paths: x
  "../hostile":
    dialect: postgres
    sql: select 1
  mars:
    dialect: postgres
    sql: select 1
    timezone: Mars/Base
  many:
    dialect: postgres
    sql: select 1
    retries: -1
    formats: [pdf]
  day: {dialect: postgres, sql: select 1, start_date: 2026-02-30}
  persist_1: {dialect: postgres, sql: select 1}
  nothing: {dialect: postgres}
  text: hello
  also_good: {dialect: postgres, sql: select 1}
"""
    )
    assert [job.name for job in declared.jobs] == ["good", "also_good"]
    assert said(declared) == [
        (6, "jobs.year.schedule: cron expression '0 0 12 1 1 ? 2027': the year '2027' cannot be kept: five "
            "fields repeat every year"),
        (8, "jobs.typo.dialct: there is no such key: did you mean dialect?"),
        (11, "jobs.missing: 'dialect' is a required property"),
        (13, "jobs.../hostile: a job's name has letters, digits, _, . and -, and begins with no . or -"),
        (19, "jobs.mars.timezone: 'Mars/Base' is not a time zone such as Europe/Berlin"),
        (23, "jobs.many.retries: -1 is less than the minimum of 0"),
        (24, f"jobs.many.formats.0: 'pdf' is none of {', '.join(format_names())}"),
        (25, "jobs.day.start_date: '2026-02-30' is not a day such as 2026-01-31"),
        (26, "jobs.persist_1: Dags of jobs in the store have names that begin with persist_"),
        (27, "jobs.nothing: neither paths nor sql says what to analyse"),
        (28, "jobs.text: this is no mapping with the keys of a job"),
    ]  # fmt: skip


def test_a_key_given_twice_is_not_silently_the_last(read):
    declared = read(
        "jobs:\n"
        "  a: {dialect: postgres, sql: select 1}\n"
        "  b: {dialect: postgres, sql: select 1, sql: select 2}\n"
        "  a: {dialect: duckdb, sql: select 1}\n"
        "  7: {dialect: duckdb, sql: select 1}\n"
        "  c: {dialect: duckdb, sql: select 1}\n"
    )
    assert [job.name for job in declared.jobs] == ["c"]
    assert said(declared) == [
        (3, "jobs.b.sql: this key is given twice"),
        (4, "jobs.a: this key is given twice"),
        (5, "jobs.7: a name must be text: put it in quotes"),
    ]


def test_bad_defaults_are_told_once_and_left_out(read):
    declared = read(
        "defaults:\n  retries: many\n  owner: team\n  retires: 3\n"
        "jobs:\n  a: {dialect: postgres, sql: select 1}\n"
    )
    assert [(job.name, job.owner, job.retries) for job in declared.jobs] == [("a", "team", 1)]
    assert said(declared) == [
        (2, "defaults.retries: 'many' is not of type 'integer'"),
        (4, "defaults.retires: there is no such key: did you mean retries?"),
    ]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("jobs:\n  a:\n    schedule: @daily\n", 3, "needs quotes"),
        ("jobs:\n  a:\n    schedule: */5 * * * *\n", 3, "needs quotes"),
        ("jobs:\n  a: [\n", 3, ""),
        ("", 1, "no mapping"),
        ("- a\n", 1, "no mapping"),
        ("version: 1\n", 1, "'jobs' is a required property"),
        ("jobs: !!python/object/apply:os.system [true]\n", 1, "could not determine a constructor"),
        ("jobs: &x {a: *x}\n", 1, "jobs.a"),
    ],
)
def test_a_file_that_cannot_be_read(read, text, line, message):
    declared = read(text)
    assert declared.jobs == ()
    assert any(message in f"{problem.key}: {problem.message}" for problem in declared.problems)
    assert declared.problems[0].line == line


def test_a_missing_file_is_a_problem(tmp_path):
    [problem] = read_declared([tmp_path / "none.yaml"]).problems
    assert str(problem) == f"{tmp_path / 'none.yaml'}: cannot read it: No such file or directory"


def test_two_files_with_the_same_job(tmp_path):
    for name in ("one.yaml", "two.yaml"):
        (tmp_path / name).write_text("jobs:\n  same: {dialect: postgres, sql: select 1}\n")
    declared = read_declared([tmp_path / "one.yaml", tmp_path / "two.yaml"])
    assert [job.file for job in declared.jobs] == [str(tmp_path / "one.yaml")]
    [problem] = declared.problems
    assert str(problem).startswith(f"{tmp_path / 'two.yaml'}:2: jobs.same: ")
    assert str(tmp_path / "one.yaml") in problem.message


def test_anchors_and_merge_keys(read):
    declared = read(
        "defaults: &base {owner: team}\n"
        "jobs:\n"
        "  a: &a {dialect: postgres, sql: select 1, schedule: '0 1 * * *'}\n"
        "  b: {<<: *a, schedule: '0 2 * * *'}\n"
        "  c: {<<: *a, schedule: bad}\n"
    )
    assert [job.schedule and job.schedule.cron for job in declared.jobs] == ["0 1 * * *", "0 2 * * *"]
    [problem] = declared.problems
    assert (problem.line, problem.key) == (5, "jobs.c.schedule")


def test_only_wanted_jobs_are_checked(read):
    text = "jobs:\n  a: {dialect: postgres, sql: select 1}\n  b: {}\n"
    assert read(text, wants=lambda name: name == "a").problems == ()
    assert len(read(text, wants=lambda name: name == "b").problems) == 1
