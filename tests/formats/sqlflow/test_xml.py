from xml.etree.ElementTree import Element

from airflow_provider_sqlflow.engine import analyze
from airflow_provider_sqlflow.engine.model import LineageResult
from airflow_provider_sqlflow.formats.options import ExportOptions, ResultSets
from tests.formats.sqlflow.schemas import xml

SQL = "CREATE VIEW s.v (n) AS\nSELECT upper(a) FROM s.t WHERE b > 1"


def ends(element: Element) -> tuple[list[str], list[str]]:
    return (
        [f"{one.get('parent_name')}.{one.get('column')}" for one in element.findall("source")],
        [f"{one.get('parent_name')}.{one.get('column')}" for one in element.findall("target")],
    )


def document(options: ExportOptions) -> Element:
    return xml(analyze(SQL, dialect="postgres", source_name="a.sql"), options, {"a.sql": SQL})


def test_elements_and_attributes_are_the_published_ones() -> None:
    root = document(ExportOptions(result_sets=ResultSets.ALL, functions=True, transforms=True))
    assert [element.tag for element in root] == [
        "view", "table", "resultset", "resultset", "process",
        "relationship", "relationship", "relationship", "relationship", "relationship", "orientation",
    ]  # fmt: skip
    view, table, *sets = root[:4]
    assert (view.get("name"), view.get("type"), view.get("processIds")) == ("s.v", "view", root[4].get("id"))
    assert table.get("coordinate") == "[2,22,0],[2,25,0]"
    assert sorted(str(one.get("type")) for one in sets) == ["function", "select_list"]
    found = {(item.get("type"), item.get("effectType")): ends(item) for item in root.findall("relationship")}
    assert found["fdd", "function"] == (["s.t.a"], ["upper.upper"])
    assert found["fdd", "create_view"] == (["RS-1.upper(a)"], ["s.v.n"])
    assert found["fdr", "create_view"] == (["RS-1.RelationRows"], ["s.v.RelationRows"])
    code = root.find("relationship[@effectType='function']/source/transforms/transform/code")
    assert code is not None
    assert code.text == "upper(a)"
    process = root[4]
    assert (process.get("name"), process.get("type"), len(str(process.get("queryHashId")))) == (
        "Query Create View-1",
        "sstcreateview",
        32,
    )


def test_table_level_goes_through_the_statement() -> None:
    root = document(ExportOptions(table_level=True))
    process = root.find("process")
    assert process is not None
    first, second = root.findall("relationship")
    assert [one.get("source_name") for one in first.findall("source")] == ["s.t"]
    assert [one.get("id") for one in first.findall("target")] == [process.get("id")]
    assert [one.get("source_id") for one in second.findall("source")] == [process.get("id")]
    assert [one.get("target_name") for one in second.findall("target")] == ["s.v"]


def test_odd_names_come_back_but_for_what_xml_cannot_hold(hostile: LineageResult) -> None:
    root = xml(hostile)
    name = str(hostile.edges()[0].source.name)
    kept = name.replace("\x07", "\ufffd").replace("\x00", "\ufffd")
    assert root.find("relationship") is not None
    assert next(column.get("name") for column in root[0].findall("column")) == kept
    error = root.find("error")
    assert error is not None
    assert error.get("errorMessage") == kept
