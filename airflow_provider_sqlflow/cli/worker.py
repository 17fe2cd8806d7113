"""``sqlflow worker``: runs the jobs that others leave in the store."""

from __future__ import annotations

from dataclasses import replace

import click

from airflow_provider_sqlflow.cli.options import queue_name
from airflow_provider_sqlflow.cli.state import CliState, pass_state


@click.command(
    epilog="Exit codes: 0 it ended as asked (idle, one job done, SIGTERM, Ctrl-C), whatever became of the "
    "jobs; 1 a fault of the worker itself; 2 wrong usage or settings, or a store of a newer version.",
)
@click.option(
    "--queue",
    "queues",
    multiple=True,
    type=queue_name,
    metavar="NAME",
    help="A queue to serve; may be given several times.  [default: $SQLFLOW_WORKER_QUEUES, else default]",
)
@click.option("--once", is_flag=True, help="End after one job, or when nothing is queued.")
@click.option("--until-idle", is_flag=True, help="End when nothing is queued.")
@click.option(
    "--workers",
    default=1,
    show_default=True,
    metavar="N",
    type=click.IntRange(min=1),
    help="Run N jobs at once, each in a process of its own; one that crashes is replaced.",
)
@click.option(
    "--processes",
    metavar="N",
    type=click.IntRange(min=1),
    help="Analyse the files of a large job in N processes.  [default: $SQLFLOW_PROCESSES, else 1]",
)
@pass_state
def worker(
    state: CliState,
    queues: tuple[str, ...],
    once: bool,
    until_idle: bool,
    workers: int,
    processes: int | None,
) -> None:
    """Run queued jobs, one after the other, until told to stop.

    SIGTERM or Ctrl-C: the files under way are finished and saved, the job goes back into the queue, and
    the worker ends; a second Ctrl-C does not wait for the files. A worker may be killed: another one
    finishes its job.
    """
    from airflow_provider_sqlflow.jobs.runners.process import log_to_stderr, run_worker
    from airflow_provider_sqlflow.jobs.runners.supervisor import UNUSABLE, Supervisor
    from airflow_provider_sqlflow.jobs.runners.worker import WorkUntil

    if once and until_idle:
        raise click.UsageError("--once and --until-idle exclude each other")
    until = WorkUntil.ONE_JOB if once else WorkUntil.IDLE if until_idle else WorkUntil.STOPPED
    settings = state.settings()
    if processes is not None:
        settings = replace(settings, processes=processes)
    log_to_stderr()
    if workers == 1:
        run_worker(settings, queues, until)
    elif not Supervisor(settings, queues, until, workers).run():
        click.get_current_context().exit(UNUSABLE)
