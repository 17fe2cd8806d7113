"""Graphviz in a process of its own, with a limit: a picture never hangs or takes the caller down.

The layout of a tangled graph can take minutes and nothing can interrupt it, so it gets a process that
can be stopped. It holds nothing but pygraphviz (extra ``images``), whose wheel brings the library.
"""

from __future__ import annotations

import importlib.util
import signal
import subprocess
import sys

from airflow_provider_sqlflow.errors import ExportError

CPU_SECONDS = 20
"""Work allowed for one drawing. Counted in processor time, so that a busy machine draws the same."""

WALL_SECONDS = 90
"""Time allowed for one drawing, whatever the machine does besides."""

LAYERED = "dot"
"""Lays nodes out in layers along the edges."""

PLACED = "nop"
"""Leaves nodes where their ``pos`` says, and only draws."""

_PROGRAM = """
import sys
image, program, seconds, *sys.path = sys.argv[1:]
import resource
resource.setrlimit(resource.RLIMIT_CPU, (int(seconds), int(seconds) + 1))
import pygraphviz
graph = pygraphviz.AGraph(string=sys.stdin.buffer.read().decode())
sys.stdout.buffer.write(graph.draw(format=image, prog=program))
"""


def draw(dot: str, image: str, cpu_seconds: int = CPU_SECONDS, program: str = LAYERED) -> bytes:
    """Lay a graph out and draw it.

    Args:
        dot: the graph in DOT.
        image: ``svg``, ``png``, ``jpg`` or ``gif``; ``json0`` for the positions alone.
        cpu_seconds: processor time that it may take.
        program: :data:`LAYERED` or :data:`PLACED`.

    Raises:
        TimeoutError: the time is over.
        ExportError: pygraphviz is not installed, or Graphviz fails.
    """
    if importlib.util.find_spec("pygraphviz") is None:
        raise ExportError("pictures need pygraphviz: pip install 'airflow-provider-sqlflow[images]'")
    path = [entry for entry in sys.path if entry]
    # -I: neither the working folder nor the environment decides what is imported, our own path does.
    command = [sys.executable, "-I", "-c", _PROGRAM, image, program, str(cpu_seconds), *path]
    try:
        done = subprocess.run(  # noqa: S603 - our own program; the graph goes through its input
            command, input=dot.encode(), capture_output=True, timeout=WALL_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise TimeoutError(f"Graphviz took longer than {WALL_SECONDS} seconds") from error
    if done.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        raise TimeoutError(f"Graphviz took longer than {cpu_seconds} seconds")
    if done.returncode != 0 or not done.stdout:
        reason = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:] or ["it said nothing"]
        raise ExportError(f"Graphviz could not draw the picture: {reason[0]}")
    return done.stdout
