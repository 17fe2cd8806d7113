"""With the provider's own registry of extractors."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from airflow.providers.openlineage.extractors import OperatorLineage
from airflow.providers.openlineage.extractors.base import BaseExtractor
from airflow.providers.openlineage.extractors.manager import ExtractorManager
from airflow.sdk import BaseOperator
from airflow.utils.state import TaskInstanceState
from openlineage.client.event_v2 import Dataset

from airflow_provider_sqlflow.emission import DatasetId
from airflow_provider_sqlflow.listeners.event_lineage import EventLineage
from airflow_provider_sqlflow.listeners.extractor import (
    Emission,
    changed_extraction,
    emission_of,
    lineage_change,
)


class Loading(BaseOperator):
    def get_openlineage_facets_on_start(self):
        return OperatorLineage(outputs=[Dataset("ns", "start")])

    def get_openlineage_facets_on_complete(self, task_instance):
        return OperatorLineage(outputs=[Dataset("ns", "complete")])

    def get_openlineage_facets_on_failure(self, task_instance):
        return OperatorLineage(outputs=[Dataset("ns", "failure")])


class Silent(BaseOperator):
    pass


class Custom(BaseExtractor):
    @classmethod
    def get_operator_classnames(cls):
        return ["Loading"]

    def _execute_extraction(self):
        return OperatorLineage(outputs=[Dataset("ns", "custom")])


@pytest.fixture
def emission():
    return Emission(ExtractorManager(), takes_operators=True, takes_hooks=True)


def extract(emission, task, state=TaskInstanceState.SUCCESS):
    instance = SimpleNamespace(task=task, dag_id="d", task_id=task.task_id)
    found = emission.manager.extract_metadata(
        dagrun=SimpleNamespace(run_id="r"), task=task, task_instance_state=state, task_instance=instance
    )
    return [item.name for item in found.outputs]


def shouting(base):
    return OperatorLineage(outputs=[Dataset("ns", item.name.upper()) for item in base.outputs])


@pytest.mark.parametrize(
    ("state", "name"),
    [
        (TaskInstanceState.RUNNING, "START"),
        (TaskInstanceState.SUCCESS, "COMPLETE"),
        (TaskInstanceState.FAILED, "FAILURE"),
    ],
)
def test_the_answer_of_the_usual_extractor_is_changed_and_only_then(emission, state, name):
    task = Loading(task_id="load")
    with changed_extraction(emission, task, shouting):
        assert extract(emission, task, state) == [name]
    assert extract(emission, task, state) == [name.lower()]
    assert "Loading" not in emission.manager.extractors


def test_an_extractor_that_somebody_registered_is_asked_and_stays(emission):
    emission.manager.add_extractor("Loading", Custom)
    task = Loading(task_id="load")
    with changed_extraction(emission, task, shouting):
        assert extract(emission, task) == ["CUSTOM"]
    assert emission.manager.extractors["Loading"] is Custom


def test_an_error_of_ours_keeps_the_providers_result(emission, caplog):
    task = Loading(task_id="load")
    with changed_extraction(emission, task, lambda base: 1 // 0):
        assert extract(emission, task) == ["complete"]
    assert "ZeroDivisionError" in caplog.text


def test_the_registry_is_restored_when_a_listener_raises(emission):
    task = Loading(task_id="load")
    with pytest.raises(RuntimeError), changed_extraction(emission, task, shouting):
        raise RuntimeError
    assert "Loading" not in emission.manager.extractors


def test_declared_outlets_of_a_task_without_an_extractor_are_kept(emission):
    task = Silent(task_id="load", outlets=[Dataset("ns", "declared"), Dataset("ns", "written")])
    ours = EventLineage(outputs={DatasetId("ns", "written"): {"a": "int"}}, scripts=[("sql", "postgres")])
    change = lineage_change(emission, SimpleNamespace(task=task), ours)
    with changed_extraction(emission, task, change):
        assert sorted(extract(emission, task)) == ["declared", "written"]


def test_a_provider_that_is_not_configured_emits_nothing():
    assert emission_of(Silent(task_id="load")) is None


def test_an_absent_provider_emits_nothing(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "airflow.providers.openlineage.api", None)
    assert emission_of(Silent(task_id="load")) is None
