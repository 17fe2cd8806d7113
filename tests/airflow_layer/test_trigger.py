from __future__ import annotations

import asyncio
import time
from datetime import datetime, timedelta, timezone

import pytest
from airflow.sdk.exceptions import AirflowNotFoundException
from airflow.sdk.module_loading import import_string
from airflow.sdk.serde import deserialize, serialize

from airflow_provider_sqlflow.errors import StoreUnavailableError
from airflow_provider_sqlflow.hooks.sqlflow import SqlFlowHook
from airflow_provider_sqlflow.jobs.model import JobId, JobRequest, JobRun, JobStatus, TableRole, TextSource
from airflow_provider_sqlflow.triggers.sqlflow import SqlFlowJobTrigger, SqlFlowTableLineageTrigger

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
        job_id="j",
        sqlflow_conn_id="c",
        poll_interval=2.5,
        deadline=1e9,
        max_errors=3,
        patience=7.0,
        cancel_on_kill=False,
        resume_at=2e9,
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
    [payload] = asyncio.run(collect(make_trigger(client, max_errors=4, patience=0)))
    assert payload["outcome"] == "ended"


def test_too_many_errors_in_a_row_end_the_wait(make_client):
    client = make_client()
    client.failures = [StoreUnavailableError("locked")] * 3
    [payload] = asyncio.run(collect(make_trigger(client, max_errors=3, patience=0)))
    assert payload == {"outcome": "error", "job_id": "job-1", "message": "locked", "retryable": True}


def test_many_errors_in_a_short_time_do_not_end_the_wait(make_client):
    client = make_client()
    client.failures = [StoreUnavailableError("down")] * 5
    [payload] = asyncio.run(collect(make_trigger(client, max_errors=2)))
    assert payload["outcome"] == "ended"
    assert client.failures == []


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


def test_pauses_grow_after_errors_up_to_a_minute(make_client):
    trigger = make_trigger(make_client(), poll_interval=10)
    assert [trigger._pause(errors) for errors in range(6)] == [10, 10, 20, 40, 60, 60]
    assert make_trigger(make_client(), poll_interval=90)._pause(5) == 90
    trigger = make_trigger(make_client(), poll_interval=10, deadline=time.time() + 3)
    assert 2 < trigger._pause(4) <= 3


class TestComingBack:
    """A job of the embedded engine may have been lost with its process: the task is asked to look."""

    def test_in_time(self, make_client):
        started = time.monotonic()
        trigger = make_trigger(
            make_client([JobStatus.RUNNING]), poll_interval=30, resume_at=time.time() + 0.1, deadline=2e9
        )
        [payload] = asyncio.run(collect(trigger))
        assert payload == {"outcome": "resume", "job_id": "job-1", "message": "running", "deadline": 2e9}
        assert time.monotonic() - started < 5

    def test_not_when_the_job_has_ended(self, make_client):
        trigger = make_trigger(make_client([JobStatus.RUNNING, JobStatus.SUCCESS]), resume_at=0)
        client = trigger.hook.get_conn()
        client.get_job(JobId("job-1"))
        [payload] = asyncio.run(collect(trigger))
        assert payload["outcome"] == "ended"

    def test_errors_do_not_make_it_spin(self, make_client):
        trigger = make_trigger(make_client(), poll_interval=10, resume_at=time.time() - 60)
        assert trigger._pause(2) == 20


class TestTableLineage:
    MOMENT = datetime(2026, 1, 2, 3, tzinfo=timezone.utc)

    def run_at(self, end_at):
        return JobRun(JobId("job-7"), 3, "b", JobStatus.SUCCESS, self.MOMENT, end_at=end_at)

    def trigger(self, client, **arguments):
        arguments = {
            "table": "s.t",
            "newer_than": self.MOMENT.isoformat(),
            "poll_interval": 0.01,
            **arguments,
        }
        trigger = SqlFlowTableLineageTrigger(**arguments)
        trigger.hook = SqlFlowHook(client=client)
        return trigger

    def test_survives_the_way_through_the_database(self):
        trigger = SqlFlowTableLineageTrigger(
            table="t",
            newer_than="2026-01-01T00:00:00+00:00",
            role="",
            poll_interval=2.5,
            deadline=1e9,
            max_errors=2,
            patience=7.0,
        )
        path, arguments = trigger.serialize()
        again = import_string(path)(**deserialize(serialize(arguments)))
        assert again.serialize() == (path, arguments)

    def test_waits_for_a_run_that_ended_later(self, make_client):
        client = make_client()
        later = self.MOMENT + timedelta(seconds=1)
        client.last_runs = [None, self.run_at(self.MOMENT), self.run_at(None), self.run_at(later)]
        [payload] = asyncio.run(collect(self.trigger(client)))
        assert payload == {
            "table": "s.t",
            "outcome": "ended",
            "message": "success",
            "job_id": "job-7",
            "run": 3,
            "end_at": later.isoformat(),
        }
        assert client.looked_for == [("s.t", TableRole.WRITE)] * 4

    def test_errors_deadline_and_either_role(self, make_client):
        client = make_client()
        client.failures = [StoreUnavailableError("locked")]
        trigger = self.trigger(client, deadline=time.time() + 0.1, role="")
        [payload] = asyncio.run(collect(trigger))
        assert (payload["outcome"], payload["table"]) == ("timeout", "s.t")
        assert set(client.looked_for) == {("s.t", None)}
        client.failures = [StoreUnavailableError("locked")] * 2
        [payload] = asyncio.run(collect(self.trigger(client, max_errors=2, patience=0)))
        assert (payload["outcome"], payload["retryable"]) == ("error", True)
