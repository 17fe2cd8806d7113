"""Lineage against parsing alone, and growth with size: ratios of one run, never absolute times.

    python tests/benchmarks/bench_engine.py [--pairs 60] [--rounds 5]

`ratio` is the CPU time of `analyze` (direct and indirect edges, positions, kinds) over that of sqlglot's
parser on the same text in the same process: of a corpus the median of pairs, of a ladder least over least.
`exponent` is k of time ~ n^k between the two largest sizes.
"""

from __future__ import annotations

import argparse
import gc
import math
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

import sqlglot

from airflow_provider_sqlflow.engine import (
    InMemoryCatalog,
    LineageResult,
    Script,
    analyze,
    graph,
    iter_scripts,
)

ROOT = Path(__file__).parents[2]
WAREHOUSES = ("snowflake", "postgres", "bigquery")


def cpu(runs: Sequence[Callable[[], object]], rounds: int) -> list[float]:
    """CPU seconds of each call: the least of some rounds, after one that is not counted.

    The calls take turns, so that a change in the machine's speed meets all of them; what other processes do
    only ever adds to a time.
    """
    least = [math.inf] * len(runs)
    for round_ in range(rounds + 1):
        for number, run in enumerate(runs):
            gc.collect()
            start = time.process_time()
            run()
            if round_:
                least[number] = min(least[number], time.process_time() - start)
    return least


def paired_ratio(run: Callable[[], object], other: Callable[[], object], pairs: int) -> float:
    """The median of CPU time over CPU time, pair by pair: both of a pair meet the machine at one speed."""
    ratios = []
    for _ in range(pairs):
        below, above = cpu([other, run], 1)
        ratios.append(above / below)
    return statistics.median(ratios)


def consumed(results: Iterable[LineageResult]) -> int:
    """Every edge looked at, with effect, kind and position; also those of the chain."""
    return sum(
        bool(edge.effect and edge.subtype and edge.span)
        for result in results
        for intermediates in (False, True)
        for edge in result.edges(intermediates)
    )


def lineage_of(text: str) -> int:
    return consumed([analyze(text)])


def warehouse(dialect: str) -> list[Script]:
    from airflow_provider_sqlflow.engine.template import neutralise

    folder = ROOT / "dags" / "sql" / dialect
    return [
        Script(path.name, neutralise(path.read_text()).text)
        for path in sorted(folder.rglob("*.sql"))
        if "scorecard" not in path.name  # broken on purpose: parsing alone would stop there
    ]


def decision_support() -> list[Script]:
    path = Path(__file__).with_name("decision_support.sql")
    return [Script(path.name, path.read_text())]


def wide(columns: int) -> str:
    names = ", ".join(f"t.c{number} + u.d{number} AS x{number}" for number in range(columns))
    return f"INSERT INTO target SELECT {names} FROM t JOIN u ON t.id = u.id WHERE t.day > 1"


def ctes(depth: int) -> str:
    parts = ["c0 AS (SELECT id, a, b FROM base WHERE a > 0)"]
    parts += [f"c{n} AS (SELECT id, a + 1 AS a, b FROM c{n - 1} WHERE b > {n})" for n in range(1, depth)]
    return f"WITH {', '.join(parts)} SELECT id, a, b FROM c{depth - 1}"


def unions(branches: int) -> str:
    return "INSERT INTO target (a, b) " + " UNION ALL ".join(
        f"SELECT a, b FROM s{number} WHERE c = {number}" for number in range(branches)
    )


def statements(count: int) -> str:
    return ";\n".join(
        f"INSERT INTO t{number} SELECT a.x, sum(b.y) AS y "
        f"FROM a{number} a JOIN b{number} b ON a.id = b.id GROUP BY 1"
        for number in range(count)
    )


def views(depth: int) -> str:
    parts = ["CREATE VIEW v0 AS SELECT a, b, c FROM base"]
    parts += [f"CREATE VIEW v{n} AS SELECT a, b, c FROM v{n - 1} WHERE a > {n}" for n in range(1, depth)]
    return ";\n".join(parts)


def stars(width: int) -> str:
    columns = ", ".join(f"c{number} INT" for number in range(width))
    return (
        f"CREATE TABLE base ({columns});\nCREATE VIEW v AS SELECT * FROM base;\nINSERT INTO t SELECT * FROM v"
    )


LADDERS: dict[str, tuple[Callable[[int], str], tuple[int, ...]]] = {
    "columns": (wide, (100, 400, 1600)),
    "cte depth": (ctes, (50, 200, 400)),
    "union branches": (unions, (50, 200, 800)),
    "statements": (statements, (100, 400, 1600)),
    "view depth": (views, (50, 200, 800)),
    "star width": (stars, (200, 800, 3200)),
}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--pairs", type=int, default=60, help="of each corpus")
    arguments.add_argument("--rounds", type=int, default=5, help="of each ladder")
    options = arguments.parse_args()
    print("pure Python" if graph.__file__.endswith(".py") else "compiled", graph.__file__, sep=": ")
    print(f"{'corpus':<22}{'ratio to parsing alone':>24}")
    corpora = {f"warehouse {dialect}": (dialect, warehouse(dialect)) for dialect in WAREHOUSES}
    corpora["decision support"] = ("postgres", decision_support())
    for name, (dialect, scripts) in corpora.items():

        def parse(scripts: list[Script] = scripts, dialect: str = dialect) -> None:
            for script in scripts:
                sqlglot.parse(script.text, read=dialect)

        def lineage(scripts: list[Script] = scripts, dialect: str = dialect) -> None:
            found = iter_scripts(scripts, dialect=dialect, catalog=InMemoryCatalog())
            consumed(result for _, result in found)

        print(f"{name:<22}{paired_ratio(lineage, parse, options.pairs):>24.2f}")
    print(f"\n{'ladder':<22}{'sizes':>20}{'ratio at largest':>20}{'exponent':>12}")
    for name, (build, sizes) in LADDERS.items():
        runs: list[Callable[[], object]] = [partial(lineage_of, build(size)) for size in sizes[-2:]]
        runs.append(partial(sqlglot.parse, build(sizes[-1])))
        smaller, largest, parsing = cpu(runs, options.rounds)
        ratio = largest / parsing
        exponent = math.log(largest / smaller) / math.log(sizes[-1] / sizes[-2])
        print(f"{name:<22}{'/'.join(map(str, sizes)):>20}{ratio:>20.2f}{exponent:>12.2f}")


if __name__ == "__main__":
    main()
