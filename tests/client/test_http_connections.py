"""TLS, proxies, event loops, threads and forks."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from airflow_provider_sqlflow.client.http import io_loop
from airflow_provider_sqlflow.client.http.client import HttpClient
from airflow_provider_sqlflow.errors import RemoteUnavailableError, TlsError
from airflow_provider_sqlflow.jobs.model import JobId
from tests.client.fake_sqlflow import FakeSqlFlow, Handler, running
from tests.jobs.factories import make_request

MakeClient = Callable[..., HttpClient]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Key and certificate for 127.0.0.1 that nobody signed."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture
def secure(certificate: Path) -> Iterator[FakeSqlFlow]:
    with running(certificate=str(certificate)) as service:
        yield service


class TestTls:
    def test_a_certificate_that_is_not_trusted(self, secure: FakeSqlFlow, make_client: MakeClient) -> None:
        with pytest.raises(TlsError, match="CA file"):
            make_client(base_url=secure.url).ping()
        assert secure.requests == []

    def test_an_authority_of_ones_own(
        self, secure: FakeSqlFlow, make_client: MakeClient, certificate: Path
    ) -> None:
        assert "0 jobs" in make_client(base_url=secure.url, ca_file=str(certificate)).ping()

    def test_no_verification(self, secure: FakeSqlFlow, make_client: MakeClient) -> None:
        assert "0 jobs" in make_client(base_url=secure.url, verify=False).ping()

    def test_the_name_is_checked_too(
        self, secure: FakeSqlFlow, make_client: MakeClient, certificate: Path
    ) -> None:
        elsewhere = secure.url.replace("127.0.0.1", "localhost")
        with pytest.raises(TlsError, match="localhost"):
            make_client(base_url=elsewhere, ca_file=str(certificate)).ping()

    def test_a_service_without_tls(self, fake: FakeSqlFlow, make_client: MakeClient) -> None:
        with pytest.raises(TlsError, match="http:// before the host"):
            make_client(base_url=fake.url.replace("http:", "https:")).ping()


class TestProxy:
    def test_is_used(self, fake: FakeSqlFlow, make_client: MakeClient) -> None:
        """The fake is its own proxy: one gets whole addresses."""
        place = urlsplit(fake.url)
        client = make_client(
            base_url=f"http://lineage.test{place.path}", proxy=f"http://u:hidden@127.0.0.1:{place.port}"
        )
        client.ping()
        assert {seen.headers["Host"] for seen in fake.requests} == {"lineage.test"}

    def test_that_is_not_there(self, make_client: MakeClient) -> None:
        client = make_client(
            base_url="http://lineage.test/x", proxy="http://u:hidden@127.0.0.1:9", attempts=1
        )
        with pytest.raises(RemoteUnavailableError) as caught:
            client.ping()
        assert "hidden" not in str(caught.value)

    def test_comes_from_the_environment(
        self, fake: FakeSqlFlow, make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        place = urlsplit(fake.url)
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{place.port}")
        monkeypatch.setenv("NO_PROXY", "")
        make_client(base_url=f"http://lineage.test{place.path}", read_timeout=33).ping()
        assert fake.requests


class TestEventLoops:
    def test_a_caller_on_a_loop_never_blocks_it(self, fake: FakeSqlFlow, make_client: MakeClient) -> None:
        """The first call loads httpx, reads certificates and fetches a token; the answers are slow."""
        job = make_client().submit_job(make_request())
        fake.steps = ["running"] * 99

        def slowly(handler: Handler) -> None:
            time.sleep(0.3)
            handler.envelope(handler._object(handler.fake.jobs[job.id], look=False))

        fake.answer_first("displayUserJobSummary", *[slowly] * 4)

        async def look() -> float:
            client = make_client(read_timeout=41, deadline=30)  # settings of its own: nothing is open yet
            gaps: list[float] = []

            async def tick() -> None:
                last = time.monotonic()
                while True:
                    await asyncio.sleep(0.005)
                    now = time.monotonic()
                    gaps.append(now - last)
                    last = now

            ticker = asyncio.create_task(tick())
            await asyncio.gather(client.aget_job(job.id), client.aget_job(job.id))
            await client.acancel_job(job.id)
            ticker.cancel()
            assert len(gaps) > 20
            return max(gaps)

        assert asyncio.run(look()) < 0.15

    def test_one_client_serves_several_loops_and_threads(self, client: HttpClient) -> None:
        job = client.submit_job(make_request())
        assert asyncio.run(client.aget_job(job.id)).id == job.id
        assert asyncio.run(client.aget_job(job.id)).id == job.id
        found: list[str] = []
        threads = [threading.Thread(target=lambda: found.append(client.get_job(job.id).id)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == [job.id] * 8

    def test_a_cancelled_caller_ends_the_call(self, fake: FakeSqlFlow, client: HttpClient) -> None:
        client.ping()
        fake.answer_first("displayUserJobSummary", lambda _handler: time.sleep(1))

        async def look() -> None:
            await asyncio.wait_for(client.aget_job(JobId("j")), 0.1)

        started = time.monotonic()
        with pytest.raises(asyncio.TimeoutError):
            asyncio.run(look())
        assert time.monotonic() - started < 0.9
        assert "0 jobs" in client.ping()

    def test_many_clients_share_one_thread(self, make_client: MakeClient) -> None:
        for seconds in range(1, 9):
            make_client(read_timeout=seconds).ping()
        assert [thread.name for thread in threading.enumerate()].count("sqlflow-io") == 1

    @pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")  # that is what is tested
    def test_a_forked_process_has_connections_of_its_own(self, fake: FakeSqlFlow, client: HttpClient) -> None:
        """Airflow's supervisor forks its task processes."""
        client.ping()
        child = os.fork()
        if child == 0:
            try:
                status = 0 if "0 jobs" in client.ping() else 3
            except BaseException:
                status = 4
            os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert "0 jobs" in client.ping()

    def test_a_closed_client_leaves_no_connection(self, fake: FakeSqlFlow, make_client: MakeClient) -> None:
        client = make_client(read_timeout=17)
        client.ping()
        port = urlsplit(fake.url).port
        assert open_sockets(port)
        client.close()
        assert open_sockets(port) == 0


def open_sockets(port: int | None) -> int:
    """Connections of the I/O loop to a port."""

    async def count() -> int:
        import gc

        return sum(
            issubclass(type(item), asyncio.Transport)
            and not item.is_closing()
            and (item.get_extra_info("peername") or (0, 0))[1] == port
            for item in gc.get_objects()
        )

    return io_loop.run(count())
