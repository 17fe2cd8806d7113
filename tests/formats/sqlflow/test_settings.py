from dataclasses import fields

import pytest

from airflow_provider_sqlflow.errors import ExportOptionError
from airflow_provider_sqlflow.formats.options import ExportOptions, ResultSets
from airflow_provider_sqlflow.formats.sqlflow.settings import REQUEST_DEFAULTS, apply_settings, setting_names

BASE = ExportOptions()


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"showRelationType": "fdd"}, ExportOptions(indirect=False)),
        ({"showRelationType": "fdd,fdr"}, BASE),
        ({"showRelationType": "frd"}, ExportOptions(direct=False)),
        ({"showRelationType": "fddi, FDD"}, BASE),
        ({"showRelationType": "join"}, ExportOptions(direct=False, indirect=False, joins=True)),
        ({"showRelationType": "er,call"}, ExportOptions(direct=False, indirect=False, keys=True, calls=True)),
        ({"simpleOutput": "true"}, ExportOptions(result_sets=ResultSets.NONE)),
        ({"simpleOutput": "false"}, BASE),
        ({"ignoreRecordSet": "false"}, ExportOptions(result_sets=ResultSets.ALL)),
        ({"ignoreRecordSet": "TRUE"}, BASE),
        ({"simpleOutput": "true", "ignoreRecordSet": "false"}, ExportOptions(result_sets=ResultSets.NONE)),
        ({"ignoreRecordSet": "false", "simpleOutput": "true"}, ExportOptions(result_sets=ResultSets.NONE)),
        ({"ignoreFunction": "false"}, ExportOptions(functions=True)),
        ({"showConstantTable": "true"}, ExportOptions(constants=True)),
        ({"showTransform": "true"}, ExportOptions(transforms=True)),
        ({"treatArgumentsInCountFunctionAsDirectDataflow": "false"}, ExportOptions(count_is_direct=False)),
        ({"dataflowOfAggregateFunction": "indirect"}, ExportOptions(count_is_direct=False)),
        ({"dataflowOfAggregateFunction": "direct"}, BASE),
        ({"normalizeIdentifier": "true"}, ExportOptions(normalize_names=True)),
        ({"tableToTable": "true"}, ExportOptions(table_level=True)),
        ({"ignoreSelfLineage": "true"}, ExportOptions(self_lineage=False)),
        ({"showER": "true"}, ExportOptions(keys=True)),
        ({"showLinkOnly": "true", "hideColumn": "false"}, BASE),
        (
            {"indirect": "false", "result_sets": "all"},
            ExportOptions(indirect=False, result_sets=ResultSets.ALL),
        ),
        ({"delimiter": "tab"}, ExportOptions(delimiter="\t")),
        ({"delimiter": ";"}, ExportOptions(delimiter=";")),
        ({}, BASE),
    ],
)
def test_settings_become_options(settings: dict[str, str], expected: ExportOptions) -> None:
    assert apply_settings(settings) == expected


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"showRelations": "fdd"}, r"'showRelations'; known: direct, indirect.*showRelationType.*hideColumn"),
        ({"showRelationType": "fdd,data"}, r"showRelationType: 'data'.*fdd, fdr, frd, fddi, join, er, call"),
        ({"simpleOutput": "yes"}, r"simpleOutput: 'yes' is not one of true, false"),
        ({"hideColumn": "maybe"}, r"hideColumn: 'maybe'"),
        ({"dataflowOfAggregateFunction": "true"}, r"'true' is not one of direct, indirect"),
        ({"result_sets": "some"}, r"'some' is not one of all, top, none"),
        ({"delimiter": ";;"}, r"delimiter: ';;'"),
        ({"delimiter": '"'}, r"one character"),
    ],
)
def test_what_is_unknown_is_refused_with_what_there_is(settings: dict[str, str], message: str) -> None:
    with pytest.raises(ExportOptionError, match=message):
        apply_settings(settings)


def test_every_option_has_a_name() -> None:
    assert {field.name for field in fields(ExportOptions)} <= set(setting_names())


def test_a_request_without_settings_shows_direct_flow_of_the_full_chain() -> None:
    # Defaults of the REST interface (reference sqlflow-api, section 1.6).
    assert (REQUEST_DEFAULTS.direct, REQUEST_DEFAULTS.indirect) == (True, False)
    assert REQUEST_DEFAULTS.result_sets is ResultSets.ALL
    assert REQUEST_DEFAULTS.functions
    assert not REQUEST_DEFAULTS.count_is_direct
