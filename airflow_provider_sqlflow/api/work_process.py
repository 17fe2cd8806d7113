"""What a process of :mod:`~airflow_provider_sqlflow.api.workers` does: calls functions until it is left."""

from __future__ import annotations

import os
import pickle
import signal
import threading
import time
from multiprocessing.connection import Connection

_LOOK_SECONDS = 0.5


def main(number: int) -> None:
    """Serve the socket with this file number until its other end closes."""
    # Ctrl-C goes to the whole group of processes; the server decides when this one ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    connection = Connection(number)
    while True:
        try:
            task = connection.recv_bytes()
        except (EOFError, OSError):
            os._exit(0)
        connection.send_bytes(_answer(task))


def _end_with_parent(parent: int) -> None:
    """End, whatever is being worked on, when the server's process is gone, however it went."""
    while os.getppid() == parent:
        time.sleep(_LOOK_SECONDS)
    os._exit(0)


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
