"""Load on ``sqlflow server``: clients that submit jobs, poll and export, all at once.

Prints ratios to one client alone, and the memory of the server and its processes by time. Stops with an error
if a request fails, a job is lost, ends twice or has a wrong result.

    python tests/benchmarks/bench_server.py --clients 50 --seconds 60 --workers 2
"""

from __future__ import annotations

import argparse
import asyncio
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil

sys.path.insert(0, str(Path(__file__).parents[2]))
from airflow_provider_sqlflow.jobs.model import JobId
from airflow_provider_sqlflow.jobs.store.sql import SqlJobStore
from tests.api.security.server import ENDED, PREFIX, RunningServer, running
from tests.postgres_server import running_postgres

HEADER = (
    "source_db,source_schema,source_table,source_column,target_db,target_schema,target_table,target_column,"
    "relation_type,effect_type"
)
POLL_SECONDS = 0.5
ALONE_SECONDS = 10
MEBIBYTE = 1024 * 1024


@dataclass
class Load:
    """What clients met.

    Attributes:
        seconds: how long they went on.
        submits: seconds that each submit took.
        polls: seconds that each look at a job took.
        whole: seconds from each submit to the checked result.
        jobs: ids of the jobs, by user.
        memory: mebibytes by second and kind of process.
    """

    seconds: float = 0
    submits: list[float] = field(default_factory=list)
    polls: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)
    jobs: dict[str, list[str]] = field(default_factory=dict)
    memory: dict[str, list[float]] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Jobs in a second."""
        return len(self.whole) / self.seconds


async def run_client(client: httpx.AsyncClient, user: dict[str, str], until: float, load: Load) -> None:
    """Submit, poll, export and check, again and again."""
    mine = load.jobs.setdefault(user["userId"], [])
    number = 0
    while time.monotonic() < until:
        name = f"{user['userId']}_{number}"
        number += 1
        begin = time.monotonic()
        sql = f"INSERT INTO to_{name} (a, b) SELECT x.a, y.b FROM from_{name} x JOIN other y ON x.id = y.id"
        data = {**user, "jobName": name, "dbvendor": "dbvpostgresql"}
        files = {"sqlfiles": (f"{name}.sql", sql.encode())}
        job = (await ask(client, "job/submitUserJob", load.submits, data=data, files=files)).json()["data"]
        assert job["status"] in ("create", "running"), job
        mine.append(job["jobId"])
        asked = {**user, "jobId": job["jobId"]}
        while job["status"] not in ENDED:
            await asyncio.sleep(POLL_SECONDS)
            job = (await ask(client, "job/displayUserJobSummary", load.polls, data=asked)).json()["data"]
        assert job["status"] == "success", job
        rows = (await ask(client, "job/exportLineageAsCsv", [], data=asked)).text.splitlines()
        assert rows[0] == HEADER, rows
        values = f",,from_{name},a,,,to_{name},a,fdd,insert"
        assert values in rows, (values, rows)
        assert sum(f"to_{name}," in row for row in rows[1:]) == len(rows) - 1, rows
        load.whole.append(time.monotonic() - begin)


async def ask(client: httpx.AsyncClient, operation: str, times: list[float], **more: Any) -> httpx.Response:
    """Call an operation; every answer must be a good one."""
    begin = time.monotonic()
    answer = await client.post(f"{PREFIX}/sqlflow/{operation}", **more)
    times.append(time.monotonic() - begin)
    assert answer.status_code == 200, (operation, answer.status_code, answer.text)
    return answer


async def measure(servers: list[RunningServer], users: list[dict[str, str]], seconds: float) -> Load:
    """Let a client for each user run for so long, and end what it began."""
    load = Load()
    begin = time.monotonic()
    watcher = asyncio.create_task(watch(servers, load))
    limits = httpx.Limits(max_connections=len(users), max_keepalive_connections=len(users))
    async with httpx.AsyncClient(timeout=120, limits=limits) as client:
        until = begin + seconds
        clients = [
            run_client(_At(client, servers[number % len(servers)].url), user, until, load)  # type: ignore[arg-type]
            for number, user in enumerate(users)
        ]
        await asyncio.gather(*clients)
    load.seconds = time.monotonic() - begin
    watcher.cancel()
    return load


@dataclass
class _At:
    """The one client, with the address of a server."""

    client: httpx.AsyncClient
    url: str

    async def post(self, path: str, **more: Any) -> httpx.Response:
        return await self.client.post(f"{self.url}{path}", **more)


async def watch(servers: list[RunningServer], load: Load) -> None:
    """Note the memory of the servers' processes each second."""
    while True:
        found: dict[str, float] = {}
        for server in servers:
            for process in server.tree():
                with suppress(psutil.Error):  # it ended just now
                    kind = _kind(server, process)
                    found[kind] = found.get(kind, 0) + process.memory_info().rss / MEBIBYTE
        for kind, size in found.items():
            load.memory.setdefault(kind, []).append(size)
        await asyncio.sleep(1)


def _kind(server: RunningServer, process: psutil.Process) -> str:
    if process.pid == server.process.pid:
        return "server"
    return "requests" if any("work_process" in word for word in process.cmdline()) else "jobs"


def check_store(store_url: str, *loads: Load) -> int:
    """Every job that was submitted is there once, and ended once; how many there are."""
    store = SqlJobStore(store_url)
    submitted = [job for load in loads for jobs in load.jobs.values() for job in jobs]
    assert len(submitted) == len(set(submitted)), "an id was given twice"
    for job in submitted:
        runs = store.list_runs(JobId(job))
        assert [run.number for run in runs] == [1], (job, runs)
        assert runs[0].status.value == "success", (job, runs)
    from airflow_provider_sqlflow.jobs.model import JobFilter

    kept = store.list_jobs(JobFilter(), 1, 0).total
    store.close()
    assert kept == len(submitted), f"{kept} jobs are kept, {len(submitted)} were submitted"
    return kept


def growth(sizes: list[float]) -> float:
    """Memory in the last quarter over that in the second: the first quarter warms up."""
    quarter = max(len(sizes) // 4, 1)
    return statistics.mean(sizes[-quarter:]) / statistics.mean(sizes[quarter : 2 * quarter] or sizes[-1:])


@contextmanager
def started(store_url: str, servers: int, workers: int) -> Iterator[list[RunningServer]]:
    """Servers on one store; the first has the workers."""
    with ExitStack() as stack:
        found = []
        for number in range(servers):
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sqlflow-bench-")))
            count = workers if number == 0 else 0
            server = running(folder, "--workers", str(count), store_url=store_url, worker_poll_seconds=1)
            found.append(stack.enter_context(server))
        yield found


def bench(store_url: str, clients: int, seconds: float, workers: int, servers: int) -> tuple[Load, Load]:
    """One client alone, then all of them."""
    with started(store_url, servers, workers) as running_servers:
        users = [running_servers[0].add_user(f"c{number}") for number in range(clients + 1)]
        alone = asyncio.run(measure(running_servers[:1], users[:1], min(seconds, ALONE_SECONDS)))
        together = asyncio.run(measure(running_servers, users[1:], seconds))
        for server in running_servers:
            assert server.is_alive()
            bad = re.findall("^.*(?:WARNING|ERROR|Traceback).*$", server.log.read_text(), re.MULTILINE)
            assert all("nobody has an account yet" in line for line in bad), bad
    check_store(store_url, alone, together)
    return alone, together


def report(alone: Load, together: Load, clients: int) -> str:
    """Ratios, and memory by time."""
    lines = [f"{'':24}{'1 client':>12}{f'{clients} clients':>12}{'ratio':>8}"]

    def line(name: str, one: float, many: float, unit: str) -> None:
        lines.append(f"{name:24}{one:>10.4g} {unit:1}{many:>10.4g} {unit:1}{many / one:>8.2f}")

    line("jobs in a second", alone.rate, together.rate, "")
    for name, times in (("submit", "submits"), ("look at a job", "polls"), ("submit to result", "whole")):
        one, many = getattr(alone, times), getattr(together, times)
        line(f"{name}, median", statistics.median(one), statistics.median(many), "s")
        line(f"{name}, 95 %", _high(one), _high(many), "s")
    lines.append(f"jobs: {len(together.whole)}, requests: {len(together.submits) * 2 + len(together.polls)}")
    for kind, sizes in together.memory.items():
        shown = " ".join(f"{size:.0f}" for size in sizes[:: max(len(sizes) // 12, 1)])
        lines.append(f"memory of {kind:9} {growth(sizes):.2f} x  MiB by time: {shown}")
    return "\n".join(lines)


def _high(times: list[float]) -> float:
    return sorted(times)[int(len(times) * 0.95)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--servers", type=int, default=1)
    given = parser.parse_args()
    with running_postgres() as host:
        store_url = f"postgresql://postgres@/postgres?host={host}"
        alone, together = bench(store_url, given.clients, given.seconds, given.workers, given.servers)
    print(report(alone, together, given.clients))


if __name__ == "__main__":
    main()
