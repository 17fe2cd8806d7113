from __future__ import annotations

from types import SimpleNamespace

import pytest
from airflow.providers.openlineage.extractors import OperatorLineage
from openlineage.client.event_v2 import Dataset
from openlineage.client.facet_v2 import extraction_error_run, schema_dataset, sql_job

from airflow_provider_sqlflow.emission import DatasetNaming
from airflow_provider_sqlflow.engine import InMemoryCatalog, Script, read_script
from airflow_provider_sqlflow.listeners.database import Database
from airflow_provider_sqlflow.listeners.event_lineage import (
    event_lineage,
    with_our_lineage,
    without_column_lineage,
)
from airflow_provider_sqlflow.listeners.reading import SqlReading
from airflow_provider_sqlflow.listeners.task_sql import TaskSql

NAMESPACE = "postgres://db:5432"


def reading(sql, namespace=NAMESPACE, catalog=None):
    naming = DatasetNaming("postgres", namespace, "shop", "public")
    found = read_script(
        Script("s", sql),
        dialect="postgres",
        catalog=InMemoryCatalog(catalog or {}),
        default_database="shop",
        default_schema="public",
    )
    return SqlReading(TaskSql(None, "c", sql), sql, Database(naming, None), found, {})


def dataset(name, *columns, **facets):
    schema = schema_dataset.SchemaDatasetFacet(
        fields=[schema_dataset.SchemaDatasetFacetFields(name=column, type="int4") for column in columns]
    )
    return Dataset(NAMESPACE, name, facets={"schema": schema, **facets} if columns else facets)


def fields_of(item):
    facet = item.facets["columnLineage"]
    return {
        name: [f"{source.name}.{source.field}" for source in field.inputFields]
        for name, field in facet.fields.items()
    }


def named(datasets):
    return {item.name: item for item in datasets}


def test_our_column_lineage_stands_in_for_the_parsers_and_other_facets_stay():
    base = OperatorLineage(
        inputs=[dataset("shop.public.orders", "id", "amount")],
        outputs=[dataset("shop.public.daily", "total", columnLineage="the parser's", version="kept")],
        run_facets={"externalQuery": "kept"},
        job_facets={"sql": sql_job.SQLJobFacet(query="kept")},
    )
    ours = event_lineage([reading("INSERT INTO daily (total) SELECT sum(amount) FROM orders")])
    found = with_our_lineage(base, ours)
    [output] = found.outputs
    assert fields_of(output) == {"total": ["shop.public.orders.amount"]}
    assert output.facets["version"] == "kept"
    assert [item.name for item in found.inputs] == ["shop.public.orders"]
    assert found.run_facets == {"externalQuery": "kept"}
    assert found.job_facets["sql"].query == "kept"


def test_names_are_spelt_as_the_provider_spells_them():
    base = OperatorLineage(
        inputs=[dataset("SHOP.PUBLIC.ORDERS", "AMOUNT")], outputs=[dataset("SHOP.PUBLIC.DAILY", "TOTAL")]
    )
    ours = event_lineage([reading("INSERT INTO daily (total) SELECT sum(amount) FROM orders")])
    found = with_our_lineage(base, ours)
    assert fields_of(found.outputs[0]) == {"TOTAL": ["SHOP.PUBLIC.ORDERS.AMOUNT"]}
    assert len(found.inputs) == len(found.outputs) == 1


def test_datasets_that_the_parser_missed_are_added():
    ours = event_lineage(
        [
            reading(
                "MERGE INTO daily USING orders o ON daily.id = o.id "
                "WHEN MATCHED THEN UPDATE SET total = o.amount"
            )
        ]
    )
    found = with_our_lineage(OperatorLineage(), ours)
    assert {"shop.public.orders"} <= set(named(found.inputs))
    assert fields_of(named(found.outputs)["shop.public.daily"])["total"] == ["shop.public.orders.amount"]
    assert found.job_facets["sql"].dialect == "postgres"


def test_the_parsers_error_goes_where_we_understood_everything():
    error = extraction_error_run.ExtractionErrorRunFacet(totalTasks=1, failedTasks=1, errors=[])
    base = OperatorLineage(run_facets={"extractionError": error})
    whole = event_lineage([reading("INSERT INTO daily (a) SELECT a FROM orders")])
    assert with_our_lineage(base, whole).run_facets == {}
    part = event_lineage([reading("INSERT INTO daily (a) SELECT a FROM orders; SELECT FROM WHERE (")])
    assert not part.is_complete
    assert with_our_lineage(base, part).run_facets == {"extractionError": error}


@pytest.mark.parametrize(("more", "is_kept"), [("", False), ("; SELECT FROM WHERE (", True)])
def test_the_parsers_lineage_of_other_outputs_goes_only_where_we_understood_everything(more, is_kept):
    base = OperatorLineage(
        outputs=[
            dataset("shop.public.daily", "a"),
            dataset("shop.public.other", "b", columnLineage="parser's"),
        ]
    )
    ours = event_lineage([reading("INSERT INTO daily (a) SELECT a FROM orders" + more)])
    outputs = named(with_our_lineage(base, ours).outputs)
    assert fields_of(outputs["shop.public.daily"]) == {"a": ["shop.public.orders.a"]}
    assert ("columnLineage" in outputs["shop.public.other"].facets) is is_kept


def test_statements_and_connections_add_up():
    ours = event_lineage(
        [
            reading(
                "INSERT INTO daily (a) SELECT a FROM orders; INSERT INTO daily (a, b) SELECT x, y FROM more"
            ),
            reading("SELECT z FROM far", namespace="postgres://other:5432"),
        ]
    )
    found = with_our_lineage(OperatorLineage(), ours)
    assert fields_of(found.outputs[0]) == {
        "a": ["shop.public.orders.a", "shop.public.more.x"],
        "b": ["shop.public.more.y"],
    }
    assert {item.namespace for item in found.inputs} == {NAMESPACE, "postgres://other:5432"}


def test_sql_stays_out_of_events_where_it_may_not_stand():
    ours = event_lineage(
        [reading("INSERT INTO daily (total) SELECT amount + 1 FROM orders")], includes_sql=False
    )
    found = with_our_lineage(OperatorLineage(), ours)
    assert found.job_facets == {}
    assert fields_of(found.outputs[0]) == {"total": ["shop.public.orders.amount"]}
    assert "amount + 1" not in str(found.outputs[0])


def test_a_database_without_an_address_names_nothing():
    ours = event_lineage([reading("INSERT INTO daily (a) SELECT a FROM orders", namespace="")])
    assert not ours.has_datasets
    assert not ours.is_complete


def test_temporary_tables_are_folded():
    ours = event_lineage(
        [
            reading(
                "CREATE TEMP TABLE recent AS SELECT id, amount FROM orders;"
                "INSERT INTO daily (id, total) SELECT id, sum(amount) FROM recent GROUP BY id"
            )
        ]
    )
    found = with_our_lineage(OperatorLineage(), ours)
    assert set(named(found.outputs)) == {"shop.public.daily"}
    assert fields_of(found.outputs[0])["total"] == ["shop.public.orders.amount"]


def test_the_start_event_has_no_column_lineage():
    base = OperatorLineage(outputs=[dataset("shop.public.daily", "a", columnLineage="parser's")])
    assert set(without_column_lineage(base).outputs[0].facets) == {"schema"}
    bare = SimpleNamespace(facets=None)
    assert without_column_lineage(OperatorLineage(outputs=[bare])).outputs == [bare]
