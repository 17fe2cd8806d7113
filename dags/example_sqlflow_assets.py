"""Runs whenever a lineage job found tables written, and tells which: an asset event a table."""

# [START sqlflow_assets]
from airflow.sdk import AssetAlias, dag, task

TABLES = AssetAlias("warehouse_tables")


@dag(schedule=TABLES, tags=["sqlflow", "example"])
def example_sqlflow_assets():
    @task
    def written_tables(triggering_asset_events=None) -> list[str]:
        events = triggering_asset_events[TABLES]
        for event in events:
            print(event.asset.uri, event.extra["job_id"])  # sqlflow://postgres/marts/fct_store_sales
        return sorted({event.asset.uri for event in events})

    written_tables()


example_sqlflow_assets()
# [END sqlflow_assets]
