"""Which text of an operator names a template file: only that in ``sql``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

if TYPE_CHECKING:
    from collections.abc import Sequence

    import jinja2
    from airflow.sdk import Context


class SqlTemplates(BaseOperator):
    """An operator whose ``sql`` is text or the name of a template file, and whose other fields are no files.

    Airflow takes any templated text that ends in ``.sql`` for the name of a file to load; but a path is to
    stay a path.
    """

    template_fields: Sequence[str]
    sql: Any

    def render_template(
        self,
        content: Any,
        context: Context,
        jinja_env: jinja2.Environment | None = None,
        seen_oids: set[int] | None = None,
    ) -> Any:
        """Render; only in ``sql`` does a name ending in ``.sql`` stand for the text of a template file."""
        if isinstance(content, str) and content.endswith(".sql") and not self._is_template_file(content):
            # An empty Jinja comment renders to nothing, and the text no longer ends like a file name.
            content += "{##}"
        return super().render_template(content, context, jinja_env, seen_oids)

    def resolve_template_files(self) -> None:
        """Load the template files named in ``sql``; a path in ``paths`` stays a path."""
        fields = self.template_fields
        self.template_fields = ("sql",)
        try:
            super().resolve_template_files()
        finally:
            self.template_fields = fields

    def _is_template_file(self, name: str) -> bool:
        return name in self.sql if isinstance(self.sql, list) else name == self.sql
