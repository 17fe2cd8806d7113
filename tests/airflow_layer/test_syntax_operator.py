from __future__ import annotations

import zipfile

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider_sqlflow.operators.sqlflow import SqlFlowCheckSyntaxOperator


@pytest.fixture(autouse=True)
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("AIRFLOW__SQLFLOW__STORE_URL", f"sqlite:///{tmp_path / 'none.db'}")
    yield tmp_path / "none.db"
    assert not (tmp_path / "none.db").exists(), "a check keeps nothing"


def check(**arguments):
    with DAG("dag", schedule=None):
        operator = SqlFlowCheckSyntaxOperator(task_id="check", **{"dialect": "postgres", **arguments})
    return operator.execute({})


def test_good_sql_passes(tmp_path):
    (tmp_path / "a.sql").write_text("select 1;")
    (tmp_path / "b.sql").write_text("insert into t (a) select b from s;")
    assert check(paths=str(tmp_path), sql=["select 2", " "]) == {
        "files": 4,
        "errors": 0,
        "warnings": 0,
        "problems": [],
    }


def test_every_wrong_place_is_named(tmp_path):
    (tmp_path / "good.sql").write_text("select 1;")
    with zipfile.ZipFile(tmp_path / "models.zip", "w") as archive:
        archive.writestr("deep/bad.sql", "select 1;\n\ninsert intoo t;\nselect a b c;\n")
    with pytest.raises(AirflowFailException) as caught:
        check(paths=[str(tmp_path / "good.sql"), str(tmp_path / "models.zip")])
    first, *places = str(caught.value).splitlines()
    assert first == "2 place(s) in the SQL cannot be understood:"
    assert [place.split(":")[:2] for place in places] == [["deep/bad.sql", "3"], ["deep/bad.sql", "4"]]
    assert all(place.split(":")[2].isdigit() for place in places)


def test_many_wrong_places_are_counted():
    with pytest.raises(AirflowFailException, match=r"(?s)25 place\(s\).*\.\.\. and 5 more$"):
        check(sql="select a b c;\n" * 25)


def test_a_warning_fails_only_when_told():
    sql = "select a from t, s"
    assert check(sql=sql)["warnings"] > 0
    assert check(sql=sql)["errors"] == 0
    assert check(sql=sql)["problems"][0]["is_error"] is False
    with pytest.raises(AirflowFailException, match=r"check\.sql:1:"):
        check(sql=sql, fail_on_warning=True)


def test_a_file_that_cannot_be_read_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setenv("AIRFLOW__SQLFLOW__MAX_FILE_BYTES", "5")
    (tmp_path / "a.sql").write_text("select 1;")
    with pytest.raises(AirflowFailException, match=r"a\.sql:1:1: 9 bytes|a\.sql:1:1: larger"):
        check(paths=str(tmp_path / "a.sql"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "neither sql nor paths"),
        ({"sql": "select 1", "dialect": "postgras"}, "postgras"),
        ({"paths": "/nowhere/at/all"}, "cannot read"),
    ],
)
def test_unusable_input_fails_at_once(arguments, message):
    with pytest.raises(AirflowFailException, match=message):
        check(**arguments)


def test_templates(tmp_path):
    (tmp_path / "q.sql").write_text("select {{ params.x }}")
    with DAG("dag", schedule=None, template_searchpath=str(tmp_path)):
        operator = SqlFlowCheckSyntaxOperator(
            task_id="check", sql="q.sql", paths="x.sql", dialect="{{ params.d }}"
        )
    operator.resolve_template_files()
    operator.render_template_fields({"params": {"d": "mysql", "x": 7}})
    assert (operator.sql, operator.paths, operator.dialect) == ("select 7", "x.sql", "mysql")
