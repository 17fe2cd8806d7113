"""What only shows in a process of its own: the same bytes under any hash seed, and memory that stays flat."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = str(Path(__file__).parent)

DIGEST = """
import hashlib, sys
sys.path.insert(0, sys.argv[1])
from fixture_cases import load_cases
from airflow_provider_sqlflow.engine import Script, analyze, iter_scripts, merge_results, result_to_json
digest = hashlib.sha256()
digest.update(result_to_json(analyze("SELECT 1; // a")).encode())  # two missing parts: which is said?
cases = load_cases()
for case in cases:
    digest.update(result_to_json(case.analyze()).encode())
scripts = [Script(case.id, case.sql) for case in cases if case.dialect == "snowflake"]
results = []
for number, result in iter_scripts(scripts, dialect="snowflake"):
    digest.update(str(number).encode())
    results.append(result)
digest.update(result_to_json(merge_results(results)).encode())
print(len(cases), len(scripts), digest.hexdigest())
"""

# The peak since the program began; getrusage would count the parent's size before exec.
GROWTH = """
import sys
from pathlib import Path
from airflow_provider_sqlflow.engine import Script, iter_scripts

def peak():
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) // 1024

def text(number):
    columns = "".join(f"\\n  s.c{index} AS d{index}," for index in range(12))
    return f'''
CREATE TABLE stage_{number} AS
SELECT{columns}
  sum(s.amount) AS total
FROM raw_{number % 50} AS s
JOIN dim_{number % 7} AS d ON d.id = s.dim_id
WHERE s.day > '2024-01-01'
GROUP BY 1, 2;
INSERT INTO mart_{number % 20} (a, b, c)
WITH x AS (
  SELECT d1, d2, total
  FROM stage_{max(number - 1, 0)}
)
SELECT x.d1, x.d2, coalesce(x.total, 0)
FROM x
WHERE x.total > 0;
MERGE INTO dim_{number % 7} AS t USING stage_{number} AS s ON t.id = s.d1
WHEN MATCHED THEN UPDATE SET name = s.d2
WHEN NOT MATCHED THEN INSERT (id, name) VALUES (s.d1, s.d2);
UPDATE t_{number} SET a = b + 1
WHERE c IN (
  SELECT d FROM u
);
SELECT a b c broken;
DELETE FROM stage_{number} WHERE d1 = 0;
'''

def read(count, name):
    scripts = [Script(f"{name}{number}.sql", text(number)) for number in range(count)]
    return sum(len(result.edges()) for _, result in iter_scripts(scripts, dialect="snowflake"))

assert text(1).count("\\n") >= 35
read(5, "warm")
before = peak()
edges = read(int(sys.argv[1]), "f")
print(peak() - before, edges)
"""


def run(program: str, *arguments: str, **environment: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=250,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.split()


def test_any_hash_seed_gives_the_same_bytes() -> None:
    first, second = (run(DIGEST, FOLDER, PYTHONHASHSEED=seed) for seed in ("1", "6"))
    assert int(first[0]) > 500
    assert int(first[1]) > 50
    assert first == second


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads Linux's /proc")
def test_a_thousand_files_leave_memory_flat() -> None:
    megabytes, edges = map(int, run(GROWTH, "1000"))
    assert edges > 20_000
    assert megabytes <= 25
