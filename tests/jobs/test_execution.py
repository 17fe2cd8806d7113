"""Runs of a job: what is kept is used again, and the result is that of a full run, byte for byte."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_provider_sqlflow.jobs import analysis
from airflow_provider_sqlflow.jobs.execution import Execution
from airflow_provider_sqlflow.jobs.model import Job, JobId, JobKind, JobRequest, JobStatus, PathSource
from airflow_provider_sqlflow.jobs.store.sql import SqlJobStore
from airflow_provider_sqlflow.settings import Settings
from tests.jobs.factories import START, TickingClock, make_job, make_request

JOB = JobId("j1")
CLOCK = TickingClock()

WAREHOUSE = {
    "01_tables.sql": "CREATE TABLE orders (id INT, amount INT); CREATE TABLE items (id INT, order_id INT)",
    "02_view.sql": "CREATE VIEW big AS SELECT * FROM orders WHERE amount > 10",
    "03_report.sql": "CREATE TABLE report AS SELECT * FROM big",
    "04_other.sql": "INSERT INTO log SELECT id FROM items",
    "05_broken.sql": "SELECT FROM WHERE;\nINSERT INTO log SELECT order_id FROM items",
}


class Watched:
    """Notes which files the engine analyses."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.names: list[str] = []
        read = analysis.FileAnalyzer.read

        def watched(analyzer: analysis.FileAnalyzer, task: analysis.FileTask):
            self.names.append(task.file.name)
            return read(analyzer, task)

        monkeypatch.setattr(analysis.FileAnalyzer, "read", watched)

    def take(self) -> list[str]:
        names, self.names = sorted(self.names), []
        return names


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    return Watched(monkeypatch)


def write(folder: Path, files: dict[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.sql"):
        old.unlink()
    for name, text in files.items():
        (folder / name).write_text(text)


def run(store: SqlJobStore, request: JobRequest, *, incremental: bool = True, processes: int = 1) -> Job:
    """Create the job, or queue it again, and run it to its end."""
    if exists(store):
        store.create_run(JOB, request, "digest", CLOCK(), incremental)
    else:
        store.create_job(make_job(JOB, kind=JobKind.PERSIST, incremental=incremental), request, "digest")
    claim = store.claim_job(JOB, "worker", CLOCK(), CLOCK() + timedelta(hours=1))
    assert claim is not None
    execution = Execution(store, Settings(processes=processes), CLOCK)
    return execution.run(claim, lambda _counts, _name: None)


def exists(store: SqlJobStore) -> bool:
    from airflow_provider_sqlflow.errors import JobNotFoundError

    try:
        store.get_job(JOB)
    except JobNotFoundError:
        return False
    return True


def documents(store: SqlJobStore) -> list[str]:
    return list(store.iter_results(JOB))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "sql", WAREHOUSE)
    return tmp_path / "sql"


@pytest.fixture
def request_of_folder(folder: Path) -> JobRequest:
    return make_request(sources=(PathSource(str(folder)),), dialect="postgres")


def test_a_run_keeps_every_file_and_counts(store: SqlJobStore, request_of_folder: JobRequest):
    job = run(store, request_of_folder)
    assert job.status is JobStatus.PARTIAL_SUCCESS
    assert (job.counts.files_total, job.counts.files_done) == (5, 5)
    assert (job.counts.statements, job.counts.failed_statements) == (7, 1)
    assert job.counts.relations == 5, "orders, items, big, report, log: each once"
    files = store.list_files(JOB)
    assert [(file.path, file.status.value) for file in files][-1] == ("05_broken.sql", "partial_success")
    assert "05_broken.sql:1:" in files[-1].cause
    assert '"id"' in documents(store)[2], "the report's star is known through the view of another file"


def test_an_unchanged_run_analyses_nothing(
    store: SqlJobStore, request_of_folder: JobRequest, watched: Watched
):
    first = run(store, request_of_folder)
    before = documents(store)
    assert len(watched.take()) == 5
    again = run(store, request_of_folder)
    assert watched.take() == []
    assert (again.run, again.status, again.counts) == (2, first.status, first.counts)
    assert documents(store) == before


def test_a_change_reaches_the_files_that_depend_on_it_and_no_others(
    store: SqlJobStore, folder: Path, request_of_folder: JobRequest, watched: Watched
):
    run(store, request_of_folder)
    watched.take()
    tables = WAREHOUSE["01_tables.sql"].replace("amount INT", "amount INT, note TEXT")
    write(folder, WAREHOUSE | {"01_tables.sql": tables})
    run(store, request_of_folder)
    assert watched.take() == ["01_tables.sql", "02_view.sql", "03_report.sql"]
    assert '"note"' in documents(store)[2]


def test_a_change_without_consequence_stays_alone(
    store: SqlJobStore, folder: Path, request_of_folder: JobRequest, watched: Watched
):
    run(store, request_of_folder)
    watched.take()
    write(folder, WAREHOUSE | {"02_view.sql": WAREHOUSE["02_view.sql"] + " AND id > 0"})
    run(store, request_of_folder)
    assert watched.take() == ["02_view.sql"], "the view's columns are the same"


def test_a_full_run_analyses_everything(store: SqlJobStore, request_of_folder: JobRequest, watched: Watched):
    run(store, request_of_folder)
    before = documents(store)
    watched.take()
    run(store, request_of_folder, incremental=False)
    assert len(watched.take()) == 5
    assert documents(store) == before


def test_another_catalog_is_another_input(
    store: SqlJobStore, request_of_folder: JobRequest, watched: Watched
):
    run(store, request_of_folder)
    watched.take()
    known = replace(request_of_folder, catalog={"log": ("entry", "extra")})
    run(store, known)
    assert watched.take() == ["04_other.sql", "05_broken.sql"], "only these ask for the columns of log"


NAMES = ("a", "b", "c", "d")
STATEMENTS = st.sampled_from(
    [
        *(f"CREATE TABLE {name} (x INT, y INT)" for name in NAMES),
        *(f"CREATE TABLE {name} (y INT, z INT, w INT)" for name in NAMES),
        *(f"CREATE VIEW {one} AS SELECT * FROM {two}" for one in NAMES for two in NAMES if one != two),
        *(f"INSERT INTO t_{one} SELECT * FROM {one} JOIN {two} USING (y)" for one in NAMES for two in NAMES),
        "SELECT broken FROM FROM",
    ]
)
FILES = st.dictionaries(st.sampled_from([f"{n}.sql" for n in range(5)]), STATEMENTS, min_size=1, max_size=5)


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store's file without jobs: copying it is cheaper than making another one."""
    path = tmp_path_factory.mktemp("empty") / "empty.db"
    SqlJobStore(f"sqlite:///{path}").close()
    return path


@pytest.mark.slow
@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(states=st.lists(FILES, min_size=2, max_size=3))
def test_incremental_equals_full(
    tmp_path_factory: pytest.TempPathFactory, empty_store: Path, states: list[dict[str, str]]
):
    root = tmp_path_factory.mktemp("incremental")
    request = make_request(sources=(PathSource(str(root / "sql")),), dialect="postgres")

    def new_store(name: str) -> SqlJobStore:
        return SqlJobStore(f"sqlite:///{shutil.copy(empty_store, root / name)}")

    kept = new_store("kept.db")
    for number, files in enumerate(states):
        write(root / "sql", files)
        run(kept, request)
        fresh = new_store(f"fresh{number}.db")
        run(fresh, request)
        assert documents(kept) == documents(fresh)
        assert kept.list_files(JOB) == fresh.list_files(JOB)
        assert kept.get_job(JOB).counts == fresh.get_job(JOB).counts
        fresh.close()
    kept.close()


@pytest.fixture
def many(tmp_path: Path) -> Iterator[JobRequest]:
    """120 files, enough for two processes: chains of views over tables of other files."""
    files = {}
    for chain in range(12):
        files[f"{chain:02}_9.sql"] = f"CREATE TABLE base_{chain} (id INT, v{chain} INT)"
        for level in range(9):
            source = f"base_{chain}" if level == 0 else f"view_{chain}_{level - 1}"
            files[f"{chain:02}_{8 - level}.sql"] = (
                f"CREATE VIEW view_{chain}_{level} AS SELECT * FROM {source}"
            )
    write(tmp_path / "many", files)
    yield make_request(sources=(PathSource(str(tmp_path / "many")),), dialect="postgres")


def test_processes_change_no_byte(tmp_path: Path, many: JobRequest):
    results = []
    for processes in (1, 2):
        store = SqlJobStore(f"sqlite:///{tmp_path / f'{processes}.db'}")
        job = run(store, many, processes=processes)
        assert job.status is JobStatus.SUCCESS
        results.append((documents(store), store.list_files(JOB), job.counts))
        store.close()
    assert results[0] == results[1]
    assert '"v11"' in results[0][0][-2]


def test_a_lost_lease_changes_nothing_more(store: SqlJobStore, request_of_folder: JobRequest):
    from airflow_provider_sqlflow.errors import LeaseLostError

    store.create_job(make_job(JOB), request_of_folder, "digest")
    claim = store.claim_job(JOB, "slow", START, START + timedelta(seconds=1))
    assert claim is not None
    store.cancel_job(JOB, CLOCK())
    with pytest.raises(LeaseLostError):
        Execution(store, Settings(), CLOCK).run(claim, lambda _counts, _name: None)
    assert store.get_job(JOB).status is JobStatus.CANCEL
    assert documents(store) == []


def test_progress_is_told_file_by_file(store: SqlJobStore, request_of_folder: JobRequest):
    store.create_job(make_job(JOB), request_of_folder, "digest")
    claim = store.claim_job(JOB, "worker", START, START + timedelta(hours=1))
    assert claim is not None
    told: list[int] = []
    Execution(store, Settings(), CLOCK).run(claim, lambda counts, _name: told.append(counts.files_done))
    assert told == [0, 0, 0, 0, 0, 1, 2, 3, 4, 5], "while reading, then after each file"


def test_a_statement_that_took_too_long_is_tried_again(
    store: SqlJobStore, request_of_folder: JobRequest, watched: Watched, monkeypatch: pytest.MonkeyPatch
):
    ticks = iter(range(10**9))
    monkeypatch.setattr(analysis.time, "monotonic", lambda: 1000.0 * next(ticks))
    first = run(store, request_of_folder)
    assert any("seconds" in file.cause for file in store.list_files(JOB)), store.list_files(JOB)
    watched.take()
    monkeypatch.undo()
    again = run(store, request_of_folder)
    assert again.counts.failed_statements < first.counts.failed_statements
