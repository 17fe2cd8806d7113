"""What a service does wrong, over real sockets: each has its own error, and says nothing secret."""

from __future__ import annotations

import logging
import pickle
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from airflow_provider_sqlflow import errors
from airflow_provider_sqlflow.client.http import bodies
from airflow_provider_sqlflow.client.http.client import HttpClient
from airflow_provider_sqlflow.errors import (
    AuthenticationError,
    DeadlineError,
    EmptyAnswerError,
    JobNotFoundError,
    JobNotReadyError,
    RedirectedError,
    RemoteError,
    RemoteUnavailableError,
    SqlFlowError,
    TruncatedAnswerError,
    UnexpectedAnswerError,
)
from airflow_provider_sqlflow.jobs.model import JobFilter, JobId, JobStatus
from tests.client.fake_sqlflow import (
    SECRET,
    Answer,
    FakeSqlFlow,
    carried_out_but_lost,
    cut_off,
    drip,
    hang_up,
    page,
    raw,
    refusal,
    running,
)
from tests.jobs.factories import make_request

SUMMARY = "displayUserJobSummary"
ID = JobId("0f" * 16)
MakeClient = Callable[..., HttpClient]


class TestAnswers:
    @pytest.mark.parametrize(
        ("answer", "error", "message"),
        [
            (page(), UnexpectedAnswerError, "a web page.*check host, port and base path"),
            (page(404), UnexpectedAnswerError, "a web page.*404"),
            (page(502), RemoteUnavailableError, "502"),
            (page(401), AuthenticationError, "401"),
            (raw(b"<xml/>"), UnexpectedAnswerError, "no JSON"),
            (raw(b"[1, 2]"), UnexpectedAnswerError, "no object"),
            (raw(b"\xff\xfe\x00"), UnexpectedAnswerError, "no JSON"),
            (raw(b""), EmptyAnswerError, "nothing"),
            (raw(b" \r\n"), EmptyAnswerError, "nothing"),
            (raw(b'{"code": 200}'), EmptyAnswerError, f"job {ID}.*without data"),
            (raw(b'{"code": 200, "data": null}'), EmptyAnswerError, "without data"),
            (raw(b'{"code": "200", "data": {}}'), EmptyAnswerError, "perhaps there is no such job"),
            (raw(b'{"code": 200, "data": []}'), EmptyAnswerError, "without data"),
            (raw(b'{"code": 200, "data": "x"}'), UnexpectedAnswerError, "unknown shape"),
            (raw(b'{"code": 200, "data": {"status": 7}}'), None, ""),
            (raw(b'{"code": 200, "data": {"jobId": "x", "sta'), TruncatedAnswerError, "in the middle"),
            (raw(b'{"code": 200, "data": {"jobId": "x"'), TruncatedAnswerError, "in the middle"),
            (cut_off(), TruncatedAnswerError, "ended in the middle"),
            (hang_up, RemoteUnavailableError, "broke"),
            (refusal(404, "no data"), JobNotFoundError, "no data"),
            (refusal(500, "Job 0f0f does not exist"), JobNotFoundError, "does not exist"),
            (refusal(400, "bad jobId"), RemoteError, r"code 400\): bad jobId"),
            (refusal(403, "not yours"), AuthenticationError, "not yours"),
            (refusal(500, "NullPointerException"), RemoteUnavailableError, "NullPointerException"),
            (raw(b'{"status": 400, "error": "Bad Request"}', 400), RemoteError, "Bad Request"),
            (raw(b'{"code": 200, "data": {"jobId": "x"}}', 500), RemoteUnavailableError, "500"),
            (refusal(1234, "strange"), RemoteUnavailableError, "strange"),
        ],
    )  # fmt: skip
    def test_each_has_its_error(
        self,
        fake: FakeSqlFlow,
        make_client: MakeClient,
        answer: Answer,
        error: type[SqlFlowError] | None,
        message: str,
    ) -> None:
        client = make_client(attempts=2)
        fake.answer_first(SUMMARY, answer, answer)
        if error is None:
            assert client.get_job(ID).status is JobStatus.UNKNOWN
            return
        with pytest.raises(error, match=message) as caught:
            client.get_job(ID)
        assert type(caught.value) is error
        again = pickle.loads(pickle.dumps(caught.value))
        assert (type(again), str(again)) == (error, str(caught.value))
        if type(caught.value).retryable:
            assert len(fake.calls(SUMMARY)) == 2

    @pytest.mark.parametrize(
        "answer",
        [
            page(503),
            cut_off(),
            hang_up,
            raw(b""),
            raw(b'{"code":200}'),
            refusal(500, "x"),
            refusal(429, "slow", 429),
            refusal(200, "x", 503),
        ],
    )
    def test_a_hiccup_is_not_noticed(self, fake: FakeSqlFlow, client: HttpClient, answer: Answer) -> None:
        job = client.submit_job(make_request())
        fake.answer_first(SUMMARY, answer, answer)
        assert client.get_job(job.id).id == job.id
        assert len(fake.calls(SUMMARY)) == 3

    def test_codes_are_numbers_or_text_and_statuses_any_word(
        self, fake: FakeSqlFlow, client: HttpClient
    ) -> None:
        fake.code_style = str
        fake.steps = ["create", "Waiting in line", "", "PARTIAL_SUCCESS"]
        job = client.submit_job(make_request())
        seen = [client.get_job(job.id).status for _ in range(5)]
        unknown = JobStatus.UNKNOWN
        assert seen == [JobStatus.CREATE, unknown, unknown, *[JobStatus.PARTIAL_SUCCESS] * 2]
        assert not unknown.is_terminal

    def test_warnings_are_success(
        self, fake: FakeSqlFlow, client: HttpClient, caplog: pytest.LogCaptureFixture
    ) -> None:
        fake.answer_first(
            "deleteUserJob", raw(b'{"code": 203, "data": {"jobId": "j"}, "error": "find orphan\\ncolumn"}')
        )
        assert client.delete_job(JobId("j")).status is JobStatus.DELETE
        assert "warnings: find orphan; column" in caplog.text

    def test_an_answer_without_end(
        self, fake: FakeSqlFlow, client: HttpClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(bodies, "MAX_ANSWER_BYTES", 1000)
        fake.answer_first(SUMMARY, raw(b'{"code": 200, "data": {"x": "' + b"a" * 200_000 + b'"}}'))
        with pytest.raises(UnexpectedAnswerError, match="larger than 1000 bytes"):
            client.get_job(ID)

    def test_an_old_job_object_may_lack_everything(self, fake: FakeSqlFlow, client: HttpClient) -> None:
        fake.answer_first(
            "displayUserJobsSummary", raw(b'{"code":200,"data":{"jobDetails":[{"jobId":"a"}]}}')
        )
        fake.answer_first(SUMMARY, raw(b'{"code":200,"data":{"jobId":"a","jobName":null,"fileNames":null}}'))
        [job] = client.list_jobs(JobFilter()).jobs
        assert (job.id, job.name, job.status, job.counts.files_total) == ("a", "", JobStatus.UNKNOWN, 0)

    def test_a_list_without_names_is_completed(self, fake: FakeSqlFlow, client: HttpClient) -> None:
        fake.has_names = False
        wanted = client.submit_job(make_request(tags=("mine",)))
        client.submit_job(make_request())
        assert [job.id for job in client.list_jobs(JobFilter(tag="mine")).jobs] == [wanted.id]


class TestTime:
    def test_a_slow_drip_meets_the_deadline(self, fake: FakeSqlFlow, make_client: MakeClient) -> None:
        client = make_client(deadline=0.5, read_timeout=30)
        client.ping()
        for in_head in (False, True):
            fake.answer_first(SUMMARY, drip(in_head=in_head))
            started = time.monotonic()
            with pytest.raises(DeadlineError, match=r"within 0\.5 seconds"):
                client.get_job(ID)
            assert time.monotonic() - started < 3

    def test_a_slow_export_leaves_no_file(
        self, fake: FakeSqlFlow, make_client: MakeClient, tmp_path: Path
    ) -> None:
        client = make_client(transfer_deadline=0.5)
        job = finished(client)
        fake.answer_first("exportLineageAsJson", drip())
        with pytest.raises(DeadlineError):
            client.export_job(job, "json", str(tmp_path / "out.json"))
        assert list(tmp_path.iterdir()) == []

    def test_silence(self, fake: FakeSqlFlow, make_client: MakeClient) -> None:
        client = make_client(read_timeout=0.2, attempts=2)
        client.ping()
        fake.answer_first(SUMMARY, *[lambda _handler: time.sleep(0.6)] * 2)
        with pytest.raises(RemoteUnavailableError, match=r"silent for 0\.2 seconds"):
            client.get_job(ID)

    def test_the_service_says_how_long_to_wait(self, fake: FakeSqlFlow, client: HttpClient) -> None:
        job = client.submit_job(make_request())
        fake.answer_first(SUMMARY, refusal(429, "slow down", 429, Retry_After="1"))
        started = time.monotonic()
        client.get_job(job.id)
        assert 1 <= time.monotonic() - started < 5

    def test_a_wait_beyond_the_deadline_is_not_begun(
        self, fake: FakeSqlFlow, make_client: MakeClient
    ) -> None:
        client = make_client(deadline=20)
        fake.answer_first(SUMMARY, refusal(503, "down for the night", 503, Retry_After="3600"))
        started = time.monotonic()
        with pytest.raises(RemoteUnavailableError, match="down for the night"):
            client.get_job(ID)
        assert time.monotonic() - started < 5

    def test_nobody_listens(self, make_client: MakeClient) -> None:
        with socket.create_server(("127.0.0.1", 0)) as unused:
            port = unused.getsockname()[1]
        with pytest.raises(RemoteUnavailableError, match=f"127.0.0.1:{port}.*cannot be reached"):
            make_client(base_url=f"http://127.0.0.1:{port}/x", attempts=2).ping()

    def test_a_waiting_caller_can_be_interrupted(self, fake: FakeSqlFlow, make_client: MakeClient) -> None:
        """As Airflow does at a task's execution timeout: an exception out of a signal handler."""
        import signal

        class Interrupted(Exception):  # noqa: N818  # it is no error
            pass

        def interrupt(*_: object) -> None:
            raise Interrupted

        client = make_client()
        client.ping()
        fake.answer_first(SUMMARY, lambda _handler: time.sleep(5))
        kept = signal.signal(signal.SIGALRM, interrupt)
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        started = time.monotonic()
        try:
            with pytest.raises(Interrupted):
                client.get_job(ID)
        finally:
            signal.signal(signal.SIGALRM, kept)
        assert time.monotonic() - started < 3


class TestToken:
    def test_is_fetched_once_and_kept(self, fake: FakeSqlFlow, client: HttpClient) -> None:
        for _ in range(3):
            client.ping()
        assert len(fake.calls("generateToken")) == 1

    @pytest.mark.parametrize("status", [200, 401])
    def test_is_renewed_once_when_it_has_expired(
        self, fake: FakeSqlFlow, client: HttpClient, status: int
    ) -> None:
        job = client.submit_job(make_request())
        fake.tokens.clear()
        if status == 401:
            fake.answer_first(SUMMARY, page(401))
        assert client.get_job(job.id).id == job.id
        assert len(fake.calls("generateToken")) == 2
        assert len(fake.calls(SUMMARY)) == 2

    def test_each_is_told_to_whoever_masks_logs(self, fake: FakeSqlFlow, make_client: MakeClient) -> None:
        told: list[str] = []
        client = make_client(on_token=told.append)
        client.ping()
        first = set(fake.tokens)
        fake.tokens.clear()
        client.ping()
        assert len(told) == 2
        assert set(told) == first | fake.tokens

    def test_a_new_token_that_is_refused_too_is_an_error(self, fake: FakeSqlFlow, client: HttpClient) -> None:
        fake.answer_first(SUMMARY, *[refusal(401, "go away")] * 9)
        with pytest.raises(AuthenticationError, match="go away"):
            client.get_job(ID)
        assert len(fake.calls("generateToken")) == 2
        assert len(fake.calls(SUMMARY)) == 2

    def test_many_callers_renew_it_together(self, fake: FakeSqlFlow, client: HttpClient) -> None:
        job = client.submit_job(make_request())
        fake.answer_first(SUMMARY, *[refusal(401, "expired")] * 8)
        found: list[str] = []
        threads = [threading.Thread(target=lambda: found.append(client.get_job(job.id).id)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == [job.id] * 8
        assert len(fake.calls("generateToken")) == 2

    def test_clients_of_the_same_account_share_it(self, fake: FakeSqlFlow, make_client: MakeClient) -> None:
        first, second, other = make_client(), make_client(), make_client(read_timeout=7)
        first.ping()
        second.ping()
        assert len(fake.calls("generateToken")) == 1
        first.close()
        second.ping()
        assert len(fake.calls("generateToken")) == 1
        second.close()
        other.ping()
        assert len(fake.calls("generateToken")) == 2

    def test_a_wrong_secret(self, make_client: MakeClient) -> None:
        with pytest.raises(AuthenticationError, match="no token") as caught:
            make_client(secret_key="not-the-right-one").ping()
        assert "not-the-right-one" not in str(caught.value)
        assert "***" in str(caught.value)

    @pytest.mark.parametrize(
        "body", [b'{"code":"200"}', b'{"code":200,"token":""}', b'{"code":200,"token":1}']
    )
    def test_an_answer_without_token(self, fake: FakeSqlFlow, client: HttpClient, body: bytes) -> None:
        fake.answer_first("generateToken", raw(body))
        with pytest.raises(UnexpectedAnswerError, match="without a token"):
            client.ping()

    def test_a_token_of_ones_own(self, fake: FakeSqlFlow, make_client: MakeClient) -> None:
        fake.tokens = {"given"}
        client = make_client(secret_key="", token="given")
        client.ping()
        fake.tokens = set()
        with pytest.raises(AuthenticationError, match=r"token \*\*\* is not valid"):
            client.ping()
        assert fake.calls("generateToken") == []

    def test_a_service_without_login(self, fake: FakeSqlFlow, make_client: MakeClient) -> None:
        fake.needs_token = False
        make_client(secret_key="", user_id="gudu|0123456789").ping()
        [seen] = fake.calls("displayUserJobsSummary")
        assert (seen.fields["userId"], seen.fields["token"]) == ("gudu|0123456789", "token")


class TestSecrets:
    def test_travel_in_the_body_only(
        self, fake: FakeSqlFlow, make_client: MakeClient, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        client = make_client(attempts=2)
        client.submit_job(make_request())
        fake.answer_first(SUMMARY, hang_up, page(502))
        with pytest.raises(RemoteUnavailableError):
            client.get_job(ID)
        [token] = fake.tokens
        for seen in fake.requests:
            assert seen.query == ""
            assert not any(secret in f"{seen.path} {seen.headers}" for secret in (SECRET, token))
            assert seen.headers["User-Agent"].startswith("airflow-provider-sqlflow/")
            assert seen.fields.get("token", token) == token
        assert SECRET not in caplog.text
        assert token not in caplog.text
        assert SECRET not in repr(client._jobs.settings)

    def test_that_a_service_quotes_are_hidden(self, fake: FakeSqlFlow, client: HttpClient) -> None:
        client.ping()
        [token] = fake.tokens
        fake.answer_first(SUMMARY, refusal(400, f"cannot use {token} of {SECRET}"))
        with pytest.raises(RemoteError, match=r"cannot use \*\*\* of \*\*\*") as caught:
            client.get_job(ID)
        error: BaseException | None = caught.value
        while error is not None:
            assert token not in f"{error!r} {error.args}"
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


class TestRedirects:
    def redirect(self, status: int, place: str) -> Answer:
        return lambda handler: handler.send(status, b"", Location=place)

    def test_within_the_service_are_followed(self, fake: FakeSqlFlow, client: HttpClient) -> None:
        job = client.submit_job(make_request())
        fake.answer_first(SUMMARY, self.redirect(308, f"/api/gspLive_backend/sqlflow/job/{SUMMARY}"))
        assert client.get_job(job.id).id == job.id

    def test_an_upload_is_sent_again_in_full(
        self, fake: FakeSqlFlow, client: HttpClient, tmp_path: Path
    ) -> None:
        fake.answer_first("submitUserJob", self.redirect(307, "submitUserJob"))
        client.submit_job(make_request())
        first, second = fake.calls("submitUserJob")
        assert first.files == second.files != []

    def test_to_another_host_get_no_credentials(self, fake: FakeSqlFlow, client: HttpClient) -> None:
        client.ping()
        with running() as other:
            for status in (301, 302, 303, 307, 308):
                fake.answer_first(SUMMARY, self.redirect(status, f"{other.url}/x?token=secret"))
                with pytest.raises(RedirectedError, match="not sent there unasked") as caught:
                    client.get_job(ID)
                assert other.url in str(caught.value)
                assert "secret" not in str(caught.value)
                assert caught.value.status == status
        assert other.requests == []

    @pytest.mark.parametrize("status", [301, 302, 303])
    def test_that_would_drop_the_body_are_not_followed(
        self, fake: FakeSqlFlow, client: HttpClient, status: int
    ) -> None:
        fake.answer_first(SUMMARY, self.redirect(status, SUMMARY))
        with pytest.raises(RedirectedError):
            client.get_job(ID)

    def test_in_a_circle(self, fake: FakeSqlFlow, client: HttpClient) -> None:
        fake.answer_first(SUMMARY, *[self.redirect(307, SUMMARY)] * 9)
        with pytest.raises(RedirectedError, match="circle"):
            client.get_job(ID)


class TestSubmitting:
    """A submit whose answer is lost must neither be lost nor doubled."""

    def test_with_a_key_the_job_is_found_again(self, fake: FakeSqlFlow, client: HttpClient) -> None:
        fake.answer_first("submitUserJob", carried_out_but_lost)
        job = client.submit_job(make_request(idempotency_key="k"))
        assert list(fake.jobs) == [job.id]
        assert len(fake.calls("submitUserJob")) == 1

    def test_with_a_key_a_lost_submit_is_repeated(self, fake: FakeSqlFlow, client: HttpClient) -> None:
        fake.answer_first("submitUserJob", hang_up, cut_off())
        job = client.submit_job(make_request(idempotency_key="k"))
        assert list(fake.jobs) == [job.id]
        assert len(fake.calls("submitUserJob")) == 3

    def test_a_service_that_fails_on_unknown_names_is_asked_for_its_list(
        self, fake: FakeSqlFlow, make_client: MakeClient
    ) -> None:
        client = make_client()
        first = client.submit_job(make_request(idempotency_key="k"))
        fake.has_names = False
        fake.answer_first(SUMMARY, refusal(500, "NullPointerException"))
        assert client.submit_job(make_request(idempotency_key="k")).id == first.id
        fake.answer_first(SUMMARY, refusal(500, "NullPointerException"))
        assert client.submit_job(make_request(idempotency_key="other")).id != first.id

    def test_a_deleted_job_is_not_found_again(self, fake: FakeSqlFlow, client: HttpClient) -> None:
        first = client.submit_job(make_request(idempotency_key="k"))
        client.delete_job(first.id)
        assert client.submit_job(make_request(idempotency_key="k")).id != first.id

    @pytest.mark.parametrize("answer", [hang_up, cut_off(), page(502), raw(b""), refusal(500, "x")])
    def test_without_a_key_it_is_not_repeated(
        self, fake: FakeSqlFlow, client: HttpClient, answer: Answer
    ) -> None:
        fake.answer_first("submitUserJob", answer)
        with pytest.raises(RemoteUnavailableError):
            client.submit_job(make_request())
        assert len(fake.calls("submitUserJob")) == 1

    @pytest.mark.parametrize(
        "answer",
        [
            refusal(500, "Sorry, the service is busy. Please try again later."),
            refusal(429, "x", 429),
            page(503),
        ],
    )
    def test_a_busy_service_has_not_begun(
        self, fake: FakeSqlFlow, client: HttpClient, answer: Answer
    ) -> None:
        fake.answer_first("submitUserJob", answer, answer)
        assert client.submit_job(make_request()).id in fake.jobs
        assert len(fake.calls("submitUserJob")) == 3

    def test_a_refusal_is_final(self, fake: FakeSqlFlow, client: HttpClient) -> None:
        fake.answer_first("submitUserJob", refusal(400, "dbvendor is not supported"))
        with pytest.raises(RemoteError, match="dbvendor is not supported"):
            client.submit_job(make_request(idempotency_key="k"))
        assert fake.jobs == {}


class TestExports:
    @pytest.mark.parametrize(
        ("format", "operation"),
        [
            ("json", "exportLineageAsJson"),
            ("csv", "exportFullLineageAsCsv"),
            ("graphml", "exportLineageAsGraphml"),
            ("svg", "exportLineageAsJson"),
        ],
    )
    @pytest.mark.parametrize(
        ("answer", "error"),
        [
            (refusal(400, "Too many relationships for the CSV"), RemoteError),
            (refusal(500, "job 1 not found"), JobNotFoundError),
            (page(), UnexpectedAnswerError),
            (cut_off(b"<graphml><gra"), TruncatedAnswerError),
            (cut_off(b'{"code":200,"da'), TruncatedAnswerError),
            (raw(b'{"code": 200, "data": {"x": 1}}'), UnexpectedAnswerError),
        ],
    )
    def test_an_error_is_no_export(
        self,
        fake: FakeSqlFlow,
        make_client: MakeClient,
        tmp_path: Path,
        format: str,
        operation: str,
        answer: Answer,
        error: type[SqlFlowError],
    ) -> None:
        client = make_client(attempts=1)
        job = finished(client)
        (tmp_path / "out").write_text("kept")
        fake.answer_first(operation, answer)
        with pytest.raises(error):
            client.export_job(job, format, str(tmp_path / "out"))
        assert (tmp_path / "out").read_text() == "kept"
        assert [path.name for path in tmp_path.iterdir()] == ["out"]

    @pytest.mark.parametrize(
        ("format", "body", "error"),
        [
            ("graphml", b"<graphml><graph>", TruncatedAnswerError),
            ("graphml", b"<graphml></graph>", UnexpectedAnswerError),
            ("graphml", b'<!DOCTYPE x [<!ENTITY a "b">]><graphml/>', UnexpectedAnswerError),
            ("graphml", b"source,target\n", UnexpectedAnswerError),
            ("csv", b"", UnexpectedAnswerError),
            ("json", b'{"code": 200, "data": {"sqlflow": {"dbobjs": [', TruncatedAnswerError),
            ("json", b"source,target\n", UnexpectedAnswerError),
        ],
    )
    def test_a_file_that_is_not_whole_is_no_export(
        self,
        fake: FakeSqlFlow,
        make_client: MakeClient,
        tmp_path: Path,
        format: str,
        body: bytes,
        error: type[SqlFlowError],
    ) -> None:
        client = make_client(attempts=1)
        job = finished(client)
        for operation in ("exportLineageAsJson", "exportFullLineageAsCsv", "exportLineageAsGraphml"):
            fake.answer_first(operation, raw(body, 200, "application/octet-stream"))
        with pytest.raises(error):
            client.export_job(job, format, str(tmp_path / "out"))
        assert list(tmp_path.iterdir()) == []

    def test_an_expired_token_is_noticed_in_an_export(
        self, fake: FakeSqlFlow, client: HttpClient, tmp_path: Path
    ) -> None:
        job = finished(client)
        for name in ("json", "csv", "graphml"):
            fake.tokens.clear()
            client.get_job(job)
            fake.tokens.clear()
            fake.tokens.add("another's")
            assert client.export_job(job, name, str(tmp_path / "out")).edges == 1

    def test_a_broken_attempt_leaves_nothing_in_the_file(
        self, fake: FakeSqlFlow, client: HttpClient, tmp_path: Path
    ) -> None:
        job = finished(client)
        fake.answer_first("exportFullLineageAsCsv", cut_off(b"x," * 100_000, 500_000))
        summary = client.export_job(job, "csv", str(tmp_path / "out.csv"))
        assert (tmp_path / "out.csv").read_text().startswith("source_db,")
        assert summary.size == (tmp_path / "out.csv").stat().st_size

    def test_above_the_limit_of_relations_all_are_asked_for(
        self, fake: FakeSqlFlow, client: HttpClient, tmp_path: Path
    ) -> None:
        fake.relation_limit = 0
        assert client.export_job(finished(client), "json", str(tmp_path / "out.json")).edges == 1
        assert len(fake.calls("exportFullLineageAsJson")) == 1

    def test_a_job_without_result(self, fake: FakeSqlFlow, client: HttpClient, tmp_path: Path) -> None:
        fake.steps = ["create", "fail"]
        job = client.submit_job(make_request())
        with pytest.raises(JobNotReadyError, match="create"):
            client.export_job(job.id, "json", str(tmp_path / "out"))
        with pytest.raises(JobNotReadyError, match="fail"):
            client.export_job(job.id, "csv", str(tmp_path / "out"))


def finished(client: HttpClient) -> JobId:
    job = client.submit_job(make_request())
    while not job.status.is_terminal:
        job = client.get_job(job.id)
    return job.id


def subclasses(cls: type[SqlFlowError]) -> Iterator[type[SqlFlowError]]:
    for child in cls.__subclasses__():
        yield child
        yield from subclasses(child)


def test_errors_of_services_have_codes_of_their_own() -> None:
    found = [cls for cls in subclasses(SqlFlowError) if cls.__module__ == errors.__name__]
    assert len({cls.code for cls in found}) == len(found)
    retryable = {cls.__name__ for cls in subclasses(errors.ClientError) if cls.retryable}
    assert retryable == {
        "RemoteUnavailableError",
        "EmptyAnswerError",
        "TruncatedAnswerError",
        "DeadlineError",
    }


def test_a_wrong_base_path_is_told(make_client: MakeClient, fake: FakeSqlFlow) -> None:
    with pytest.raises(UnexpectedAnswerError, match="base path"):
        make_client(base_url=fake.url.replace("/api/", "/elsewhere/")).ping()
    assert fake.requests[-1].path.startswith("/elsewhere/")
