/* What the board sees. Column names are headings in the BI tool, hence the quotes. */
CREATE OR REPLACE SECURE VIEW marts.rpt_executive_sales AS
SELECT
    DATE_TRUNC('week', f.sales_date)                AS "Week",
    p.department                                    AS "Department",
    SUM(f.net_eur)                                  AS "Net Sales (EUR)",
    SUM(f.margin_eur) / NULLIF(SUM(f.net_eur), 0)   AS "Margin %",
    SUM(SUM(f.net_eur)) OVER (
        PARTITION BY p.department
        ORDER BY DATE_TRUNC('week', f.sales_date)
    )                                               AS "Running Net Sales (EUR)",
    RATIO_TO_REPORT(SUM(f.net_eur)) OVER (PARTITION BY DATE_TRUNC('week', f.sales_date)) AS "Share"
FROM marts.fct_sales_daily AS f
JOIN marts.dim_product AS p ON p.sku = f.sku
GROUP BY "Week", "Department";
