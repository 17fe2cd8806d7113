"""Start a Marquez, and run a command against it.

    python .ci/marquez.py                        start one and keep it until Ctrl-C
    python .ci/marquez.py -- pytest -m marquez   start one, run the command with MARQUEZ_URL, stop it

Tried in this order: one that MARQUEZ_URL names; Docker (API, database and web page); Java with the API from
Maven's default repository and a PostgreSQL of its own (no web page). With --optional it is no failure that
none can be started; why is printed, and the command does not run.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click
import httpx  # noqa: TID253  # a script that no Dag imports

HERE = Path(__file__).parent
CACHE = HERE.parent / ".cache" / "marquez"
VERSION = os.environ.get("MARQUEZ_VERSION", "0.51.1")
START_SECONDS = 180
POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>local</groupId><artifactId>marquez</artifactId><version>1</version>
  <dependencies><dependency>
    <groupId>io.github.marquezproject</groupId><artifactId>marquez-api</artifactId><version>{VERSION}</version>
  </dependency></dependencies>
</project>
"""


class CannotStartError(Exception):
    """Why there is no Marquez."""


@contextlib.contextmanager
def running_marquez() -> Iterator[str]:
    """Yields the URL of a Marquez that answers."""
    url = os.environ.get("MARQUEZ_URL", "").rstrip("/")
    if url:
        wait_for(url, seconds=10)
        yield url
        return
    reasons = []
    with contextlib.ExitStack() as stack:
        for start in (with_docker, with_java):
            try:
                url = stack.enter_context(start())
            except CannotStartError as error:
                reasons.append(f"{start.__name__.replace('_', ' ')}: {error}")
                continue
            yield url
            return
    raise CannotStartError("\n".join(reasons))


@contextlib.contextmanager
def with_docker() -> Iterator[str]:
    """API, database and web page in containers."""
    docker = shutil.which("docker")
    if docker is None:
        raise CannotStartError("docker is not installed")
    if subprocess.run([docker, "info"], capture_output=True, check=False).returncode:  # noqa: S603  # our own command
        raise CannotStartError("the Docker daemon does not answer")
    compose = [docker, "compose", "--file", str(HERE / "marquez-compose.yml")]
    try:
        done = subprocess.run([*compose, "up", "--detach"], check=False)  # noqa: S603  # our own command
        if done.returncode:
            raise CannotStartError("docker compose up failed, see above")
        url = f"http://localhost:{os.environ.get('MARQUEZ_PORT', '5000')}"
        wait_for(url)
        click.echo(f"Marquez's page: http://localhost:{os.environ.get('MARQUEZ_WEB_PORT', '3000')}")
        yield url
    finally:
        subprocess.run([*compose, "down", "--volumes"], check=False, capture_output=True)  # noqa: S603  # our own command


@contextlib.contextmanager
def with_java() -> Iterator[str]:
    """The API alone, beside a PostgreSQL of the test suite's kind."""
    java, maven = shutil.which("java"), shutil.which("mvn")
    if java is None or maven is None:
        raise CannotStartError("java (17 or later) and mvn are needed")
    jars = CACHE / VERSION
    if not any(jars.glob("marquez-api-*.jar")):
        fetch(maven, jars)
    sys.path.insert(0, str(HERE.parent))
    from tests.postgres_server import running_postgres

    port, admin, database = free_port(), free_port(), free_port()
    with running_postgres(port=database) as folder:
        create_database(folder, database)
        environment = {
            **os.environ,
            "MARQUEZ_PORT": str(port),
            "MARQUEZ_ADMIN_PORT": str(admin),
            "MARQUEZ_DB_URL": f"jdbc:postgresql://127.0.0.1:{database}/marquez",
        }
        command = [java, "-Duser.timezone=UTC", "-cp", f"{jars}/*", "marquez.MarquezApp", "server"]
        server = subprocess.Popen([*command, str(HERE / "marquez.yml")], env=environment)  # noqa: S603  # our own command
        try:
            url = f"http://127.0.0.1:{port}"
            wait_for(url, server)
            yield url
        finally:
            server.terminate()
            server.wait(timeout=30)


def fetch(maven: str, jars: Path) -> None:
    """Marquez's API and what it needs, from Maven's default repository."""
    CACHE.mkdir(parents=True, exist_ok=True)
    (CACHE / "pom.xml").write_text(POM)
    click.echo(f"fetching marquez-api {VERSION}")
    done = subprocess.run(  # noqa: S603  # our own command
        [maven, "--batch-mode", "--quiet", "dependency:copy-dependencies", f"-DoutputDirectory={jars}"],
        cwd=CACHE,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        lines = [line for line in done.stdout.splitlines() if "ERROR" in line]
        raise CannotStartError(lines[0].partition("project marquez: ")[2] if lines else done.stdout[-500:])


def create_database(folder: str, port: int) -> None:
    """Marquez's role and database."""
    import psycopg

    with psycopg.connect(host=folder, port=port, user="postgres", autocommit=True) as connection:
        connection.execute("CREATE ROLE marquez LOGIN SUPERUSER PASSWORD 'marquez'")
        connection.execute("CREATE DATABASE marquez OWNER marquez")


def free_port() -> int:
    """A port that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
        return number


def wait_for(url: str, server: subprocess.Popen[bytes] | None = None, seconds: int = START_SECONDS) -> None:
    """Return when Marquez answers at a URL."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if server is not None and server.poll() is not None:
            raise CannotStartError(f"Marquez ended with status {server.returncode}, see above")
        with contextlib.suppress(httpx.HTTPError):
            httpx.get(f"{url}/api/v1/namespaces", timeout=5).raise_for_status()
            return
        time.sleep(1)
    raise CannotStartError(f"nothing answers at {url} after {seconds} seconds")


def main() -> int:
    """The command line; see the module."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--optional", action="store_true", help="no Marquez is no failure")
    parser.add_argument("command", nargs="*", help="what to run; without it Marquez stays up until Ctrl-C")
    arguments = parser.parse_args()
    try:
        with running_marquez() as url:
            click.echo(f"Marquez: {url}")
            if not arguments.command:
                with contextlib.suppress(KeyboardInterrupt):
                    signal.pause()
                return 0
            environment = {**os.environ, "MARQUEZ_URL": url}
            return subprocess.run(arguments.command, env=environment, check=False).returncode  # noqa: S603  # our own command
    except CannotStartError as error:
        click.echo(f"no Marquez could be started:\n{error}", err=True)
        return 0 if arguments.optional else 2


if __name__ == "__main__":
    sys.exit(main())
