"""Processes that die cost the file they read, not the job."""

from __future__ import annotations

import os

from airflow_provider_sqlflow.ingest.model import SourceFile
from airflow_provider_sqlflow.jobs.analysis import AnalysisOptions, FileAnalyzer, FileTask
from airflow_provider_sqlflow.jobs.pool import LocalPool, ProcessPool, open_pool
from airflow_provider_sqlflow.jobs.store.base import FileResult
from airflow_provider_sqlflow.settings import Settings


class Deadly(FileAnalyzer):
    """Kills its process over files named ``deadly.sql``."""

    def analyze(self, task: FileTask) -> FileResult:
        if task.file.name == "deadly.sql" and not task.file.problem:
            os._exit(9)
        return super().analyze(task)


def task(name: str) -> FileTask:
    text = f"CREATE VIEW {name.partition('.')[0]} AS SELECT a FROM t"
    return FileTask(SourceFile(name, len(text), text), ())


def drain(pool: ProcessPool | LocalPool, count: int) -> dict[int, FileResult]:
    found: dict[int, FileResult] = {}
    while len(found) < count:
        found.update((number, result) for number, _task, result in pool.finished())
    return found


def test_the_file_that_kills_is_named_and_the_others_are_analysed():
    analyzer = Deadly(AnalysisOptions("postgres"), Settings())
    names = ["one.sql", "two.sql", "deadly.sql", "three.sql"]
    with ProcessPool(analyzer, 2) as pool:
        for number, name in enumerate(names):
            pool.submit(number, task(name))
        found = drain(pool, len(names))
        pool.submit(9, task("later.sql"))
        found |= drain(pool, 1)
    assert [found[number].summary.status.value for number in (0, 1, 2, 3, 9)] == [
        "success",
        "success",
        "fail",
        "success",
        "success",
    ]
    assert "deadly.sql:1:1: the process that analysed this file died" in found[2].summary.cause


def test_what_comes_back_is_what_this_process_would_have_found():
    analyzer = FileAnalyzer(AnalysisOptions("postgres"), Settings())
    with ProcessPool(analyzer, 2) as pool, LocalPool(analyzer) as local:
        for one in (pool, local):
            one.submit(0, task("one.sql"))
        assert drain(pool, 1) == drain(local, 1)


def test_few_files_stay_here():
    analyzer = FileAnalyzer(AnalysisOptions("postgres"), Settings())
    assert isinstance(open_pool(analyzer, 4, 20), LocalPool)
    with open_pool(analyzer, 4, 120) as pool:
        assert isinstance(pool, ProcessPool)
        assert pool.room == 10, "two processes: none for less than 50 files"
