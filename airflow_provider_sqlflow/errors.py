"""Every exception this package raises on purpose.

::

    SqlFlowError                code: stable string; retryable: bool
      ConfigError               UnknownDialectError, HostNotAllowedError
      AnalysisError             SqlParseError, AnalysisLimitError
      InputError                EmptyInputError, UnreadableInputError,
                                SourceUnavailableError (retryable)
      JobError                  JobNotFoundError, JobNotReadyError, JobTransitionError,
                                JobConflictError, JobFailedError, JobTimeoutError (retryable),
                                LeaseLostError
      LineageError              NameNotFoundError, AmbiguousNameError
      StoreError                StoreUnavailableError (retryable), StoreVersionError
      AccountError              AccountExistsError, AccountNotFoundError, InvalidAccountError,
                                AccountLimitError
        TokenError              InvalidTokenError, ExpiredTokenError
      ClientError               AuthenticationError, TlsError, NotSupportedError
        RemoteError             UnexpectedAnswerError, RedirectedError
        RemoteUnavailableError  (retryable) EmptyAnswerError, TruncatedAnswerError, DeadlineError
      ExportError               UnknownFormatError, ExportOptionError
      ServerError               RequestError, RequestTooLargeError, SessionNotFoundError,
                                AccessDeniedError, PermissionDeniedError, RequestTimeoutError,
                                WorkerDiedError, ServerBusyError (retryable),
                                NoRunnerError (retryable)
      EmissionError

Errors cross process borders (workers, triggers), so they pickle: extra facts are attributes with
defaults, never required constructor arguments.
A statement that cannot be understood is not an error but a
:class:`~airflow_provider_sqlflow.engine.model.Diagnostic`: exceptions are for no answer at all.
"""

from __future__ import annotations

from typing import ClassVar


class SqlFlowError(Exception):
    """Base of every error of this package.

    Attributes:
        code: stable, machine-readable name of the kind of error.
        retryable: whether the same call may succeed later without any change.
    """

    code: ClassVar[str] = "error"
    retryable: ClassVar[bool] = False


class ConfigError(SqlFlowError):
    """A setting, option or connection field is missing or has a value that cannot be used."""

    code = "config"


class UnknownDialectError(ConfigError):
    """The SQL dialect has no name that sqlglot or SQLFlow knows."""

    code = "unknown_dialect"


class HostNotAllowedError(ConfigError):
    """A request names a database on a host that this server may not connect to."""

    code = "host_not_allowed"


class AnalysisError(SqlFlowError):
    """SQL text gave no lineage at all."""

    code = "analysis"


class SqlParseError(AnalysisError):
    """SQL text that the parser refuses.

    Attributes:
        line: 1-based line in the text given, or 0 where unknown.
        column: 1-based column, or 0 where unknown.
    """

    code = "sql_parse"

    def __init__(self, message: str = "", line: int = 0, column: int = 0) -> None:
        super().__init__(message, line, column)
        self.line = line
        self.column = column

    def __str__(self) -> str:
        return str(self.args[0])


class AnalysisLimitError(AnalysisError):
    """A statement is larger or more deeply nested than the settings allow."""

    code = "analysis_limit"


class InputError(SqlFlowError):
    """The input of a job (file, folder, archive) cannot be used. The message names it."""

    code = "input"


class EmptyInputError(InputError):
    """There is nothing to analyse: no files in a folder or archive, no text."""

    code = "empty_input"


class UnreadableInputError(InputError):
    """A file or archive is missing, damaged, unsafe or of the wrong kind."""

    code = "unreadable_input"


class SourceUnavailableError(InputError):
    """The storage that holds a source cannot be reached."""

    code = "source_unavailable"
    retryable = True


class JobError(SqlFlowError):
    """A job cannot do what was asked."""

    code = "job"


class JobNotFoundError(JobError):
    """No job has this id."""

    code = "job_not_found"


class JobNotReadyError(JobError):
    """The job has no results yet, or never will."""

    code = "job_not_ready"


class JobTransitionError(JobError):
    """The job's status does not allow the change (table in ``jobs/model.py``)."""

    code = "job_transition"


class JobConflictError(JobError):
    """The idempotency key belongs to a job with other input."""

    code = "job_conflict"


class JobFailedError(JobError):
    """The job ended without a result."""

    code = "job_failed"


class JobTimeoutError(JobError):
    """The job did not end within the time its caller gave it."""

    code = "job_timeout"
    retryable = True


class LeaseLostError(JobError):
    """The job was cancelled, deleted or taken over by another worker while this one worked on it."""

    code = "lease_lost"


class LineageError(SqlFlowError):
    """A question about lineage across jobs has no answer."""

    code = "lineage"


class NameNotFoundError(LineageError):
    """No table or column that counts has this name.

    Attributes:
        near: qualified names of tables that look like it.
    """

    code = "name_not_found"

    def __init__(self, message: str = "", near: tuple[str, ...] = ()) -> None:
        super().__init__(message, near)
        self.near = near

    def __str__(self) -> str:
        return str(self.args[0])


class AmbiguousNameError(LineageError):
    """Several tables or columns have this name.

    Attributes:
        candidates: their qualified names.
    """

    code = "ambiguous_name"

    def __init__(self, message: str = "", candidates: tuple[str, ...] = ()) -> None:
        super().__init__(message, candidates)
        self.candidates = candidates

    def __str__(self) -> str:
        return str(self.args[0])


class StoreError(SqlFlowError):
    """The job store cannot be used."""

    code = "store"


class StoreUnavailableError(StoreError):
    """The job store does not answer, or is locked by another process."""

    code = "store_unavailable"
    retryable = True


class StoreVersionError(StoreError):
    """The job store's schema is older or newer than this package."""

    code = "store_version"


class AccountError(SqlFlowError):
    """A user of the server cannot have what was asked."""

    code = "account"


class AccountExistsError(AccountError):
    """There is a user with this id already."""

    code = "account_exists"


class AccountNotFoundError(AccountError):
    """No user has this id."""

    code = "account_not_found"


class InvalidAccountError(AccountError):
    """The id, address or name cannot be a user's: it is empty, too long, or has invisible characters."""

    code = "invalid_account"


class AccountLimitError(AccountError):
    """The user would keep more than the server holds for one."""

    code = "account_limit"


class TokenError(AccountError):
    """A token opens nothing. The message does not say why, but that it expired."""

    code = "token"


class InvalidTokenError(TokenError):
    """The token is none of this server's, or its user or secret key is gone."""

    code = "invalid_token"


class ExpiredTokenError(TokenError):
    """The token's time is over; another one is given for the secret key."""

    code = "expired_token"


class ClientError(SqlFlowError):
    """A SQLFlow service did not do what was asked."""

    code = "client"


class AuthenticationError(ClientError):
    """The service refuses the credentials."""

    code = "authentication"


class RemoteError(ClientError):
    """The service answered with an error.

    Attributes:
        status: HTTP status or the envelope's code, 0 where unknown.
    """

    code = "remote"

    def __init__(self, message: str = "", status: int = 0) -> None:
        super().__init__(message, status)
        self.status = status

    def __str__(self) -> str:
        return str(self.args[0])


class RemoteUnavailableError(ClientError):
    """The service cannot be reached, is busy, or answers with a server error."""

    code = "remote_unavailable"
    retryable = True


class TlsError(ClientError):
    """No secure connection: the certificate is not trusted, or the service does not speak TLS."""

    code = "tls"


class NotSupportedError(ClientError):
    """The service has no operation for what was asked; the message says what to do instead."""

    code = "not_supported"


class UnexpectedAnswerError(RemoteError):
    """The answer is not what the operation gives: a web page, other JSON, another kind of file."""

    code = "unexpected_answer"


class RedirectedError(RemoteError):
    """The service sends the caller to another address, where credentials are not sent unasked."""

    code = "redirected"


class EmptyAnswerError(RemoteUnavailableError):
    """The service answered without saying anything about what was asked."""

    code = "empty_answer"


class TruncatedAnswerError(RemoteUnavailableError):
    """The connection ended in the middle of an answer."""

    code = "truncated_answer"


class DeadlineError(RemoteUnavailableError):
    """The service did not answer in full within the time allowed, retries included."""

    code = "deadline"


class ExportError(SqlFlowError):
    """A result could not be written."""

    code = "export"


class UnknownFormatError(ExportError):
    """No export format has this name."""

    code = "unknown_format"


class ExportOptionError(ExportError):
    """An export option has an unknown name or a value that it cannot have; the message lists both."""

    code = "export_option"


class EmissionError(SqlFlowError):
    """An OpenLineage event could not be built or sent."""

    code = "emission"


class ServerError(SqlFlowError):
    """Our REST server cannot do what a request asks."""

    code = "server"


class RequestError(ServerError):
    """A request's parameters cannot be understood; the message names them."""

    code = "request"


class RequestTooLargeError(ServerError):
    """A request holds more than the server takes."""

    code = "request_too_large"


class SessionNotFoundError(ServerError):
    """No earlier answer has this session id, or its time is over."""

    code = "session_not_found"


class AccessDeniedError(ServerError):
    """The request names no account, or does not prove that it comes from it."""

    code = "access_denied"


class PermissionDeniedError(ServerError):
    """The account is known, and may not do this."""

    code = "permission_denied"


class NoRunnerError(ServerError):
    """Nobody is there who would run the job; the message says how that is changed."""

    code = "no_runner"
    retryable = True


class ServerBusyError(ServerError):
    """The server has as much to do as it may."""

    code = "server_busy"
    retryable = True


class RequestTimeoutError(ServerError):
    """The request takes longer than the server allows."""

    code = "request_timeout"


class WorkerDiedError(ServerError):
    """The process that worked on the request ended."""

    code = "worker_died"
