"""The same input gives the same bytes, under any hash seed, from one file or from several merged."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys

import pytest

from airflow_provider_sqlflow.engine import Script, analyze, iter_scripts, merge_results
from airflow_provider_sqlflow.formats import render
from airflow_provider_sqlflow.formats.options import ExportOptions, ResultSets
from airflow_provider_sqlflow.formats.sqlflow.graph.answer import GraphRequest, graph_answer
from airflow_provider_sqlflow.formats.sqlflow.graph.image import graph_image
from airflow_provider_sqlflow.formats.sqlflow.graph.selection import Selection, SelectionKind

FILES = {
    "a.sql": (
        "CREATE TEMP TABLE w AS SELECT a, count(*) AS n FROM s JOIN r USING (id) WHERE q > 1 GROUP BY a;\n"
        "INSERT INTO t (x, y) SELECT a, n FROM w UNION SELECT b, 'k' FROM u WHERE c IN (SELECT d FROM v)"
    ),
    "b.sql": (
        "CREATE VIEW m AS WITH c AS (SELECT x, y FROM t) SELECT upper(x) AS x, sum(y) AS y "
        "FROM c GROUP BY x;\n"
        "MERGE INTO g USING m ON g.x = m.x WHEN MATCHED THEN UPDATE SET y = m.y "
        "WHEN NOT MATCHED THEN INSERT (x, y) VALUES (m.x, m.y)"
    ),
}
FORMATS = ("json", "json-flat", "json-tables", "json-v2", "xml", "csv")
ALL = ExportOptions(
    joins=True, result_sets=ResultSets.ALL, functions=True, constants=True, transforms=True, keys=True
)


def digest() -> str:
    """A hash over every document of the files, with few and with all objects."""
    scripts = [Script(name, text) for name, text in FILES.items()]
    results = [result for _, result in sorted(iter_scripts(scripts, dialect="postgres"))]
    merged = merge_results(results)
    found = hashlib.sha256()
    for options in (ExportOptions(), ALL, ExportOptions(table_level=True)):
        for name in FORMATS:
            found.update(render(name, merged, options=options, texts=lambda: FILES))
        for kind in SelectionKind:
            request = GraphRequest(selection=Selection(kind, schema="default", table_pattern="m|t|g"))
            found.update(json.dumps(graph_answer(merged, options, lambda: FILES, request)).encode())
        found.update(graph_image(merged, options, lambda: FILES))
    return found.hexdigest()


@pytest.mark.parametrize("seed", ["1", "77"])
def test_under_any_hash_seed(seed: str) -> None:
    code = "from tests.formats.sqlflow.test_determinism import digest; print(digest())"
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    environment["PYTHONPATH"] = os.pathsep.join([os.getcwd(), environment.get("PYTHONPATH", "")])  # noqa: PTH109
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.stdout.strip() == digest(), done.stderr


@pytest.mark.parametrize("name", FORMATS)
def test_one_result_merged_alone_is_the_same_document(name: str) -> None:
    result = analyze(FILES["b.sql"], dialect="postgres", source_name="b.sql")
    for options in (ExportOptions(), ALL):
        alone = render(name, merge_results([result]), options=options, texts=lambda: FILES)
        assert alone == render(name, result, options=options, texts=lambda: FILES)
