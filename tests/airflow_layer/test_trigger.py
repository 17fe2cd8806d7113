from __future__ import annotations

import asyncio
import time

import pytest
from airflow.sdk.exceptions import AirflowNotFoundException
from airflow.sdk.module_loading import import_string
from airflow.sdk.serde import deserialize, serialize

from airflow_provider_sqlflow.errors import StoreUnavailableError
from airflow_provider_sqlflow.hooks.sqlflow import SqlFlowHook
from airflow_provider_sqlflow.jobs.model import JobId, JobRequest, JobStatus, TextSource
from airflow_provider_sqlflow.triggers.sqlflow import SqlFlowJobTrigger

REQUEST = JobRequest("nightly", "postgres", (TextSource("a.sql", "select 1"),))


def make_trigger(client, **arguments):
    job = client.submit_job(REQUEST)
    trigger = SqlFlowJobTrigger(**{"job_id": str(job.id), "poll_interval": 0.01, **arguments})
    trigger.hook = SqlFlowHook(client=client)
    return trigger


async def collect(trigger):
    return [event.payload async for event in trigger.run()]


def test_survives_the_way_through_the_database():
    trigger = SqlFlowJobTrigger(
        job_id="j", sqlflow_conn_id="c", poll_interval=2.5, deadline=1e9, max_errors=3, cancel_on_kill=False
    )
    path, arguments = trigger.serialize()
    again = import_string(path)(**deserialize(serialize(arguments)))
    assert type(again) is SqlFlowJobTrigger
    assert again.serialize() == (path, arguments)


@pytest.mark.parametrize("status", [status for status in JobStatus if status.is_terminal])
def test_tells_every_end(make_client, status):
    [payload] = asyncio.run(
        collect(make_trigger(make_client([JobStatus.RUNNING, JobStatus.RUNNING, status])))
    )
    assert payload == {"outcome": "ended", "job_id": "job-1", "message": status.value}


def test_a_few_errors_in_a_row_are_survived(make_client):
    client = make_client()
    client.failures = [StoreUnavailableError("locked"), OSError("reset"), AirflowNotFoundException("hiccup")]
    [payload] = asyncio.run(collect(make_trigger(client, max_errors=4)))
    assert payload["outcome"] == "ended"


def test_too_many_errors_in_a_row_end_the_wait(make_client):
    client = make_client()
    client.failures = [StoreUnavailableError("locked")] * 3
    [payload] = asyncio.run(collect(make_trigger(client, max_errors=3)))
    assert payload == {"outcome": "error", "job_id": "job-1", "message": "locked", "retryable": True}


def test_a_lost_job_ends_the_wait_at_once(make_client):
    [payload] = asyncio.run(collect(make_trigger(make_client(), job_id="job-9")))
    assert payload == {"outcome": "error", "job_id": "job-9", "message": "no job job-9", "retryable": False}


def test_the_deadline_is_absolute(make_client):
    client = make_client([JobStatus.RUNNING])
    started = time.monotonic()
    trigger = make_trigger(client, poll_interval=30, deadline=time.time() + 0.1)
    [payload] = asyncio.run(collect(trigger))
    assert payload["outcome"] == "timeout"
    assert time.monotonic() - started < 5
    assert client.cancelled == []

    [payload] = asyncio.run(collect(make_trigger(client, deadline=time.time() - 60)))
    assert payload["outcome"] == "timeout"


def test_a_job_that_ended_before_the_deadline_was_seen_is_no_timeout(make_client):
    client = make_client([])
    trigger = make_trigger(client, deadline=time.time() - 60)
    client._move(JobId("job-1"), JobStatus.RUNNING)
    client._move(JobId("job-1"), JobStatus.SUCCESS)
    [payload] = asyncio.run(collect(trigger))
    assert payload["outcome"] == "ended"


def test_kill_cancels_and_cleanup_does_not(make_client):
    client = make_client([JobStatus.RUNNING])
    trigger = make_trigger(client)
    asyncio.run(trigger.cleanup())
    assert (client.cancelled, client.closed) == ([], 1)

    trigger.hook = SqlFlowHook(client=client)
    asyncio.run(trigger.on_kill())
    assert client.cancelled == ["job-1"]


def test_kill_leaves_the_job_alone_when_told_so(make_client):
    client = make_client([JobStatus.RUNNING])
    asyncio.run(make_trigger(client, cancel_on_kill=False).on_kill())
    assert client.cancelled == []


def test_never_blocks_the_event_loop(tmp_path, monkeypatch):
    """The real client over a store that takes half a second to answer."""
    monkeypatch.setenv("AIRFLOW__SQLFLOW__STORE_URL", f"sqlite:///{tmp_path / 'jobs.db'}")
    job = SqlFlowHook().submit_job(REQUEST)

    class SlowHook(SqlFlowHook):
        def get_conn(self):
            client = super().get_conn()
            quick = client.get_job

            def slow(job_id):
                time.sleep(0.5)
                return quick(job_id)

            client.get_job = slow
            return client

        async def aget_conn(self):
            return await asyncio.to_thread(self.get_conn)

    async def run():
        trigger = SqlFlowJobTrigger(job_id=str(job.id), poll_interval=0.05)
        trigger.hook = SlowHook()
        gaps = []

        async def tick():
            while True:
                started = time.monotonic()
                await asyncio.sleep(0.02)
                gaps.append(time.monotonic() - started)

        ticker = asyncio.create_task(tick())
        events = await collect(trigger)
        ticker.cancel()
        await trigger.cleanup()
        return events, gaps

    events, gaps = asyncio.run(run())
    assert events[0]["outcome"] == "ended"
    assert len(gaps) >= 10
    assert max(gaps) < 0.2
