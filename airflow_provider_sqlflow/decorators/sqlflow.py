"""``@task.sqlflow``: a function that returns the SQL to analyse."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk.bases.decorator import (
    DecoratedOperator,
    TaskDecorator,
    determine_kwargs,
    task_decorator_factory,
)
from airflow.sdk.definitions._internal.types import SET_DURING_EXECUTION
from airflow.sdk.definitions.context import context_merge
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider_sqlflow.operators.sqlflow import SqlFlowSubmitJobOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

RETURNED_FIELDS = frozenset(SqlFlowSubmitJobOperator.template_fields) - {
    "dataset_namespace",
    "sqlflow_conn_id",
}
"""Arguments of ``SqlFlowSubmitJobOperator`` that the function may return by name."""


class _SqlFlowDecoratedOperator(DecoratedOperator, SqlFlowSubmitJobOperator):
    """Calls a function and submits what it returns: SQL text, a list of texts, or arguments by name."""

    template_fields: Sequence[str] = (
        *DecoratedOperator.template_fields,
        *SqlFlowSubmitJobOperator.template_fields,
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {
        **DecoratedOperator.template_fields_renderers,
        **SqlFlowSubmitJobOperator.template_fields_renderers,
    }
    custom_operator_name = "@task.sqlflow"
    overwrite_rtif_after_execution = True

    def __init__(
        self,
        *,
        python_callable: Callable[..., Any],
        op_args: Collection[Any] | None = None,
        op_kwargs: Mapping[str, Any] | None = None,
        dialect: str = "auto",
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("sql", SET_DURING_EXECUTION)
        super().__init__(
            python_callable=python_callable,
            op_args=op_args,
            op_kwargs=op_kwargs,
            dialect=dialect,
            **kwargs,
        )

    def execute(self, context: Context) -> Any:
        """Call the function, take what it returns as SQL or arguments, and go on as the operator does.

        Raises:
            AirflowFailException: the function returned something else.
        """
        context_merge(context, self.op_kwargs)
        arguments = determine_kwargs(self.python_callable, self.op_args, context)
        self._take(self.python_callable(*self.op_args, **arguments))
        self.render_template_fields(context)
        return SqlFlowSubmitJobOperator.execute(self, context)

    def _take(self, returned: Any) -> None:
        if _is_sql(returned):
            self.sql = returned
        elif isinstance(returned, Mapping) and returned:
            unknown = sorted(set(returned) - RETURNED_FIELDS)
            if unknown:
                raise AirflowFailException(
                    f"task {self.task_id} returned {', '.join(unknown)}; it may return "
                    f"{', '.join(sorted(RETURNED_FIELDS))}"
                )
            self.sql = None
            for name, value in returned.items():
                setattr(self, name, value)
        else:
            raise AirflowFailException(
                f"task {self.task_id} is to return SQL text, a list of texts or a dict of arguments, not "
                f"{type(returned).__name__}"
            )


def _is_sql(returned: Any) -> bool:
    texts = returned if isinstance(returned, list) else [returned]
    return bool(texts) and all(isinstance(text, str) and text.strip() for text in texts)


def sqlflow_task(python_callable: Callable[..., Any] | None = None, **kwargs: Any) -> TaskDecorator:
    """Make a function a task that analyses the SQL it returns.

    The function returns SQL text, a list of texts, or a dict of arguments of
    :class:`~airflow_provider_sqlflow.operators.sqlflow.SqlFlowSubmitJobOperator` such as ``paths`` and
    ``dialect``. What it returns is rendered as a template. The task waits and returns as the operator does.

    Args:
        python_callable: the function.
        kwargs: further arguments of the operator.
    """
    return task_decorator_factory(
        python_callable=python_callable,
        decorated_operator_class=_SqlFlowDecoratedOperator,
        **kwargs,
    )
