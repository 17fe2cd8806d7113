"""What a process of :mod:`~airflow_provider_sqlflow.api.workers` does: calls functions until it is left."""

from __future__ import annotations

import os
import pickle
import signal
from multiprocessing.connection import Connection


def main(number: int) -> None:
    """Serve the socket with this file number until its other end closes."""
    # Ctrl-C goes to the whole group of processes; the server decides when this one ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    connection = Connection(number)
    while True:
        try:
            task = connection.recv_bytes()
        except (EOFError, OSError):
            os._exit(0)
        connection.send_bytes(_answer(task))


def _answer(task: bytes) -> bytes:
    try:
        function, args, kwargs = pickle.loads(task)  # noqa: S301  # from our own server
        return pickle.dumps((True, function(*args, **kwargs)))
    except Exception as error:  # noqa: BLE001  # it is raised again where the call came from
        try:
            text = pickle.dumps((False, error))
            pickle.loads(text)  # noqa: S301  # our own; some exceptions pickle but do not come back
        except Exception:  # noqa: BLE001
            text = pickle.dumps((False, RuntimeError(f"{type(error).__name__}: {error}")))
        return text
