"""What Airflow's providers manager learns about this package.

Imports nothing: Airflow calls it while its own configuration is still loading. ``package-name`` must
equal the distribution's name, otherwise no Airflow command starts.
"""

from __future__ import annotations

from typing import Any

_MODULE = "airflow_provider_sqlflow"
_INTEGRATION = "SQLFlow"


def get_provider_info() -> dict[str, Any]:
    """Provider metadata in the shape of Airflow's ``provider_info.schema.json``."""
    return {
        "package-name": "airflow-provider-sqlflow",
        "name": _INTEGRATION,
        "description": "Column-level SQL lineage: submit lineage jobs, wait for them, export the results.",
        "integrations": [
            {
                "integration-name": _INTEGRATION,
                "external-doc-url": "https://airflow-provider-sqlflow.readthedocs.io",
                "tags": ["software"],
            }
        ],
        "hooks": [{"integration-name": _INTEGRATION, "python-modules": [f"{_MODULE}.hooks.sqlflow"]}],
        "operators": [
            {
                "integration-name": _INTEGRATION,
                "python-modules": [
                    f"{_MODULE}.operators.openlineage",
                    f"{_MODULE}.operators.sharding",
                    f"{_MODULE}.operators.sqlflow",
                ],
            }
        ],
        "sensors": [{"integration-name": _INTEGRATION, "python-modules": [f"{_MODULE}.sensors.sqlflow"]}],
        "triggers": [{"integration-name": _INTEGRATION, "python-modules": [f"{_MODULE}.triggers.sqlflow"]}],
        "connection-types": [_CONNECTION_TYPE],
        "task-decorators": [{"name": "sqlflow", "class-name": f"{_MODULE}.decorators.sqlflow.sqlflow_task"}],
        "notifications": [f"{_MODULE}.notifications.sqlflow.SqlFlowNotifier"],
        "extra-links": [
            f"{_MODULE}.operators.links.SqlFlowJobLink",
            f"{_MODULE}.operators.links.SqlFlowLineageLink",
        ],
        "asset-uris": [
            {
                "schemes": ["sqlflow"],
                "handler": f"{_MODULE}.assets.sqlflow.sanitize_uri",
                "factory": f"{_MODULE}.assets.sqlflow.create_asset",
                "to_openlineage_converter": f"{_MODULE}.assets.sqlflow.to_openlineage",
            }
        ],
        "plugins": [{"name": "sqlflow", "plugin-class": f"{_MODULE}.plugins.sqlflow.SqlFlowPlugin"}],
        "config": {
            "sqlflow": {"description": "Lineage jobs of airflow-provider-sqlflow.", "options": _OPTIONS}
        },
    }


def _field(label: str, description: str, kind: str, **schema: Any) -> dict[str, Any]:
    """A field of the connection form; ``null`` among its types makes it optional there."""
    return {"label": label, "description": description, "schema": {"type": [kind, "null"], **schema}}


_ABOVE_0: dict[str, Any] = {"exclusiveMinimum": 0}

_CONNECTION_TYPE: dict[str, Any] = {
    "connection-type": "sqlflow",
    "hook-class-name": f"{_MODULE}.hooks.sqlflow.SqlFlowHook",
    "hook-name": "SQLFlow",
    "ui-field-behaviour": {
        "hidden-fields": [],
        "relabeling": {"schema": "Scheme", "login": "User id", "password": "Secret key"},
        "placeholders": {
            "host": "empty: the embedded engine; else the address of a SQLFlow service",
            "port": "of the service, where the host names none",
            "schema": "https or http",
            "login": "user id on the service",
            "password": "secret key of the user; empty: no login",
        },
    },
    "conn-fields": {
        "store_url": _field(
            "Job store URL",
            "Embedded engine only: SQLAlchemy URL of the job store. Empty: the [sqlflow] store_url option.",
            "string",
            format="password",
        ),
        "prefix": _field(
            "Base path",
            "Path in front of the service's operations. Empty: the host's path, else /gspLive_backend for "
            "the cloud and /api/gspLive_backend for other hosts.",
            "string",
        ),
        "token": _field(
            "Token",
            "Used as it is when there is no secret key; it cannot be renewed.",
            "string",
            format="password",
        ),
        "verify": _field("Verify TLS", "Check the service's certificate.", "boolean", default=True),
        "ca_file": _field(
            "CA file",
            "PEM file of the authorities to trust instead of the system's, on each worker.",
            "string",
        ),
        "proxy": _field(
            "Proxy",
            "URL of an HTTP proxy. Empty: what the environment says (HTTPS_PROXY, NO_PROXY).",
            "string",
        ),
        "connect_timeout": _field(
            "Connect timeout", "Seconds to connect; 10 by default.", "number", **_ABOVE_0
        ),
        "read_timeout": _field(
            "Read timeout", "Seconds of silence within an answer; 60 by default.", "number", **_ABOVE_0
        ),
        "deadline": _field(
            "Deadline",
            "Seconds for one operation in all, retries included; 120 by default.",
            "number",
            **_ABOVE_0,
        ),
        "transfer_deadline": _field(
            "Transfer deadline",
            "Seconds for an operation that sends or fetches files, retries included; 3600 by default.",
            "number",
            **_ABOVE_0,
        ),
        "attempts": _field(
            "Attempts", "How often an operation is tried; 5 by default.", "integer", minimum=1
        ),
        "timezone": _field(
            "Time zone", "IANA name of the zone that the service's times are in; UTC by default.", "string"
        ),
    },
}


def _option(description: str, kind: str, default: str, **extra: Any) -> dict[str, Any]:
    return {
        "description": description,
        "version_added": "0.1.0",
        "type": kind,
        "example": None,
        "default": default,
        **extra,
    }


# The numbers repeat the defaults of ``settings.Settings``: nothing may be imported here. A test
# compares the two.
_OPTIONS: dict[str, Any] = {
    "store_url": _option(
        "SQLAlchemy URL of the job store. Empty means the SQLite file ``sqlflow.db`` in ``home``; "
        "use PostgreSQL when tasks run on several machines.",
        "string",
        "",
        example="postgresql+psycopg://sqlflow@db.example.com/sqlflow",
        sensitive=True,
    ),
    "home": _option("Folder of the default job store. Empty means AIRFLOW_HOME.", "string", ""),
    "poll_interval": _option(
        "Seconds between two looks at a running job's status, in operators, sensors and triggers.",
        "float",
        "10",
    ),
    "max_file_bytes": _option(
        "A larger SQL file is reported, not analysed.", "integer", str(200 * 1024 * 1024)
    ),
    "max_archive_bytes": _option(
        "Limit of what one archive may unpack to, in bytes.", "integer", str(2 * 1024 * 1024 * 1024)
    ),
    "max_archive_ratio": _option(
        "Limit of unpacked size over packed size of one archive member.", "integer", "200"
    ),
    "max_statement_chars": _option(
        "A longer SQL statement is reported, not parsed.", "integer", str(4 * 1024 * 1024)
    ),
    "max_nesting": _option("Deepest bracket nesting that is parsed; deeper is reported.", "integer", "600"),
    "max_statement_seconds": _option(
        "A SQL statement that takes longer to parse and read is reported. 0 means no limit.", "integer", "60"
    ),
    "processes": _option("How many processes analyse the files of a large job.", "integer", "1"),
    "worker_lease_seconds": _option(
        "A worker without a sign of life for so many seconds counts as lost; another claims its job.",
        "integer",
        "60",
    ),
    "store_retry_seconds": _option(
        "How long work waits, trying again, for a job store that stopped answering.", "integer", "30"
    ),
    "runner": _option(
        "Who analyses submitted jobs: ``inline`` (the task that submits) or ``worker`` (``sqlflow worker`` "
        "processes that share the store).",
        "string",
        "inline",
    ),
    "worker_queues": _option(
        "The queues that ``sqlflow worker`` serves unless told otherwise, with commas between.",
        "string",
        "default",
    ),
    "worker_grace_seconds": _option(
        "How many seconds a worker that is told to stop may go on with its job's next step.", "integer", "30"
    ),
    "worker_poll_seconds": _option(
        "Longest pause, in seconds, between a worker's looks for a queued job.", "integer", "5"
    ),
    "max_attempts": _option(
        "So many workers may be lost with one run of a job; then the job fails.", "integer", "3"
    ),
    "openlineage_transport": _option(
        "JSON of an OpenLineage client's transport, for lineage events of SQLFlow jobs. Only read where the "
        "OpenLineage provider is absent or not configured. Empty means the OpenLineage client's own sources.",
        "string",
        "",
        example='{"type": "http", "url": "http://localhost:5000"}',
        sensitive=True,
    ),
    "openlineage_namespace": _option(
        "OpenLineage namespace of lineage jobs. Only read where the OpenLineage provider is not active; "
        "otherwise its own namespace is used.",
        "string",
        "sqlflow",
    ),
    "openlineage_datasets": _option(
        "JSON that says by dialect where its databases are: namespace, and what completes short names.",
        "string",
        "",
        example='{"postgres": {"namespace": "postgres://db:5432", "database": "shop", "schema": "public"}}',
    ),
    "openlineage_include_sql": _option(
        "Whether SQL stands in OpenLineage events: statements, expressions, comments. Secrets never do.",
        "boolean",
        "True",
    ),
    "openlineage_source_url": _option(
        "Where a statement can be looked up, with {path} and {line}; a link in OpenLineage events.",
        "string",
        "",
        example="https://github.com/acme/warehouse/blob/main/{path}#L{line}",
    ),
    "openlineage_runs_per": _option(
        "statement: one OpenLineage run for each statement. target: one for each table that it writes.",
        "string",
        "statement",
    ),
    "openlineage_max_event_bytes": _option(
        "A larger OpenLineage event is split into several of the same run.", "integer", "1000000"
    ),
    "openlineage_max_column_links": _option(
        "An OpenLineage event with more column edges is split into several of the same run.",
        "integer",
        "1500",
    ),
    "openlineage_spool": _option(
        "Folder of OpenLineage events that no backend has taken yet; ``sqlflow emit --replay`` sends them. "
        "Empty means ``openlineage-spool`` in ``home``.",
        "string",
        "",
    ),
    "server_token_hours": _option(
        "So many hours a token of ``sqlflow server`` counts; then the user asks for another. "
        "0 means for ever.",
        "integer",
        "24",
    ),
    "server_token_key": _option(
        "Key that signs the server's tokens, of at least 32 characters. Empty means a "
        "random one that is kept in the job store.",
        "string",
        "",
        sensitive=True,
    ),
    "server_ignore_token": _option(
        "Whether the server believes any user id without a token: for a server "
        "that only trusted users can reach.",
        "boolean",
        "False",
    ),
    "server_session_hours": _option(
        "So many hours after its last use the server keeps the result of an analysis that is no job.",
        "integer",
        "24",
    ),
    "server_allowed_hosts": _option(
        "Hosts, or host:port, with commas between, that jobs of the server may connect to "
        "for metadata. Empty means none.",
        "string",
        "",
        example="db.example.com, warehouse.example.com:5439",
    ),
    "server_relation_limit": _option(
        "A graph of more relationships is not laid out by the server, unless the request sets another limit.",
        "integer",
        "1000",
    ),
    "server_max_request_bytes": _option(
        "The server refuses a larger request, files included.", "integer", str(200 * 1024 * 1024)
    ),
    "server_max_query_bytes": _option(
        "The server refuses longer SQL where it answers at once; it can be submitted as a job.",
        "integer",
        str(500 * 1024),
    ),
    "server_request_seconds": _option(
        "An answer that takes the server longer to make is given up.", "integer", "60"
    ),
    "server_parallel": _option(
        "So many processes of the server analyse and lay out at once.", "integer", "2"
    ),
    "server_queue": _option(
        "So many requests may wait for such a process; the server tells more than that that it is busy.",
        "integer",
        "64",
    ),
    "server_enabled": _option(
        "Whether Airflow's API server serves the SQLFlow REST API under ``/sqlflow/gspLive_backend``.",
        "boolean",
        "True",
    ),
    "server_runner_dag": _option(
        "Id of the Dag whose runs work on the jobs that the API of Airflow's API server takes.",
        "string",
        "sqlflow_runner",
    ),
    "job_url": _option(
        "Where the extra link *SQLFlow job* of a task leads for jobs of the embedded engine: {job_id} and "
        "{base_url} (Airflow's own address) are filled in. Empty means no link.",
        "string",
        "",
        example="{base_url}/sqlflow/jobs/{job_id}",
    ),
    "lineage_url": _option(
        "Where the extra link *Lineage page* of a task leads: {job_id} and {base_url} are filled in. Empty "
        "means no link.",
        "string",
        "",
        example="https://lineage.example.com/?job={job_id}",
    ),
    "capture_sql": _option(
        "Whether SQL that other operators and hooks run is analysed, and who hears: ``off``, ``openlineage`` "
        "(the task's events), ``store`` (the job store) or ``both``.",
        "string",
        "off",
    ),
    "capture_seconds": _option(
        "An ended task's process waits so long for its captured SQL to be read, and as long for it to be "
        "kept; what takes longer is given up.",
        "integer",
        "10",
    ),
    "capture_max_chars": _option(
        "SQL of a task that is longer, all statements together, is not captured.", "integer", "200000"
    ),
}
