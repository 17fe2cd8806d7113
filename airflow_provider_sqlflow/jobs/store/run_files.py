"""Writes the files of a run: planned, taken over from an earlier run, or saved with their results."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from airflow_provider_sqlflow.errors import StoreUnavailableError
from airflow_provider_sqlflow.jobs.incremental import NO_MATCH
from airflow_provider_sqlflow.jobs.lineage.index import write_rows
from airflow_provider_sqlflow.jobs.model import JobCounts, JobFile, JobRun, JobStatus
from airflow_provider_sqlflow.jobs.store.base import Claim, FileResult, KnownResult, SavedFile
from airflow_provider_sqlflow.jobs.store.claims import hold_claim
from airflow_provider_sqlflow.jobs.store.cleaning import keep_from_cleaning
from airflow_provider_sqlflow.jobs.store.jobs import change_run
from airflow_provider_sqlflow.jobs.store.listing import of_run, shown_run
from airflow_provider_sqlflow.jobs.store.packing import digest_of, pack, unpack
from airflow_provider_sqlflow.jobs.store.rows import COUNT_NAMES, chunks, insert_new, run_of
from airflow_provider_sqlflow.jobs.store.tables import relation_use, result, run, run_file, source_text


def plan_files(connection: Connection, claim: Claim, names: Sequence[str], inputs_digest: str) -> None:
    """Keep the list of the run's files, none of them analysed."""
    counts = asdict(JobCounts(files_total=len(names)))
    hold_claim(connection, claim, counts)
    change_run(connection, claim.job.id, {**counts, "inputs_digest": inputs_digest})
    run_id = _empty_run(connection, claim)
    rows = [{"run_id": run_id, "position": position, "path": name} for position, name in enumerate(names)]
    if rows:
        connection.execute(insert(run_file), rows)


def reuse_run(connection: Connection, claim: Claim, inputs_digest: str) -> JobRun | None:
    """Take the files of the shown run over if it had the same input."""
    keep_from_cleaning(connection)
    shown = shown_run(connection, claim.job.id)
    kept = connection.execute(select(run).where(run.c.id == shown)).mappings().first()
    is_same = kept is not None and kept["inputs_digest"] == inputs_digest
    if kept is None or not is_same or _has_result_of_its_own(connection, kept["id"]):
        hold_claim(connection, claim, {"token": claim.token})
        return None
    counts = {name: kept[name] for name in COUNT_NAMES}
    hold_claim(connection, claim, counts)
    change_run(connection, claim.job.id, {**counts, "inputs_digest": inputs_digest})
    run_id = _empty_run(connection, claim)
    names = [column.name for column in run_file.c if column.name != "run_id"]
    taken = select(bindparam("number", run_id), *(run_file.c[name] for name in names))
    taken = taken.where(run_file.c.run_id == shown)
    connection.execute(insert(run_file).from_select(["run_id", *names], taken))
    return run_of(kept)


def _has_result_of_its_own(connection: Connection, run_id: int) -> bool:
    """Whether a run has a result that no other run takes over."""
    query = (
        select(run_file.c.position)
        .join(result, result.c.id == run_file.c.result_id)
        .where(run_file.c.run_id == run_id, result.c.input_key.startswith(NO_MATCH))
        .limit(1)
    )
    return connection.execute(query).first() is not None


def find_results(connection: Connection, input_keys: Sequence[str]) -> dict[str, list[KnownResult]]:
    """Kept results by input key, oldest first."""
    columns = [column for column in result.c if column.name not in ("key", "document")]
    found: dict[str, list[KnownResult]] = {}
    for keys in chunks(list(dict.fromkeys(input_keys))):
        query = select(*columns).where(result.c.input_key.in_(keys)).order_by(result.c.id)
        for row in connection.execute(query):
            known = KnownResult(
                id=row.id,
                input_key=row.input_key,
                lookups=unpack(row.lookups),
                declarations=unpack(row.declarations),
                summary=JobFile(
                    row.path, JobStatus(row.status), row.statements, row.failed_statements, row.cause
                ),
                edges=row.edges,
                diagnostics=row.diagnostics,
            )
            found.setdefault(known.input_key, []).append(known)
    return found


def save_files(connection: Connection, claim: Claim, files: Sequence[SavedFile], counts: JobCounts) -> None:
    """Keep files with their texts and results, each text and result once."""
    keep_from_cleaning(connection)
    hold_claim(connection, claim, asdict(counts))
    text_ids = keep_texts(connection, [file.text for file in files])
    result_ids = keep_results(
        connection, [file.result for file in files if isinstance(file.result, FileResult)]
    )
    _check_kept(connection, [file.result.id for file in files if isinstance(file.result, KnownResult)])
    run_id = run_number(connection, claim)
    statement = (
        update(run_file)
        .where(run_file.c.run_id == run_id, run_file.c.position == bindparam("at"))
        .values(size=bindparam("size_"), text_id=bindparam("text"), result_id=bindparam("result"))
    )
    rows = [
        {
            "at": file.position,
            "size_": file.size,
            "text": text_ids[digest_of(file.text)],
            "result": file.result.id
            if isinstance(file.result, KnownResult)
            else result_ids[_result_key(file.result)],
        }
        for file in files
    ]
    if rows:
        connection.execute(statement, rows)


def count_relations(connection: Connection, claim: Claim) -> int:
    """How many relations the run's files mention."""
    query = (
        select(func.count(relation_use.c.relation_id.distinct()))
        .join(run_file, run_file.c.result_id == relation_use.c.result_id)
        .where(run_file.c.run_id == run_number(connection, claim))
    )
    return connection.execute(query).scalar_one()


def run_number(connection: Connection, claim: Claim) -> int:
    """The row number of the claimed run."""
    number: int = connection.execute(select(run.c.id).where(*of_run(claim.job.id, claim.run))).scalar_one()
    return number


def _empty_run(connection: Connection, claim: Claim) -> int:
    """The row number of the claimed run, whose files are dropped."""
    run_id = run_number(connection, claim)
    connection.execute(delete(run_file).where(run_file.c.run_id == run_id))
    return run_id


def keep_texts(connection: Connection, of_files: Iterable[str]) -> dict[str, int]:
    """Row numbers of texts by their digest; those that are missing are inserted."""
    texts = {digest_of(text): text for text in of_files}
    ids = _ids(connection, source_text.c.digest, list(texts))
    # In one order everywhere: two workers that bring the same rows wait for each other, but never both ways.
    missing = sorted(texts.keys() - ids.keys())
    if not missing:
        return ids
    rows = [{"digest": digest, "text": pack(texts[digest])} for digest in missing]
    connection.execute(insert_new(connection, source_text), rows)
    return ids | _ids(connection, source_text.c.digest, missing)


def keep_results(connection: Connection, results: Sequence[FileResult]) -> dict[str, int]:
    """Row numbers of results by their key; those that are missing are inserted, with their look-up rows."""
    by_key = {_result_key(item): item for item in results}
    ids = _ids(connection, result.c.key, list(by_key))
    missing = sorted(by_key.keys() - ids.keys())
    if not missing:
        return ids
    statement = insert_new(connection, result).returning(result.c.id, result.c.key)
    rows = [_result_row(key, by_key[key]) for key in missing]
    added = {row.key: row.id for row in connection.execute(statement, rows)}
    write_rows(connection, [(number, by_key[key].rows) for key, number in sorted(added.items())])
    return ids | added | _ids(connection, result.c.key, [key for key in missing if key not in added])


def _result_key(of: FileResult) -> str:
    return digest_of(of.input_key, of.lookups)


def _result_row(key: str, of: FileResult) -> dict[str, Any]:
    return {
        "key": key,
        "input_key": of.input_key,
        "lookups": pack(of.lookups),
        "declarations": pack(of.declarations),
        "document": pack(of.document),
        "edges": of.edges,
        "diagnostics": of.diagnostics,
        **asdict(of.summary),
        "status": of.summary.status.value,
    }


def _ids(connection: Connection, column: Any, values: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for some in chunks(values):
        query = select(column, column.table.c.id).where(column.in_(some))
        found.update((value, number) for value, number in connection.execute(query))
    return found


def _check_kept(connection: Connection, ids: Sequence[int]) -> None:
    wanted = sorted(set(ids))
    for some in chunks(wanted):
        query = select(func.count()).select_from(result).where(result.c.id.in_(some))
        if connection.execute(query).scalar_one() != len(some):
            raise StoreUnavailableError("a kept result was cleaned away while it was used; run the job again")
