"""Jobs and their runs as the store keeps them: submitted, queued again, scheduled, ended from outside."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import pytest
from sqlalchemy.exc import IntegrityError

from airflow_provider_sqlflow.errors import (
    JobConflictError,
    JobNotFoundError,
    JobTransitionError,
    LeaseLostError,
)
from airflow_provider_sqlflow.formats.options import ExportOptions, ResultSets
from airflow_provider_sqlflow.jobs.model import (
    TRANSITIONS,
    JobCounts,
    JobFilter,
    JobId,
    JobKind,
    JobStatus,
    Schedule,
    TaskOrigin,
)
from airflow_provider_sqlflow.jobs.store.base import Claim, JobStore
from tests.jobs.factories import (
    LATER,
    START,
    add_job,
    claim_job,
    make_job,
    make_request,
    make_saved,
    run_job,
)

J1 = JobId("j1")
STORED = [status for status in JobStatus if status is not JobStatus.UNKNOWN]
NOBODY = Claim(make_job(), make_request(), "nobody", "no token")


def in_threads(number: int, work: Callable[[int], None]) -> None:
    ready = threading.Barrier(number)

    def start(index: int) -> None:
        ready.wait()
        work(index)

    threads = [threading.Thread(target=start, args=(index,)) for index in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


# -- what is kept


def test_job_comes_back_as_it_was_kept(store: JobStore) -> None:
    job = make_job(
        owner="ann",
        tags=("z", "a"),
        name="Nächtlich 😀",
        kind=JobKind.PERSIST,
        queue="big",
        schedule=Schedule("0 1 * * *", "Europe/Berlin", is_paused=True),
    )
    assert store.create_job(job, make_request(), "digest") == job
    assert store.get_job(job.id) == job


def test_request_comes_back_as_it_was_kept(store: JobStore) -> None:
    request = make_request(
        catalog={"db.s.t": ("a", "B")},
        tags=("x",),
        default_schema="s",
        idempotency_key="k",
        queue="big",
        options=ExportOptions(joins=True, result_sets=ResultSets.ALL, delimiter=";"),
        origin=TaskOrigin("dag", "run", "task", 3, 2),
    )
    store.create_job(make_job(), request, "digest")
    assert store.get_request(J1) == request


def test_text_that_databases_cannot_hold_is_kept_as_near_as_it_can_be(store: JobStore) -> None:
    kept = store.create_job(make_job(name="a\0b\ud800", tags=("\0",)), make_request(), "digest")
    assert (kept.name, kept.tags) == ("a\N{REPLACEMENT CHARACTER}b?", ("\N{REPLACEMENT CHARACTER}",))
    assert store.fail_job(J1, LATER, "no \0").error == "no \N{REPLACEMENT CHARACTER}"


def test_times_of_other_zones_come_back_as_utc(store: JobStore) -> None:
    elsewhere = START.astimezone(timezone(timedelta(hours=5, minutes=30)))
    created_at = add_job(store, created_at=elsewhere).created_at
    assert (created_at, created_at.utcoffset()) == (START, timedelta(0))


def test_time_without_a_zone_is_refused(store: JobStore) -> None:
    with pytest.raises(Exception, match="has no time zone"):
        add_job(store, created_at=datetime(2026, 1, 1))  # noqa: DTZ001


def test_tags_given_twice_are_one(store: JobStore) -> None:
    assert add_job(store, tags=("a", "b", "a")).tags == ("a", "b")


def test_id_in_use_is_an_error_not_another_job(store: JobStore) -> None:
    add_job(store)
    with pytest.raises(IntegrityError):
        add_job(store, name="other", key="k")
    assert store.get_job(J1).name == "nightly"


def test_unknown_job(store: JobStore) -> None:
    unknown = JobId("nope")
    calls: list[Callable[[], object]] = [
        lambda: store.get_job(unknown),
        lambda: store.get_request(unknown),
        lambda: store.create_run(unknown, make_request(), "digest", START, True),
        lambda: store.set_schedule(unknown, None),
        lambda: store.claim_job(unknown, "w", START, LATER),
        lambda: store.cancel_job(unknown, START),
        lambda: store.fail_job(unknown, START, "x"),
        lambda: store.delete_job(unknown, START),
    ]
    for call in calls:
        with pytest.raises(JobNotFoundError, match="job nope"):
            call()
    assert (store.list_files(unknown), store.list_runs(unknown)) == ((), ())
    assert list(store.iter_results(unknown)) == list(store.iter_texts(unknown)) == []


# -- statuses


def bring(store: JobStore, status: JobStatus) -> Claim:
    """A job of that status, and the claim it had or has."""
    add_job(store, kind=JobKind.PERSIST)
    if status is JobStatus.CREATE:
        return NOBODY
    claim = claim_job(store)
    if status is JobStatus.DELETE:
        store.delete_job(J1, START)
    elif status is not JobStatus.RUNNING:
        store.finish_run(claim, status, START, JobCounts(), "as told" if status is JobStatus.FAIL else "")
    return claim


def move(store: JobStore, claim: Claim, status: JobStatus) -> None:
    """Ask for a status in every way there is."""
    if status is JobStatus.CREATE:
        store.release_claim(claim)
        if store.get_job(J1).status is not JobStatus.CREATE:
            store.create_run(J1, make_request(), "digest", LATER, True)
    elif status is JobStatus.RUNNING:
        if store.claim_job(J1, "w2", START, LATER) is None:
            raise JobTransitionError("nothing to claim")
    elif status is JobStatus.DELETE:
        store.delete_job(J1, LATER)
    elif status is JobStatus.CANCEL:
        store.cancel_job(J1, LATER)
    elif status is JobStatus.FAIL:
        store.fail_job(J1, LATER, "told to")
    else:
        store.finish_run(claim, status, LATER, JobCounts())


@pytest.mark.parametrize(("before", "after"), list(itertools.product(STORED, STORED)))
def test_statuses_change_as_the_table_says(store: JobStore, before: JobStatus, after: JobStatus) -> None:
    claim = bring(store, before)
    job, runs = store.get_job(J1), store.list_runs(J1)
    if before is after is JobStatus.CREATE:
        with pytest.raises(JobTransitionError):
            store.create_run(J1, make_request(), "digest", LATER, True)
    elif after in TRANSITIONS[before]:
        move(store, claim, after)
        is_history = after is JobStatus.DELETE and before.is_terminal  # how the run ended stays true
        assert store.get_job(J1).status is after
        assert store.list_runs(J1)[0].status is (before if is_history else after)
        return
    else:
        with pytest.raises((JobTransitionError, LeaseLostError)):
            move(store, claim, after)
    assert (store.get_job(J1), store.list_runs(J1)) == (job, runs)


def test_ends_that_are_refused_say_why(store: JobStore) -> None:
    add_job(store)
    store.cancel_job(J1, START)
    with pytest.raises(JobTransitionError, match="job j1 is cancel and cannot become fail"):
        store.fail_job(J1, LATER, "x")
    with pytest.raises(JobTransitionError, match="cannot end as create"):
        store.finish_run(NOBODY, JobStatus.CREATE, LATER, JobCounts())


def test_cancel_and_fail_keep_when_and_why(store: JobStore) -> None:
    add_job(store)
    add_job(store, "j2")
    assert store.cancel_job(J1, LATER).end_at == LATER
    failed = store.fail_job(JobId("j2"), LATER, "nobody can run it")
    assert (failed.status, failed.end_at, failed.error) == (JobStatus.FAIL, LATER, "nobody can run it")
    (run,) = store.list_runs(JobId("j2"))
    assert (run.status, run.end_at, run.error) == (JobStatus.FAIL, LATER, "nobody can run it")


def test_two_that_end_a_job_at_once_do_not_both_win(store: JobStore) -> None:
    add_job(store)
    claim = claim_job(store)
    won: list[JobStatus] = []

    def end(number: int) -> None:
        try:
            if number % 2:
                won.append(store.cancel_job(J1, LATER).status)
            else:
                won.append(store.finish_run(claim, JobStatus.SUCCESS, LATER, JobCounts()).status)
        except (JobTransitionError, LeaseLostError):
            return

    in_threads(8, end)
    assert won == [store.get_job(J1).status]


# -- runs


def test_another_run_starts_afresh_and_keeps_the_last_result(store: JobStore) -> None:
    add_job(store, kind=JobKind.PERSIST, tags=("old",))
    first = run_job(store, files=[make_saved()])
    assert (first.run, first.result_run) == (1, 1)
    request = make_request(name="renamed", owner="bob", tags=("new",), queue="big", dialect="postgres")
    queued = store.create_run(J1, request, "digest 2", LATER, incremental=False)
    assert (queued.run, queued.result_run, queued.status) == (2, 1, JobStatus.CREATE)
    assert (queued.name, queued.owner, queued.tags, queued.queue) == ("renamed", "bob", ("new",), "big")
    assert (queued.begin_at, queued.end_at, queued.counts) == (None, None, JobCounts())
    assert (queued.incremental, queued.dialect, queued.created_at) == (False, "postgres", START)
    assert store.get_request(J1) == request
    assert store.list_files(J1) == ()
    assert [file.path for file in store.list_files(J1, 1)] == ["a.sql"]
    assert list(store.iter_results(J1)) == ["document of a.sql"]

    failed = run_job(store, files=[make_saved(document="worse")], status=JobStatus.FAIL)
    assert (failed.status, failed.result_run) == (JobStatus.FAIL, 1)
    assert list(store.iter_results(J1)) == ["document of a.sql"], "a run without a result changes nothing"

    store.create_run(J1, request, "digest 2", LATER, incremental=True)
    run_job(store, files=[make_saved(name="b.sql")], status=JobStatus.PARTIAL_SUCCESS)
    assert list(store.iter_results(J1)) == ["document of b.sql"]


def test_runs_are_listed_newest_first_with_who_asked(store: JobStore) -> None:
    origin = TaskOrigin("dag", "run", "task", 7, 2)
    store.create_job(make_job(), make_request(origin=origin), "digest")
    run_job(store, files=[make_saved()])
    store.create_run(J1, make_request(), "digest", LATER, incremental=False)
    second, first = store.list_runs(J1)
    assert (second.number, second.status, second.origin) == (2, JobStatus.CREATE, None)
    assert (second.created_at, second.incremental, second.begin_at) == (LATER, False, None)
    assert (first.number, first.status, first.origin) == (1, JobStatus.SUCCESS, origin)
    assert (first.begin_at, first.end_at, first.counts.files_done) == (START, LATER, 1)
    assert len({first.batch_id, second.batch_id}) == 2
    assert all(len(run.batch_id) == 32 for run in (first, second))


def test_run_that_builds_on_an_overtaken_one_is_refused(store: JobStore) -> None:
    add_job(store)
    run_job(store)
    store.create_run(J1, make_request(), "digest", LATER, True, after_run=1)
    run_job(store)
    with pytest.raises(JobTransitionError, match="given run 2 by someone else"):
        store.create_run(J1, make_request(), "digest", LATER, True, after_run=1)


def test_one_of_many_submits_at_once_queues_a_run(store: JobStore) -> None:
    add_job(store)
    run_job(store)
    refused: list[str] = []

    def submit(_number: int) -> None:
        try:
            store.create_run(J1, make_request(), "digest", LATER, True)
        except JobTransitionError as error:
            refused.append(str(error))

    in_threads(5, submit)
    assert len(refused) == 4
    assert store.get_job(J1).run == len(store.list_runs(J1)) == 2


# -- idempotency keys


def test_same_key_gives_the_first_job(store: JobStore) -> None:
    first = add_job(store, key="k")
    assert add_job(store, "j2", key="k") == first
    assert store.find_key("k") == ("j1", "digest")
    assert store.list_jobs(JobFilter(), 10, 0).total == 1


def test_same_key_with_another_digest_is_a_conflict(store: JobStore) -> None:
    add_job(store, key="k")
    with pytest.raises(JobConflictError, match="'k' belongs to job j1"):
        store.create_job(make_job("j2"), make_request(idempotency_key="k"), "other")


@pytest.mark.parametrize("end", [JobStatus.FAIL, JobStatus.CANCEL, JobStatus.DELETE])
def test_job_without_a_result_gives_its_key_up(store: JobStore, end: JobStatus) -> None:
    add_job(store, key="k")
    move(store, NOBODY, end)
    assert store.find_key("k") is None
    assert add_job(store, "j2", key="k").id == "j2"


@pytest.mark.parametrize("end", [JobStatus.FAIL, JobStatus.CANCEL])
def test_run_without_a_result_gives_its_key_up(store: JobStore, end: JobStatus) -> None:
    add_job(store, key="k")
    run_job(store, status=end)
    assert store.find_key("k") is None


def test_each_run_has_a_key_of_its_own(store: JobStore) -> None:
    add_job(store, key="k1")
    run_job(store)
    request = make_request(idempotency_key="k2")
    second = store.create_run(J1, request, "digest 2", LATER, True)
    assert store.create_run(J1, request, "digest 2", LATER, True) == second, "it has not even ended"
    run_job(store)
    again = store.create_run(J1, make_request(idempotency_key="k1"), "digest", LATER, True)
    assert again.run == 2, "an earlier run's key is still known"
    with pytest.raises(JobConflictError, match="'k1' belongs to job j1"):
        store.create_run(J1, make_request(idempotency_key="k1"), "digest 3", LATER, True)
    add_job(store, "j2")
    run_job(store, "j2")
    with pytest.raises(JobConflictError, match="'k1' belongs to job j1"):
        store.create_run(JobId("j2"), make_request(idempotency_key="k1"), "digest", LATER, True)


def test_one_key_submitted_by_many_at_once_is_one_job(store: JobStore) -> None:
    found: list[str] = []
    in_threads(6, lambda number: found.append(add_job(store, f"j{number}", key="k").id))
    assert len(found) == 6
    assert len(set(found)) == 1


# -- schedules


def test_a_job_is_pinned_until_it_is_not(store: JobStore) -> None:
    created = store.create_job(make_job(), make_request(), "digest")
    assert not created.on_top
    assert store.set_on_top(created.id, True).on_top
    assert store.get_job(created.id).on_top
    assert not store.set_on_top(created.id, False).on_top
    with pytest.raises(JobNotFoundError):
        store.set_on_top(JobId("none"), True)


def test_schedules_are_listed_by_id_until_they_are_removed(store: JobStore) -> None:
    for name in ("c", "a", "b", "d"):
        add_job(store, name, kind=JobKind.PERSIST)
    schedule = Schedule("0 1 * * *", "Asia/Tokyo")
    for name in ("c", "b", "a"):
        assert store.set_schedule(JobId(name), schedule).schedule == schedule
    paused = Schedule("5 1 * * *", is_paused=True)
    store.set_schedule(JobId("b"), paused)
    assert [(job.id, job.schedule) for job in store.list_scheduled()] == [
        ("a", schedule),
        ("b", paused),
        ("c", schedule),
    ]
    assert store.set_schedule(JobId("a"), None).schedule is None
    store.delete_job(JobId("b"), LATER)
    assert [job.id for job in store.list_scheduled()] == ["c"]
    with pytest.raises(JobTransitionError, match="deleted"):
        store.set_schedule(JobId("b"), schedule)


# -- delete


def test_delete_removes_input_and_results(store: JobStore) -> None:
    add_job(store, tags=("t",), key="k")
    run_job(store, files=[make_saved()])
    deleted = store.delete_job(J1, LATER + timedelta(hours=1))
    assert (deleted.status, deleted.end_at, deleted.tags) == (JobStatus.DELETE, LATER, ("t",))
    assert (store.list_files(J1), list(store.iter_results(J1)), list(store.iter_texts(J1))) == ((), [], [])
    with pytest.raises(JobNotFoundError, match="deleted"):
        store.get_request(J1)
    assert (store.count_jobs(), store.find_key("k")) == (0, None)
    assert store.find_results(["key of a.sql"]) == {}


def test_delete_leaves_what_other_jobs_use(store: JobStore) -> None:
    for job_id in ("j1", "j2"):
        add_job(store, job_id)
        run_job(store, job_id, files=[make_saved(), make_saved(1, f"{job_id}.sql", f"-- {job_id}")])
    store.delete_job(J1, LATER)
    assert list(store.iter_results(JobId("j2"))) == ["document of a.sql", "document of j2.sql"]
    assert list(store.iter_texts(JobId("j2"))) == [("a.sql", "SELECT 1"), ("j2.sql", "-- j2")]
    assert set(store.find_results(["key of a.sql", "key of j1.sql"])) == {"key of a.sql"}


def test_delete_of_a_running_job_ends_its_claim(store: JobStore) -> None:
    add_job(store)
    claim = claim_job(store)
    store.plan_files(claim, ["a.sql"], "inputs")
    assert store.delete_job(J1, LATER).end_at == LATER
    assert store.list_runs(J1)[0].status is JobStatus.DELETE
    with pytest.raises(LeaseLostError, match="it is delete now"):
        store.save_files(claim, [make_saved()], JobCounts())
    assert store.list_files(J1) == ()


ODD = "half a pair \udcff, NUL \0"
"""What a file name or an argument may hold, and neither database takes."""


def test_odd_signs_are_kept_in_a_form_in_which_they_are_found_again(store: JobStore) -> None:
    origin = TaskOrigin(ODD, ODD, ODD, -1, 1)
    kept = {"name": ODD, "owner": ODD, "tags": (ODD,), "queue": ODD}
    request = make_request(idempotency_key=ODD, origin=origin, **kept)
    store.create_job(make_job(ODD, **kept), request, "digest")
    assert store.find_key(ODD) == (store.get_job(JobId(ODD)).id, "digest")
    for where in (JobFilter(name=ODD), JobFilter(owner=ODD), JobFilter(tag=ODD), JobFilter(queue=ODD)):
        assert store.list_jobs(where, 10, 0).total == 1
    claim = store.claim_next([ODD], ODD, START, START + timedelta(seconds=60))
    assert claim is not None
    store.renew_claim(claim, START + timedelta(seconds=90), JobCounts(), ODD)
    assert store.get_job(JobId(ODD)).current_file.startswith("half a pair ?")


def test_schedule_that_is_paused_stays_what_it_is(store: JobStore) -> None:
    add_job(store, kind=JobKind.PERSIST, schedule=Schedule("0 1 * * *", "Europe/Berlin"))
    assert store.pause_schedule(J1, True).schedule == Schedule("0 1 * * *", "Europe/Berlin", is_paused=True)
    assert store.pause_schedule(J1, False).schedule == Schedule("0 1 * * *", "Europe/Berlin")
    store.set_schedule(J1, None)
    assert store.pause_schedule(J1, True).schedule is None
    with pytest.raises(JobNotFoundError):
        store.pause_schedule(JobId("none"), True)
