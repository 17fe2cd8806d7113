from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from airflow_provider_sqlflow.emission import DatasetNaming, ParentRun
from airflow_provider_sqlflow.emission.datasets import DatasetCollector
from airflow_provider_sqlflow.engine import InMemoryCatalog, analyze, merge_results
from airflow_provider_sqlflow.engine.model import (
    ColumnRef,
    Edge,
    Effect,
    LineageResult,
    Relation,
    RelationId,
    RelationKind,
    Span,
    StatementKind,
    StatementLineage,
    Subtype,
)
from airflow_provider_sqlflow.errors import EmissionError

Emit = Callable[..., list[dict[str, Any]]]
Validate = Callable[[list[dict[str, Any]]], list[str]]

PARENT = ParentRun(
    "default",
    "dag.task",
    "0190b2c4-0000-7000-8000-000000000001",
    root_job_namespace="default",
    root_job_name="dag",
    root_run_id="0190b2c4-0000-7000-8000-000000000002",
)

SCRIPT = """\
CREATE TEMP TABLE open_orders AS SELECT id, customer_id, amount FROM raw.orders WHERE status = 'open';
INSERT INTO mart.daily (total, days, band, mail)
SELECT sum(o.amount), count(*), CASE WHEN c.tier = 1 THEN c.name ELSE 'other' END, md5(c.email)
FROM open_orders o JOIN raw.customers c ON c.id = o.customer_id;
SELECT total FROM mart.daily ORDER BY days;
CREATE VIEW mart.top_days AS SELECT total, row_number() OVER (ORDER BY total) AS place FROM mart.daily;
SELEC nothing FORM nowhere;
"""


def read(sql: str, dialect: str = "postgres", name: str = "load/daily.sql", **options: Any) -> LineageResult:
    return analyze(sql, dialect=dialect, source_name=name, default_database="shop", **options)


def only(items: list[Any]) -> Any:
    (item,) = items
    return item


def names(datasets: list[dict[str, Any]]) -> list[str]:
    return [dataset["name"] for dataset in datasets]


def last(events: list[dict[str, Any]], statement: int) -> dict[str, Any]:
    return [event for event in events if event["job"]["name"].endswith(f".{statement}")][-1]


def test_a_pair_of_events_for_each_statement(emit: Emit) -> None:
    events = emit(read(SCRIPT))
    assert [(event["job"]["name"], event["eventType"]) for event in events] == [
        (f"dag.task.load.daily.{number}", state)
        for number, end in ((1, "COMPLETE"), (2, "COMPLETE"), (3, "COMPLETE"), (4, "COMPLETE"), (5, "FAIL"))
        for state in ("START", end)
    ]
    runs = [event["run"]["runId"] for event in events]
    assert runs[::2] == runs[1::2]
    assert len(set(runs)) == 5
    assert {event["eventTime"] for event in events} == {"2026-03-01T12:30:00+00:00"}


def test_events_are_valid_for_marquez(emit: Emit, validate: Validate) -> None:
    result = read(SCRIPT)
    problems = validate(emit(result, parent=PARENT, texts={"load/daily.sql": SCRIPT}))
    # The FAIL of a statement nobody could read has no datasets to show.
    assert [problem for problem in problems if "no datasets" not in problem] == []


def test_temporary_tables_fold_away(emit: Emit) -> None:
    events = emit(read(SCRIPT))
    assert names(last(events, 1)["inputs"]) == ["shop.raw.orders"]
    assert last(events, 1)["outputs"] == []
    insert = last(events, 2)
    assert sorted(names(insert["inputs"])) == ["shop.raw.customers", "shop.raw.orders"]
    assert names(insert["outputs"]) == ["shop.mart.daily"]


def test_column_lineage(emit: Emit) -> None:
    facet = only(last(emit(read(SCRIPT)), 2)["outputs"])["facets"]["columnLineage"]
    assert list(facet["fields"]) == ["band", "days", "mail", "total"]
    total = facet["fields"]["total"]
    assert only(total["inputFields"]) == {
        "namespace": "postgres://db:5432",
        "name": "shop.raw.orders",
        "field": "amount",
        "transformations": [
            {"type": "DIRECT", "subtype": "AGGREGATION", "description": "sum(o.amount)", "masking": False}
        ],
    }
    assert (total["transformationType"], total["transformationDescription"]) == (
        "AGGREGATION",
        "sum(o.amount)",
    )
    assert facet["fields"]["days"]["inputFields"] == []
    assert facet["fields"]["mail"]["transformationType"] == "MASKED"
    band = {
        field["field"]: [item["subtype"] for item in field["transformations"]]
        for field in facet["fields"]["band"]["inputFields"]
    }
    assert band["tier"] == ["CONDITIONAL"]
    assert set(band) == {"tier", "name"}
    decides = {(field["field"], only(field["transformations"])["subtype"]) for field in facet["dataset"]}
    assert decides == {("status", "FILTER"), ("id", "JOIN"), ("customer_id", "JOIN")}


def test_every_column_of_the_lineage_is_in_a_schema_with_a_type(emit: Emit) -> None:
    for event in emit(read(SCRIPT)):
        known = {
            dataset["name"]: {field["name"] for field in dataset["facets"]["schema"]["fields"]}
            for dataset in event["inputs"] + event["outputs"]
        }
        for dataset in event["inputs"] + event["outputs"]:
            assert all(field["type"] == "UNKNOWN" for field in dataset["facets"]["schema"]["fields"])
        for output in event["outputs"]:
            facet = output["facets"].get("columnLineage", {"fields": {}, "dataset": []})
            assert set(facet["fields"]) <= known[output["name"]]
            sources = [field for entry in facet["fields"].values() for field in entry["inputFields"]]
            assert all(field["field"] in known[field["name"]] for field in sources + facet["dataset"])


def test_the_start_has_the_datasets_but_not_the_columns_lineage(emit: Emit) -> None:
    start, end = emit(read("INSERT INTO a.t (x) SELECT y FROM a.s", name="x.sql"))
    assert (start["eventType"], names(start["inputs"]), names(start["outputs"])) == (
        "START",
        ["shop.a.s"],
        ["shop.a.t"],
    )
    assert "columnLineage" not in only(start["outputs"])["facets"]
    assert "columnLineage" in only(end["outputs"])["facets"]


def test_a_bare_select_has_inputs_only(emit: Emit) -> None:
    event = last(emit(read(SCRIPT)), 3)
    assert names(event["inputs"]) == ["shop.mart.daily"]
    assert event["outputs"] == []


def test_statements_without_datasets_give_no_event(emit: Emit) -> None:
    assert emit(read("SELECT 1; SET search_path TO raw;")) == []
    assert emit(LineageResult(dialect="postgres")) == []


def test_a_failed_statement_says_why(emit: Emit) -> None:
    event = last(emit(read(SCRIPT)), 5)
    message = event["run"]["facets"]["errorMessage"]
    assert message["programmingLanguage"] == "SQL"
    assert message["message"].startswith("load/daily.sql:7:")


def test_the_statement_text_is_cut_from_the_file(emit: Emit) -> None:
    events = emit(read(SCRIPT), texts={"load/daily.sql": SCRIPT})
    assert last(events, 3)["job"]["facets"]["sql"] == {
        "_producer": events[0]["producer"],
        "_schemaURL": "https://openlineage.io/spec/facets/1-1-0/SQLJobFacet.json#/$defs/SQLJobFacet",
        "query": "SELECT total FROM mart.daily ORDER BY days",
        "dialect": "postgres",
    }
    assert all("sql" not in event["job"]["facets"] for event in emit(read(SCRIPT)))


def test_parent_and_root(emit: Emit) -> None:
    facet = emit(read(SCRIPT), parent=PARENT)[0]["run"]["facets"]["parent"]
    assert facet["run"]["runId"] == PARENT.run_id
    assert facet["job"] == {"namespace": "default", "name": "dag.task", "facets": {}}
    assert facet["root"]["job"]["name"] == "dag"
    without_root = emit(read(SCRIPT), parent=replace(PARENT, root_run_id=""))[0]
    assert "root" not in without_root["run"]["facets"]["parent"]
    assert "parent" not in emit(read(SCRIPT))[0]["run"]["facets"]


def test_run_ids_depend_on_time_job_and_parent_only(emit: Emit) -> None:
    def run_id(**context: Any) -> str:
        return str(emit(read(SCRIPT), **context)[0]["run"]["runId"])

    moment = datetime.fromisoformat("2026-03-01T12:30:00+00:00")
    same = {run_id(), run_id(event_time=moment), run_id(texts={"load/daily.sql": SCRIPT})}
    assert len(same) == 1
    others = {
        run_id(parent=PARENT),
        run_id(event_time=moment + timedelta(seconds=1)),
        run_id(job_name="dag.other"),
    }
    assert len(others | same) == 4


def test_a_time_without_zone_is_refused(emit: Emit) -> None:
    with pytest.raises(EmissionError, match="time zone"):
        emit(read(SCRIPT), event_time=datetime(2026, 3, 1))  # noqa: DTZ001  # that is the case


def test_the_same_result_gives_the_same_events(emit: Emit) -> None:
    assert emit(read(SCRIPT)) == emit(read(SCRIPT))


def test_files_of_one_name_get_jobs_of_their_own(emit: Emit) -> None:
    sources = ("a/x.sql", "a.x.sql", "/a/y.sql", "", "a b/z?.sql")
    merged = merge_results([read("INSERT INTO s.t (x) SELECT x FROM s.u", name=name) for name in sources])
    jobs = [event["job"]["name"] for event in emit(merged)][::2]
    assert len(set(jobs)) == 5
    assert [job.split(".", 2)[2] for job in jobs][2:] == ["a.y.1", "sql.1", "a_b.z.1"]
    assert all(job.startswith("dag.task.a.x-") and job.endswith(".1") for job in jobs[:2])


def test_an_unknown_host_is_marked(emit: Emit) -> None:
    facets = emit(read(SCRIPT), "")[0]["run"]["facets"]
    assert [(tag["key"], tag["value"]) for tag in facets["tags"]["tags"]] == [("namespace_resolved", "false")]
    assert "tags" not in emit(read(SCRIPT))[0]["run"]["facets"]


def test_relations_without_a_full_name_are_left_out_and_named(emit: Emit, validate: Validate) -> None:
    result = analyze(
        "INSERT INTO shop.mart.t (x) SELECT x FROM lonely", dialect="postgres", source_name="x.sql"
    )
    events = emit(result)
    assert events[1]["inputs"] == []
    assert names(events[1]["outputs"]) == ["shop.mart.t"]
    error = only(events[1]["run"]["facets"]["extractionError"]["errors"])
    assert error["errorMessage"].startswith("lonely: the name has 1 of 3 parts")
    assert validate(events) == []


def test_spellings_of_one_dataset_are_one_dataset(emit: Emit, validate: Validate) -> None:
    upper, lower = RelationId("DB", "S", "T"), RelationId("db", "s", "t")
    place = Span("x.sql", 1, 1, 1, 9)
    out = RelationId("db", "s", "out")
    edges = tuple(
        Edge(source, ColumnRef(out, "x"), Effect.DIRECT, Subtype.IDENTITY, "x", place, 1)
        for source in (ColumnRef(upper, "A"), ColumnRef(lower, "a"))
    )
    statement = StatementLineage(1, StatementKind.INSERT, place, (upper, lower), (out,), edges, edges)
    result = LineageResult(
        (statement,), (Relation(upper, RelationKind.TABLE, ("A",)),), folded_edges=edges, dialect="postgres"
    )
    events = emit(result)
    assert names(events[1]["inputs"]) == ["db.s.t"]
    assert len(only(events[1]["outputs"])["facets"]["columnLineage"]["fields"]["x"]["inputFields"]) == 1
    assert validate(events) == []


def test_stars_link_datasets_but_name_no_column(emit: Emit, validate: Validate) -> None:
    events = emit(read("CREATE TABLE s.t AS SELECT * FROM s.u", name="x.sql"))
    assert (names(events[1]["inputs"]), names(events[1]["outputs"])) == (["shop.s.u"], ["shop.s.t"])
    assert set(only(events[1]["inputs"])["facets"]) == {"dataSource", "datasetType"}
    assert set(only(events[1]["outputs"])["facets"]) == {"dataSource", "datasetType", "lifecycleStateChange"}
    assert validate(events) == []
    known = read(
        "CREATE TABLE s.t AS SELECT * FROM s.u",
        name="x.sql",
        catalog=InMemoryCatalog({"shop.s.u": ["a", "b"]}),
    )
    output = only(emit(known)[1]["outputs"])
    assert list(output["facets"]["columnLineage"]["fields"]) == ["a", "b"]


def test_a_table_that_feeds_itself_is_input_and_output(emit: Emit, validate: Validate) -> None:
    events = emit(read("UPDATE s.t SET a = a + 1 WHERE b = 2", name="x.sql"))
    assert names(events[1]["inputs"]) == names(events[1]["outputs"]) == ["shop.s.t"]
    assert validate(events) == []


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        (StatementKind.CREATE_TABLE, "CREATE"),
        (StatementKind.CREATE_VIEW, "CREATE"),
        (StatementKind.DROP, "DROP"),
        (StatementKind.TRUNCATE, "TRUNCATE"),
        (StatementKind.ALTER, "ALTER"),
        (StatementKind.SWAP, "OVERWRITE"),
        (StatementKind.INSERT, None),
    ],
)
def test_lifecycle(kind: StatementKind, state: str | None, emit: Emit, validate: Validate) -> None:
    table = RelationId("db", "s", "t")
    statement = StatementLineage(1, kind, Span("x.sql", 1, 1, 1, 9), (), (table,))
    result = LineageResult((statement,), (Relation(table, RelationKind.TABLE, ("a",)),), dialect="postgres")
    events = emit(result)
    facets = only(events[1]["outputs"])["facets"]
    assert facets.get("lifecycleStateChange", {}).get("lifecycleStateChange") == state
    assert validate(events) == []


def test_what_is_dropped_truncated_or_altered_is_told(emit: Emit, validate: Validate) -> None:
    sql = """\
CREATE TABLE s.t (a INT, b numeric(10, 2));
TRUNCATE s.t;
ALTER TABLE s.t ADD COLUMN c text;
DROP TABLE s.t, s.u;
CREATE TEMP TABLE w (a INT); TRUNCATE w; DROP TABLE w;
"""
    events = emit(read(sql, name="x.sql"))
    told = [
        (
            names(event["outputs"]),
            [item["facets"]["lifecycleStateChange"]["lifecycleStateChange"] for item in event["outputs"]],
        )
        for event in events[1::2]
    ]
    assert told == [
        (["shop.s.t"], ["CREATE"]),
        (["shop.s.t"], ["TRUNCATE"]),
        (["shop.s.t"], ["ALTER"]),
        (["shop.s.t", "shop.s.u"], ["DROP", "DROP"]),
    ]
    assert all(event["inputs"] == [] for event in events)
    assert validate(events) == []


def test_declared_types_are_those_of_the_schema(emit: Emit, validate: Validate) -> None:
    sql = "CREATE TABLE s.t (a INT, b numeric(10, 2)); INSERT INTO s.t (a, b) SELECT x, y FROM s.u"
    events = emit(read(sql, name="x.sql"))
    insert = last(events, 2)
    assert [
        (item["name"], item["type"]) for item in only(insert["outputs"])["facets"]["schema"]["fields"]
    ] == [
        ("a", "INT"),
        ("b", "numeric(10, 2)"),
    ]
    assert {item["type"] for item in only(insert["inputs"])["facets"]["schema"]["fields"]} == {"UNKNOWN"}
    assert validate(events) == []


def test_a_rename_names_the_old_dataset(emit: Emit, validate: Validate) -> None:
    old, new = RelationId("db", "s", "old"), RelationId("db", "s", "new")
    edge = Edge(ColumnRef(old, None), ColumnRef(new, None), Effect.DIRECT, Subtype.IDENTITY, statement=1)
    place = Span("x.sql", 1, 1, 1, 9)
    statement = StatementLineage(1, StatementKind.RENAME, place, (), (), (edge,), (edge,))
    events = emit(LineageResult((statement,), folded_edges=(edge,), dialect="postgres"))
    facet = only(events[1]["outputs"])["facets"]["lifecycleStateChange"]
    assert (names(events[1]["outputs"]), facet["lifecycleStateChange"]) == (["db.s.new"], "RENAME")
    assert facet["previousIdentifier"] == {"name": "db.s.old", "namespace": "postgres://db:5432"}
    assert validate(events) == []


def test_names_are_those_of_the_time_when_the_statement_ran(emit: Emit) -> None:
    result = read(
        "CREATE TEMP TABLE x AS SELECT a FROM s.u; INSERT INTO s.t (a) SELECT a FROM x;"
        "ALTER TABLE s.t RENAME TO t_old",
        name="x.sql",
    )
    events = emit(result)
    assert names(last(events, 2)["outputs"]) == ["shop.s.t"]
    assert names(last(events, 3)["outputs"]) == ["shop.s.t_old"]


def test_files_in_stores_are_datasets_and_stages_are_not(emit: Emit, validate: Validate) -> None:
    sql = "COPY INTO db.s.t FROM 's3://bucket/in/a.csv'; COPY INTO @stage/out FROM db.s.t;"
    events = emit(analyze(sql, dialect="snowflake", source_name="x.sql"), "snowflake://org-account")
    assert [(item["namespace"], item["name"]) for item in last(events, 1)["inputs"]] == [
        ("s3://bucket", "in/a.csv")
    ]
    assert names(last(events, 1)["outputs"]) == ["DB.S.T"]
    assert last(events, 2)["outputs"] == []
    assert validate(events) == []


def test_odd_names_do_not_make_invalid_events(emit: Emit, validate: Validate) -> None:
    sql = 'INSERT INTO s."od.d Table" ("na me", "ünï") SELECT "a\nb", "<&>" FROM s."x#y"'
    result = read(sql, name='<odd> "name".sql')
    events = emit(result, texts={result.source_name: sql + "\x00"})
    assert names(events[1]["outputs"]) == ['shop.s."od.d Table"']
    assert "x#y" in only(events[1]["run"]["facets"]["extractionError"]["errors"])["errorMessage"]
    assert validate(events) == []


def test_long_expressions_are_cut(emit: Emit) -> None:
    sql = f"INSERT INTO s.t (x) SELECT a || '{'y' * 5000}' FROM s.u"
    facet = only(emit(read(sql))[1]["outputs"])["facets"]["columnLineage"]
    description = only(only(facet["fields"]["x"]["inputFields"])["transformations"])["description"]
    assert len(description) == 1000
    assert description.endswith("…")


def test_problems_are_told_once_for_each_relation() -> None:
    result = analyze("INSERT INTO t (x) SELECT a.x FROM u a, u b WHERE a.x = b.y", dialect="postgres")
    naming = DatasetNaming("postgres", "postgres://db:5432")
    problems = DatasetCollector(result, naming).collect(result.statements[0]).problems
    assert [problem.split(":")[0] for problem in problems] == ["u", "t"]
