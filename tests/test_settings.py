from __future__ import annotations

import logging

import pytest

from airflow_provider_sqlflow.errors import ConfigError
from airflow_provider_sqlflow.settings import MIN_TOKEN_KEY, Settings


def test_values_of_the_environment() -> None:
    settings = Settings.from_env(
        {"SQLFLOW_MAX_FILE_BYTES": "5", "SQLFLOW_HOME": "/x", "OTHER": "1", "SQLFLOW_STORE_URL": ""}
    )
    assert settings == Settings(max_file_bytes=5, home="/x")


@pytest.mark.parametrize("text", ["0", "-1", "many", "1.5"])
def test_number_that_is_none(text: str) -> None:
    with pytest.raises(ConfigError, match=f"SQLFLOW_MAX_FILE_BYTES='{text}' is not a positive whole number"):
        Settings.from_env({"SQLFLOW_MAX_FILE_BYTES": text})


@pytest.mark.parametrize(
    ("name", "near"), [("MAX_FILE_BYTE", "MAX_FILE_BYTES"), ("STORE_URI", "STORE_URL"), ("HOMEE", "HOME")]
)
def test_misspelt_variable_is_refused_with_the_nearest_name(name: str, near: str) -> None:
    message = f"environment variable SQLFLOW_{name} is no setting of SQLFlow: did you mean SQLFLOW_{near}?"
    with pytest.raises(ConfigError) as caught:
        Settings.from_env({f"SQLFLOW_{name}": "5"})
    assert str(caught.value) == message


def test_foreign_variable_is_warned_about(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert Settings.from_env({"SQLFLOW_DATASOURCE": "secret"}) == Settings()
    assert (
        "environment variable SQLFLOW_DATASOURCE is no setting of SQLFlow and has no effect; known are"
        in caplog.text
    )
    assert "secret" not in caplog.text


def test_a_key_that_signs_tokens_is_long_and_never_shown() -> None:
    key = "k" * MIN_TOKEN_KEY
    assert key not in repr(Settings(server_token_key=key))
    with pytest.raises(ConfigError, match="server_token_key is shorter than 32 characters") as caught:
        Settings.from_env({"SQLFLOW_SERVER_TOKEN_KEY": key[1:]})
    assert key[1:] not in str(caught.value)


def test_tokens_may_count_for_ever() -> None:
    assert Settings.from_env({"SQLFLOW_SERVER_TOKEN_HOURS": "0"}).server_token_hours == 0
    with pytest.raises(ConfigError, match="SQLFLOW_SERVER_TOKEN_HOURS='-1' is not a whole number from 0 up"):
        Settings.from_env({"SQLFLOW_SERVER_TOKEN_HOURS": "-1"})


def test_settings_in_a_message_show_no_secret() -> None:
    transport = '{"type": "http", "auth": {"apiKey": "geheim"}}'
    settings = Settings(
        store_url="postgresql://ann:geheim@db/jobs",
        openlineage_transport=transport,
        server_token_key="geheim" * 6,
    )
    assert "geheim" not in repr(settings)
