-- Orders of each customer in sequence. A view on a view on the landing tables.
CREATE OR REPLACE VIEW intermediate.int_customer_orders
    (customer_id, order_id, ordered_at, order_value_eur, order_no, days_since_previous, is_last_order)
COMMENT = 'Order sequence of known customers'
AS
SELECT
    o.customer_id,
    o.order_id,
    o.ordered_at,
    v.order_value_eur,
    ROW_NUMBER() OVER (PARTITION BY o.customer_id ORDER BY o.ordered_at),
    DATEDIFF(day, LAG(o.ordered_at) OVER (PARTITION BY o.customer_id ORDER BY o.ordered_at), o.ordered_at),
    LEAD(o.order_id) OVER (PARTITION BY o.customer_id ORDER BY o.ordered_at) IS NULL
FROM staging.stg_orders AS o
JOIN (
    SELECT order_id, SUM(net_eur - refunded_eur) AS order_value_eur
    FROM intermediate.int_order_lines_priced
    GROUP BY 1
) AS v ON v.order_id = o.order_id
WHERE EXISTS (SELECT 1 FROM staging.stg_customers AS c WHERE c.customer_id = o.customer_id);
