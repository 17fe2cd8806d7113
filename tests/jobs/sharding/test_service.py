"""A job shared between tasks gives what one process gives, byte for byte, whatever becomes of the tasks."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_provider_sqlflow.client.embedded import EmbeddedClient
from airflow_provider_sqlflow.errors import (
    JobError,
    JobFailedError,
    JobNotReadyError,
    StoreUnavailableError,
    UnreadableInputError,
)
from airflow_provider_sqlflow.jobs import analysis
from airflow_provider_sqlflow.jobs.model import AIRFLOW_QUEUE, Job, JobRequest, JobStatus, PathSource
from airflow_provider_sqlflow.jobs.service import utc_now
from airflow_provider_sqlflow.jobs.sharding import shard
from airflow_provider_sqlflow.jobs.sharding.grouping import ShardStage
from airflow_provider_sqlflow.jobs.sharding.service import MergeSummary, ShardedJobs
from airflow_provider_sqlflow.jobs.sharding.shard import ShardSummary
from airflow_provider_sqlflow.jobs.store.sql import SqlJobStore
from airflow_provider_sqlflow.settings import Settings
from tests.jobs.factories import make_request

DEMO = Path(__file__).parents[3] / "dags" / "sql"


class Shared:
    """A job of one store, and the tasks that share it."""

    def __init__(self, url: str, request: JobRequest, **values: int) -> None:
        self.settings = Settings(store_url=url, **values)
        self.store = SqlJobStore(url)
        self.client = EmbeddedClient(self.settings)
        self.sharding = ShardedJobs(self.store, self.settings, utc_now)
        self.job = self.client.submit_job(request)

    def run_stage(self, stage: ShardStage, count: int) -> list[ShardSummary]:
        return [self.sharding.analyze(self.job.id, stage, number) for number in range(count)]

    def run(self, shards: int) -> MergeSummary:
        count = self.sharding.plan(self.job.id, shards).shards.count
        for stage in ShardStage:
            self.run_stage(stage, count)
        return self.sharding.merge(self.job.id)

    def found(self, job: Job) -> tuple[object, ...]:
        return (
            list(self.store.iter_results(job.id)),
            list(self.store.iter_texts(job.id)),
            self.store.list_files(job.id),
            job.status,
            job.counts,
        )

    def close(self) -> None:
        self.client.close()
        self.store.close()


@pytest.fixture
def analysed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that the engine analyses."""
    names: list[str] = []
    read = analysis.FileAnalyzer.read

    def watched(analyzer: analysis.FileAnalyzer, task: analysis.FileTask):
        names.append(task.file.name)
        return read(analyzer, task)

    monkeypatch.setattr(analysis.FileAnalyzer, "read", watched)
    return names


@pytest.fixture
def share(store_url: str):
    """Submits a job to be shared; closes it at the end."""
    opened: list[Shared] = []

    def open_shared(request: JobRequest, **values: int) -> Shared:
        opened.append(Shared(store_url, request, **values))
        return opened[-1]

    yield open_shared
    for shared in opened:
        shared.close()


@pytest.fixture
def run_inline(tmp_path: Path, empty_sqlite: Path) -> Callable[[JobRequest], tuple[object, ...]]:
    """What one process finds, in a store of its own."""

    def run(request: JobRequest) -> tuple[object, ...]:
        url = f"sqlite:///{shutil.copy(empty_sqlite, tmp_path / 'inline.db')}"
        client, store = EmbeddedClient(Settings(store_url=url)), SqlJobStore(url)
        job = client.submit_job(request)
        found = (
            list(store.iter_results(job.id)),
            list(store.iter_texts(job.id)),
            store.list_files(job.id),
            job.status,
            job.counts,
        )
        client.close()
        store.close()
        return found

    return run


def write(folder: Path, files: dict[str, str]) -> JobRequest:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    return make_request(sources=(PathSource(str(folder)),), dialect="postgres")


def shared(request: JobRequest) -> JobRequest:
    from dataclasses import replace

    return replace(request, queue=AIRFLOW_QUEUE)


CHAINS = {
    f"{chain}_{name}.sql": text.format(chain=chain)
    for chain in range(3)
    for name, text in {
        "1_report": "INSERT INTO report_{chain} SELECT * FROM totals_{chain}",
        "2_totals": "CREATE VIEW totals_{chain} AS SELECT *, amount * 2 AS twice FROM big_{chain}",
        "3_big": "CREATE VIEW big_{chain} AS SELECT * FROM orders_{chain} WHERE amount > 10",
        "4_orders": "CREATE TABLE orders_{chain} (id INT, amount INT, note_{chain} TEXT)",
    }.items()
}


@pytest.fixture
def chains(tmp_path: Path) -> JobRequest:
    """Stars that are known only through three other files each; the reading order is backwards."""
    return write(tmp_path / "chains", CHAINS)


def test_stars_through_files_of_other_shards(share, run_inline, chains, analysed):
    expected = run_inline(chains)
    analysed.clear()
    job = share(shared(chains))
    plan = job.sharding.plan(job.job.id, 2)
    assert [len(shard) for shard in plan.shards.declare] == [6, 3]
    declared = job.run_stage(ShardStage.DECLARE, 2)
    assert [(item.files, item.analyzed, item.foreign) for item in declared] == [(6, 6, 0), (3, 3, 0)]
    found = job.run_stage(ShardStage.ANALYZE, 2)
    assert [(item.files, item.analyzed, item.foreign) for item in found] == [(2, 2, 0), (1, 1, 0)]
    assert sorted(analysed) == sorted(CHAINS), "each file once"
    merged = job.sharding.merge(job.job.id)
    assert (merged.analyzed, len(analysed)) == (0, 12), "the merge found everything"
    assert job.found(merged.job) == expected
    assert '"note_2"' in expected[0][8]


def test_submitting_leaves_the_job_to_the_tasks(share, chains):
    job = share(shared(chains))
    assert job.job.status is JobStatus.CREATE
    job.sharding.plan(job.job.id, 2)
    planned = job.client.get_job(job.job.id)
    assert (planned.status, planned.counts.files_total) == (JobStatus.CREATE, 12)
    assert planned.begin_at is not None
    assert [file.path for file in job.store.list_files(job.job.id)] == sorted(CHAINS)


def test_nobody_would_run_the_job_again_but_its_dag(share, chains):
    job = share(shared(chains))
    job.sharding.plan(job.job.id, 2)
    job.sharding.merge(job.job.id)
    with pytest.raises(JobError, match="run that Dag again"):
        job.client.rerun_job(job.job.id)
    assert job.client.get_job(job.job.id).status is JobStatus.SUCCESS


def test_the_demo_warehouse(share, run_inline):
    for dialect in ("bigquery", "postgres", "snowflake"):
        request = make_request(name=dialect, sources=(PathSource(str(DEMO / dialect)),), dialect=dialect)
        job = share(shared(request))
        merged = job.run(3)
        assert merged.analyzed == 0
        assert job.found(merged.job) == run_inline(request)


def test_a_failed_shard_is_run_again_alone(share, chains, analysed, monkeypatch):
    job = share(shared(chains))
    job.sharding.plan(job.job.id, 3)
    read = analysis.FileAnalyzer.read
    broken = {"1_2_totals.sql"}

    def failing(analyzer: analysis.FileAnalyzer, task: analysis.FileTask):
        if task.file.name in broken:
            raise MemoryError("the machine is full")
        return read(analyzer, task)

    monkeypatch.setattr(analysis.FileAnalyzer, "read", failing)
    job.sharding.analyze(job.job.id, ShardStage.DECLARE, 0)
    with pytest.raises(MemoryError):
        job.sharding.analyze(job.job.id, ShardStage.DECLARE, 1)
    job.sharding.analyze(job.job.id, ShardStage.DECLARE, 2)
    analysed.clear()
    broken.clear()
    again = job.sharding.analyze(job.job.id, ShardStage.DECLARE, 1)
    assert analysed == ["1_2_totals.sql"], "what the first try kept is not analysed again"
    assert (again.files, again.analyzed) == (3, 1)
    job.run_stage(ShardStage.ANALYZE, 3)
    assert job.sharding.merge(job.job.id).analyzed == 0


def test_without_any_shard_the_result_is_the_same(share, run_inline, chains):
    job = share(shared(chains))
    job.sharding.plan(job.job.id, 2)
    job.run_stage(ShardStage.ANALYZE, 1)  # analyses what its files need as well
    merged = job.sharding.merge(job.job.id)
    assert merged.analyzed == 4
    assert job.found(merged.job) == run_inline(chains)


def test_a_source_that_changed_after_the_plan_is_seen_by_the_merge(share, run_inline, chains, tmp_path):
    job = share(shared(chains))
    count = job.sharding.plan(job.job.id, 2).shards.count
    job.run_stage(ShardStage.DECLARE, count)
    (tmp_path / "chains" / "0_4_orders.sql").write_text(
        "CREATE TABLE orders_0 (id INT, amount INT, late INT)"
    )
    job.run_stage(ShardStage.ANALYZE, count)
    merged = job.sharding.merge(job.job.id)
    assert merged.analyzed == 4, "the changed file and the chain behind it"
    assert job.found(merged.job) == run_inline(chains)


def test_cancelling_stops_a_shard_at_the_next_file(share, chains, analysed, monkeypatch):
    monkeypatch.setattr(shard, "CHECK_SECONDS", 0.0)
    job = share(shared(chains))
    job.sharding.plan(job.job.id, 1)
    read = analysis.FileAnalyzer.read

    def cancelling(analyzer: analysis.FileAnalyzer, task: analysis.FileTask):
        if task.file.name == "0_3_big.sql":
            job.client.cancel_job(job.job.id)
        return read(analyzer, task)

    monkeypatch.setattr(analysis.FileAnalyzer, "read", cancelling)
    with pytest.raises(JobFailedError, match="is cancel"):
        job.sharding.analyze(job.job.id, ShardStage.DECLARE, 0)
    assert analysed[-1] == "0_3_big.sql"
    for act in (
        lambda: job.sharding.analyze(job.job.id, ShardStage.ANALYZE, 0),
        lambda: job.sharding.merge(job.job.id),
        lambda: job.sharding.plan(job.job.id, 1),
    ):
        with pytest.raises(JobFailedError, match="is cancel"):
            act()


def test_what_has_ended_is_not_done_again(share, chains, analysed):
    job = share(shared(chains))
    merged = job.run(2)
    analysed.clear()
    assert job.sharding.analyze(job.job.id, ShardStage.DECLARE, 0) == ShardSummary()
    assert job.sharding.merge(job.job.id) == MergeSummary(merged.job, 0)
    assert analysed == []
    assert job.store.find_plan(job.job.id) is None, "the plan went with the end of the run"
    with pytest.raises(JobFailedError, match="success already"):
        job.sharding.plan(job.job.id, 2)


def test_a_shard_before_the_plan_and_one_beyond_it(share, chains):
    job = share(shared(chains))
    with pytest.raises(JobNotReadyError, match="not been planned"):
        job.sharding.analyze(job.job.id, ShardStage.DECLARE, 0)
    job.sharding.plan(job.job.id, 2)
    assert job.sharding.analyze(job.job.id, ShardStage.ANALYZE, 7) == ShardSummary()


def test_inputs_that_are_gone_fail_the_job(share, chains, tmp_path):
    job = share(shared(chains))
    shutil.rmtree(tmp_path / "chains")
    with pytest.raises(UnreadableInputError):
        job.sharding.plan(job.job.id, 2)
    ended = job.client.get_job(job.job.id)
    assert ended.status is JobStatus.FAIL
    assert "UnreadableInputError" in ended.error


def test_an_outage_in_the_merge_leaves_the_job_to_the_next_try(share, chains, monkeypatch):
    job = share(shared(chains))
    job.sharding.plan(job.job.id, 2)
    with monkeypatch.context() as patch:
        patch.setattr(
            job.store, "save_files", lambda *_: (_ for _ in ()).throw(StoreUnavailableError("gone"))
        )
        with pytest.raises(StoreUnavailableError):
            job.sharding.merge(job.job.id)
    assert job.client.get_job(job.job.id).status is JobStatus.CREATE
    assert job.sharding.merge(job.job.id).job.status is JobStatus.SUCCESS


def test_a_killed_planner_is_waited_for(share, chains):
    from datetime import timedelta

    job = share(shared(chains))
    now = utc_now()
    assert job.store.claim_job(job.job.id, "killed", now, now + timedelta(seconds=1.5)) is not None
    assert len(job.sharding.plan(job.job.id, 2).files) == 12
    assert utc_now() - now > timedelta(seconds=1.5)


@pytest.mark.slow
def test_a_thousand_files_in_four_shards(share, run_inline, tmp_path, analysed):
    files = {}
    for number in range(200):
        files[f"{number:03}_a.sql"] = f"CREATE TABLE base_{number} (id INT, c{number} INT)"
        files[f"{number:03}_b.sql"] = f"CREATE VIEW one_{number} AS SELECT * FROM base_{number}"
        for name in "cde":
            files[f"{number:03}_{name}.sql"] = f"INSERT INTO out_{name} SELECT * FROM one_{number}"
    request = write(tmp_path / "many", files)
    job = share(shared(request))
    plan = job.sharding.plan(job.job.id, 4)
    assert [len(shard) for shard in plan.shards.declare] == [100] * 4
    assert [len(shard) for shard in plan.shards.analyze] == [150] * 4
    for stage in ShardStage:
        assert {item.foreign for item in job.run_stage(stage, 4)} == {0}
    assert len(analysed) == 1000
    merged = job.sharding.merge(job.job.id)
    assert merged.analyzed == 0
    assert job.found(merged.job) == run_inline(request)


def test_processes_within_a_shard_change_nothing(share, run_inline, tmp_path):
    files = {f"{number:03}.sql": f"CREATE TABLE t{number} (a INT)" for number in range(110)}
    files |= {
        f"view_{number}.sql": f"CREATE VIEW v{number} AS SELECT * FROM t{number}" for number in range(110)
    }
    request = write(tmp_path / "wide", files)
    job = share(shared(request), processes=2)
    merged = job.run(1)
    assert merged.analyzed == 0
    assert job.found(merged.job) == run_inline(request)


NAMES = ("a", "b", "c", "d")
STATEMENTS = st.sampled_from(
    [
        *(f"CREATE TABLE {name} (x INT, y INT)" for name in NAMES),
        *(f"CREATE VIEW {one} AS SELECT * FROM {two}" for one in NAMES for two in NAMES if one != two),
        *(f"INSERT INTO t_{one} SELECT * FROM {one} JOIN {two} USING (y)" for one in NAMES for two in NAMES),
        "SELECT broken FROM FROM",
        "",
    ]
)
FILES = st.dictionaries(st.sampled_from([f"{n}.sql" for n in range(7)]), STATEMENTS, min_size=1, max_size=7)


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=FILES, count=st.integers(1, 4))
def test_random_programs(tmp_path_factory, empty_sqlite, files, count):
    root = tmp_path_factory.mktemp("random")
    request = write(root / "sql", files)

    def new_store(name: str) -> str:
        return f"sqlite:///{shutil.copy(empty_sqlite, root / name)}"

    inline = Shared(new_store("inline.db"), request)
    job = Shared(new_store("shared.db"), shared(request))
    merged = job.run(count)
    assert merged.analyzed == 0
    assert job.found(merged.job) == inline.found(inline.job)
    inline.close()
    job.close()
