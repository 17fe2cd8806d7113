"""Progress as a user sees it: on a real terminal, once a second has passed."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

from airflow_provider_sqlflow.cli.progress import PATIENCE_SECONDS

PROGRAM = """
import sys, time
from airflow_provider_sqlflow.cli.progress import progress_line
with progress_line() as progress:
    for done in range(1, 4):
        time.sleep(float(sys.argv[1]))
        progress.update(done, 3, f"[file{done}].sql")
    print("rich" in sys.modules)
"""


def run_on_a_terminal(pause: float) -> tuple[str, str]:
    """Standard output, and what the terminal that is standard error got."""
    ours, theirs = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(pause)],
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
        check=True,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
    )
    os.close(theirs)
    seen = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # Linux says so when the other end is closed
            break
        if not piece:
            break
        seen += piece
    os.close(ours)
    return done.stdout, seen.decode()


def test_what_takes_long_is_shown() -> None:
    _, terminal = run_on_a_terminal(PATIENCE_SECONDS * 0.6)
    assert "3/3" in terminal
    assert "[file3].sql" in terminal


def test_what_is_quick_is_not_shown_and_loads_nothing() -> None:
    assert run_on_a_terminal(0) == ("False\n", "")


def test_nothing_is_shown_where_there_is_no_terminal() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(PATIENCE_SECONDS * 0.6)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("False\n", "")
