"""Sends events. A backend that is down costs a task neither its success nor an event."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_sqlflow.emission.channels import Channel, is_rejection
from airflow_provider_sqlflow.emission.masking import mask_text
from airflow_provider_sqlflow.emission.spool import Spool, SpoolFile

if TYPE_CHECKING:
    from airflow_provider_sqlflow.emission.events import Event

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EmissionSummary:
    """What became of events, counted once for each channel.

    Attributes:
        events: how many were to be sent.
        sent: taken by the backend.
        kept: on disk, for ``sqlflow emit --replay``.
        rejected: refused by the backend for good, and put aside on disk.
        lost: neither sent nor on disk, because the disk could not be written either. Each is in the log.
    """

    events: int = 0
    sent: int = 0
    kept: int = 0
    rejected: int = 0
    lost: int = 0

    @property
    def is_complete(self) -> bool:
        """Whether the backends have all events."""
        return self.sent == self.events

    def __add__(self, other: EmissionSummary) -> EmissionSummary:
        return EmissionSummary(
            self.events + other.events,
            self.sent + other.sent,
            self.kept + other.kept,
            self.rejected + other.rejected,
            self.lost + other.lost,
        )

    def __str__(self) -> str:
        parts = [f"{self.sent} of {self.events} events sent"]
        for number, words in (
            (self.kept, "kept for a replay"),
            (self.rejected, "rejected by the backend and put aside"),
            (self.lost, "lost"),
        ):
            if number:
                parts.append(f"{number} {words}")
        return ", ".join(parts)


class Emitter:
    """Sends events through channels, by way of the spool.

    An event is tried a few times; when its channel still does not take it, the rest for that channel stays on
    disk untried, so that a backend that is down costs the time of one event.

    Args:
        channels: where to; see :func:`~airflow_provider_sqlflow.emission.channels.open_channels`.
        spool: keeps what was not sent.
        attempts: how often an event is tried, besides the transport's own retries.
        patience: seconds after which no further try begins.
        sleep: waits between tries.
    """

    def __init__(
        self,
        channels: Sequence[Channel],
        spool: Spool,
        *,
        attempts: int = 3,
        patience: float = 15.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._channels = {channel.name: channel for channel in channels}
        self._spool = spool
        self._attempts = attempts
        self._patience = patience
        self._sleep = sleep

    def emit(self, events: Iterable[Event]) -> EmissionSummary:
        """Send events in order; what goes wrong is in the summary and the log, never an exception."""
        from openlineage.client.serde import Serde

        lines = [Serde.to_json(event) for event in events]
        if not lines:
            return EmissionSummary()
        return sum((self._emit_to(channel, lines) for channel in self._channels.values()), EmissionSummary())

    def replay(self) -> EmissionSummary:
        """Send what earlier emissions left, oldest first. Files of channels that are no more stay."""
        total = EmissionSummary()
        for path in self._spool.paths():
            name = path.stem.rpartition("~")[2]
            channel = self._channels.get(name)
            if channel is None:
                _log.warning("%s is for the transport %r, which is not configured", path, name)
            total += self._send_file(path, channel)
        return total

    def close(self) -> None:
        """Close the channels."""
        for channel in self._channels.values():
            _close(channel)

    def _emit_to(self, channel: Channel, lines: Sequence[str]) -> EmissionSummary:
        try:
            path = self._spool.add(channel.name, lines)
        except OSError as error:
            _log.error("OpenLineage events cannot be kept in %s: %s", self._spool.folder, error)
            return self._send_unkept(channel, lines)
        return self._send_file(path, channel)

    def _send_file(self, path: Path, channel: Channel | None) -> EmissionSummary:
        with self._spool.locked(path) as file:
            if file is None:
                return EmissionSummary()
            pending = list(file.pending())
            if channel is None:
                return EmissionSummary(len(pending), kept=len(pending))
            sent = rejected = 0
            for line in pending:
                try:
                    self._deliver(channel, line)
                    sent += 1
                except Exception as error:  # noqa: BLE001  # transports raise whatever comes
                    if not is_rejection(error):
                        _warn(channel, error, len(pending) - sent - rejected, file)
                        break
                    rejected += 1
                    file.reject(line, mask_text(str(error)))
                    _log.error("%s rejected an OpenLineage event: %s", channel, mask_text(str(error)))
                file.advance()
            kept = len(pending) - sent - rejected
            if not kept:
                file.remove()
            return EmissionSummary(len(pending), sent, kept, rejected)

    def _send_unkept(self, channel: Channel, lines: Sequence[str]) -> EmissionSummary:
        sent = 0
        for line in lines:
            try:
                self._deliver(channel, line)
            except Exception as error:  # noqa: BLE001  # as above
                _log.error(
                    "%d OpenLineage events are lost, %s did not take them: %s",
                    len(lines) - sent,
                    channel,
                    mask_text(str(error)),
                )
                for missed in lines[sent:]:
                    _log.error("lost OpenLineage event: %s", missed)
                break
            sent += 1
        return EmissionSummary(len(lines), sent, lost=len(lines) - sent)

    def _deliver(self, channel: Channel, line: str) -> None:
        import tenacity

        retrying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(self._attempts) | tenacity.stop_after_delay(self._patience),
            wait=tenacity.wait_exponential(multiplier=0.5, max=5.0),
            retry=tenacity.retry_if_exception(
                lambda error: isinstance(error, Exception) and not is_rejection(error)
            ),
            sleep=self._sleep,
            reraise=True,
        )
        retrying(channel.send, line)


def _close(channel: Channel) -> None:
    try:
        channel.close()
    except Exception:  # noqa: BLE001  # the last word of a backend that may be down
        _log.warning("OpenLineage transport %s did not close", channel, exc_info=True)


def _warn(channel: Channel, error: Exception, left: int, file: SpoolFile) -> None:
    _log.warning(
        "%s does not take OpenLineage events (%s: %s); %d are kept in %s for `sqlflow emit --replay`",
        channel,
        type(error).__name__,
        mask_text(str(error)),
        left,
        file.path,
    )
