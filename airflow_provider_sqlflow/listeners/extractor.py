"""How our lineage reaches the events of Airflow's OpenLineage provider: its registry of extractors.

For the time of one event an extractor of ours stands in for the one that the provider would use. It asks
that one and changes its answer, so the provider still decides whether there is an event, makes it, and sends
it once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_sqlflow.listeners.event_lineage import EventLineage, with_our_lineage

if TYPE_CHECKING:
    from airflow.providers.openlineage.extractors import OperatorLineage
    from airflow.providers.openlineage.extractors.base import BaseExtractor

    Lineage = OperatorLineage[Any, Any]
    Change = Callable[[Lineage], Lineage]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Emission:
    """The OpenLineage provider as far as it emits for a task.

    Attributes:
        manager: its registry of extractors.
        takes_operators: whether its policy lets extractors speak for the task.
        takes_hooks: whether its policy lets SQL of hooks speak for the task.
    """

    manager: Any
    takes_operators: bool
    takes_hooks: bool


def emission_of(task: Any) -> Emission | None:
    """What the provider would do for a task; ``None`` where it is absent or disabled."""
    try:
        from airflow.providers.openlineage.api import is_openlineage_active
        from airflow.providers.openlineage.plugins.listener import get_openlineage_listener
        from airflow.providers.openlineage.utils.emission_policy import resolve_task_emission_policy
    except ImportError:
        return None
    if not is_openlineage_active():
        return None
    policy = resolve_task_emission_policy(operator=task, dag_id=task.dag_id, task_id=task.task_id)
    takes_operators = bool(policy.emit and policy.extract_operator_metadata)
    return Emission(
        get_openlineage_listener().extractor_manager,
        takes_operators,
        bool(takes_operators and policy.hook_lineage),
    )


@contextmanager
def changed_extraction(emission: Emission, task: Any, change: Change) -> Iterator[None]:
    """Until the end of the block, what the provider finds out about a task goes through ``change``."""
    manager, name = emission.manager, task.task_type
    registered = manager.extractors.get(name)
    manager.add_extractor(name, _extractor(manager.get_extractor_class(task), change))
    try:
        yield
    finally:
        if registered is None:
            del manager.extractors[name]
        else:
            manager.extractors[name] = registered


def lineage_change(emission: Emission, task_instance: Any, ours: EventLineage) -> Change:
    """Puts our lineage in. Where the provider found no dataset, those that are declared are kept too.

    The provider looks at declared inlets and outlets, and at assets of hooks, only when extractors found no
    dataset; with ours there are some.
    """
    from airflow.providers.openlineage.extractors import OperatorLineage

    def change(base: Lineage) -> Lineage:
        is_bare = not (base.inputs or base.outputs)
        changed = with_our_lineage(base, ours)
        if is_bare:
            declared: Lineage = OperatorLineage()
            _add_hook_assets(emission, declared)
            if not (declared.inputs or declared.outputs):
                emission.manager.extract_inlets_and_outlets(declared, task_instance.task, task_instance)
            _append(changed.inputs, declared.inputs)
            _append(changed.outputs, declared.outputs)
        return changed

    return change


def _add_hook_assets(emission: Emission, lineage: Lineage) -> None:
    from airflow.sdk.lineage import get_hook_lineage_collector

    if not emission.takes_hooks:
        return
    collected = get_hook_lineage_collector().collected_assets
    for side, infos in ((lineage.inputs, collected.inputs), (lineage.outputs, collected.outputs)):
        found = (emission.manager.convert_to_ol_dataset(info.asset) for info in infos)
        side.extend(dataset for dataset in found if dataset is not None)


def _append(datasets: list[Any], more: list[Any]) -> None:
    known = {(item.namespace, item.name) for item in datasets}
    datasets.extend(item for item in more if (item.namespace, item.name) not in known)


def _extractor(inner_class: type[BaseExtractor] | None, change: Change) -> type[BaseExtractor]:
    from airflow.providers.openlineage.extractors import OperatorLineage
    from airflow.providers.openlineage.extractors.base import BaseExtractor

    class CapturedSqlExtractor(BaseExtractor):
        """Asks the extractor that the provider would use, and changes its answer."""

        @classmethod
        def get_operator_classnames(cls) -> list[str]:
            return []

        def extract(self) -> Lineage | None:
            return self._ask(lambda inner: inner.extract())

        _execute_extraction = extract

        def extract_on_complete(self, task_instance: Any) -> Lineage | None:
            return self._ask(lambda inner: inner.extract_on_complete(task_instance))

        def extract_on_failure(self, task_instance: Any) -> Lineage | None:
            return self._ask(lambda inner: inner.extract_on_failure(task_instance))

        def _ask(self, question: Callable[[BaseExtractor], Lineage | None]) -> Lineage | None:
            found = None
            if inner_class is not None:
                inner = inner_class(self.operator)
                inner.source_code_enabled = self.source_code_enabled
                found = question(inner)
            try:
                return change(found or OperatorLineage())
            except Exception:
                log.warning(
                    "Our lineage could not be put into the event; it has the provider's", exc_info=True
                )
                return found

    return CapturedSqlExtractor
