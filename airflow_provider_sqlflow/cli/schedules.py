"""``sqlflow job schedule``: when persist jobs run again."""

from __future__ import annotations

import click

from airflow_provider_sqlflow.cli import rendering
from airflow_provider_sqlflow.cli.options import json_option
from airflow_provider_sqlflow.cli.state import CliState, pass_state
from airflow_provider_sqlflow.client.base import SqlFlowClient
from airflow_provider_sqlflow.jobs.model import Job, JobId, Schedule


@click.command()
@click.argument("job_id", required=False)
@click.option("--cron", metavar="EXPRESSION", help="Set the schedule: five fields, or Quartz's spelling.")
@click.option("--timezone", default="UTC", show_default=True, metavar="NAME", help="Time zone of --cron.")
@click.option("--pause", "action", flag_value="pause", help="Let the schedule rest.")
@click.option("--resume", "action", flag_value="resume", help="Let it go on.")
@click.option("--cancel", "action", flag_value="cancel", help="Remove it; the job stays.")
@json_option
@pass_state
def schedule(
    state: CliState, job_id: str | None, cron: str | None, timezone: str, action: str | None, as_json: bool
) -> None:
    """Show or change the schedule of a persist job; without JOB_ID, list all schedules.

    The runs themselves are Dags of Airflow.
    """
    if cron and action:
        raise click.UsageError(f"--cron and --{action} exclude each other")
    if job_id is None and (cron or action):
        raise click.UsageError("name the job whose schedule is to change")
    with state.client() as client:
        if job_id is None:
            found = client.list_scheduled()
        else:
            found = (_change(client, JobId(job_id), cron, timezone, action),)
    click.echo(rendering.jobs_json(found) if as_json else _text(found))


def _change(client: SqlFlowClient, job_id: JobId, cron: str | None, timezone: str, action: str | None) -> Job:
    if cron is not None:
        return client.set_schedule(job_id, Schedule(cron, timezone))
    if action == "cancel":
        return client.set_schedule(job_id, None)
    if action is not None:
        return client.pause_schedule(job_id, is_paused=action == "pause")
    return client.get_job(job_id)


def _text(jobs: tuple[Job, ...]) -> str:
    from airflow_provider_sqlflow.jobs.cron import next_run
    from airflow_provider_sqlflow.jobs.service import utc_now

    next_runs = [None if job.schedule is None else next_run(job.schedule, utc_now()) for job in jobs]
    return rendering.scheduled_text(jobs, next_runs)
