"""A short load on two server processes over one PostgreSQL store; the long one is a benchmark."""

from __future__ import annotations

import pytest

from tests.benchmarks.bench_server import bench, growth, report

CLIENTS = 10


@pytest.mark.slow
@pytest.mark.postgres
def test_ten_clients_at_two_servers_lose_and_double_nothing(postgres_url):
    """``bench`` fails at the first answer or result that is not right, and where the store disagrees."""
    alone, together = bench(postgres_url, CLIENTS, seconds=8, workers=2, servers=2)
    assert len(together.jobs) == CLIENTS
    assert all(together.jobs.values()), "every client was served"
    assert len(together.whole) == sum(map(len, together.jobs.values()))
    assert together.rate > alone.rate / 2, report(alone, together, CLIENTS)
    assert set(together.memory) == {"server", "requests", "jobs"}
    assert growth(together.memory["server"]) < 1.3, together.memory
