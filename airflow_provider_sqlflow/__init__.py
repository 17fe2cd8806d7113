"""SQL lineage for Apache Airflow.

Imports nothing: Airflow discovers providers before its own configuration exists
(reference: airflow-provider-conventions, section 1).
"""

__version__ = "0.1.0"
