"""What tasks that share a run leave for each other: its plan, its texts, results that it does not use yet."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from airflow_provider_sqlflow.jobs.model import JobId
from airflow_provider_sqlflow.jobs.store.base import Claim, FileResult, SavedText
from airflow_provider_sqlflow.jobs.store.claims import hold_claim
from airflow_provider_sqlflow.jobs.store.cleaning import keep_from_cleaning
from airflow_provider_sqlflow.jobs.store.listing import of_run
from airflow_provider_sqlflow.jobs.store.packing import digest_of, pack, unpack
from airflow_provider_sqlflow.jobs.store.rows import chunks
from airflow_provider_sqlflow.jobs.store.run_files import keep_results, keep_texts, run_number
from airflow_provider_sqlflow.jobs.store.tables import run, run_file, shard_plan, source_text


def save_texts(connection: Connection, claim: Claim, files: Sequence[SavedText]) -> None:
    """Keep the texts of planned files."""
    keep_from_cleaning(connection)
    _hold(connection, claim)
    ids = keep_texts(connection, [file.text for file in files])
    statement = (
        update(run_file)
        .where(run_file.c.run_id == run_number(connection, claim), run_file.c.position == bindparam("at"))
        .values(size=bindparam("size_"), text_id=bindparam("text"))
    )
    rows = [{"at": file.position, "size_": file.size, "text": ids[digest_of(file.text)]} for file in files]
    if rows:
        connection.execute(statement, rows)


def find_texts(connection: Connection, job_id: JobId, positions: Sequence[int]) -> dict[int, str]:
    """Texts of the job's last run."""
    found: dict[int, str] = {}
    for some in chunks(positions):
        query = (
            select(run_file.c.position, source_text.c.text)
            .join(source_text, source_text.c.id == run_file.c.text_id)
            .join(run, run.c.id == run_file.c.run_id)
            .where(*of_run(job_id), run_file.c.position.in_(some))
        )
        found.update((position, unpack(text)) for position, text in connection.execute(query))
    return found


def save_plan(connection: Connection, claim: Claim, document: str) -> None:
    """Replace the run's plan."""
    _hold(connection, claim)
    run_id = run_number(connection, claim)
    connection.execute(delete(shard_plan).where(shard_plan.c.run_id == run_id))
    connection.execute(insert(shard_plan).values(run_id=run_id, document=pack(document)))


def find_plan(connection: Connection, job_id: JobId) -> str | None:
    """The plan of the job's last run."""
    query = select(shard_plan.c.document).join(run, run.c.id == shard_plan.c.run_id).where(*of_run(job_id))
    document = connection.execute(query).scalar()
    return None if document is None else unpack(document)


def save_results(connection: Connection, results: Sequence[FileResult]) -> None:
    """Keep results for runs to find."""
    keep_from_cleaning(connection)
    keep_results(connection, results)


def _hold(connection: Connection, claim: Claim) -> None:
    hold_claim(connection, claim, {"token": claim.token})
