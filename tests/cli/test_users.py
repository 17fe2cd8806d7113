from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest

from airflow_provider_sqlflow.api.state import ServerState
from airflow_provider_sqlflow.settings import Settings
from tests.cli.conftest import Run


def is_key(tmp_path: Path, user_id: str, output: str) -> bool:
    assert len(output.splitlines()) == 1, "nothing but the key, for scripts"
    with closing(ServerState.open(Settings(store_url=f"sqlite:///{tmp_path}/.store/jobs.db"))) as state:
        return state.accounts.check(user_id, output.strip()) is not None


def test_a_user_comes_gets_another_key_and_goes(run: Run, tmp_path: Path) -> None:
    added = run("user", "add", "ann", "--email", "ann@example.com")
    assert (added.exit_code, is_key(tmp_path, "ann", added.stdout)) == (0, True)
    assert added.stderr == "This secret key is not shown again.\n"
    renewed = run("user", "new-key", "ann")
    assert is_key(tmp_path, "ann", renewed.stdout)
    assert not is_key(tmp_path, "ann", added.stdout)
    assert run("user", "remove", "ann").stdout == "removed user ann\n"
    assert not is_key(tmp_path, "ann", renewed.stdout)


def test_users_are_listed_without_their_secrets(run: Run) -> None:
    assert run("user", "list").stdout == "id  email  created\n"
    assert json.loads(run("user", "list", "--json").stdout) == []
    keys = [run("user", "add", name).stdout.strip() for name in ("bob", "ann")]
    shown = run("user", "list").stdout
    assert [line.split()[0] for line in shown.splitlines()] == ["id", "ann", "bob"]
    listed = run("user", "list", "--json").stdout
    assert [sorted(user) for user in json.loads(listed)] == [["created_at", "email", "id"]] * 2
    assert not [key for key in keys if key in shown + listed]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("add", "ann"), "error: there is a user 'ann' already"),
        (("add", ""), "error: '' is no user id"),
        (("add", "bob", "--email", "a\nb"), "is no email address"),
        (("new-key", "bob"), "error: there is no user 'bob'"),
        (("remove", "bob"), "error: there is no user 'bob'"),
    ],
)
def test_what_cannot_be_done(run: Run, arguments: tuple[str, ...], message: str) -> None:
    run("user", "add", "ann")
    done = run("user", *arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert message in done.stderr
