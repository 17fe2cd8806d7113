from __future__ import annotations

import json

import pytest
from airflow.sdk import DAG, ObjectStoragePath
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider_sqlflow.hooks.sqlflow import SqlFlowHook
from airflow_provider_sqlflow.jobs.model import JobRequest, TextSource
from airflow_provider_sqlflow.operators.sqlflow import SqlFlowExportOperator


@pytest.fixture
def job(tmp_path, monkeypatch):
    """A real job in a real store, its name unfit for a file."""
    monkeypatch.setenv("AIRFLOW__SQLFLOW__STORE_URL", f"sqlite:///{tmp_path / 'jobs.db'}")
    hook = SqlFlowHook()
    source = TextSource("a.sql", "insert into daily (total) select sum(amount) from orders")
    job = hook.submit_job(JobRequest("nightly/sales: all", "postgres", (source,)))
    hook.close()
    return job


def export(job_id, output_path, formats="json", options=None):
    with DAG("dag", schedule=None):
        operator = SqlFlowExportOperator(
            task_id="export",
            job_id=str(job_id),
            output_path=output_path,
            formats=formats,
            options=options,
        )
    return operator.execute({})


def test_several_formats_go_to_a_folder_under_the_jobs_name(job, tmp_path):
    formats = ["json", "csv", "graphml", "svg", "png", "edges", "tree", "openlineage"]
    result = export(job.id, str(tmp_path / "out" / "deep"), formats)
    assert result["job_name"] == "nightly/sales: all"
    assert [one["format"] for one in result["exports"]] == formats
    names = {path.name: path.stat().st_size for path in (tmp_path / "out" / "deep").iterdir()}
    assert set(names) == {
        f"nightly_sales_all{suffix}"
        for suffix in (".json", ".csv", ".graphml", ".svg", ".png", ".jsonl", ".txt", ".openlineage.jsonl")
    }
    assert {one["path"]: one["size"] for one in result["exports"]} == {
        str(tmp_path / "out" / "deep" / name): size for name, size in names.items()
    }
    assert all(one["edges"] == 1 for one in result["exports"])
    json.dumps(result)


def test_one_format_with_a_file_name(job, tmp_path):
    result = export(job.id, str(tmp_path / "lineage.csv"), "csv")
    assert [one["path"] for one in result["exports"]] == [str(tmp_path / "lineage.csv")]
    assert "amount" in (tmp_path / "lineage.csv").read_text()


def test_options_are_passed_on_and_may_be_templates(job, tmp_path):
    path = tmp_path / "lineage.csv"
    export(job.id, str(path), "csv", {"tableToTable": "true", "delimiter": ";"})
    assert path.read_text().splitlines()[1:] == [";;orders;;;daily;fdd;insert"]
    with pytest.raises(AirflowFailException, match="unknown export option 'depth'"):
        export(job.id, str(tmp_path / "other.csv"), "csv", {"depth": "3"})
    assert not (tmp_path / "other.csv").exists()
    assert "options" in SqlFlowExportOperator.template_fields


def test_a_slash_or_an_existing_folder_is_a_folder(job, tmp_path):
    (tmp_path / "v1.2").mkdir()
    assert export(job.id, str(tmp_path / "v1.2"), "csv")["exports"][0]["path"].endswith(
        "v1.2/nightly_sales_all.csv"
    )
    assert export(job.id, f"{tmp_path}/v1.3/", "csv")["exports"][0]["path"].endswith(
        "v1.3/nightly_sales_all.csv"
    )


def test_a_url_goes_through_object_storage(job, tmp_path):
    url = f"file://{tmp_path}/store"
    result = export(job.id, ObjectStoragePath(url), ["csv", "edges"])
    assert [one["path"] for one in result["exports"]] == [
        f"{url}/nightly_sales_all.csv",
        f"{url}/nightly_sales_all.jsonl",
    ]
    assert "amount" in (tmp_path / "store" / "nightly_sales_all.csv").read_text()


def test_nothing_is_written_when_a_format_is_unknown(job, tmp_path):
    with pytest.raises(AirflowFailException, match="unknown format 'word'"):
        export(job.id, str(tmp_path / "out"), ["csv", "word"])
    assert not (tmp_path / "out").exists()


def test_a_lost_job_fails_without_retry(job, tmp_path):
    with pytest.raises(AirflowFailException, match="none"):
        export("none", str(tmp_path / "out"))


@pytest.mark.parametrize(("output_path", "formats"), [("", ["csv"]), ("/tmp/x", [])])
def test_a_path_and_a_format_are_needed(job, output_path, formats):
    with pytest.raises(AirflowFailException, match="output path and at least one format"):
        export(job.id, output_path, formats)


def test_a_job_without_result_cannot_be_exported(make_client, tmp_path):
    client = make_client()
    client.submit_job(JobRequest("nightly", "postgres", (TextSource("a.sql", "select 1"),)))
    operator = SqlFlowExportOperator(
        task_id="export", job_id="job-1", output_path=str(tmp_path), formats="csv"
    )
    operator.hook = SqlFlowHook(client=client)
    with pytest.raises(AirflowFailException, match="no result"):
        operator.execute({})
