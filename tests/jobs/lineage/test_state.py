"""Which runs count: last whole ones, at a time, of some jobs; never those of deleted jobs."""

from __future__ import annotations

from datetime import timedelta

import pytest

from airflow_provider_sqlflow.errors import JobNotFoundError, JobNotReadyError, NameNotFoundError
from airflow_provider_sqlflow.jobs.lineage.model import Direction, LineageState
from airflow_provider_sqlflow.jobs.model import JobId, JobStatus


def sources(lineage, name: str, state: LineageState | None = None) -> set[str]:
    graph = lineage.closure(name, Direction.UPSTREAM, state=state or LineageState())
    return {str(edge.source) for edge in graph.edges}


def test_the_last_run_replaces_the_one_before(store, lineage):
    store.run("a", ["old.x -> t.x", "kept.y -> t.y"])
    store.run("a", ["new.x -> t.x", "kept.y -> t.y"])
    assert sources(lineage, "t") == {"new.x", "kept.y"}
    with pytest.raises(NameNotFoundError):
        lineage.closure("old.x", Direction.DOWNSTREAM)


def test_an_unchanged_file_counts_in_each_run(store, lineage):
    store.run("a", {"1.sql": ["s.x -> t.x"], "2.sql": ["s.y -> t.y"]})
    store.run("a", {"1.sql": ["s.x -> t.x"], "2.sql": ["s.z -> t.y"]})
    assert sources(lineage, "t") == {"s.x", "s.z"}


@pytest.mark.parametrize("status", [JobStatus.FAIL, JobStatus.CANCEL, JobStatus.RUNNING])
def test_a_run_without_a_result_changes_nothing(store, lineage, status):
    store.run("a", ["s.x -> t.x"])
    store.run("a", ["half.x -> t.x"], status=status)
    assert sources(lineage, "t.x") == {"s.x"}


def test_partial_success_counts(store, lineage):
    store.run("a", ["s.x -> t.x"], status=JobStatus.PARTIAL_SUCCESS)
    assert sources(lineage, "t.x") == {"s.x"}


def test_a_deleted_job_vanishes(store, lineage):
    store.run("a", ["s.x -> t.x"])
    store.run("b", ["u.x -> t.x"])
    store.delete("a")
    assert sources(lineage, "t.x") == {"u.x"}
    store.delete("b")
    with pytest.raises(NameNotFoundError):
        lineage.closure("t.x", Direction.UPSTREAM)


def test_a_result_that_a_live_job_shares_stays(store, lineage):
    store.run("a", {"f.sql": ["s.x -> t.x"]})
    store.run("b", {"f.sql": ["s.x -> t.x"]})
    store.delete("a")
    assert sources(lineage, "t.x") == {"s.x"}


def test_as_of_a_time(store, lineage):
    first = store.run("a", ["one.x -> t.x"])
    other = store.run("b", ["b.x -> t.x"])
    failed = store.run("a", ["broken.x -> t.x"], status=JobStatus.FAIL)
    last = store.run("a", ["two.x -> t.x"])
    seen = [sources(lineage, "t.x", LineageState(at=at)) for at in (first, other, failed, last)]
    assert seen == [{"one.x"}, {"one.x", "b.x"}, {"one.x", "b.x"}, {"two.x", "b.x"}]
    with pytest.raises(NameNotFoundError):
        lineage.closure("t.x", Direction.UPSTREAM, state=LineageState(at=first - timedelta(seconds=1)))


def test_as_of_a_run(store, lineage):
    store.run("a", ["one.x -> t.x"])
    end = store.run("a", ["two.x -> t.x"])
    store.run("a", ["three.x -> t.x"])
    assert lineage.end_of_run(JobId("a"), 2) == end
    assert sources(lineage, "t.x", LineageState(at=lineage.end_of_run(JobId("a"), 2))) == {"two.x"}
    for job_id, number in (("a", 4), ("none", 1)):
        with pytest.raises(JobNotFoundError):
            lineage.end_of_run(JobId(job_id), number)


def test_a_run_that_goes_on_has_no_end(store, lineage):
    from sqlalchemy import update

    from airflow_provider_sqlflow.jobs.store.tables import run

    store.run("a", ["one.x -> t.x"], status=JobStatus.RUNNING)
    with store.database.writing() as connection:
        connection.execute(update(run).values(end_at=None))
    with pytest.raises(JobNotReadyError):
        lineage.end_of_run(JobId("a"), 1)


def test_filters(store, lineage):
    store.run("a", ["a.x -> t.x"], owner="ann", tags=("nightly", "eu"))
    store.run("b", ["b.x -> t.x"], owner="bob", tags=("nightly",))
    store.run("c", ["c.x -> t.x"], owner="ann")
    states = {
        LineageState(owner="ann"): {"a.x", "c.x"},
        LineageState(tag="nightly"): {"a.x", "b.x"},
        LineageState(tag="nightly", owner="ann"): {"a.x"},
        LineageState(job_ids=(JobId("b"), JobId("c"))): {"b.x", "c.x"},
    }
    for state, wanted in states.items():
        assert sources(lineage, "t.x", state) == wanted
    with pytest.raises(NameNotFoundError):
        lineage.closure("t.x", Direction.UPSTREAM, state=LineageState(owner="nobody"))
