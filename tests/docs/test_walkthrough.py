"""The shell walk-through of the server's page, run as it stands against a real server."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.api.security.server import running

REPOSITORY = Path(__file__).parents[2]
SCRIPT = REPOSITORY / "docs" / "how-to" / "rest-walkthrough.sh"


@pytest.fixture
def environment(tmp_path, workshop):
    folder = tmp_path / "server"
    folder.mkdir()
    with running(folder) as server:
        key = server.state.accounts.add("ann o'neill")
        yield {
            **os.environ,
            "SERVER": f"{server.url}/gspLive_backend",
            "USER_ID": "ann o'neill",
            "SECRET_KEY": key,
        }


def run(environment):
    return subprocess.run(
        ["sh", "rest-walkthrough.sh"], env=environment, capture_output=True, text=True, timeout=120
    )


def test_the_walk_through_ends_with_csv_and_a_picture(environment, workshop):
    done = run(environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout == done.stderr == ""
    rows = (workshop / "lineage.csv").read_text().splitlines()
    assert rows[0].startswith("source_db,source_schema,source_table,source_column")
    assert ",staging,orders,amount,,marts,daily_revenue,revenue,fdd,insert" in rows
    picture = (workshop / "lineage.svg").read_text()
    assert "<svg" in picture
    assert "daily_revenue" in picture
    again = run(environment | {"SECRET_KEY": "wrong"})
    assert again.returncode != 0


def test_the_page_shows_the_whole_script(read_page):
    page = read_page("how-to/run-the-server.md")
    shown = re.findall(r'--8<-- "docs/how-to/rest-walkthrough.sh:(\w+)"', page)
    assert shown == re.findall(r"\[start:(\w+)\]", SCRIPT.read_text())
    uncovered = re.sub(r"# --8<-- \[start:(\w+)\]\n.*?\[end:\1\]\n", "", SCRIPT.read_text(), flags=re.DOTALL)
    assert [line for line in uncovered.splitlines() if line and not line.startswith("#")] == ["set -eu"]
