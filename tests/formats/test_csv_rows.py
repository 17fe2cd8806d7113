import csv
import io
from dataclasses import replace

from airflow_provider_sqlflow.engine.model import LineageResult
from airflow_provider_sqlflow.formats import render
from airflow_provider_sqlflow.formats.options import ExportOptions, ResultSets


def read(document: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(document.decode(), newline=""), strict=True))


def test_ten_columns_and_a_row_for_each_edge(shop: LineageResult) -> None:
    header, *rows = read(render("csv", shop))
    assert ",".join(header) == (
        "source_db,source_schema,source_table,source_column,"
        "target_db,target_schema,target_table,target_column,relation_type,effect_type"
    )
    assert [",".join(row) for row in rows] == [
        "shop,raw,orders,amount,shop,mart,daily,total,fdd,insert",
        "shop,raw,orders,status,shop,mart,daily,total,fdr,insert",
        "shop,raw,orders,RelationRows,shop,mart,daily,total,fdr,insert",
        "shop,raw,customers,RelationRows,shop,mart,daily,total,fdr,insert",
        "shop,raw,orders,RelationRows,shop,mart,daily,days,fdr,insert",
        "shop,raw,orders,status,shop,mart,daily,days,fdr,insert",
        "shop,raw,customers,RelationRows,shop,mart,daily,days,fdr,insert",
        "shop,raw,customers,name,shop,mart,daily,band,fdd,insert",
        "shop,raw,customers,tier,shop,mart,daily,band,fdd,insert",
        "shop,raw,orders,status,shop,mart,daily,RelationRows,fdr,insert",
        "shop,raw,orders,customer_id,shop,mart,daily,RelationRows,fdr,insert",
        "shop,mart,daily,total,shop,mart,top_days,total,fdd,create_view",
        "shop,mart,top_days,total,,,RS-1,total,fdd,select",
        "shop,mart,top_days,total,,,RS-1,rank,fdd,select",
    ]


def test_values_come_back_as_they_were(hostile: LineageResult) -> None:
    _, first, second = read(render("csv", hostile))
    name = hostile.edges()[0].source.name
    assert first[:4] == ["", name, name, name]
    assert second[3:] == ["", "", "", f"{name}2", "RelationRows", "fdr", "insert"]


def test_the_same_row_is_written_once(shop: LineageResult) -> None:
    twice = replace(shop, statements=shop.statements * 2)
    assert render("csv", twice) == render("csv", shop)


def test_the_one_layer_of_mysql_is_the_database(shop: LineageResult) -> None:
    _, first, *_ = read(render("csv", replace(shop, dialect="mysql")))
    assert first[:2] == ["raw", ""]


def test_options_choose_rows(shop: LineageResult) -> None:
    _, *direct = read(render("csv", shop, options=ExportOptions(indirect=False)))
    assert {row[8] for row in direct} == {"fdd"}
    _, *stored = read(render("csv", shop, options=ExportOptions(result_sets=ResultSets.NONE)))
    assert "RS-1" not in {row[6] for row in stored}
    assert stored


def test_the_delimiter_stands_between_values(shop: LineageResult) -> None:
    text = render("csv", shop, options=ExportOptions(delimiter=";")).decode()
    assert text.startswith("source_db;source_schema;source_table;source_column;")
    assert list(csv.reader(io.StringIO(text, newline=""), delimiter=";")) == read(render("csv", shop))


def test_table_level_rows_have_no_columns(shop: LineageResult) -> None:
    header, *rows = read(render("csv", shop, options=ExportOptions(table_level=True)))
    assert ",".join(header) == (
        "source_db,source_schema,source_table,target_db,target_schema,target_table,relation_type,effect_type"
    )
    assert [",".join(row) for row in rows] == [
        "shop,raw,orders,shop,mart,daily,fdd,insert",
        "shop,raw,customers,shop,mart,daily,fdd,insert",
        "shop,mart,daily,shop,mart,top_days,fdd,create_view",
        "shop,mart,top_days,,,RS-1,fdd,select",
    ]
