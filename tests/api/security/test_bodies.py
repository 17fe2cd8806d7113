"""Bodies that no well-meant client sends: too large, too slow, broken, or made to take time."""

from __future__ import annotations

import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote, urlencode

import httpx
import pytest

from tests.api.security.server import PREFIX, RunningServer, received, running

SUBMIT = f"{PREFIX}/sqlflow/job/submitUserJob"
GRAPH = f"{PREFIX}/sqlflow/generation/sqlflow/graph"
TOKEN = f"{PREFIX}/user/generateToken"
BOUNDARY = "b0undary"
FORM = "application/x-www-form-urlencoded"
MULTIPART = f"multipart/form-data; boundary={BOUNDARY}"
PROMPT = 10
"""Seconds in which a refusal, or an answer to somebody else, has to come."""


def head(path: str, content_type: str, *more: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Type: {content_type}", *more, "", ""]
    return "\r\n".join(lines).encode()


def part(name: str, value: str, more: str = "") -> str:
    return f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n{value}\r\n'


def multipart(*parts: str) -> bytes:
    return ("".join(parts) + f"--{BOUNDARY}--\r\n").encode()


def post(server: RunningServer, path: str, body: bytes, content_type: str) -> httpx.Response:
    return server.client.post(path, content=body, headers={"Content-Type": content_type})


def assert_refused(answer: httpx.Response, *codes: int) -> None:
    assert answer.status_code in codes, answer.text[:300]
    assert answer.json()["code"] == answer.status_code
    assert set(answer.json()) == {"code", "error"}


# Many and large -----------------------------------------------------------------------------------


@pytest.mark.parametrize("content_type", [FORM, MULTIPART])
def test_very_many_fields_are_refused_while_others_are_answered(server, content_type):
    if content_type == FORM:
        body = "&".join(f"f{number}=" for number in range(30_000)).encode()
    else:
        body = multipart(*(part(f"f{number}", "") for number in range(30_000)))
    answers: list[httpx.Response] = []
    sender = threading.Thread(
        target=lambda: answers.extend(post(server, TOKEN, body, content_type) for _ in range(5))
    )
    slowest = 0.0
    sender.start()
    with httpx.Client(base_url=server.url, timeout=60) as other:
        while sender.is_alive():
            begin = time.monotonic()
            other.get(f"{PREFIX}/version")
            slowest = max(slowest, time.monotonic() - begin)
    assert len(answers) == 5
    for answer in answers:
        assert_refused(answer, 413)
        assert "fields" in answer.json()["error"]
    assert slowest < PROMPT


def test_half_a_million_fields_are_too_large_a_body(server):
    assert_refused(post(server, TOKEN, b"a=&" * 500_000, FORM), 413)


def test_a_query_of_very_many_fields_is_answered_or_refused(server):
    query = "&".join(f"f{number}=" for number in range(6_000))
    answer = server.client.post(f"{TOKEN}?{query}")
    assert_refused(answer, 400, 413)


def test_many_files_are_refused(server):
    body = multipart(*(part("sqlfiles", "", f'; filename="{number}.sql"') for number in range(10_001)))
    assert_refused(post(server, SUBMIT, body, MULTIPART), 413)


def test_a_field_longer_than_sql_may_be_is_refused(server, user):
    long = "x" * (101 * 1024)
    assert_refused(server.client.post(GRAPH, data={**user, "sqltext": long}), 413)
    body = multipart(part("sqltext", long), *(part(*item) for item in user.items()))
    assert_refused(post(server, GRAPH, body, MULTIPART), 413)
    file = {"sqlfile": ("long.sql", long.encode())}
    assert_refused(server.client.post(GRAPH, data=user, files=file), 413)


@pytest.mark.parametrize("name", ["jobName", "userId", "token", "tableNamePattern", "fileName"])
def test_long_parameters_are_refused(server, user, name):
    given = {**user, "jobName": "n", "fileName": "f", name: "x" * 5000}
    for path in (f"{PREFIX}/sqlflow/job/submitUserJob", f"{PREFIX}/sqlflow/generation/deleteUserSchema"):
        assert server.client.post(path, data=given).status_code in (400, 401)


@pytest.mark.parametrize("content_type", [FORM, MULTIPART, "application/json", "text/plain"])
def test_a_large_body_is_refused_before_it_arrives(server, content_type):
    answer = server.sent_raw(head(SUBMIT, content_type, "Content-Length: 9999999999"))
    assert answer.startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize("content_type", [FORM, MULTIPART, "application/json", "text/plain"])
def test_a_chunked_body_is_refused_at_the_limit(server, content_type):
    """Without a length, the limit holds for what has arrived."""
    piece = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    begin = time.monotonic()
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        sent = 0
        try:
            connection.sendall(head(SUBMIT, content_type, "Transfer-Encoding: chunked"))
            for _ in range(4096):  # 256 MB
                connection.sendall(piece)
                sent += len(piece)
        except OSError:  # closed by the server
            pass
        answer = received(connection)
    assert sent < 64 * 1024 * 1024
    assert time.monotonic() - begin < 20
    if answer:  # what is unread when a connection closes may take the answer with it
        assert answer.split(b" ")[1] in (b"400", b"413")
    assert server.is_alive()


def test_large_headers_are_refused(server):
    lines = [f"X-{number}: {'y' * 8000}" for number in range(40)]
    answer = server.sent_raw(head(TOKEN, FORM, *lines, "Content-Length: 0"))
    assert answer.startswith(b"HTTP/1.1 4"), answer[:100]
    assert server.is_alive()


def test_endless_headers_take_no_memory(server):
    before = server.tree()[0].memory_info().rss
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        try:
            connection.sendall(f"GET {PREFIX}/version HTTP/1.1\r\nHost: 127.0.0.1\r\n".encode())
            for number in range(500):
                connection.sendall(f"X-{number}: {'y' * 100_000}\r\n".encode())
        except OSError:
            pass
        now = server.tree()[0].memory_info().rss
    assert now - before < 20 * 1024 * 1024


def test_large_headers_of_a_part_are_refused(server):
    body = multipart(f"--{BOUNDARY}\r\n{'X-Long: ' + 'y' * 2_000_000}\r\n", part("a", "b"))
    assert_refused(post(server, SUBMIT, body, MULTIPART), 400, 413)
    many = "".join(f"X-{number}: y\r\n" for number in range(1000))
    body = multipart(f"--{BOUNDARY}\r\n{many}\r\n\r\n", part("a", "b"))
    assert_refused(post(server, SUBMIT, body, MULTIPART), 400, 413)


# Slow -----------------------------------------------------------------------------------------------


def test_slow_bodies_are_given_up(tmp_path):
    """One that pauses, and one that drips: neither keeps the server for longer than a request may take."""
    with running(tmp_path, "--workers", "0", server_request_seconds=2) as server:
        begin = time.monotonic()
        answer = server.sent_raw(head(TOKEN, FORM, "Content-Length: 100") + b"userId=a")
        assert answer.startswith(b"HTTP/1.1 400")
        assert b"too slowly" in answer
        assert time.monotonic() - begin < 2 + PROMPT
        begin = time.monotonic()
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
            connection.sendall(head(TOKEN, FORM, "Content-Length: 1000"))
            connection.settimeout(0.3)
            answer = b""
            while not answer and time.monotonic() - begin < 60:
                connection.sendall(b"a")
                try:
                    answer = connection.recv(1000)
                except TimeoutError:
                    continue
            connection.settimeout(10)
            answer += received(connection)
        assert b"too slowly" in answer
        assert time.monotonic() - begin < 2 + PROMPT
        assert server.is_alive()


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_connection_is_used_again_unless_something_of_a_body_is_unread(server, method):
    with httpx.Client(base_url=server.url) as client:
        for _ in range(3):
            answer = client.request(method, f"{PREFIX}/version")
            assert answer.headers.get("connection") != "close"
            answer = client.request(method, f"{PREFIX}/sqlflow/generation/sqlflow/downstreamGraph")
            assert answer.headers.get("connection") != "close"
        answer = client.post(f"{PREFIX}/nowhere", data={"a": "b"})
        assert answer.headers["connection"] == "close"


# Broken -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=", b"x"),
        (f"multipart/form-data; boundary={'b' * 300}", b"x"),
        ("multipart/form-data; boundary=\xe4", b"--\xe4--"),
        (MULTIPART, b""),
        (MULTIPART, b"no boundary at all"),
        (MULTIPART, f"--{BOUNDARY}\r\n".encode()),
        (MULTIPART, f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="a"\r\n\r\nnever ends'.encode()),
        (MULTIPART, multipart(f"--{BOUNDARY}\r\n\r\nno disposition\r\n")),
        (MULTIPART, multipart(f"--{BOUNDARY}\r\nContent-Disposition: form-data\r\n\r\nno name\r\n")),
        (MULTIPART, multipart(f"--{BOUNDARY}\r\n: \r\n\r\nno header name\r\n")),
        (MULTIPART, bytes(range(256)) * 20),
        (f"{MULTIPART}; charset=nonsense", multipart(part("a", "b"))),
        (f"{MULTIPART}; charset=punycode", multipart(part("a", "b"))),
        (f"{MULTIPART}; charset=utf-7", multipart(part("a", "+2AA-"))),
        (f"{MULTIPART}; charset=unicode_escape", multipart(part("a", "\\ud800"))),
        (f"{MULTIPART}; charset=zlib", multipart(part("a", "b"))),
        (f"{MULTIPART}; charset=utf-8; charset=idna", multipart(part("a", "b"))),
        (f"{MULTIPART}; charset={'x' * 10_000}", multipart(part("a", "b"))),
        ("application/json", b"{"),
        ("application/json", b"[1]"),
        ("application/json", b"\xff\xfe"),
        ("application/json", b"[" * 100_000),
        ("application/json", b'{"a":' * 50_000 + b"1" + b"}" * 50_000),
        ("application/json", b'{"tablename": ' + b"1" * 100_000 + b"}"),
        ("application/json", b'{"tablename": "\\ud800"}'),
        ("application/json", b'{"tablename": 1e999, "level": 1e999}'),
        ("application/json", b'{"tablename": "\\u0000"}'),
        ("application/json; charset=utf-16", b"{}"),
        ("text/xml", b"<a/>"),
        ("", b"x"),
        (FORM, b"\xff=\xff&%=%zz&=&&=="),
        (FORM, b"userId=%00&token=%ed%a0%80"),
    ],
    ids=repr,
)  # fmt: skip
def test_broken_bodies_are_refused(server, content_type, body):
    for path in (SUBMIT, GRAPH, f"{PREFIX}/sqlflow/generation/upstream"):
        sent = body
        answer = server.client.post(
            path, content=sent, headers={"Content-Type": content_type.encode("latin-1")}
        )
        # What can be read holds no token.
        assert_refused(answer, 400, 401, 413)


@pytest.mark.parametrize(
    ("charset", "raw"),
    [
        ("utf-8", "é".encode()),
        ("iso-8859-1", b"\xe9"),
        ("windows-1252", b"\xe9"),
        ("gb18030", "中".encode("gb18030")),
    ],
)
def test_known_charsets_are_read(server, user, charset, raw):
    letter = raw.decode(charset)
    fields = [part(*item).encode() for item in user.items()]
    sql = part("sqltext", "#").encode().replace(b"#", b"SELECT a AS " + raw + b" FROM t")
    body = b"".join((*fields, sql, f"--{BOUNDARY}--\r\n".encode()))
    answer = post(server, GRAPH, body, f"{MULTIPART}; charset={charset}")
    assert answer.status_code == 200, answer.text
    assert letter.upper() in answer.text or letter in answer.text


def test_a_broken_file_name_is_a_name(server, user):
    for name in (
        "=?utf-8?q?x?=",
        "%00.sql",
        "a\tb.sql",
        "\xff.sql",
        "a" * 3000 + ".sql",
        "é" * 1000 + ".sql",
    ):
        body = multipart(
            *(part(*item) for item in {**user, "jobName": "n"}.items()),
            part("sqlfiles", "SELECT 1", f'; filename="{name}"'),
        )
        answer = post(server, SUBMIT, body, MULTIPART)
        assert answer.status_code == 200, answer.text
        [kept] = answer.json()["data"]["fileNames"]
        assert kept.endswith(".sql") or "?" in name
        assert len(kept.encode()) <= 255


def test_requests_that_are_no_http_do_no_harm(server):
    for request in (
        b"\0" * 100_000,
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        head(TOKEN, FORM, "Content-Length: -1"),
        head(TOKEN, FORM, "Content-Length: 1", "Transfer-Encoding: chunked") + b"zz",
        head(TOKEN, FORM, "Transfer-Encoding: chunked") + b"ZZZ\r\n",
        head(TOKEN, FORM, "Host: [", "Content-Length: 0"),
    ):
        answer = server.sent_raw(request, 1)
        assert not answer or answer.startswith(b"HTTP/1.1 4"), answer[:200]
    assert server.is_alive()


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE"])
def test_other_methods_are_refused(server, method):
    answer = server.client.request(method, TOKEN)
    assert answer.status_code == 405
    if method != "HEAD":
        assert set(answer.json()) == {"code", "error"}


@pytest.mark.parametrize(
    "path", ["/", "/gspLive_backend", "/gspLive_backend/../etc/passwd", "/..%2f..%2fetc/passwd"]
)
def test_other_paths_are_nowhere(server, path):
    assert_refused(server.client.get(path), 404)


# Texts that no text may hold ------------------------------------------------------------------------


HOSTILE = ("\0", "a\0b", "\udcff", "\ud800", "\r\nX-Injected: yes", "\x1b[31m", "\u202e", "￿", "💥" * 500)
NAMES = (
    "jobId", "jobName", "sessionId", "fileName", "batchId", "tableNamePattern", "stopat", "tableColumn",
    "database", "schema", "table", "column", "delimiter", "cronExpression", "dbvendor", "coordinates",
    "sqltext", "sql", "showRelationType", "distance", "defaultDatabase", "export_include_table", "csvFormat",
    "objectCodeEncloseChar", "sourceTable", "targetTable", "name", "level", "tablename", "jobid",
)  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_no_text_in_any_parameter_is_a_fault_of_the_server(server, user, text):
    from airflow_provider_sqlflow.api.app import OPERATIONS

    usual = {"sqltext": "SELECT a FROM t", "table": "t", "tablename": "t", "sql": "SELECT 1", "name": "t"}
    raw = text.encode("utf-8", "surrogatepass")
    for operation in OPERATIONS:
        if operation.path == "/user/generateSecretKey":
            continue
        fields = {field.alias or name for name, field in operation.parameters.model_fields.items()}
        for name in sorted(fields & set(NAMES)):
            given = {key: value for key, value in {**usual, **user}.items() if key != name}
            url = f"{PREFIX}{operation.path}"
            encoded = f"{urlencode(given)}&{name}={quote(raw)}"
            if operation.is_json:
                body = {key.lower(): value for key, value in given.items()} | {name: text}
                answer = post(server, url, json.dumps(body).encode(), "application/json")
            elif "GET" in operation.methods:
                answer = server.client.get(f"{url}?{encoded}")
            else:
                answer = post(server, url, encoded.encode(), FORM)
            assert answer.status_code < 500, (operation.path, name, answer.text)
            assert "x-injected" not in answer.headers


# At once ------------------------------------------------------------------------------------------------


def test_many_wrong_keys_at_once_leave_the_server_answering(server):
    """Checking a key takes time and memory on purpose."""

    def ask(number: int) -> int:
        with httpx.Client(base_url=server.url, timeout=60) as client:
            return client.post(TOKEN, data={"userId": f"u{number}", "secretKey": "wrong"}).status_code

    before = server.tree()[0].memory_info().rss
    with ThreadPoolExecutor(60) as pool:
        answers = [pool.submit(ask, number) for number in range(120)]
        begin = time.monotonic()
        assert server.is_alive()
        assert time.monotonic() - begin < PROMPT
        codes = {answer.result() for answer in answers}
    assert codes <= {401, 503}
    assert 401 in codes
    assert server.tree()[0].memory_info().rss - before < 200 * 1024 * 1024
