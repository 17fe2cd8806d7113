from __future__ import annotations

import importlib.metadata
import json
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import airflow
import jsonschema
import pytest
from airflow.providers_manager import ProvidersManager
from airflow.sdk.module_loading import import_string

from airflow_provider_sqlflow import conf
from airflow_provider_sqlflow.get_provider_info import get_provider_info
from airflow_provider_sqlflow.hooks.sqlflow import SqlFlowHook
from airflow_provider_sqlflow.plugins.sqlflow import SqlFlowPlugin
from airflow_provider_sqlflow.settings import Settings

DISTRIBUTION = "airflow-provider-sqlflow"
PACKAGE = Path(conf.__file__).parent


@pytest.mark.parametrize("schema", ["provider_info.schema.json"])
def test_fits_airflows_schema(schema):
    document = json.loads((Path(airflow.__file__).parent / schema).read_text())
    jsonschema.validate(get_provider_info(), document)


def test_the_package_name_is_the_distributions():
    assert get_provider_info()["package-name"] == DISTRIBUTION
    assert importlib.metadata.metadata(DISTRIBUTION)["Name"] == DISTRIBUTION


@pytest.mark.parametrize("kind", ["hooks", "operators", "sensors", "triggers"])
def test_every_class_users_meet_is_in_a_listed_module(kind):
    [entry] = get_provider_info()[kind]
    listed = [importlib.import_module(name) for name in entry["python-modules"]]
    defined = {
        name
        for path in (PACKAGE / kind).glob("*.py")
        for name in re.findall(r"^class (SqlFlow\w+)\(", path.read_text(), re.MULTILINE)
    }
    links = {path.rpartition(".")[2] for path in get_provider_info()["extra-links"]}
    assert defined - links
    assert {name for name in defined - links if not any(hasattr(module, name) for module in listed)} == set()


def test_every_dotted_name_can_be_imported():
    info = get_provider_info()
    [assets] = info["asset-uris"]
    [decorator] = info["task-decorators"]
    names = [*info["notifications"], *info["extra-links"], decorator["class-name"]]
    names += [assets["handler"], assets["factory"], assets["to_openlineage_converter"]]
    for name in names:
        assert callable(import_string(name)), name


def test_airflow_finds_decorator_and_asset_scheme():
    from airflow.sdk import Asset, task

    assert task.sqlflow is not None
    assert Asset("SQLFlow://Postgres/shop/public/orders/").uri == "sqlflow://postgres/shop/public/orders"


def test_the_connection_type_names_the_hook():
    [connection] = get_provider_info()["connection-types"]
    assert import_string(connection["hook-class-name"]) is SqlFlowHook
    assert connection["connection-type"] == SqlFlowHook.conn_type
    assert connection["hook-name"] == SqlFlowHook.hook_name


def test_every_connection_field_is_read():
    [connection] = get_provider_info()["connection-types"]
    source = (PACKAGE / "hooks" / "connection.py").read_text()
    for name, field in connection["conn-fields"].items():
        assert f'"{name}"' in source
        assert "null" in field["schema"]["type"]
        assert field["label"]
        assert field["description"].endswith(".")
    for secret in ("store_url", "token"):
        assert connection["conn-fields"][secret]["schema"]["format"] == "password"


def test_the_plugin_is_listed_and_registered():
    [plugin] = get_provider_info()["plugins"]
    assert import_string(plugin["plugin-class"]) is SqlFlowPlugin
    assert plugin["name"] == SqlFlowPlugin.name
    [entry_point] = [
        entry for entry in importlib.metadata.entry_points(group="airflow.plugins") if entry.name == "sqlflow"
    ]
    assert entry_point.load() is SqlFlowPlugin


def test_options_are_those_of_conf_with_the_defaults_of_settings():
    options = get_provider_info()["config"]["sqlflow"]["options"]
    defaults = {field.name: field.default for field in fields(Settings)}
    capture = {"capture_sql", "capture_seconds", "capture_max_chars"}
    server = {"server_enabled", "server_runner_dag"}
    assert set(options) == {*defaults, *capture, *server, "poll_interval", "job_url", "lineage_url"}
    for name, option in options.items():
        function = getattr(conf, name)
        assert f"[sqlflow] {name}" in function.__doc__
        if name in defaults:
            assert option["default"] == str(defaults[name])
    for secret in ("store_url", "server_token_key"):
        assert options[secret]["sensitive"] is True


def test_airflow_shows_the_connection_type_with_its_fields():
    assert ProvidersManager().providers[DISTRIBUTION].data["name"] == "SQLFlow"
    from airflow.api_fastapi.core_api.services.ui.connections import HookMetaService

    [shown] = [hook for hook in HookMetaService.hook_meta_data() if hook.connection_type == "sqlflow"]
    assert shown.hook_name == "SQLFlow"
    assert set(shown.extra_fields) == set(get_provider_info()["connection-types"][0]["conn-fields"])
    assert shown.extra_fields["verify"]["value"] is True
    assert shown.standard_fields.url_schema.title == "Scheme"
    assert shown.standard_fields.login.title == "User id"
    assert shown.standard_fields.password.title == "Secret key"
    assert shown.standard_fields.host.placeholder


def modules_after(statement: str) -> set[str]:
    code = f"import sys; {statement}; print('\\n'.join(sys.modules))"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    return set(run.stdout.split())


def packages(modules: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in modules}


class TestImportsAreLight:
    def test_operators_bring_nothing_heavy(self):
        baseline = modules_after(
            "from airflow.sdk import BaseOperator, BaseSensorOperator, BaseHook; "
            "from airflow.sdk.configuration import conf; from airflow.triggers.base import BaseTrigger"
        )
        modules = modules_after(
            "import airflow_provider_sqlflow.operators.sqlflow, airflow_provider_sqlflow.sensors.sqlflow, "
            "airflow_provider_sqlflow.task_groups.sqlflow, airflow_provider_sqlflow.decorators.sqlflow, "
            "airflow_provider_sqlflow.notifications.sqlflow, airflow_provider_sqlflow.assets.sqlflow, "
            "airflow_provider_sqlflow.plugins.sqlflow"
        )
        added = modules - baseline
        assert "airflow_provider_sqlflow.operators.sqlflow" in added
        heavy = {
            "sqlglot",
            "sqlalchemy",
            "alembic",
            "fastapi",
            "pygraphviz",
            "httpx",
            "rich",
            "openlineage",
            "click",
        }
        assert packages(added) & heavy == set()
        assert packages(modules) & {"sqlglot", "fastapi", "pygraphviz"} == set()

    def test_provider_info_needs_no_airflow(self):
        modules = modules_after("from airflow_provider_sqlflow.get_provider_info import get_provider_info")
        assert "airflow" not in packages(modules)
        assert {name for name in modules if name.startswith("airflow_provider_sqlflow")} == {
            "airflow_provider_sqlflow",
            "airflow_provider_sqlflow.get_provider_info",
        }
