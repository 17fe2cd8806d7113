"""Export options from text: SQLFlow's settings (``showRelationType``) and our own names (``indirect``).

What SQLFlow's settings do: reference sqlflow-lineage-model, section 9.1; their defaults in a request:
sqlflow-api, section 1.6.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import Any

from airflow_provider_sqlflow.errors import ExportOptionError
from airflow_provider_sqlflow.formats.options import DEFAULT_OPTIONS, ExportOptions, ResultSets

REQUEST_DEFAULTS = ExportOptions(
    indirect=False,
    result_sets=ResultSets.ALL,
    functions=True,
    count_is_direct=False,
    normalize_names=True,
    self_lineage=False,
)
"""What a SQLFlow request means that gives no settings at all."""

_RELATION_TYPES: Mapping[str, str] = {
    "fdd": "direct",
    "fdr": "indirect",
    # The two older words for what decides; documents since 2021 write fdr for all of them.
    "frd": "indirect",
    "fddi": "indirect",
    "join": "joins",
    "er": "keys",
    "call": "calls",
}
_BOOLEANS = {"true": True, "false": False}

Change = Callable[[ExportOptions, str], ExportOptions]


def apply_settings(settings: Mapping[str, str], options: ExportOptions = DEFAULT_OPTIONS) -> ExportOptions:
    """Options with some settings changed.

    Args:
        settings: values by name; names are those of :class:`ExportOptions` or SQLFlow's. Booleans are
            ``true`` and ``false`` in any case.
        options: what holds where the settings say nothing.

    Raises:
        ExportOptionError: an unknown name or value; the message lists what is allowed.

    >>> apply_settings({"showRelationType": "fdd,join", "functions": "true"}).joins
    True
    """
    for name, value in settings.items():
        change = _CHANGES.get(name)
        if change is None:
            raise ExportOptionError(f"unknown export option {name!r}; known: {', '.join(_CHANGES)}")
        options = change(options, str(value).strip() if name != "delimiter" else str(value))
    return options


def setting_names() -> tuple[str, ...]:
    """Every name that :func:`apply_settings` knows, ours first."""
    return tuple(_CHANGES)


def _wrong(name: str, value: str, allowed: str) -> ExportOptionError:
    return ExportOptionError(f"export option {name}: {value!r} is not one of {allowed}")


def _boolean(name: str, value: str) -> bool:
    try:
        return _BOOLEANS[value.lower()]
    except KeyError:
        raise _wrong(name, value, ", ".join(_BOOLEANS)) from None


def _switch(name: str, field: str, *, inverse: bool = False) -> Change:
    def change(options: ExportOptions, value: str) -> ExportOptions:
        values: dict[str, Any] = {field: _boolean(name, value) is not inverse}
        return replace(options, **values)

    return change


def _relation_types(options: ExportOptions, value: str) -> ExportOptions:
    """A comma list: the types named are shown, the others are not."""
    shown: dict[str, Any] = dict.fromkeys(_RELATION_TYPES.values(), False)
    for word in filter(None, (part.strip().lower() for part in value.split(","))):
        if word not in _RELATION_TYPES:
            raise _wrong("showRelationType", word, ", ".join(_RELATION_TYPES))
        shown[_RELATION_TYPES[word]] = True
    return replace(options, **shown)


def _simple_output(options: ExportOptions, value: str) -> ExportOptions:
    if _boolean("simpleOutput", value):
        return replace(options, result_sets=ResultSets.NONE)
    is_simple = options.result_sets is ResultSets.NONE
    return replace(options, result_sets=ResultSets.TOP if is_simple else options.result_sets)


def _ignore_record_set(options: ExportOptions, value: str) -> ExportOptions:
    ignored = _boolean("ignoreRecordSet", value)
    if options.result_sets is ResultSets.NONE:
        return options  # simpleOutput leaves out more, in whatever order the two are given
    return replace(options, result_sets=ResultSets.TOP if ignored else ResultSets.ALL)


def _count_dataflow(options: ExportOptions, value: str) -> ExportOptions:
    words = {"direct": True, "indirect": False}
    if value.lower() not in words:
        raise _wrong("dataflowOfAggregateFunction", value, ", ".join(words))
    return replace(options, count_is_direct=words[value.lower()])


def _drawing_only(name: str) -> Change:
    """A setting of the diagram: checked, without effect on a document."""

    def change(options: ExportOptions, value: str) -> ExportOptions:
        _boolean(name, value)
        return options

    return change


def _result_sets(options: ExportOptions, value: str) -> ExportOptions:
    try:
        return replace(options, result_sets=ResultSets(value.lower()))
    except ValueError:
        raise _wrong("result_sets", value, ", ".join(item.value for item in ResultSets)) from None


def _delimiter(options: ExportOptions, value: str) -> ExportOptions:
    delimiter = {"\\t": "\t", "tab": "\t"}.get(value, value)
    if len(delimiter) != 1 or delimiter in '"\r\n':
        raise _wrong("delimiter", value, "one character, not a quote or line break; tab for a tabulator")
    return replace(options, delimiter=delimiter)


_OWN: dict[str, Change] = {
    field.name: _switch(field.name, field.name)
    for field in fields(ExportOptions)
    if isinstance(getattr(DEFAULT_OPTIONS, field.name), bool)
}
_CHANGES: Mapping[str, Change] = {
    **_OWN,
    "result_sets": _result_sets,
    "delimiter": _delimiter,
    "showRelationType": _relation_types,
    "simpleOutput": _simple_output,
    "ignoreRecordSet": _ignore_record_set,
    "ignoreFunction": _switch("ignoreFunction", "functions", inverse=True),
    "showConstantTable": _switch("showConstantTable", "constants"),
    "showTransform": _switch("showTransform", "transforms"),
    "treatArgumentsInCountFunctionAsDirectDataflow": _switch(
        "treatArgumentsInCountFunctionAsDirectDataflow", "count_is_direct"
    ),
    "dataflowOfAggregateFunction": _count_dataflow,
    "normalizeIdentifier": _switch("normalizeIdentifier", "normalize_names"),
    "tableToTable": _switch("tableToTable", "table_level"),
    "ignoreSelfLineage": _switch("ignoreSelfLineage", "self_lineage", inverse=True),
    "showER": _switch("showER", "keys"),
    "showLinkOnly": _drawing_only("showLinkOnly"),
    "hideColumn": _drawing_only("hideColumn"),
}
