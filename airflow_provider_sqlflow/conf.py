"""The ``[sqlflow]`` section of Airflow's configuration, one cached function per option.

The lowest module that imports Airflow. Defaults and descriptions are in ``get_provider_info.py``.
"""

from __future__ import annotations

from functools import cache
from urllib.parse import quote

from airflow.sdk.configuration import conf

from airflow_provider_sqlflow.errors import ConfigError
from airflow_provider_sqlflow.get_provider_info import get_provider_info
from airflow_provider_sqlflow.settings import Settings, check_names

SECTION = "sqlflow"

_CAPTURES = {
    "off": frozenset[str](),
    "openlineage": frozenset({"openlineage"}),
    "store": frozenset({"store"}),
    "both": frozenset({"openlineage", "store"}),
}


@cache
def store_url() -> str:
    """``[sqlflow] store_url``: SQLAlchemy URL of the job store; empty means SQLite under :func:`home`."""
    return str(conf.get(SECTION, "store_url")).strip()


@cache
def home() -> str:
    """``[sqlflow] home``: folder of the default job store; empty means AIRFLOW_HOME."""
    from airflow.configuration import AIRFLOW_HOME

    return str(conf.get(SECTION, "home")).strip() or str(AIRFLOW_HOME)


@cache
def poll_interval() -> float:
    """``[sqlflow] poll_interval``: seconds between two looks at a running job's status.

    Raises:
        ConfigError: the option is not above zero.
    """
    seconds = float(conf.getfloat(SECTION, "poll_interval"))
    if seconds <= 0:
        raise ConfigError(f"[sqlflow] poll_interval = {seconds} is not above zero")
    return seconds


@cache
def max_file_bytes() -> int:
    """``[sqlflow] max_file_bytes``: a larger file is reported, not analysed."""
    return _positive("max_file_bytes")


@cache
def max_archive_bytes() -> int:
    """``[sqlflow] max_archive_bytes``: limit of what one archive may unpack to."""
    return _positive("max_archive_bytes")


@cache
def max_archive_ratio() -> int:
    """``[sqlflow] max_archive_ratio``: limit of unpacked over packed size of an archive member."""
    return _positive("max_archive_ratio")


@cache
def max_statement_chars() -> int:
    """``[sqlflow] max_statement_chars``: a longer statement is reported, not parsed."""
    return _positive("max_statement_chars")


@cache
def max_nesting() -> int:
    """``[sqlflow] max_nesting``: deepest bracket nesting that is parsed."""
    return _positive("max_nesting")


@cache
def max_statement_seconds() -> int:
    """``[sqlflow] max_statement_seconds``: a statement that takes longer is reported; 0 is no limit."""
    return _at_least("max_statement_seconds", 0)


@cache
def processes() -> int:
    """``[sqlflow] processes``: how many processes analyse the files of a large job."""
    return _positive("processes")


@cache
def worker_lease_seconds() -> int:
    """``[sqlflow] worker_lease_seconds``: a worker that is silent for longer counts as lost."""
    return _positive("worker_lease_seconds")


@cache
def store_retry_seconds() -> int:
    """``[sqlflow] store_retry_seconds``: how long work waits for a store that does not answer."""
    return _positive("store_retry_seconds")


@cache
def runner() -> str:
    """``[sqlflow] runner``: ``inline`` (the task itself) or ``worker`` (``sqlflow worker`` processes)."""
    return str(conf.get(SECTION, "runner")).strip()


@cache
def worker_queues() -> str:
    """``[sqlflow] worker_queues``: the queues that a worker serves, with commas between."""
    return str(conf.get(SECTION, "worker_queues")).strip()


@cache
def worker_grace_seconds() -> int:
    """``[sqlflow] worker_grace_seconds``: how long a worker told to stop may finish its step."""
    return _positive("worker_grace_seconds")


@cache
def worker_poll_seconds() -> int:
    """``[sqlflow] worker_poll_seconds``: longest pause between two looks for a queued job."""
    return _positive("worker_poll_seconds")


@cache
def max_attempts() -> int:
    """``[sqlflow] max_attempts``: so many workers may be lost with a run before it is failed."""
    return _positive("max_attempts")


@cache
def openlineage_transport() -> str:
    """``[sqlflow] openlineage_transport``: JSON of the OpenLineage transport, where the provider has none."""
    return str(conf.get(SECTION, "openlineage_transport")).strip()


@cache
def openlineage_namespace() -> str:
    """``[sqlflow] openlineage_namespace``: of our jobs, where the OpenLineage provider gives none."""
    return str(conf.get(SECTION, "openlineage_namespace")).strip()


@cache
def openlineage_datasets() -> str:
    """``[sqlflow] openlineage_datasets``: JSON that says by dialect where its databases are."""
    return str(conf.get(SECTION, "openlineage_datasets")).strip()


@cache
def openlineage_include_sql() -> bool:
    """``[sqlflow] openlineage_include_sql``: whether SQL stands in events."""
    return bool(conf.getboolean(SECTION, "openlineage_include_sql"))


@cache
def openlineage_source_url() -> str:
    """``[sqlflow] openlineage_source_url``: where a statement can be looked up."""
    return str(conf.get(SECTION, "openlineage_source_url")).strip()


@cache
def openlineage_runs_per() -> str:
    """``[sqlflow] openlineage_runs_per``: ``statement`` or ``target``."""
    return str(conf.get(SECTION, "openlineage_runs_per")).strip()


@cache
def openlineage_max_event_bytes() -> int:
    """``[sqlflow] openlineage_max_event_bytes``: a larger event is split."""
    return _positive("openlineage_max_event_bytes")


@cache
def openlineage_max_column_links() -> int:
    """``[sqlflow] openlineage_max_column_links``: an event with more column edges is split."""
    return _positive("openlineage_max_column_links")


@cache
def openlineage_spool() -> str:
    """``[sqlflow] openlineage_spool``: folder of events not sent yet; empty means one in :func:`home`."""
    return str(conf.get(SECTION, "openlineage_spool")).strip()


@cache
def server_token_hours() -> int:
    """``[sqlflow] server_token_hours``: so many hours a token of ``sqlflow server`` counts."""
    return _at_least("server_token_hours", 0)


@cache
def server_token_key() -> str:
    """``[sqlflow] server_token_key``: key that signs the server's tokens."""
    return str(conf.get(SECTION, "server_token_key")).strip()


@cache
def server_ignore_token() -> bool:
    """``[sqlflow] server_ignore_token``: whether the server believes any user id, without a token."""
    return bool(conf.getboolean(SECTION, "server_ignore_token"))


@cache
def server_session_hours() -> int:
    """``[sqlflow] server_session_hours``: life of unused results of the server."""
    return _positive("server_session_hours")


@cache
def server_allowed_hosts() -> str:
    """``[sqlflow] server_allowed_hosts``: hosts that jobs of the server may connect to."""
    return str(conf.get(SECTION, "server_allowed_hosts")).strip()


@cache
def server_relation_limit() -> int:
    """``[sqlflow] server_relation_limit``: a graph with more relationships is not laid out."""
    return _positive("server_relation_limit")


@cache
def server_max_request_bytes() -> int:
    """``[sqlflow] server_max_request_bytes``: a larger request is refused by the server."""
    return _positive("server_max_request_bytes")


@cache
def server_max_query_bytes() -> int:
    """``[sqlflow] server_max_query_bytes``: longer SQL is refused where the server answers at once."""
    return _positive("server_max_query_bytes")


@cache
def server_request_seconds() -> int:
    """``[sqlflow] server_request_seconds``: an answer that takes the server longer to make is given up."""
    return _positive("server_request_seconds")


@cache
def server_parallel() -> int:
    """``[sqlflow] server_parallel``: so many processes of the server analyse and lay out at once."""
    return _positive("server_parallel")


@cache
def server_queue() -> int:
    """``[sqlflow] server_queue``: so many requests may wait for such a process."""
    return _at_least("server_queue", 0)


@cache
def server_enabled() -> bool:
    """``[sqlflow] server_enabled``: whether Airflow's API server serves the SQLFlow REST API."""
    return bool(conf.getboolean(SECTION, "server_enabled"))


@cache
def server_runner_dag() -> str:
    """``[sqlflow] server_runner_dag``: id of the Dag that works on the jobs of that API."""
    return str(conf.get(SECTION, "server_runner_dag")).strip()


@cache
def _job_url() -> str:
    return str(conf.get(SECTION, "job_url")).strip()


def job_url(job_id: str) -> str:
    """``[sqlflow] job_url``: where people see a job of the embedded engine; empty for no such page."""
    return _filled(_job_url(), job_id)


@cache
def _lineage_url() -> str:
    return str(conf.get(SECTION, "lineage_url")).strip()


def lineage_url(job_id: str) -> str:
    """``[sqlflow] lineage_url``: where people see a job's lineage; empty for no such page."""
    return _filled(_lineage_url(), job_id)


@cache
def capture_sql() -> frozenset[str]:
    """``[sqlflow] capture_sql``: who hears of SQL that other operators run: ``openlineage``, ``store``.

    Raises:
        ConfigError: the option is no word that it may be.
    """
    word = str(conf.get(SECTION, "capture_sql")).strip().lower()
    if word not in _CAPTURES:
        raise ConfigError(f"[sqlflow] capture_sql = {word!r} is not one of: {', '.join(_CAPTURES)}")
    return _CAPTURES[word]


@cache
def capture_seconds() -> int:
    """``[sqlflow] capture_seconds``: so long an ended task's process waits for its captured SQL."""
    return _positive("capture_seconds")


@cache
def capture_max_chars() -> int:
    """``[sqlflow] capture_max_chars``: a task's longer SQL is not captured."""
    return _positive("capture_max_chars")


@cache
def settings() -> Settings:
    """All of the section's options that the layers below Airflow read.

    Raises:
        ConfigError: a number is too small, the runner is unknown, or an option's name looks misspelt.
    """
    section = conf.getsection(SECTION) or {}
    check_names(section, list(get_provider_info()["config"][SECTION]["options"]), f"[{SECTION}] option ")
    return Settings(
        store_url=store_url(),
        home=home(),
        max_file_bytes=max_file_bytes(),
        max_archive_bytes=max_archive_bytes(),
        max_archive_ratio=max_archive_ratio(),
        max_statement_chars=max_statement_chars(),
        max_nesting=max_nesting(),
        max_statement_seconds=max_statement_seconds(),
        processes=processes(),
        worker_lease_seconds=worker_lease_seconds(),
        store_retry_seconds=store_retry_seconds(),
        runner=runner(),
        worker_queues=worker_queues(),
        worker_grace_seconds=worker_grace_seconds(),
        worker_poll_seconds=worker_poll_seconds(),
        max_attempts=max_attempts(),
        openlineage_transport=openlineage_transport(),
        openlineage_namespace=openlineage_namespace(),
        openlineage_datasets=openlineage_datasets(),
        openlineage_include_sql=openlineage_include_sql(),
        openlineage_source_url=openlineage_source_url(),
        openlineage_runs_per=openlineage_runs_per(),
        openlineage_max_event_bytes=openlineage_max_event_bytes(),
        openlineage_max_column_links=openlineage_max_column_links(),
        openlineage_spool=openlineage_spool(),
        server_token_hours=server_token_hours(),
        server_token_key=server_token_key(),
        server_ignore_token=server_ignore_token(),
        server_session_hours=server_session_hours(),
        server_allowed_hosts=server_allowed_hosts(),
        server_relation_limit=server_relation_limit(),
        server_max_request_bytes=server_max_request_bytes(),
        server_max_query_bytes=server_max_query_bytes(),
        server_request_seconds=server_request_seconds(),
        server_parallel=server_parallel(),
        server_queue=server_queue(),
    )


def clear_cache() -> None:
    """Forget every value read, so that a changed configuration is seen (tests, long-lived shells)."""
    for option in (
        store_url,
        home,
        poll_interval,
        max_file_bytes,
        max_archive_bytes,
        max_archive_ratio,
        max_statement_chars,
        max_nesting,
        max_statement_seconds,
        processes,
        worker_lease_seconds,
        store_retry_seconds,
        runner,
        worker_queues,
        worker_grace_seconds,
        worker_poll_seconds,
        max_attempts,
        openlineage_transport,
        openlineage_namespace,
        openlineage_datasets,
        openlineage_include_sql,
        openlineage_source_url,
        openlineage_runs_per,
        openlineage_max_event_bytes,
        openlineage_max_column_links,
        openlineage_spool,
        server_token_hours,
        server_token_key,
        server_ignore_token,
        server_session_hours,
        server_allowed_hosts,
        server_relation_limit,
        server_max_request_bytes,
        server_max_query_bytes,
        server_request_seconds,
        server_parallel,
        server_queue,
        server_enabled,
        server_runner_dag,
        _job_url,
        _lineage_url,
        capture_sql,
        capture_seconds,
        capture_max_chars,
        settings,
    ):
        option.cache_clear()


def _filled(template: str, job_id: str) -> str:
    """A page's address: ``{job_id}`` and ``{base_url}`` (Airflow's own) are filled in."""
    base = str(conf.get("api", "base_url", fallback="") or "").rstrip("/")
    return template.replace("{job_id}", quote(job_id, safe="")).replace("{base_url}", base)


def _positive(option: str) -> int:
    return _at_least(option, 1)


def _at_least(option: str, minimum: int) -> int:
    number = int(conf.getint(SECTION, option))
    if number < minimum:
        kind = "a positive whole number" if minimum else "a whole number from 0 up"
        raise ConfigError(f"[sqlflow] {option} = {number} is not {kind}")
    return number
