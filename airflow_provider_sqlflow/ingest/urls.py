"""Files, folders and archives behind URLs, read through fsspec.

A URL may hold a password, and so may what a file system says about it: messages and names show the URL
without user, password and query.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import PurePosixPath
from typing import Any, BinaryIO
from urllib.parse import unquote

from airflow_provider_sqlflow.errors import (
    ConfigError,
    InputError,
    SourceUnavailableError,
    UnreadableInputError,
)
from airflow_provider_sqlflow.ingest.files import FileProblemError

_PROTOCOL = r"[A-Za-z][A-Za-z0-9+.\-]*"
_CHAIN = re.compile(rf"::(?={_PROTOCOL}(?:://|::))")
_URL = re.compile(rf"(?:{_PROTOCOL}::)*({_PROTOCOL})://")
_HIDDEN = "***"
_LOCAL_PROTOCOLS = frozenset({"file", "local"})


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file of a file system that fsspec knows."""

    location: Location
    path: str

    @property
    def shown(self) -> str:
        """The URL without secrets."""
        return self.location.shown_path(self.path)

    @property
    def name(self) -> str:
        """The last part of the path."""
        # The path of some file systems is the URL itself, whose query may be a password.
        path = re.split(r"[?#]", redacted(self.path))[0] if "://" in self.path else self.path
        return PurePosixPath(path).name or self.shown

    def open(self) -> BinaryIO:
        """See :meth:`~airflow_provider_sqlflow.ingest.files.StoredFile.open`."""
        try:
            stream: BinaryIO = self.location.system.open(self.path, "rb")
        except Exception as error:  # noqa: BLE001  # each file system raises its own kinds
            raise FileProblemError(self.explain(error)) from None
        return stream

    def beside(self, name: str) -> RemoteFile:
        """See :meth:`~airflow_provider_sqlflow.ingest.files.StoredFile.beside`."""
        folder, slash, _ = self.path.rpartition("/")
        return RemoteFile(self.location, f"{folder}{slash}{name}")

    def size(self, stream: BinaryIO) -> int | None:
        """See :meth:`~airflow_provider_sqlflow.ingest.files.StoredFile.size`."""
        size = getattr(stream, "size", None)
        return size if isinstance(size, int) else None

    def explain(self, error: Exception) -> str:
        """See :meth:`~airflow_provider_sqlflow.ingest.files.StoredFile.explain`."""
        return f"cannot be read: {self.location.reason(error)}"


class Location:
    """What a URL points to.

    Args:
        url: any URL of fsspec's, ``::`` chains included.
        options: fsspec's storage options.

    Raises:
        ConfigError: no such protocol, or its package is not installed.
        InputError: the file system refuses the URL or cannot be reached.
    """

    def __init__(self, url: str, options: Mapping[str, Any]) -> None:
        self.url = url
        self.shown = redacted(url)
        self._secrets = _secrets_of(url, options)
        self.system, self.path = self._connect(options)

    def _connect(self, options: Mapping[str, Any]) -> tuple[Any, str]:
        import fsspec  # type: ignore[import-untyped]  # it has no types

        for protocol in protocols_of(self.url):
            _check_protocol(protocol, self.shown)
        try:
            system, path = fsspec.core.url_to_fs(self.url, **options)
            system.invalidate_cache()
        except Exception as error:  # noqa: BLE001  # each file system raises its own kinds
            raise self.failure(error) from None
        return system, str(path)

    def is_folder(self) -> bool:
        """Whether files lie below the URL.

        Raises:
            InputError: there is nothing, or the file system cannot be reached.
        """
        try:
            return bool(self.system.info(self.path)["type"] == "directory")
        except Exception as error:  # noqa: BLE001  # each file system raises its own kinds
            raise self.failure(error) from None

    def files(self) -> list[tuple[PurePosixPath, RemoteFile, int]]:
        """All files below the folder, or those a ``*`` in the URL stands for: relative path, file, size.

        Raises:
            InputError: the folder cannot be listed.
        """
        try:
            if self.is_pattern:
                found = self.system.glob(self.path, detail=True)
            else:
                found = self.system.find(self.path, detail=True)
        except Exception as error:  # noqa: BLE001  # each file system raises its own kinds
            raise self.failure(error) from None
        base = self.path.split("*")[0].rpartition("/")[0] if self.is_pattern else self.path
        files = [(path, info) for path, info in found.items() if info.get("type") != "directory"]
        return [
            (_relative(path, base), RemoteFile(self, path), int(info.get("size") or 0))
            for path, info in files
        ]

    @property
    def is_pattern(self) -> bool:
        """Whether the path has a ``*``."""
        return "*" in self.path

    def shown_path(self, path: str) -> str:
        """A path of the file system as a URL without secrets."""
        if path == self.path:
            return self.shown
        return redacted(str(self.system.unstrip_protocol(path)))

    def failure(self, error: Exception) -> InputError:
        """The error to raise for what a file system raised."""
        if isinstance(error, ConnectionError | TimeoutError):
            return SourceUnavailableError(f"cannot reach {self.shown}: {self.reason(error)}")
        return UnreadableInputError(f"cannot read {self.shown}: {self.reason(error)}")

    def reason(self, error: Exception) -> str:
        """What a file system's error says, without secrets."""
        if isinstance(error, FileNotFoundError):
            return "no such file or folder"
        if isinstance(error, PermissionError):
            return "access denied; check the credentials"
        text = f"{type(error).__name__}: {error}".replace(self.url, self.shown)
        for secret in self._secrets:
            text = text.replace(secret, _HIDDEN)
        return redacted(text)


def _relative(path: str, base: str) -> PurePosixPath:
    """A listed path as seen from the folder; paths from elsewhere keep their last part."""
    if path.startswith(base):
        return PurePosixPath(path.removeprefix(base).lstrip("/"))
    return PurePosixPath(PurePosixPath(redacted(path)).name)


def is_url(path: str) -> bool:
    """Whether a path is a URL, as against a path on disk."""
    return _URL.match(path) is not None


def local_path(url: str) -> str | None:
    """The path on disk that a ``file://`` URL means; ``None`` for any other URL."""
    protocols = protocols_of(url)
    if len(protocols) != 1 or protocols[0] not in _LOCAL_PROTOCOLS:
        return None
    from fsspec.implementations.local import LocalFileSystem  # type: ignore[import-untyped]

    return str(LocalFileSystem._strip_protocol(url))


def archive_of(url: str) -> tuple[str, str] | None:
    """The archive's URL or path, and the place in it, of a ``zip://place::archive`` chain."""
    if not url.lower().startswith("zip://"):
        return None
    place, chained, archive = url[len("zip://") :].partition("::")
    return (archive, place.strip("/")) if chained else None


def protocols_of(url: str) -> list[str]:
    """The protocols of a URL, outermost first: ``zip`` and ``s3`` of ``zip://a.sql::s3://b/c.zip``."""
    found = []
    for link in _CHAIN.split(url):
        head, separator, _ = link.partition("://")
        if separator or re.fullmatch(_PROTOCOL, link):
            found.append(head.lower())
    return found


def redacted(text: str) -> str:
    """A text with the URLs in it stripped of user, password, query and fragment.

    >>> redacted("https://me:secret@example.com/a.sql?token=1")
    'https://***@example.com/a.sql?***'
    """
    return re.sub(r"(?<=://)[^\s'\"<>]+", lambda match: _redacted_rest(match.group()), text)


def _redacted_rest(rest: str) -> str:
    """What stands behind ``://``. An ``@`` behind a slash may still belong to a password."""
    rest, *links = _CHAIN.split(rest, maxsplit=1)
    authority = re.match(r"[^/?#]*", rest)
    host = authority.group() if authority else ""
    if "@" in host:
        rest = f"{_HIDDEN}@{rest[rest.rindex('@', 0, len(host)) + 1 :]}"
    elif "@" in rest and re.search(r":(?!\d*\Z)", host):
        rest = f"{_HIDDEN}@{rest.rpartition('@')[2]}"
    cut = re.search(r"[?#]", rest)
    if cut:
        rest = f"{rest[: cut.start()]}{cut.group()}{_HIDDEN}"
    return "::".join([rest, *map(redacted, links)])


def _secrets_of(url: str, options: Mapping[str, Any]) -> tuple[str, ...]:
    """Parts that must not be shown, longest first."""
    found: set[str] = set()
    for link in _CHAIN.split(url):
        rest = link.partition("://")[2]
        user_info, has_user, _ = rest.rpartition("@")
        if has_user:
            found.update((user_info, *user_info.split(":", 1)))
        query = re.search(r"[?#](.*)", rest)
        if query:
            found.add(query.group(1))
            found.update(re.findall(r"=([^&]+)", query.group(1)))
    pending: list[Any] = list(options.values())
    while pending:
        value = pending.pop()
        if isinstance(value, str):
            found.add(value)
        elif isinstance(value, Mapping):
            pending.extend(value.values())
        elif isinstance(value, list | tuple):
            pending.extend(value)
    found |= {unquote(secret) for secret in found}
    return tuple(sorted((secret for secret in found if len(secret) > 2), key=len, reverse=True))


def _check_protocol(protocol: str, shown: str) -> None:
    from fsspec.registry import (  # type: ignore[import-untyped]
        available_protocols,
        get_filesystem_class,
    )

    try:
        get_filesystem_class(protocol)
    except ImportError as error:
        raise ConfigError(
            f"cannot read {shown}: {protocol}:// needs a package that is not installed ({error})"
        ) from None
    except ValueError:
        near = get_close_matches(protocol, available_protocols(), n=1)
        hint = f"did you mean {near[0]}://?" if near else "fsspec knows no such protocol"
        raise ConfigError(f"cannot read {shown}: unknown protocol {protocol}://; {hint}") from None
