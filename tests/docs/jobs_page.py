"""Writes ``docs/reference/jobs-yaml.md`` from the JSON schema.

python tests/docs/jobs_page.py > docs/reference/jobs-yaml.md
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from airflow_provider_sqlflow.jobs.schedules.declared import SCHEMA_FILE

INTRODUCTION = """\
# Jobs in YAML

The file that `dags_from_yaml` and `sqlflow dags` read: see [Schedule persist
jobs](../how-to/schedule-persist-jobs.md). *Templated* values are rendered by Airflow before a task runs.
Dates are read as text; a key that comes twice is refused; anchors and merge keys work.

<!-- Written by tests/docs/jobs_page.py: do not edit. -->

| key | meaning |
|---|---|
"""

JOBS = """
A job needs `dialect`, and `paths` or `sql` or both.

| key of a job | default | meaning |
|---|---|---|
"""

SCHEMA = """
## JSON schema

Editors complete and check with it, given `# yaml-language-server: $schema=jobs.schema.json` as first line.

```json
--8<-- "airflow_provider_sqlflow/jobs/schedules/jobs.schema.json"
```
"""


def render() -> str:
    """The page."""
    schema = json.loads(SCHEMA_FILE.read_text())
    job = schema["$defs"]["job"]
    lines = [f"| `{name}` | {item['description']} |" for name, item in schema["properties"].items()]
    text = INTRODUCTION + "\n".join(lines) + "\n" + JOBS + "\n".join(_rows(job)) + "\n"
    shared = ", ".join(f"`{name}`" for name in schema["properties"]["defaults"]["properties"])
    return text + f"\n`defaults` takes {shared}.\n" + SCHEMA


def _rows(job: dict[str, Any]) -> Iterator[str]:
    for name, item in job["properties"].items():
        default = f"`{json.dumps(item['default'])}`" if "default" in item else ""
        default = "required" if name in job["required"] else default
        yield f"| `{name}` | {default} | {item['description']} |"


if __name__ == "__main__":
    print(render(), end="")
