"""What stands in events besides tables and columns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_sqlflow.emission import DatasetDetails, DatasetNaming, ParentRun, RunsPer
from airflow_provider_sqlflow.emission.naming import Case
from airflow_provider_sqlflow.engine import LineageResult, analyze
from airflow_provider_sqlflow.errors import EmissionError

Emit = Callable[..., list[dict[str, Any]]]
Validate = Callable[[list[dict[str, Any]]], list[str]]


def read(sql: str, dialect: str = "postgres", **options: Any) -> LineageResult:
    return analyze(sql, dialect=dialect, source_name="load/x.sql", default_database="shop", **options)


def last(events: list[dict[str, Any]]) -> dict[str, Any]:
    return events[-1]


def facets(events: list[dict[str, Any]], part: str = "job") -> dict[str, Any]:
    found: dict[str, Any] = last(events)[part]["facets"]
    return found


INSERT = "INSERT INTO s.t (x) SELECT y FROM s.u"


class TestJobs:
    def test_owners_tags_and_descriptions(self, emit: Emit) -> None:
        found = facets(emit(read(INSERT), owners=("team:sales",), tags={"tier": "1"}, description="Nightly."))
        assert found["ownership"]["owners"] == [{"name": "team:sales"}]
        assert {(tag["key"], tag["value"]) for tag in found["tags"]["tags"]} == {
            ("dialect", "postgres"),
            ("tier", "1"),
        }
        assert found["documentation"]["description"] == "Nightly."
        assert (found["jobType"]["jobType"], found["jobType"]["processingType"]) == ("QUERY", "BATCH")

    def test_the_comment_before_a_statement_is_its_documentation(self, emit: Emit) -> None:
        sql = f"SELECT 1; -- of the line before\n\n-- Loads t.\n/* From u,\n * password: hunter2 */\n{INSERT}"
        found = facets(emit(read(sql), texts={"load/x.sql": sql}, description="Else."))
        text = found["documentation"]["description"]
        assert text.endswith("Loads t.\nFrom u,\npassword: ***")
        assert "Else" not in text

    def test_a_statement_can_be_looked_up(self, emit: Emit) -> None:
        sql = f"\n\n{INSERT}"
        url = "https://example.com/repo/blob/main/{path}#L{line}"
        found = facets(emit(read(sql), source_url=url))["sourceCodeLocation"]
        assert (found["type"], found["path"]) == ("git", "load/x.sql")
        assert found["url"] == "https://example.com/repo/blob/main/load/x.sql#L3"
        assert "sourceCodeLocation" not in facets(emit(read(sql), source_url=f"https://x/{'y' * 250}"))

    def test_a_link_to_a_file_of_any_name_is_a_uri(self, emit: Emit) -> None:
        odd = analyze(INSERT, dialect="postgres", source_name="load/100% of ünits #1.sql")
        events = emit(odd, source_url="https://example.com/main/{path}#L{line}")
        found = facets(events)["sourceCodeLocation"]
        assert found["url"] == "https://example.com/main/load/100%25%20of%20%C3%BCnits%20%231.sql#L1"
        assert found["path"] == "load/100% of ünits #1.sql"


class TestDatasets:
    def test_what_is_known_besides_the_sql(self, emit: Emit, validate: Validate) -> None:
        details = DatasetDetails("Orders.", {"y": "Why."}, ("ann",), {"domain": "sales", "y.pii": "true"})
        events = emit(read(INSERT), details={"shop.s.u": details})
        found = last(events)["inputs"][0]["facets"]
        assert found["documentation"]["description"] == "Orders."
        assert found["ownership"]["owners"] == [{"name": "ann"}]
        assert found["schema"]["fields"][0]["description"] == "Why."
        assert [(tag["key"], tag["value"], tag.get("field")) for tag in found["tags"]["tags"]] == [
            ("domain", "sales", None),
            ("pii", "true", "y"),
        ]
        assert validate(events) == []

    def test_comment_on_statements_describe(self, emit: Emit) -> None:
        sql = (
            f"{INSERT}; COMMENT ON TABLE s.t IS 'The t''s, password=hunter2';"
            "COMMENT ON COLUMN \"shop\".s.t.X IS 'An x'; COMMENT ON ROLE s IS 'no';"
        )
        found = emit(read(sql), texts={"load/x.sql": sql})[1]["outputs"][0]["facets"]
        assert found["documentation"]["description"] == "The t's, password=***"
        assert found["schema"]["fields"][0]["description"] == "An x"

    @pytest.mark.parametrize(
        ("sql", "kind", "subtype"),
        [
            ("CREATE TABLE s.t AS SELECT a FROM s.u", "TABLE", None),
            ("CREATE VIEW s.t AS SELECT a FROM s.u", "VIEW", None),
            ("CREATE MATERIALIZED VIEW s.t AS SELECT a FROM s.u", "VIEW", "MATERIALIZED"),
        ],
    )
    def test_kinds(self, sql: str, kind: str, subtype: str | None, emit: Emit) -> None:
        found = last(emit(read(sql)))["outputs"][0]["facets"]["datasetType"]
        assert (found["datasetType"], found.get("subType")) == (kind, subtype)

    @pytest.mark.parametrize(
        ("sql", "dialect", "state"),
        [
            ("CREATE OR REPLACE TABLE s.t AS SELECT a FROM s.u", "snowflake", "OVERWRITE"),
            ("CREATE OR REPLACE VIEW s.t AS SELECT a FROM s.u", "postgres", "OVERWRITE"),
            ("CREATE TABLE s.t AS SELECT a FROM s.u", "postgres", "CREATE"),
            ("INSERT OVERWRITE TABLE s.t SELECT a FROM s.u", "spark", "OVERWRITE"),
            ("INSERT INTO s.t SELECT a FROM s.u", "spark", None),
        ],
    )
    def test_what_replaces_a_table_says_so(
        self, sql: str, dialect: str, state: str | None, emit: Emit
    ) -> None:
        events = emit(read(sql, dialect), "x://h", texts={"load/x.sql": sql})
        found = last(events)["outputs"][0]["facets"].get("lifecycleStateChange", {})
        assert found.get("lifecycleStateChange") == state

    def test_the_address_is_the_source_only_where_it_is_known(self, emit: Emit) -> None:
        known = last(emit(read(INSERT)))["inputs"][0]["facets"]
        assert known["dataSource"]["uri"] == known["dataSource"]["name"] == "postgres://db:5432"
        assert "dataSource" not in last(emit(read(INSERT), ""))["inputs"][0]["facets"]

    def test_other_names_of_a_table_are_symlinks(self, emit: Emit, validate: Validate) -> None:
        events = emit(read(INSERT, "databricks"), "databricks://host")
        found = last(events)["inputs"][0]["facets"]["symlinks"]["identifiers"]
        assert found == [{"namespace": "unitycatalog://host", "name": "shop.s.u", "type": "TABLE"}]
        assert validate(events) == []
        assert "symlinks" not in last(emit(read(INSERT)))["inputs"][0]["facets"]

    def test_another_spelling_can_be_asked_for(self, emit: Emit) -> None:
        naming = DatasetNaming("snowflake", "snowflake://org-acc", case=Case.LOWER)
        output = last(emit(read(INSERT, "snowflake"), naming=naming))["outputs"][0]
        assert output["name"] == "shop.s.t"
        assert list(output["facets"]["columnLineage"]["fields"]) == ["x"]


class TestSecrets:
    SQL = (
        "CREATE TABLE s.t AS SELECT pgp_sym_decrypt(a, 'hunter2') AS x FROM s.u WHERE password = 'hunter2';\n"
        "SELEC password = 'hunter2';"
    )

    def test_none_is_in_any_event(self, emit: Emit) -> None:
        for build in ("runs", "job", "static"):
            events = emit(read(self.SQL), texts={"load/x.sql": self.SQL}, build=build)
            assert len(events) > 1
            assert "hunter2" not in str(events)
            assert "pgp_sym_decrypt(a, '***')" in str(events)

    def test_more_can_be_taken_out(self, emit: Emit) -> None:
        def redact(text: str) -> str:
            return text.replace("y", "*")

        event = last(emit(read(INSERT), texts={"load/x.sql": INSERT}, redact=redact))
        assert event["job"]["facets"]["sql"]["query"] == "INSERT INTO s.t (x) SELECT * FROM s.u"
        assert "'y'" in str(event["inputs"][0]["facets"]["schema"])

    def test_sql_can_be_left_out(self, emit: Emit) -> None:
        sql = f"-- about\nINSERT INTO s.t (x) SELECT upper(y) FROM s.u; SELEC {'x' * 20} FORM;"
        events = emit(read(sql), texts={"load/x.sql": sql}, includes_sql=False)
        text = str(events)
        assert "upper" not in text
        assert "about" not in text
        assert "xxx" not in text
        assert "sql" not in events[1]["job"]["facets"]
        message = last(events)["run"]["facets"]["errorMessage"]["message"]
        assert message.startswith("load/x.sql:2:")
        field = events[1]["outputs"][0]["facets"]["columnLineage"]["fields"]["x"]
        assert (field["transformationType"], field.get("transformationDescription")) == (
            "TRANSFORMATION",
            None,
        )

    def test_paths_lose_their_credentials(self, emit: Emit) -> None:
        sql = "COPY INTO db.s.t FROM 's3://AK:hunter2@bucket/in.csv'"
        event = last(emit(analyze(sql, dialect="snowflake"), "snowflake://o-a"))
        assert event["inputs"][0]["namespace"] == "s3://bucket"
        bad = "COPY INTO db.s.t FROM 'ftp://ann:hunter2@host/in.csv'"
        assert "hunter2" not in str(emit(analyze(bad, dialect="snowflake"), "snowflake://o-a"))

    @pytest.mark.parametrize("namespace", ["postgres://ann:hunter2@db:5432", "a b", "kafka://a,b", "x;y"])
    def test_namespaces_that_nobody_takes_are_refused(self, namespace: str, emit: Emit) -> None:
        with pytest.raises(EmissionError, match="namespace") as error:
            emit(read(INSERT), namespace)
        assert "hunter2" not in str(error.value)
        with pytest.raises(EmissionError, match="namespace"):
            emit(read(INSERT), job_namespace=namespace)


class TestProblems:
    def test_warnings_are_told_but_fail_nothing(self, emit: Emit) -> None:
        event = last(emit(read("INSERT INTO s.t (x) SELECT z FROM s.u, s.v")))
        assert event["eventType"] == "COMPLETE"
        error = event["run"]["facets"]["extractionError"]
        assert (error["totalTasks"], error["failedTasks"]) == (1, 0)
        assert error["errors"][0]["errorMessage"].startswith("load/x.sql:1:")

    def test_a_failed_statement_is_an_extraction_error_too(self, emit: Emit) -> None:
        event = last(emit(read("SELEC nothing FORM nowhere")))
        error = event["run"]["facets"]["extractionError"]
        assert (event["eventType"], error["failedTasks"], len(error["errors"])) == ("FAIL", 1, 1)

    def test_each_statement_has_only_its_own(self, emit: Emit) -> None:
        events = emit(read(f"{INSERT}; SELEC a FORM b; {INSERT}; SELEC c FORM d"))
        messages = [
            event["run"]["facets"].get("errorMessage", {}).get("message", "") for event in events[1::2]
        ]
        assert [message.count("\n") + bool(message) for message in messages] == [0, 1, 0, 1]


class TestTargets:
    SQL = """INSERT ALL INTO s.a (x) VALUES (p) INTO s.b (y) VALUES (q) SELECT p, q FROM s.u"""

    def test_one_run_for_each_target(self, emit: Emit, validate: Validate) -> None:
        result = read(self.SQL, "snowflake")
        events = emit(result, "snowflake://o-a", runs_per=RunsPer.TARGET)
        assert [(event["job"]["name"], event["outputs"][0]["name"]) for event in events[1::2]] == [
            ("dag.task.load.x.1.A", "SHOP.S.A"),
            ("dag.task.load.x.1.B", "SHOP.S.B"),
        ]
        assert len({event["run"]["runId"] for event in events}) == 2
        assert all(len(event["outputs"]) == 1 for event in events)
        assert validate(events) == []
        assert len(emit(result, "snowflake://o-a")) == 2

    def test_each_has_only_its_own_inputs(self, emit: Emit) -> None:
        sql = (
            "FROM s.u u JOIN s.v v ON u.id = v.id INSERT INTO TABLE s.a SELECT u.p "
            "INSERT INTO TABLE s.b SELECT v.q"
        )
        result = analyze(sql, dialect="hive", source_name="x.sql")
        events = emit(result, "hive://h:10000", runs_per=RunsPer.TARGET)
        named = {event["outputs"][0]["name"]: event["inputs"] for event in events}
        assert {name: [item["name"] for item in inputs] for name, inputs in named.items()} == {
            "s.a": ["s.u"],
            "s.b": ["s.v"],
        }


class TestJobRun:
    def test_statements_are_below_the_lineage_jobs_run(self, emit: Emit) -> None:
        above = ParentRun("airflow", "dag.task", "0190b2c4-0000-7000-8000-000000000001")
        events = emit(read(f"{INSERT}; SELEC x FORM y"), build="job", job_name="nightly", parent=above)
        first, end = events[0], events[-1]
        assert [(first["eventType"], end["eventType"])] == [("START", "COMPLETE")]
        assert first["job"]["name"] == end["job"]["name"] == "nightly"
        assert first["job"]["facets"]["jobType"]["jobType"] == "JOB"
        assert first["run"]["facets"]["parent"]["run"]["runId"] == above.run_id
        for event in events[1:-1]:
            parent = event["run"]["facets"]["parent"]
            assert parent["run"]["runId"] == first["run"]["runId"]
            assert parent["root"]["run"]["runId"] == above.run_id
            assert event["job"]["name"].startswith("nightly.")
        error = end["run"]["facets"]["extractionError"]
        assert (error["totalTasks"], error["failedTasks"]) == (2, 1)


class TestStatic:
    SQL = f"CREATE TABLE s.u (y int); {INSERT}; SELEC x FORM y; CREATE VIEW s.v AS SELECT x FROM s.t"

    def test_jobs_and_datasets_without_runs(self, emit: Emit, validate: Validate) -> None:
        events = emit(read(self.SQL), build="static")
        jobs = [event for event in events if "job" in event]
        datasets = [event for event in events if "dataset" in event]
        assert not any("run" in event for event in events)
        assert [event["job"]["name"].rpartition(".")[2] for event in jobs] == ["1", "2", "4"]
        assert ("static", "true") in {
            (tag["key"], tag["value"]) for tag in jobs[0]["job"]["facets"]["tags"]["tags"]
        }
        assert list(jobs[1]["outputs"][0]["facets"]["columnLineage"]["fields"]) == ["x"]
        assert [event["dataset"]["name"] for event in datasets] == ["shop.s.u", "shop.s.t", "shop.s.v"]
        assert datasets[0]["dataset"]["facets"]["schema"]["fields"][0]["type"].lower() == "int"
        assert datasets[2]["dataset"]["facets"]["datasetType"]["datasetType"] == "VIEW"
        assert [row for row in validate(events) if "column lineage of a JobEvent" not in row] == []
