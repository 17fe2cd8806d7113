from __future__ import annotations

import httpx

from tests.api.golden.world import SAMPLE, World
from tests.api.server_process import RunningServer


def test_pinned_jobs_come_first_and_the_latest_is_by_time(running_server: RunningServer) -> None:
    with httpx.Client(timeout=60) as client:
        world = World(running_server, client)
        first, second, third = (
            world.submit("submitUserJob", {"a.sql": SAMPLE}, jobName=name)["jobId"] for name in "abc"
        )

        def listed() -> list[str]:
            found: list[str] = world.call("/sqlflow/job/displayUserJobsSummary")["data"]["jobIds"]
            return found

        assert listed() == [third, second, first]
        world.call("/sqlflow/job/setJobOnTop", jobId=first, onTop="true")
        assert listed() == [first, third, second]
        assert world.call("/sqlflow/job/displayUserJobSummary")["data"]["jobId"] == third
        world.call("/sqlflow/job/setJobOnTop", jobId=first, onTop="false")
        assert listed() == [third, second, first]
