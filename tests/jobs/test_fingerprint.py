from __future__ import annotations

from pathlib import Path

import fsspec

from airflow_provider_sqlflow.jobs.fingerprint import content_digest
from airflow_provider_sqlflow.jobs.model import CsvSource, PathSource, TextSource
from airflow_provider_sqlflow.settings import Settings


def digest(*sources) -> str:
    return content_digest(sources, Settings())


def test_files_count_by_what_they_hold(tmp_path: Path) -> None:
    (tmp_path / "a.sql").write_text("select 1")
    (tmp_path / "notes.txt").write_text("ignored")
    before = digest(PathSource(str(tmp_path)))
    (tmp_path / "notes.txt").write_text("changed")
    (tmp_path / "a.sql").touch()
    assert digest(PathSource(str(tmp_path))) == before
    (tmp_path / "a.sql").write_text("select 2")
    changed = digest(PathSource(str(tmp_path)))
    (tmp_path / "b.sql").write_text("select 3")
    assert len({before, changed, digest(PathSource(str(tmp_path)))}) == 3


def test_order_names_and_texts_count() -> None:
    one, two = TextSource("a", "bc"), TextSource("ab", "c")
    assert len({digest(one), digest(two), digest(one, two), digest(two, one)}) == 4


def test_what_cannot_be_read_is_something_too(tmp_path: Path) -> None:
    path = str(tmp_path / "later.csv")
    before = digest(CsvSource(path))
    assert digest(CsvSource(path)) == before
    Path(path).write_text('"d","s","t","n","select 1",""\n')
    assert digest(CsvSource(path)) != before


def test_urls_count_by_their_versions() -> None:
    system = fsspec.filesystem("memory")
    system.pipe("/fingerprint/a.sql", b"select 1")
    try:
        folder, file = PathSource("memory://fingerprint"), PathSource("memory://fingerprint/a.sql")
        before = digest(folder), digest(file)
        assert (digest(folder), digest(file)) == before
        system.pipe("/fingerprint/a.sql", b"select 10")
        after = digest(folder), digest(file)
        assert after[0] != before[0]
        assert after[1] != before[1]
        assert digest(PathSource("nosuchprotocol://x/y")) == digest(PathSource("nosuchprotocol://x/y"))
    finally:
        system.rm("/fingerprint", recursive=True)
