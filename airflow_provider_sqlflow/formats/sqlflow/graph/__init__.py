"""What SQLFlow's graph operations answer: selections, drawn graphs, summaries, pictures.

Pure functions over the JSON document of :mod:`airflow_provider_sqlflow.formats.sqlflow.document`, so ids
mean the same in the model, in the graph and in later selections. Facts: reference sqlflow-api, section 4;
what it leaves open is decided in ``docs/reference/sqlflow-api.md``.
"""
