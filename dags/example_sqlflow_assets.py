"""Runs whenever some lineage job found tables written, and looks at one asset event a table."""

# [START sqlflow_assets]
from airflow.sdk import AssetAlias, dag, task


@dag(schedule=AssetAlias("warehouse_tables"), tags=["sqlflow", "example"])
def example_sqlflow_assets():
    @task
    def written_tables(triggering_asset_events=None) -> list[str]:
        found = []
        for asset, events in triggering_asset_events.items():
            found.append(asset.uri)  # sqlflow://postgres/marts/fct_store_sales
            print(asset.uri, [event.extra["job_id"] for event in events])
        return found

    written_tables()


example_sqlflow_assets()
# [END sqlflow_assets]
