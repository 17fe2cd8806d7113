"""The operations on jobs of a SQLFlow service, as coroutines for the I/O loop.

Facts: reference sqlflow-api, section 5. A job id is always sent: without one the operations mean the
account's latest job, which is a race.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

from airflow_provider_sqlflow.client.http.answers import Envelope, failure
from airflow_provider_sqlflow.client.http.calls import Call, Part
from airflow_provider_sqlflow.client.http.job_objects import (
    read_job,
    read_runs,
    status_of,
    zone_of,
)
from airflow_provider_sqlflow.client.http.marker import tag_word
from airflow_provider_sqlflow.client.http.parameters import schedule_fields, vendor
from airflow_provider_sqlflow.client.http.session import Session, acquire, release
from airflow_provider_sqlflow.client.http.settings import HttpSettings
from airflow_provider_sqlflow.errors import (
    ConfigError,
    EmptyAnswerError,
    JobNotFoundError,
    JobTransitionError,
    NotSupportedError,
    RemoteError,
    RemoteUnavailableError,
    UnexpectedAnswerError,
)
from airflow_provider_sqlflow.jobs.model import (
    Job,
    JobFilter,
    JobId,
    JobKind,
    JobPage,
    JobRun,
    JobStatus,
    Schedule,
    SyntaxProblem,
    TextSource,
)

JobObject = Mapping[str, Any]
Parts = Callable[[ExitStack], list[Part]]

_SUBMIT_ATTEMPTS = 3
_JOBS = "/sqlflow/job"
SYNTAX_PATH = "/demo/syntax/check"
_POSITION = re.compile(r"\(\s*(\d+)\s*,\s*(\d+)\s*\)")
_log = logging.getLogger(__name__)


class RemoteJobs:
    """Jobs of one account. Every coroutine runs on the I/O loop; errors are those of ``Session.send``."""

    def __init__(self, settings: HttpSettings) -> None:
        self.settings = settings
        self._zone = zone_of(settings.timezone)
        self._session: Session | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def is_open(self) -> bool:
        """Whether there is a session to give back."""
        return self._session is not None

    async def send(self, call: Call) -> Envelope:
        """Carry out any call."""
        loop = asyncio.get_running_loop()
        if self._session is None or self._loop is not loop:  # a forked process has another loop
            self._session, self._loop = acquire(self.settings), loop
        return await self._session.send(call)

    async def close(self) -> None:
        """Give the session back; a later call takes one again."""
        is_ours = self._session is not None and self._loop is asyncio.get_running_loop()
        self._session = None
        if is_ours:
            await release(self.settings)

    # -- looking up

    async def get(self, job_id: JobId) -> Job:
        """One job."""
        return self._job(await self.job_object(job_id), job_id)

    async def job_object(self, job_id: JobId) -> JobObject:
        """The service's own object of a job."""
        if not job_id:
            raise JobNotFoundError("no job has an empty id")
        call = Call(f"{_JOBS}/displayUserJobSummary", {"jobId": job_id}, needs_data=True)
        return (await self._of_job(call, job_id)).object()

    async def page(self, where: JobFilter, limit: int, offset: int) -> JobPage:
        """Jobs that match, newest first. The service lists all; what matches is found out here."""
        if limit < 0 or offset < 0:
            raise ConfigError(f"limit={limit} and offset={offset} must not be negative")
        found = [item for item in await self._all_objects() if _may_match(item, where)]
        if where.name or where.tag or where.created_from or where.created_to or where.owner:
            found = await self._completed(found)
        jobs = [self._job(item) for item in found]
        matching = [(job, item) for job, item in zip(jobs, found, strict=True) if _matches(job, where)]
        matching.sort(key=lambda pair: pair[0].created_at, reverse=True)
        page = await self._completed([item for _, item in matching[offset : offset + limit]])
        return JobPage(tuple(map(self._job, page)), len(matching))

    async def runs(self, job_id: JobId) -> tuple[JobRun, ...]:
        """The batches of a job, newest first."""
        return read_runs(await self.job_object(job_id), self._zone)

    async def count(self) -> int:
        """How many jobs the account has."""
        return len(await self._all_objects())

    # -- submitting

    async def submit(self, fields: Mapping[str, str], parts: Parts, *, is_findable: bool) -> Job:
        """Create a job.

        Args:
            fields: its parameters.
            parts: opens its files.
            is_findable: whether the job's name is one of its own, by which an earlier submit of the same
                job is found. Without it, an attempt whose answer was lost is not repeated.
        """
        call = Call(f"{_JOBS}/submitUserJob", fields, parts, is_repeatable=False, needs_data=True)
        if not is_findable:
            return self._job((await self.send(call)).object())
        name = fields["jobName"]
        for attempt in range(1, _SUBMIT_ATTEMPTS + 1):
            found = await self._named(name)
            if found is not None:
                return self._job(found)
            try:
                return self._job((await self.send(call)).object())
            except RemoteUnavailableError as error:
                if attempt == _SUBMIT_ATTEMPTS:
                    raise
                _log.warning("The submit of job %s is in doubt, looking for it: %s", name, error)
        raise AssertionError("the last attempt returns or raises")

    async def submit_persist(self, fields: Mapping[str, str], parts: Parts) -> Job:
        """Create a persist job, or add a batch to it."""
        call = Call(f"{_JOBS}/submitPersistJob", fields, parts, is_repeatable=False, needs_data=True)
        job_id = fields.get("jobId")
        envelope = await (self._of_job(call, JobId(job_id)) if job_id else self.send(call))
        return self._job(envelope.object(), job_id)

    async def rerun(self, job_id: JobId) -> Job:
        """Run a job again."""
        found = await self.get(job_id)
        if found.status is JobStatus.DELETE or not found.status.is_terminal:
            raise JobTransitionError(f"job {job_id} is {found.status.value} and cannot run again")
        await self._of_job(Call(f"{_JOBS}/rerunJob", {"jobId": job_id}, is_repeatable=False), job_id)
        return await self.get(job_id)

    # -- ending

    async def cancel(self, job_id: JobId) -> Job:
        """Delete a simple job that has not ended: a service has no other way to stop one."""
        found = await self.get(job_id)
        if found.status.is_terminal:
            return found
        if found.kind is JobKind.PERSIST:
            raise NotSupportedError(
                f"a SQLFlow service stops a job only by deleting it, and persist job {job_id} would lose all "
                "its batches; delete it if that is meant"
            )
        return await self.delete(job_id)

    async def delete(self, job_id: JobId) -> Job:
        """Remove a job."""
        envelope = await self._of_job(Call(f"{_JOBS}/deleteUserJob", {"jobId": job_id}), job_id)
        if not isinstance(envelope.data, Mapping) or not envelope.data:
            return self._job({"jobId": job_id, "status": "delete"})
        return self._job({**envelope.data, "status": "delete"}, job_id)

    # -- schedules

    async def set_schedule(self, job_id: JobId, schedule: Schedule) -> Job:
        """Give a job another schedule."""
        fields = schedule_fields(schedule, self.settings.timezone)
        await self._schedule_call("updateScheduleJob", job_id, cronExpression=fields["cronExpression"])
        return await self.get(job_id)

    async def pause_schedule(self, job_id: JobId, *, is_paused: bool) -> Job:
        """Let a job's schedule rest, or go on."""
        await self._schedule_call("pauseScheduleJob" if is_paused else "resumeScheduleJob", job_id)
        return await self.get(job_id)

    async def list_scheduled(self) -> tuple[Job, ...]:
        """Jobs with a schedule, by id."""
        envelope = await self.send(Call(f"{_JOBS}/listScheduleJobs"))
        found = envelope.data
        if isinstance(found, Mapping):  # the shape is not documented: a list, or one below some name
            found = next((value for value in found.values() if isinstance(value, list)), [])
        objects = [item if isinstance(item, Mapping) else {"jobId": item} for item in found or ()]
        jobs = map(self._job, await self._completed(objects))
        return tuple(sorted(jobs, key=lambda job: job.id))

    # -- SQL

    async def check_syntax(self, source: TextSource, dialect: str) -> tuple[SyntaxProblem, ...]:
        """What the service's parser says against a text."""
        call = Call(SYNTAX_PATH, {"dbvendor": vendor(dialect), "sql": source.text}, may_refuse=True)
        envelope = await self.send(call)
        data = envelope.data if isinstance(envelope.data, Mapping) else {}
        infos = data.get("errorInfos")
        messages = [
            str(info.get("errorMessage") or "") if isinstance(info, Mapping) else str(info)
            for info in (infos if isinstance(infos, list) else ())
        ]
        if not envelope.is_ok and not messages:
            if "usedTime" not in data:  # it refuses the call, not the text
                raise failure(envelope)
            messages = [envelope.error or "the SQL is not valid"]
        problems = []
        for message in messages:
            place = _POSITION.search(message)
            line, column = map(int, place.groups()) if place else (0, 0)
            problems.append(SyntaxProblem(source.name, line, column, True, " ".join(message.split())))
        return tuple(problems)

    # -- steps

    def _job(self, found: JobObject, job_id: str | None = None) -> Job:
        return read_job(found if found.get("jobId") or not job_id else {**found, "jobId": job_id}, self._zone)

    async def _of_job(self, call: Call, job_id: JobId) -> Envelope:
        """A call about one job: errors name it."""
        try:
            return await self.send(call)
        except EmptyAnswerError as error:
            raise EmptyAnswerError(f"job {job_id}: {error}; perhaps there is no such job") from None
        except JobNotFoundError as error:
            raise JobNotFoundError(f"job {job_id}: {error}") from None
        except RemoteError as error:
            if error.status == 404 and type(error) is RemoteError:
                raise JobNotFoundError(f"no job {job_id}: {error}") from None
            raise

    async def _schedule_call(self, operation: str, job_id: JobId, **fields: str) -> None:
        await self._of_job(Call(f"{_JOBS}/{operation}", {"jobId": job_id, **fields}), job_id)

    async def _all_objects(self) -> list[JobObject]:
        envelope = await self.send(Call(f"{_JOBS}/displayUserJobsSummary"))
        data = envelope.data if isinstance(envelope.data, Mapping) else {}
        details = [item for item in data.get("jobDetails") or () if isinstance(item, Mapping)]
        known = {item.get("jobId") for item in details}
        return [*details, *({"jobId": job_id} for job_id in data.get("jobIds") or () if job_id not in known)]

    async def _completed(self, objects: Sequence[JobObject]) -> list[JobObject]:
        """The objects, those without a name looked up: lists of older jobs leave members out."""

        async def complete(item: JobObject) -> JobObject:
            return item if "jobName" in item else {**item, **await self.job_object(JobId(str(item["jobId"])))}

        return list(await asyncio.gather(*map(complete, objects)))

    async def _named(self, name: str) -> JobObject | None:
        """The job of exactly this name, if there is one that is not deleted."""
        call = Call(f"{_JOBS}/displayUserJobSummary", {"jobName": name}, may_refuse=True)
        try:
            envelope = await self.send(call)
        except EmptyAnswerError:
            return None
        if envelope.is_ok:
            candidates = [envelope.data] if isinstance(envelope.data, Mapping) else []
        elif envelope.code < 500:
            return None
        else:
            # What is said of an unknown name is not documented; the list says it for sure.
            candidates = await self._completed(await self._all_objects())
        for item in candidates:
            is_there = status_of(item.get("status")) is not JobStatus.DELETE
            if item.get("jobName") == name and item.get("jobId") and is_there:
                return item
        return None


def _may_match(item: JobObject, where: JobFilter) -> bool:
    if not item.get("jobId"):
        raise UnexpectedAnswerError("the SQLFlow service lists a job without id")
    return "status" not in item or not where.status or status_of(item["status"]) in where.status


def _matches(job: Job, where: JobFilter) -> bool:
    """Whether a job is asked for; tags compare as they stand in names."""
    return (
        (not where.status or job.status in where.status)
        and where.name.casefold() in job.name.casefold()
        and (not where.owner or job.owner == where.owner)
        and (not where.tag or tag_word(where.tag) in job.tags)
        and (not where.queue or job.queue == where.queue)
        and (where.created_from is None or job.created_at >= where.created_from)
        and (where.created_to is None or job.created_at <= where.created_to)
    )
