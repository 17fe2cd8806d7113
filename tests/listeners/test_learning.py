from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from airflow_provider_sqlflow import engine
from airflow_provider_sqlflow.jobs.model import JobKind, JobRequest, JobStatus, TextSource
from airflow_provider_sqlflow.jobs.runners.queued import QueuedRunner
from airflow_provider_sqlflow.jobs.service import JobService
from airflow_provider_sqlflow.jobs.store.sql import SqlJobStore
from airflow_provider_sqlflow.listeners.learning import learn
from airflow_provider_sqlflow.listeners.reading import read_sql
from airflow_provider_sqlflow.listeners.task_sql import TaskSql
from airflow_provider_sqlflow.settings import Settings

INSERT = "INSERT INTO daily SELECT * FROM orders"


@pytest.fixture
def settings(tmp_path):
    return Settings(home=str(tmp_path))


@pytest.fixture
def service(settings):
    store = SqlJobStore(settings.resolved_store_url(), 1)
    yield JobService(store, None, settings)
    store.close()


@pytest.fixture
def read(sqlite_hook, settings):
    return lambda text=INSERT: read_sql(TaskSql(sqlite_hook, "warehouse", text), "shop/load.sql", settings, 5)


@pytest.fixture
def instance(make_instance):
    return make_instance(SimpleNamespace(owner="analytics"))


def test_who_wrote_a_table_is_known(read, instance, settings, service):
    [job] = learn([read()], instance, settings)
    assert (job.status, job.name, job.owner) == (JobStatus.SUCCESS, "shop.load", "analytics")
    assert job.tags == ("captured", "captured:shop/load@warehouse")
    assert job.counts.column_edges == 2
    [found] = service.list_instances("daily").instances
    origin = found.run.origin
    assert (found.table, found.role.value) == ("main.daily", "write")
    assert (origin.dag_id, origin.run_id, origin.task_id, origin.try_number) == ("shop", "monday", "load", 1)


def test_nothing_is_analysed_again(read, instance, settings, monkeypatch):
    reading = read()
    for name in ("read_script", "analyze", "iter_scripts"):
        monkeypatch.setattr(engine, name, None)
    assert learn([reading], instance, settings)[0].status is JobStatus.SUCCESS


def test_the_same_task_again_is_another_run_of_its_job(read, instance, settings, service):
    learn([read()], instance, settings)
    learn([read()], replace(instance, run_id="tuesday"), settings)
    [job] = service.list(engine_filter()).jobs
    assert [run.origin.run_id for run in service.list_runs(job.id)] == ["tuesday", "monday"]
    assert service.list_instances("daily").total == 2


def test_other_sql_of_the_task_replaces_what_it_did_before(read, instance, settings, service):
    learn([read()], instance, settings)
    [job] = learn([read("DELETE FROM orders")], replace(instance, run_id="tuesday"), settings)
    assert job.run == 2
    assert [item.run.origin.run_id for item in service.list_instances("daily").instances] == ["monday"]
    assert len(service.list_files(job.id)) == 1


def test_mapped_tasks_have_jobs_of_their_own(read, instance, settings, service):
    for index in range(2):
        learn([read()], replace(instance, map_index=index), settings)
    assert sorted(job.tags[1] for job in service.list(engine_filter()).jobs) == [
        "captured:shop/load/0@warehouse",
        "captured:shop/load/1@warehouse",
    ]


def test_a_run_beside_another_of_the_same_task_is_not_lost(read, instance, settings, service, monkeypatch):
    from airflow_provider_sqlflow.errors import JobTransitionError

    learn([read()], instance, settings)
    submit_persist = JobService.submit_persist

    def busy(self, request, job_id=None, **options):
        if job_id is not None:
            raise JobTransitionError("it runs")
        return submit_persist(self, request, job_id, **options)

    monkeypatch.setattr(JobService, "submit_persist", busy)
    learn([read()], replace(instance, run_id="tuesday"), settings)
    assert service.list_instances("daily").total == 2
    assert service.count() == 2


def engine_filter():
    from airflow_provider_sqlflow.jobs.model import JobFilter

    return JobFilter(tag="captured")


def test_a_deleted_job_is_followed_by_one_new_job(read, instance, settings, service):
    [gone] = learn([read()], instance, settings)
    service.delete(gone.id)
    for day in ("tuesday", "wednesday"):
        [job] = learn([read()], replace(instance, run_id=day), settings)
    assert (job.kind, job.run) == (JobKind.PERSIST, 2)


def test_a_job_behind_many_of_its_tag_is_found(read, instance, settings, service):
    [first] = learn([read()], instance, settings)
    waiting = JobService(service._store, QueuedRunner(), settings)
    for _ in range(60):  # runs beside others are kept as jobs of their own
        waiting.submit(JobRequest("shop.load", "sqlite", (TextSource("a", "select 1"),), tags=first.tags))
    [job] = learn([read()], replace(instance, run_id="tuesday"), settings)
    assert (job.id, job.run) == (first.id, 2)
