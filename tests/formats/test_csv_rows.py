import csv
import io
from dataclasses import replace

from airflow_provider_sqlflow.engine.model import LineageResult
from airflow_provider_sqlflow.formats import render


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
        "shop,raw,orders,RelationRows,shop,mart,daily,days,fdr,insert",
        "shop,raw,customers,name,shop,mart,daily,band,fdd,insert",
        "shop,raw,customers,tier,shop,mart,daily,band,fdd,insert",
        "shop,raw,orders,status,shop,mart,daily,RelationRows,fdr,insert",
        "shop,raw,orders,customer_id,shop,mart,daily,RelationRows,fdr,insert",
        "shop,mart,daily,total,shop,mart,top_days,total,fdd,create_view",
        "shop,mart,top_days,total,,,result of b.sql:2,total,fdd,select",
        "shop,mart,top_days,total,,,result of b.sql:2,rank,fdd,select",
    ]


def test_values_come_back_as_they_were(hostile: LineageResult) -> None:
    _, first, second = read(render("csv", hostile))
    name = hostile.edges()[0].source.name
    assert first[:4] == ["", name, name, name]
    assert second[3:] == ["", "", "", f"{name}2", "RelationRows", "fdr", "insert"]


def test_the_same_row_is_written_once(shop: LineageResult) -> None:
    twice = replace(shop, folded_edges=shop.folded_edges * 2)
    assert render("csv", twice) == render("csv", shop)


def test_the_one_layer_of_mysql_is_the_database(shop: LineageResult) -> None:
    _, first, *_ = read(render("csv", replace(shop, dialect="mysql")))
    assert first[:2] == ["raw", ""]
