"""`make demo`: the flagship Dag through real Airflow, and what it found.

Sets up an Airflow of its own (SQLite, under ``.demo/airflow``) the first time, runs
``dags/example_sqlflow_lineage_job.py`` with the SQL given, and prints the result. Exit code 0 when
every job ended with a result, 1 when the run failed, 2 when the input cannot be used.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD  # noqa: TID253  # a script that no Dag imports
from rich.console import Console  # noqa: TID253
from rich.filesize import decimal  # noqa: TID253
from rich.table import Table  # noqa: TID253

if TYPE_CHECKING:
    from airflow_provider_sqlflow.engine.model import Diagnostic

REPOSITORY = Path(__file__).resolve().parents[1]
DAG_FILE = REPOSITORY / "dags" / "example_sqlflow_lineage_job.py"
MAX_DIAGNOSTICS = 15


def main() -> int:
    """Run the demo; returns the exit code."""
    arguments = parse_arguments()
    home = arguments.home.resolve()
    prepare_environment(home)
    log = home / "demo.log"
    log.unlink(missing_ok=True)

    # Airflow writes to both standard streams whenever it likes: they become the log, and the
    # console keeps the terminal.
    with streams_to(log) as terminal:
        console = Console(file=terminal)
        started = time.monotonic()
        flagship = load_flagship(console)
        problem = find_problem(flagship, arguments, console)
        if problem:
            console.print(f"[red]error:[/red] {problem}", highlight=False, soft_wrap=True)
            return 2
        migrate(home, log, console)
        output = str(arguments.output.resolve())
        with console.status("Running the lineage jobs in Airflow"):
            run = flagship.lineage_dag.test(
                run_conf={"sql": arguments.sql, "dialect": arguments.dialect, "output": output}
            )
        code = report(run, console)
        seconds = time.monotonic() - started
        console.print(f"[dim]{seconds:.1f} s; Airflow's log: {log}[/dim]", highlight=False, soft_wrap=True)
    return code


def parse_arguments() -> argparse.Namespace:
    """The command line; ``make demo`` passes SQL=, DIALECT= and OUTPUT= on."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--sql", default="", help="folder, file or zip archive (default: the retail warehouse)"
    )
    parser.add_argument(
        "--dialect", default="", help="SQL dialect (default: subfolders are named after dialects)"
    )
    parser.add_argument(
        "--output", type=Path, default=REPOSITORY / ".demo" / "lineage", help="folder for the files"
    )
    parser.add_argument("--home", type=Path, default=REPOSITORY / ".demo" / "airflow", help="AIRFLOW_HOME")
    arguments = parser.parse_args()
    arguments.sql = str(Path(arguments.sql or REPOSITORY / "dags" / "sql").expanduser().resolve())
    return arguments


def prepare_environment(home: Path) -> None:
    """An Airflow of the demo's own, whatever else is configured on this machine."""
    for name in [name for name in os.environ if name.startswith("AIRFLOW")]:
        del os.environ[name]
    home.mkdir(parents=True, exist_ok=True)
    os.environ.update(
        AIRFLOW_HOME=str(home),
        AIRFLOW__CORE__DAGS_FOLDER=str(DAG_FILE.parent),
        AIRFLOW__CORE__LOAD_EXAMPLES="False",
        AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=f"sqlite:///{home / 'airflow.db'}",
    )


@contextmanager
def streams_to(log: Path) -> Iterator[Any]:
    """Send this process's standard streams to a file; yields a stream to where they went before."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = os.dup(1), os.dup(2)
    with log.open("ab") as file, os.fdopen(os.dup(kept[0]), "w") as terminal:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
        try:
            yield terminal
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for number, descriptor in enumerate(kept, start=1):
                os.dup2(descriptor, number)
                os.close(descriptor)


def migrate(home: Path, log: Path, console: Console) -> None:
    """Create Airflow's database, once for each Airflow version."""
    version = importlib.metadata.version("apache-airflow-core")
    stamp = home / "migrated"
    if stamp.exists() and stamp.read_text() == version:
        return
    with console.status(f"Setting up Airflow {version} (first run only)"):
        command = [sys.executable, "-m", "airflow", "db", "migrate"]
        if subprocess.run(command, check=False).returncode:  # noqa: S603  # our own command
            console.print(f"[red]error:[/red] Airflow's database could not be set up: {log}", highlight=False)
            raise SystemExit(1)
    stamp.write_text(version)


def load_flagship(console: Console) -> ModuleType:
    """The flagship Dag's module; importing it imports Airflow."""
    with console.status("Starting Airflow"):
        sys.path.insert(0, str(DAG_FILE.parent))
        return importlib.import_module(DAG_FILE.stem)


def find_problem(flagship: ModuleType, arguments: argparse.Namespace, console: Console) -> str:
    """What is wrong with the input, in one line; empty when nothing is."""
    from airflow_provider_sqlflow import conf
    from airflow_provider_sqlflow.errors import SqlFlowError
    from airflow_provider_sqlflow.jobs.inputs import open_inputs
    from airflow_provider_sqlflow.jobs.model import PathSource

    try:
        with console.status("Looking at the SQL files"):
            for job in flagship.plan_jobs(arguments.sql, arguments.dialect, str(arguments.output)):
                open_inputs((PathSource(job["submit"]["paths"]),), conf.settings())
    except SqlFlowError as error:
        return str(error)
    return ""


def report(run: Any, console: Console) -> int:
    """Print what the jobs found; returns the exit code."""
    failed = sorted({ti.task_id for ti in run.get_task_instances() if ti.state == "failed"})
    if failed:
        console.print(
            f"[red]error:[/red] failed tasks: {', '.join(failed)}; the log says why", highlight=False
        )
        return 1
    jobs = run.get_task_instance("summarize").xcom_pull(task_ids="summarize")
    console.print(table_of(jobs))
    print_diagnostics(jobs, console)
    for job in jobs:
        sizes = ", ".join(f"{export['format']} {decimal(export['size'])}" for export in job["exports"])
        folder = Path(job["exports"][0]["path"]).parent
        console.print(f"{folder}/  [dim]{sizes}[/dim]", highlight=False, soft_wrap=True)
    return 0


def table_of(jobs: list[dict[str, Any]]) -> Table:
    """One row a job; fits 80 columns."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column("job")
    table.add_column("status", no_wrap=True)
    for column in ("files", "statements", "relations", "column\nedges", "diagnostics"):
        table.add_column(column, justify="right")
    for job in jobs:
        name, counts = job["job_name"], job["counts"]
        style = "green" if job["status"] == "success" else "yellow"
        numbers = ("files_done", "statements", "relations", "column_edges", "diagnostics")
        table.add_row(
            name if name == job["dialect"] else f"{name} ({job['dialect']})",
            f"[{style}]{job['status']}[/{style}]",
            *(f"{counts[number]:,}" for number in numbers),
        )
    return table


def print_diagnostics(jobs: list[dict[str, Any]], console: Console) -> None:
    """Errors first, each with file, line and column."""
    from airflow_provider_sqlflow.engine.model import Severity

    styles = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "dim"}
    ranks = list(styles)
    found = [(job["job_name"], item) for job in jobs for item in read_diagnostics(job["job_id"])]
    found.sort(key=lambda pair: ranks.index(pair[1].severity))
    for name, item in found[:MAX_DIAGNOSTICS]:
        style = styles[item.severity]
        console.print(
            f"  [{style}]{item.severity.value:<7}[/{style}] {name}/{item.span}",
            end=" ",
            highlight=False,
            soft_wrap=True,
        )
        console.print(item.message, highlight=False, markup=False, soft_wrap=True)
    if len(found) > MAX_DIAGNOSTICS:
        console.print(f"  ... and {len(found) - MAX_DIAGNOSTICS} more", style="dim", highlight=False)


def read_diagnostics(job_id: str) -> list[Diagnostic]:
    """A job's diagnostics, in the order of its files."""
    from airflow_provider_sqlflow import conf
    from airflow_provider_sqlflow.engine import result_from_json
    from airflow_provider_sqlflow.jobs.model import JobId
    from airflow_provider_sqlflow.jobs.store.sql import SqlJobStore

    store = SqlJobStore(conf.settings().resolved_store_url())
    try:
        results = [result_from_json(document) for document in store.iter_results(JobId(job_id))]
    finally:
        store.close()
    return [diagnostic for result in results for diagnostic in result.diagnostics]


if __name__ == "__main__":
    sys.exit(main())
