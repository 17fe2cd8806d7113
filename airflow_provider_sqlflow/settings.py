"""Settings of everything below the Airflow layer, read once and passed in.

Inside Airflow ``conf.py`` fills them from the ``[sqlflow]`` section; elsewhere they come from
``SQLFLOW_*`` environment variables (``docs/reference/configuration.md`` lists them).
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path

from airflow_provider_sqlflow.errors import ConfigError

RUNNERS = ("inline", "worker")
"""What ``runner`` may be."""

MIN_TOKEN_KEY = 32
"""Characters that a key which signs tokens needs at least: a shorter one can be guessed."""

ENVIRONMENT_PREFIX = "SQLFLOW_"
_MISSPELT = 0.8
"""Names at least so alike (difflib's ratio) are taken as the same one, misspelt."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Settings:
    """Values that change how jobs run, never what they find.

    Attributes:
        store_url: SQLAlchemy URL of the job store; empty means SQLite under ``home``.
        home: folder for the default store.
        max_file_bytes: a larger file is not analysed but reported.
        max_archive_bytes: limit of what an archive may unpack to.
        max_archive_ratio: limit of unpacked size over packed size of one archive member.
        max_statement_chars: a longer statement is reported, not parsed.
        max_nesting: deepest bracket nesting that is parsed; deeper is reported (the compiled parser
            would end the process).
        max_statement_seconds: a statement that takes longer to parse and read is reported; 0 is no limit.
        processes: how many processes analyse the files of a large job.
        worker_lease_seconds: after so long without a sign of life a worker counts as lost, and its job is
            another's to claim. All machines' clocks must agree much better than that.
        store_retry_seconds: how long work waits for a store that does not answer.
        runner: who analyses submitted jobs: ``inline`` (the submitting process) or ``worker``
            (``sqlflow worker`` processes).
        worker_queues: the queues that a worker serves unless told otherwise, with commas between.
        worker_grace_seconds: how long a worker that is told to stop may go on with its job's next step.
        worker_poll_seconds: the longest pause between two looks for a queued job.
        max_attempts: so many workers may be lost with a run before it counts as the run's fault.
        openlineage_transport: JSON of an OpenLineage client's ``transport``; empty means the client's own
            sources.
        openlineage_namespace: OpenLineage namespace of the jobs.
        openlineage_datasets: JSON that tells by dialect where its databases are: ``{"postgres": {"namespace":
            "postgres://db:5432", "database": "shop", "schema": "public"}}``.
        openlineage_include_sql: whether SQL stands in events, without the secrets in it.
        openlineage_source_url: where a statement can be looked up, with ``{path}`` and ``{line}``.
        openlineage_runs_per: ``statement`` or ``target``.
        openlineage_max_event_bytes: a larger event is split.
        openlineage_max_column_links: an event with more column edges is split.
        openlineage_spool: folder of events not sent yet; empty means ``openlineage-spool`` in ``home``.
        server_token_hours: so many hours a token of ``sqlflow server`` counts; 0 is for ever.
        server_token_key: key that signs the server's tokens; empty means a random one, kept in the store.
        server_ignore_token: whether the server believes any user id, without a token.
        server_session_hours: so long after its last use the server keeps the result of an
            analysis that is no job.
        server_allowed_hosts: hosts, or ``host:port``, with commas between, that jobs of the server may
            connect to; empty means none.
        server_relation_limit: a graph with more relationships is not laid out unless it is asked for.
        server_max_request_bytes: a larger request is refused by the server.
        server_max_query_bytes: longer SQL is refused where the server answers at once; it goes as a job.
        server_request_seconds: an answer that takes the server longer to make is given up.
        server_parallel: so many processes of the server analyse and lay out at once.
        server_queue: so many requests may wait for such a process; more are told that the server is busy.
    """

    store_url: str = field(default="", repr=False)
    home: str = ""
    max_file_bytes: int = 200 * 1024 * 1024
    max_archive_bytes: int = 2 * 1024 * 1024 * 1024
    max_archive_ratio: int = 200
    max_statement_chars: int = 4 * 1024 * 1024
    max_nesting: int = 600
    max_statement_seconds: int = field(default=60, metadata={"minimum": 0})
    processes: int = 1
    worker_lease_seconds: int = 60
    store_retry_seconds: int = 30
    runner: str = "inline"
    worker_queues: str = "default"
    worker_grace_seconds: int = 30
    worker_poll_seconds: int = 5
    max_attempts: int = 3
    openlineage_transport: str = field(default="", repr=False)
    openlineage_namespace: str = "sqlflow"
    openlineage_datasets: str = ""
    openlineage_include_sql: bool = True
    openlineage_source_url: str = ""
    openlineage_runs_per: str = "statement"
    openlineage_max_event_bytes: int = 1_000_000
    openlineage_max_column_links: int = 1500
    openlineage_spool: str = ""
    server_token_hours: int = field(default=24, metadata={"minimum": 0})
    server_token_key: str = field(default="", repr=False)
    server_ignore_token: bool = False
    server_session_hours: int = 24
    server_allowed_hosts: str = ""
    server_relation_limit: int = 1000
    server_max_request_bytes: int = 200 * 1024 * 1024
    server_max_query_bytes: int = 500 * 1024
    server_request_seconds: int = 60
    server_parallel: int = 2
    server_queue: int = field(default=64, metadata={"minimum": 0})

    def __post_init__(self) -> None:
        if self.runner not in RUNNERS:
            raise ConfigError(f"runner = {self.runner!r} is not one of: {', '.join(RUNNERS)}")
        if not self.queues:
            raise ConfigError(f"worker_queues = {self.worker_queues!r} names no queue")
        if self.server_token_key and len(self.server_token_key) < MIN_TOKEN_KEY:
            raise ConfigError(f"server_token_key is shorter than {MIN_TOKEN_KEY} characters")

    @property
    def queues(self) -> tuple[str, ...]:
        """The names in ``worker_queues``."""
        names = (name.strip() for name in self.worker_queues.split(","))
        return tuple(dict.fromkeys(name for name in names if name))

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Settings from ``SQLFLOW_STORE_URL``, ``SQLFLOW_HOME`` and so on.

        A variable of that prefix that is no setting is refused where it looks like a misspelt one, else
        warned about: other programs may use the prefix too.

        Raises:
            ConfigError: a number is no whole number or too small, a switch neither true nor false, the
                runner is unknown, or a name looks misspelt.
        """
        environ = os.environ if environ is None else environ
        given = [name for name in environ if name.startswith(ENVIRONMENT_PREFIX)]
        check_names(
            [name.removeprefix(ENVIRONMENT_PREFIX) for name in given],
            [item.name.upper() for item in fields(cls)],
            f"environment variable {ENVIRONMENT_PREFIX}",
        )
        values: dict[str, str | int] = {}
        for item in fields(cls):
            variable = ENVIRONMENT_PREFIX + item.name.upper()
            text = environ.get(variable, "")
            if text and isinstance(item.default, bool):
                values[item.name] = _boolean(variable, text)
            elif text and isinstance(item.default, int):
                values[item.name] = _number(variable, text, item.metadata.get("minimum", 1))
            elif text:
                values[item.name] = text
        return cls(**values)  # type: ignore[arg-type]  # values follow the field types above

    def resolved_store_url(self) -> str:
        """The store's URL; the default file is ``sqlflow.db`` under ``home`` or the user's home."""
        if self.store_url:
            return self.store_url
        return f"sqlite:///{self._home() / 'sqlflow.db'}"

    def resolved_spool(self) -> Path:
        """The folder of OpenLineage events that were not sent yet."""
        spool = self.openlineage_spool
        return Path(spool) if spool else self._home() / "openlineage-spool"

    def _home(self) -> Path:
        return Path(self.home) if self.home else Path.home() / ".sqlflow"


def _boolean(variable: str, text: str) -> bool:
    value = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}.get(text.lower())
    if value is None:
        raise ConfigError(f"{variable}={text!r} is neither true nor false")
    return value


def check_names(given: Iterable[str], known: Sequence[str], prefix: str) -> None:
    """Refuse names that look like misspelt settings; warn of others that are none.

    Args:
        given: names that somebody set.
        known: names of settings.
        prefix: what messages put in front of a name.

    Raises:
        ConfigError: a name is close to a setting's; the message offers that.
    """
    for name in sorted(set(given) - set(known)):
        near = get_close_matches(name, known, n=1, cutoff=_MISSPELT)
        if near:
            meant = prefix.rpartition(" ")[2] + near[0]
            raise ConfigError(f"{prefix}{name} is no setting of SQLFlow: did you mean {meant}?")
        _log.warning(
            "%s%s is no setting of SQLFlow and has no effect; known are %s", prefix, name, ", ".join(known)
        )


def _number(variable: str, text: str, minimum: int) -> int:
    try:
        number = int(text)
    except ValueError:
        number = minimum - 1
    if number < minimum:
        kind = "a positive whole number" if minimum else "a whole number from 0 up"
        raise ConfigError(f"{variable}={text!r} is not {kind}")
    return number
