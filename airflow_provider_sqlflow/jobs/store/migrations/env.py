"""Alembic's environment: runs on the connection that ``store/schema.py`` hands over, never on its own."""

from alembic import context

from airflow_provider_sqlflow.jobs.store.tables import VERSION_TABLE, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    # The whole upgrade is one transaction of the caller, on SQLite too.
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
