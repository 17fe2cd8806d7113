"""The worked examples of the reference on SQLFlow's model (section 6.2), each as SQLFlow prints it."""

from __future__ import annotations

import pytest

from airflow_provider_sqlflow.formats.options import ExportOptions, ResultSets
from tests.formats.sqlflow.conftest import FULL, Relations

SETS = ExportOptions(result_sets=ResultSets.ALL)
SIMPLE = ExportOptions(result_sets=ResultSets.NONE)
TOP = ExportOptions()


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.strip().splitlines()]


def test_e1_select_and_where(relations: Relations) -> None:
    sql = 'SELECT a.empName "eName" FROM scott.emp a WHERE sal > 1000'
    assert relations(sql) == lines(
        """
        scott.emp.empName -> fdd -> RS-1.eName (select)
        scott.emp.sal -> fdr -> RS-1.RelationRows (select)
        """
    )


def test_e2_function(relations: Relations) -> None:
    sql = "SELECT ROUND(salary) AS sal FROM scott.emp"
    assert sorted(relations(sql)) == lines(
        """
        ROUND.ROUND -> fdd -> RS-1.sal (select)
        scott.emp.salary -> fdd -> ROUND.ROUND (function)
        """
    )
    assert relations(sql, options=TOP) == ["scott.emp.salary -> fdd -> RS-1.sal (select)"]
    assert relations(sql, options=SIMPLE) == []


def test_e3_aggregates_without_group(relations: Relations) -> None:
    sql = "SELECT COUNT(*) AS total_num, SUM(sal) AS total_sal FROM emp"
    assert relations(sql, options=TOP) == lines(
        """
        emp.RelationRows -> fdr -> RS-1.total_num (select)
        emp.sal -> fdd -> RS-1.total_sal (select)
        emp.RelationRows -> fdr -> RS-1.total_sal (select)
        """
    )


@pytest.mark.parametrize("has_text", [True, False])
def test_e4_group_by_with_where(relations: Relations, has_text: bool) -> None:
    count = "SELECT deptno, COUNT() total_num FROM scott.emp WHERE city = 1 GROUP BY deptno"
    assert set(relations(count, options=TOP, has_text=has_text)) == {
        "scott.emp.deptno -> fdd -> RS-1.deptno (select)",
        "scott.emp.RelationRows -> fdr -> RS-1.total_num (select)",
        "scott.emp.city -> fdr -> RS-1.total_num (select)",
        "scott.emp.deptno -> fdr -> RS-1.total_num (select)",
        "scott.emp.city -> fdr -> RS-1.RelationRows (select)",
        "scott.emp.deptno -> fdr -> RS-1.RelationRows (select)",
    }
    total = "SELECT deptno, SUM(SAL) s FROM scott.emp WHERE city = 1 GROUP BY deptno"
    assert [line for line in relations(total, options=TOP, has_text=has_text) if ".s " in line] == lines(
        """
        scott.emp.SAL -> fdd -> RS-1.s (select)
        scott.emp.city -> fdr -> RS-1.s (select)
        scott.emp.deptno -> fdr -> RS-1.s (select)
        """
    )


def test_e5_case_and_left_join(relations: Relations) -> None:
    sql = (
        "SELECT CASE WHEN a.kamut=1 AND b.teur IS NULL THEN 'no locks' WHEN a.kamut=1 THEN b.teur "
        "ELSE 'locks' END teur FROM tbl a LEFT JOIN TT b ON (a.key=b.key)"
    )
    assert set(relations(sql, "tsql", ExportOptions(joins=True))) == {
        "tbl.kamut -> fdd -> RS-1.teur (select)",
        "TT.teur -> fdd -> RS-1.teur (select)",
        "tbl.key -> fdr -> RS-1.RelationRows (select)",
        "TT.key -> fdr -> RS-1.RelationRows (select)",
        "tbl.key -> join -> TT.key (select)",
    }
    assert "case-when.case-when -> fdd -> RS-1.teur (select)" in relations(sql, "tsql")


E6 = (
    "INSERT INTO deptsal (dept_no, dept_name, salary)\n"
    "SELECT d.deptno, d.dname, SUM(e.sal + Nvl(e.comm, 0)) AS sal\n"
    "FROM dept d LEFT JOIN (SELECT * FROM emp WHERE hiredate > DATE '1980-01-01') e ON e.deptno = d.deptno\n"
    "GROUP BY d.deptno, d.dname"
)


def test_e6_insert_select(relations: Relations) -> None:
    assert set(
        relations(E6, options=ExportOptions(result_sets=ResultSets.ALL, functions=True, constants=True))
    ) == {
        "emp.deptno -> fdd -> RESULT_OF_e.deptno (select)",
        "emp.sal -> fdd -> RESULT_OF_e.sal (select)",
        "emp.comm -> fdd -> RESULT_OF_e.comm (select)",
        "emp.* -> fdd -> RESULT_OF_e.* (select)",
        "emp.hiredate -> fdr -> RESULT_OF_e.RelationRows (select)",
        "SQL_CONSTANTS-1.'1980-01-01' -> fdr -> RESULT_OF_e.RelationRows (select)",
        "SQL_CONSTANTS-1.0 -> fdd -> Nvl.Nvl (function)",
        "RESULT_OF_e.comm -> fdd -> Nvl.Nvl (function)",
        "Nvl.Nvl -> fdd -> SUM.SUM (function)",
        "RESULT_OF_e.sal -> fdd -> SUM.SUM (function)",
        "dept.deptno -> fdr -> SUM.SUM (function)",
        "dept.dname -> fdr -> SUM.SUM (function)",
        "RESULT_OF_e.RelationRows -> fdr -> SUM.RelationRows",
        "dept.deptno -> fdd -> INSERT-SELECT-1.deptno (select)",
        "dept.dname -> fdd -> INSERT-SELECT-1.dname (select)",
        "SUM.SUM -> fdd -> INSERT-SELECT-1.sal (select)",
        "INSERT-SELECT-1.deptno -> fdd -> deptsal.dept_no (insert)",
        "INSERT-SELECT-1.dname -> fdd -> deptsal.dept_name (insert)",
        "INSERT-SELECT-1.sal -> fdd -> deptsal.salary (insert)",
        "RESULT_OF_e.RelationRows -> fdr -> INSERT-SELECT-1.RelationRows (select)",
        "RESULT_OF_e.deptno -> fdr -> INSERT-SELECT-1.RelationRows (select)",
        "dept.deptno -> fdr -> INSERT-SELECT-1.RelationRows (select)",
        "dept.dname -> fdr -> INSERT-SELECT-1.RelationRows (select)",
        "INSERT-SELECT-1.RelationRows -> fdr -> deptsal.RelationRows (insert)",
    }
    assert relations(E6, options=ExportOptions(indirect=False, result_sets=ResultSets.NONE)) == lines(
        """
        dept.deptno -> fdd -> deptsal.dept_no (insert)
        dept.dname -> fdd -> deptsal.dept_name (insert)
        emp.sal -> fdd -> deptsal.salary (insert)
        emp.comm -> fdd -> deptsal.salary (insert)
        """
    )


def test_e7_create_view(relations: Relations) -> None:
    sql = 'CREATE VIEW vEmp(eName) AS SELECT a.empName "eName" FROM scott.emp a WHERE sal > 1000'
    assert relations(sql) == lines(
        """
        scott.emp.empName -> fdd -> RS-1.eName (select)
        RS-1.eName -> fdd -> vEmp.eName (create_view)
        scott.emp.sal -> fdr -> RS-1.RelationRows (select)
        RS-1.RelationRows -> fdr -> vEmp.RelationRows (create_view)
        """
    )


def test_e8_rename(relations: Relations) -> None:
    sql = "CREATE VIEW v1 AS SELECT f1 FROM t2; ALTER TABLE t2 RENAME TO t3;"
    assert relations(sql) == lines(
        """
        t2.f1 -> fdd -> RS-1.f1 (select)
        RS-1.f1 -> fdd -> v1.f1 (create_view)
        t2.RelationRows -> fdd -> t3.RelationRows (rename_table)
        """
    )


E9 = (
    "WITH cteReports (EmpID, MgrID, EmpLevel) AS (SELECT EmployeeID, ManagerID, EmpLevel FROM Employees "
    "WHERE ManagerID IS NULL) SELECT COUNT(EmpID) c, SUM(EmpLevel) s FROM cteReports"
)


def test_e9_cte(relations: Relations) -> None:
    found = relations(E9, "tsql", SETS)
    assert {
        "Employees.EmployeeID -> fdd -> RS-1.EmployeeID (select)",
        "RS-1.EmployeeID -> fdd -> CTE-cteReports-1.EmpID (select)",
        "RS-1.ManagerID -> fdd -> CTE-cteReports-1.MgrID (select)",
        "Employees.ManagerID -> fdr -> RS-1.RelationRows (select)",
        "RS-1.RelationRows -> fdr -> CTE-cteReports-1.RelationRows (select)",
        "CTE-cteReports-1.RelationRows -> fdr -> RS-2.c (select)",
    } <= set(found)
    assert {
        "Employees.ManagerID -> fdr -> RS-1.c (select)",
        "Employees.ManagerID -> fdr -> RS-1.s (select)",
    } <= set(relations(E9, "tsql", TOP))


def test_e10_and_e11_update(relations: Relations) -> None:
    sql = "UPDATE table1 t1 JOIN table2 t2 ON t1.field1 = t2.field1 SET t1.field2 = t2.field2"
    assert relations(sql, "mysql") == lines(
        """
        table2.field2 -> fdd -> UPDATE-SET-1.field2 (update)
        UPDATE-SET-1.field2 -> fdd -> table1.field2 (update)
        table1.field1 -> fdr -> UPDATE-SET-1.RelationRows (update)
        UPDATE-SET-1.RelationRows -> fdr -> table1.RelationRows (update)
        table2.field1 -> fdr -> UPDATE-SET-1.RelationRows (update)
        """
    )
    through_cte = (
        "WITH s AS (SELECT p FROM db.jv.CCF), u AS (SELECT p FROM db.jv.CCF_BAK) "
        "UPDATE s SET s.p = u.p FROM s JOIN u ON 1 = 1"
    )
    assert relations(through_cte, "tsql", SIMPLE) == ["db.jv.CCF_BAK.p -> fdd -> db.jv.CCF.p (update)"]


def test_e12_foreign_keys(relations: Relations) -> None:
    sql = (
        "CREATE TABLE Departments (department_id NUMBER PRIMARY KEY, name VARCHAR2(50));"
        "CREATE TABLE Employees (id NUMBER PRIMARY KEY, department_id NUMBER, "
        "CONSTRAINT fk FOREIGN KEY (department_id) REFERENCES Departments(department_id))"
    )
    assert relations(sql, options=ExportOptions(keys=True)) == [
        "Departments.department_id -> er -> Employees.department_id"
    ]
    assert relations(sql, options=TOP) == []


def test_e13_stage_and_paths(relations: Relations) -> None:
    sql = "CREATE EXTERNAL TABLE d.t OPTIONS (format = 'CSV', uris = ['gs://b/1.csv', 'gs://b/2.csv'])"
    assert relations(sql, "bigquery") == lines(
        """
        gs://b/1.csv.* -> fdd -> d.t.* (create_table)
        gs://b/2.csv.* -> fdd -> d.t.* (create_table)
        """
    )

    staged = (
        "create or replace stage st url='s3://load/files/';"
        "create external table t (a date as (x:a::date), b int as (x:b::int)) location=@st/logs/"
    )
    assert relations(staged, "snowflake", TOP) == lines(
        """
        s3://load/files/.* -> fdd -> @st.s3://load/files/
        @st.s3://load/files/ -> fdd -> t.a (create_table)
        @st.s3://load/files/ -> fdd -> t.b (create_table)
        """
    )


def test_e15_union_and_recursion(relations: Relations) -> None:
    assert relations("SELECT a FROM t1 UNION ALL SELECT b FROM t2") == lines(
        """
        t1.a -> fdd -> RS-1.a (select)
        RS-1.a -> fdd -> RESULT_OF_UNION-1.a (select)
        t2.b -> fdd -> RS-2.b (select)
        RS-2.b -> fdd -> RESULT_OF_UNION-1.a (select)
        RS-1.RelationRows -> fdr -> RESULT_OF_UNION-1.RelationRows (select)
        RS-2.RelationRows -> fdr -> RESULT_OF_UNION-1.RelationRows (select)
        """
    )
    recursive = (
        "WITH RECURSIVE r AS (SELECT id, boss FROM e WHERE boss IS NULL UNION ALL "
        "SELECT e.id, r.boss FROM e JOIN r ON e.boss = r.id) SELECT id FROM r"
    )
    assert {
        "e.id -> fdd -> RS-1.id (select)",
        "RS-1.id -> fdd -> RESULT_OF_UNION-1.id (select)",
        "RESULT_OF_UNION-1.id -> fdd -> CTE-r-1.id (select)",
        "e.id -> fdd -> RS-2.id (select)",
        "CTE-r-1.boss -> fdd -> RS-2.boss (select)",
        "RS-2.boss -> fdd -> RESULT_OF_UNION-1.boss (select)",
        "CTE-r-1.id -> fdd -> RS-3.id (select)",
    } <= set(relations(recursive, "postgres"))


def test_e16_merge(relations: Relations) -> None:
    sql = (
        "MERGE d.DetailedInventory T USING d.Inventory S ON T.product = S.product "
        "WHEN NOT MATCHED AND s.quantity < 20 THEN INSERT(product, quantity, supply_constrained) "
        "VALUES(product, quantity, true) "
        "WHEN NOT MATCHED THEN INSERT(product, quantity) VALUES(product, quantity)"
    )
    found = set(relations(sql, "bigquery", ExportOptions(result_sets=ResultSets.ALL, constants=True)))
    for number in (1, 2):
        assert {
            f"d.Inventory.product -> fdd -> MERGE-INSERT-{number}.product (merge_insert)",
            f"MERGE-INSERT-{number}.product -> fdd -> d.DetailedInventory.product (merge_insert)",
            f"d.Inventory.product -> fdr -> MERGE-INSERT-{number}.RelationRows (merge_insert)",
        } <= found
    assert "d.Inventory.quantity -> fdr -> MERGE-INSERT-1.RelationRows (merge_insert)" in found
    assert "d.Inventory.quantity -> fdr -> MERGE-INSERT-2.RelationRows (merge_insert)" not in found
    assert "SQL_CONSTANTS-1.TRUE -> fdd -> MERGE-INSERT-1.supply_constrained (merge_insert)" in found


def test_e17_pivot_and_column_lists(relations: Relations) -> None:
    sql = "SELECT * FROM sales PIVOT (SUM(amount) FOR product IN ([Laptop], [Desktop])) AS p"
    assert {
        "sales.amount -> fdd -> PIVOT-TABLE-1.Laptop (select)",
        "sales.product -> fdd -> PIVOT-TABLE-1.Laptop (select)",
        "sales.amount -> fdd -> PIVOT-TABLE-1.Desktop (select)",
        "PIVOT-TABLE-1.Desktop -> fdd -> RS-1.Desktop (select)",
    } <= set(relations(sql, "tsql", SETS))


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("copy into mytable from @my_int_stage", ["@my_int_stage.unknownPath -> fdd -> mytable.*"]),
        ("copy into mytable file_format=(type=csv)", []),
        ("copy into mytable from @~/staged", ["@~.staged -> fdd -> mytable.*"]),
        (
            "copy into t from @ext/dir/f.csv",
            ["/dir/f.csv.* -> fdd -> @ext.unknownPath", "@ext.unknownPath -> fdd -> t.*"],
        ),
        ("copy into mytable from 's3://b/data/files'", ["s3://b/data/files.* -> fdd -> mytable.*"]),
        ("copy into @%t/result/data_ from t", ["t.* -> fdd -> @%t.result/data_"]),
        ("copy into @s/result/data_ from (select * from t)", ["t.* -> fdd -> @s.result/data_"]),
        ("copy into @~ from t", ["t.* -> fdd -> @~.unknownPath"]),
        ("copy into 's3://b/x' from mytable", ["mytable.* -> fdd -> s3://b/x.*"]),
    ],
)
def test_e18_copy(relations: Relations, sql: str, expected: list[str]) -> None:
    assert relations(sql, "snowflake", TOP) == expected


def test_e20_table_function(relations: Relations) -> None:
    sql = "SELECT product_name FROM dbo.get_user_orders(123) AS user_orders"
    assert relations(sql, "tsql", TOP) == [
        "dbo.get_user_orders.product_name -> fdd -> RS-1.product_name (select)"
    ]


def test_e21_constants(relations: Relations) -> None:
    sql = "SELECT 'constant' AS field1, 2 AS field2"
    shown = ExportOptions(constants=True)
    assert relations(sql, "tsql", shown) == lines(
        """
        SQL_CONSTANTS-1.'constant' -> fdd -> RS-1.field1 (select)
        SQL_CONSTANTS-1.2 -> fdd -> RS-1.field2 (select)
        """
    )
    assert relations(sql, "tsql", TOP) == []
    assert relations("INSERT INTO t (a) VALUES (1)", "tsql", shown) == []
    assert relations("update t1 set f1 = 3", "tsql", shown) == ["SQL_CONSTANTS-1.3 -> fdd -> t1.f1 (update)"]
    by_position = "CREATE TABLE t (a INT, b INT, c INT); INSERT INTO t SELECT x, 'k', 7 FROM s"
    assert relations(by_position, "tsql", shown) == lines(
        """
        s.x -> fdd -> t.a (insert)
        SQL_CONSTANTS-1.'k' -> fdd -> t.b (insert)
        SQL_CONSTANTS-1.7 -> fdd -> t.c (insert)
        """
    )


def test_e22_insert_without_column_list(relations: Relations) -> None:
    sql = (
        "CREATE TABLE dbo.S (DataSource varchar(20), Id varchar(11), LastName varchar(40));"
        "INSERT INTO dbo.S SELECT 'SELECT', sp.Id, c.LastName "
        "FROM Sales.P AS sp JOIN Person.P AS c ON sp.Id = c.Id"
    )
    assert relations(sql, "tsql", ExportOptions(indirect=False)) == lines(
        """
        Sales.P.Id -> fdd -> dbo.S.Id (insert)
        Person.P.LastName -> fdd -> dbo.S.LastName (insert)
        """
    )


def test_hive_loads_name_the_partition(relations: Relations) -> None:
    load = "LOAD DATA INPATH '/d/pv.txt' INTO TABLE page_view PARTITION(date='2008-06-08', country='US')"
    assert relations(load, "hive") == lines(
        """
        /d/pv.txt.* -> fdd -> page_view.date
        /d/pv.txt.* -> fdd -> page_view.country
        """
    )


def test_streams_hand_on_rows(relations: Relations) -> None:
    assert relations("create stream mystream on table mytable", "snowflake") == [
        "mytable.RelationRows -> fdd -> mystream.RelationRows"
    ]


def test_without_the_text_each_query_is_one_result_set(relations: Relations) -> None:
    sql = "CREATE VIEW v AS SELECT a FROM t1 UNION ALL SELECT b FROM t2"
    assert relations(sql, options=FULL, has_text=False) == lines(
        """
        t1.a -> fdd -> RS-1.a (select)
        RS-1.a -> fdd -> v.a (create_view)
        t2.b -> fdd -> RS-1.a (select)
        """
    )
