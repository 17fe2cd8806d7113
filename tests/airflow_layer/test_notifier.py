from __future__ import annotations

import asyncio

import pytest
from airflow.sdk import DAG, BaseNotifier

from airflow_provider_sqlflow.hooks.sqlflow import SqlFlowHook
from airflow_provider_sqlflow.jobs.model import JobRequest, TextSource
from airflow_provider_sqlflow.notifications.sqlflow import SqlFlowNotifier

SQL = "insert into daily (total) select sum(amount) from orders; select a b c"


@pytest.fixture
def told(tmp_path, monkeypatch, context):
    """What was sent, and the context of a task that submitted a job."""
    monkeypatch.setenv("AIRFLOW__SQLFLOW__STORE_URL", f"sqlite:///{tmp_path / 'jobs.db'}")
    monkeypatch.setenv("AIRFLOW__SQLFLOW__JOB_URL", "https://a.example.com/{job_id}")
    hook = SqlFlowHook()
    job = hook.submit_job(JobRequest("nightly", "postgres", (TextSource("a.sql", SQL),)))
    hook.close()
    context["ti"].xcom_push("job_id", str(job.id))
    context["dag"] = DAG("dag", schedule=None)
    return [], context, job


def test_counts_and_link_of_the_tasks_job(told):
    sent, context, job = told
    SqlFlowNotifier(send=sent.append)(context)
    assert sent == [
        f"Lineage job nightly of dag.task is partial_success: 2 statements (1 not understood), "
        f"{job.counts.relations} relations, 1 column edges; https://a.example.com/{job.id}"
    ]


def test_any_message_for_any_job_more_than_once(told):
    sent, context, job = told
    notifier = SqlFlowNotifier(
        message="{{ sqlflow.counts.column_edges }} of {{ sqlflow.dialect }} {{ ti.map_index }}",
        job_id="{{ jobs.mine }}",
        send=sent.append,
    )
    context["jobs"] = {"mine": str(job.id)}
    notifier(context)
    context["ti"].map_index = 4
    notifier(context)
    assert sent == ["1 of postgres -1", "1 of postgres 4"]


def test_without_a_job_or_with_a_lost_one(told):
    sent, context, _ = told
    context["ti"].xcoms.clear()
    SqlFlowNotifier(send=sent.append)(context)
    SqlFlowNotifier(send=sent.append, job_id="nobody")(context)
    assert sent[0] == "dag.task: no lineage job was submitted"
    assert sent[1].startswith("Lineage job nobody of dag.task is unknown; ")


def test_other_notifiers_may_name_the_job(told):
    _, context, job = told
    sent = []

    class Chat(BaseNotifier):
        template_fields = ("text",)

        def __init__(self, text):
            super().__init__()
            self.text = text

        def notify(self, context):
            sent.append(self.text)

    SqlFlowNotifier(message="m", notifiers=[Chat("{{ sqlflow.job_id }} {{ sqlflow_message }}")])(context)
    assert sent == [f"{job.id} m"]


def test_the_log_is_the_last_resort(told, capsys):
    _, context, _ = told
    SqlFlowNotifier(message="hear hear")(context)
    assert "hear hear" in capsys.readouterr().out


def test_on_an_event_loop(told):
    sent, context, _ = told

    async def notify():
        await SqlFlowNotifier(message="{{ sqlflow.status }}", send=sent.append, context=context)

    asyncio.run(notify())
    assert sent == ["partial_success"]
