"""All that a server keeps beside jobs, opened together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from airflow_provider_sqlflow.api.accounts import Accounts
from airflow_provider_sqlflow.api.answer_cache import AnswerCache
from airflow_provider_sqlflow.api.sessions import Sessions
from airflow_provider_sqlflow.api.tokens import Tokens
from airflow_provider_sqlflow.api.user_schemas import UserSchemas
from airflow_provider_sqlflow.jobs.service import utc_now
from airflow_provider_sqlflow.jobs.store.database import Database
from airflow_provider_sqlflow.jobs.store.schema import upgrade_schema
from airflow_provider_sqlflow.settings import Settings


@dataclass(frozen=True, slots=True)
class ServerState:
    """What the server's processes share through the store."""

    database: Database
    accounts: Accounts
    tokens: Tokens
    sessions: Sessions
    answers: AnswerCache
    schemas: UserSchemas

    @classmethod
    def open(cls, settings: Settings, clock: Callable[[], datetime] = utc_now) -> ServerState:
        """Open the store, whose schema is created or brought up to date.

        Raises:
            ConfigError: its URL is of no database that can hold it.
            StoreUnavailableError: it does not answer.
            StoreVersionError: its schema is newer than this code.
        """
        database = Database(settings.resolved_store_url(), settings.store_retry_seconds)
        try:
            upgrade_schema(database)
        except BaseException:
            database.close()
            raise
        accounts = Accounts(database, clock)
        return cls(
            database,
            accounts,
            Tokens(database, accounts, settings.server_token_hours, settings.server_token_key, clock),
            Sessions(database, timedelta(hours=settings.server_session_hours), clock),
            AnswerCache(database, clock),
            UserSchemas(database, clock),
        )

    def close(self) -> None:
        """Close the connections."""
        self.database.close()
