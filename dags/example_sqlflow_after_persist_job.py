"""A Dag that runs whenever a persist job has new lineage, and reads what was published."""

# [START sqlflow_after_persist_job]
from airflow.sdk import Asset, dag, task

LINEAGE = Asset(name="sqlflow_postgres_warehouse", uri="x-sqlflow://job/sqlflow_postgres_warehouse")


@dag(schedule=[LINEAGE], tags=["sqlflow", "example"])
def example_sqlflow_after_persist_job():
    @task(inlets=[LINEAGE])
    def report(inlet_events=None) -> str:
        job = inlet_events[LINEAGE][-1].extra
        line = f"{job['job_name']}: {job['counts']['column_edges']} column edges in {job['exports']}"
        print(line)
        return line

    report()


example_sqlflow_after_persist_job()
# [END sqlflow_after_persist_job]
