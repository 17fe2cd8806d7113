"""SQL that a function makes: one statement a region, analysed as one job."""

# [START sqlflow_decorator]
from airflow.sdk import dag, task

REGIONS = ["north", "south"]


@dag(schedule=None, tags=["sqlflow", "example"])
def example_sqlflow_decorator():
    @task.sqlflow(dialect="bigquery")
    def regional_sales(regions: list[str]) -> list[str]:
        return [
            f"CREATE TABLE sales_{region} AS SELECT day, sum(amount) AS total "
            f"FROM orders WHERE region = '{region}' GROUP BY day"
            for region in regions
        ]

    @task
    def edges(job: dict) -> int:
        return job["counts"]["column_edges"]

    edges(regional_sales(REGIONS))


example_sqlflow_decorator()
# [END sqlflow_decorator]
