-- Queries of the kind that decision-support benchmarks run: star joins, correlated subqueries, CTEs that
-- are read twice, windows, set operations. Own text over an own schema; only their shape is typical.

-- Price summary of shipped lines
SELECT l.return_flag, l.line_status, sum(l.quantity) AS sum_quantity, sum(l.price) AS sum_base,
       sum(l.price * (1 - l.discount)) AS sum_discounted,
       sum(l.price * (1 - l.discount) * (1 + l.tax)) AS sum_charged,
       avg(l.quantity) AS avg_quantity, avg(l.price) AS avg_price, avg(l.discount) AS avg_discount,
       count(*) AS line_count
FROM order_lines l
WHERE l.shipped_on <= DATE '2024-09-02'
GROUP BY l.return_flag, l.line_status
ORDER BY l.return_flag, l.line_status;

-- Cheapest supplier of each part in a region
SELECT s.balance, s.name AS supplier, n.name AS nation, p.part_id, p.maker, s.address, s.phone, s.note
FROM parts p, suppliers s, offers o, nations n, regions r
WHERE p.part_id = o.part_id AND s.supplier_id = o.supplier_id AND p.size = 15 AND p.kind LIKE '%COPPER'
  AND s.nation_id = n.nation_id AND n.region_id = r.region_id AND r.name = 'EUROPE'
  AND o.cost = (SELECT min(o2.cost)
                FROM offers o2, suppliers s2, nations n2, regions r2
                WHERE p.part_id = o2.part_id AND s2.supplier_id = o2.supplier_id
                  AND s2.nation_id = n2.nation_id AND n2.region_id = r2.region_id AND r2.name = 'EUROPE')
ORDER BY s.balance DESC, n.name, s.name, p.part_id
LIMIT 100;

-- Open orders by priority of shipping
SELECT l.order_id, sum(l.price * (1 - l.discount)) AS revenue, o.ordered_on, o.priority
FROM customers c
JOIN orders o ON c.customer_id = o.customer_id
JOIN order_lines l ON l.order_id = o.order_id
WHERE c.segment = 'SCHOOLS' AND o.ordered_on < DATE '2024-03-15' AND l.shipped_on > DATE '2024-03-15'
GROUP BY l.order_id, o.ordered_on, o.priority
ORDER BY revenue DESC, o.ordered_on
LIMIT 10;

-- Trade volume between two nations by year
SELECT shipping.from_nation, shipping.to_nation, shipping.year, sum(shipping.volume) AS revenue
FROM (
  SELECT n1.name AS from_nation, n2.name AS to_nation, extract(year FROM l.shipped_on) AS year,
         l.price * (1 - l.discount) AS volume
  FROM suppliers s
  JOIN order_lines l ON s.supplier_id = l.supplier_id
  JOIN orders o ON o.order_id = l.order_id
  JOIN customers c ON c.customer_id = o.customer_id
  JOIN nations n1 ON s.nation_id = n1.nation_id
  JOIN nations n2 ON c.nation_id = n2.nation_id
  WHERE (n1.name = 'SPAIN' AND n2.name = 'ITALY' OR n1.name = 'ITALY' AND n2.name = 'SPAIN')
    AND l.shipped_on BETWEEN DATE '2023-01-01' AND DATE '2024-12-31'
) AS shipping
GROUP BY shipping.from_nation, shipping.to_nation, shipping.year
ORDER BY shipping.from_nation, shipping.to_nation, shipping.year;

-- Market share of a nation
SELECT sold.year, sum(CASE WHEN sold.nation = 'BRAZIL' THEN sold.volume ELSE 0 END) / sum(sold.volume) AS share
FROM (
  SELECT extract(year FROM o.ordered_on) AS year, l.price * (1 - l.discount) AS volume, n2.name AS nation
  FROM parts p
  JOIN order_lines l ON p.part_id = l.part_id
  JOIN suppliers s ON s.supplier_id = l.supplier_id
  JOIN orders o ON l.order_id = o.order_id
  JOIN customers c ON o.customer_id = c.customer_id
  JOIN nations n1 ON c.nation_id = n1.nation_id
  JOIN regions r ON n1.region_id = r.region_id
  JOIN nations n2 ON s.nation_id = n2.nation_id
  WHERE r.name = 'AMERICA' AND o.ordered_on BETWEEN DATE '2023-01-01' AND DATE '2024-12-31'
    AND p.kind = 'BOXED COPPER'
) AS sold
GROUP BY sold.year
ORDER BY sold.year;

-- Customers who return goods
SELECT c.customer_id, c.name, sum(l.price * (1 - l.discount)) AS lost, c.balance, n.name AS nation,
       c.address, c.phone, c.note
FROM customers c, orders o, order_lines l, nations n
WHERE c.customer_id = o.customer_id AND l.order_id = o.order_id AND o.ordered_on >= DATE '2024-01-01'
  AND o.ordered_on < DATE '2024-04-01' AND l.return_flag = 'R' AND c.nation_id = n.nation_id
GROUP BY c.customer_id, c.name, c.balance, c.phone, n.name, c.address, c.note
ORDER BY lost DESC
LIMIT 20;

-- Late suppliers who alone kept an order waiting
SELECT s.name, count(*) AS waiting
FROM suppliers s, order_lines l1, orders o, nations n
WHERE s.supplier_id = l1.supplier_id AND o.order_id = l1.order_id AND o.status = 'F'
  AND l1.received_on > l1.promised_on
  AND EXISTS (SELECT 1 FROM order_lines l2
              WHERE l2.order_id = l1.order_id AND l2.supplier_id <> l1.supplier_id)
  AND NOT EXISTS (SELECT 1 FROM order_lines l3
                  WHERE l3.order_id = l1.order_id AND l3.supplier_id <> l1.supplier_id
                    AND l3.received_on > l3.promised_on)
  AND s.nation_id = n.nation_id AND n.name = 'PERU'
GROUP BY s.name
ORDER BY waiting DESC, s.name
LIMIT 100;

-- Customers whose returns are above the average of their store
WITH store_returns AS (
  SELECT r.customer_id, r.store_id, sum(r.amount) AS returned
  FROM returns r JOIN days d ON r.day_id = d.day_id
  WHERE d.year = 2024
  GROUP BY r.customer_id, r.store_id
)
SELECT c.login
FROM store_returns a
JOIN stores s ON s.store_id = a.store_id
JOIN customers c ON c.customer_id = a.customer_id
WHERE a.returned > (SELECT avg(b.returned) * 1.2 FROM store_returns b WHERE b.store_id = a.store_id)
  AND s.state = 'OR'
ORDER BY c.login
LIMIT 100;

-- Growth of customers by channel, year against year
WITH totals AS (
  SELECT c.customer_id, c.first_name, c.last_name, c.country, c.mail, d.year, 's' AS channel,
         sum(((f.list_price - f.cost - f.discount) + f.sales_price) / 2) AS total
  FROM customers c
  JOIN store_sales f ON c.customer_id = f.customer_id
  JOIN days d ON f.day_id = d.day_id
  GROUP BY c.customer_id, c.first_name, c.last_name, c.country, c.mail, d.year
  UNION ALL
  SELECT c.customer_id, c.first_name, c.last_name, c.country, c.mail, d.year, 'w' AS channel,
         sum(((f.list_price - f.cost - f.discount) + f.sales_price) / 2) AS total
  FROM customers c
  JOIN web_sales f ON c.customer_id = f.customer_id
  JOIN days d ON f.day_id = d.day_id
  GROUP BY c.customer_id, c.first_name, c.last_name, c.country, c.mail, d.year
)
SELECT s2.customer_id, s2.first_name, s2.last_name, s2.country
FROM totals s1, totals s2, totals w1, totals w2
WHERE s2.customer_id = s1.customer_id AND s1.customer_id = w2.customer_id AND s1.customer_id = w1.customer_id
  AND s1.channel = 's' AND w1.channel = 'w' AND s2.channel = 's' AND w2.channel = 'w'
  AND s1.year = 2023 AND s2.year = 2024 AND w1.year = 2023 AND w2.year = 2024
  AND s1.total > 0 AND w1.total > 0
  AND CASE WHEN w1.total > 0 THEN w2.total / w1.total ELSE 0 END
    > CASE WHEN s1.total > 0 THEN s2.total / s1.total ELSE 0 END
ORDER BY s2.customer_id, s2.first_name, s2.last_name, s2.country
LIMIT 100;

-- Items above the average price of their category, by state
SELECT a.state, count(*) AS buyers
FROM addresses a, customers c, store_sales f, days d, items i
WHERE a.address_id = c.address_id AND c.customer_id = f.customer_id AND f.day_id = d.day_id
  AND f.item_id = i.item_id
  AND d.month_number = (SELECT DISTINCT d2.month_number FROM days d2 WHERE d2.year = 2024 AND d2.month = 1)
  AND i.price > 1.2 * (SELECT avg(j.price) FROM items j WHERE j.category = i.category)
GROUP BY a.state
HAVING count(*) >= 10
ORDER BY buyers, a.state
LIMIT 100;

-- Share of each item in the revenue of its class
SELECT i.item_code, i.description, i.category, i.class, i.price, sum(f.net) AS revenue,
       sum(f.net) * 100 / sum(sum(f.net)) OVER (PARTITION BY i.class) AS revenue_share
FROM web_sales f
JOIN items i ON f.item_id = i.item_id
JOIN days d ON f.day_id = d.day_id
WHERE i.category IN ('Sports', 'Books', 'Home') AND d.day BETWEEN DATE '2024-02-22' AND DATE '2024-03-24'
GROUP BY i.item_code, i.description, i.category, i.class, i.price
ORDER BY i.category, i.class, i.item_code, i.description, revenue_share;

-- Months whose sales are far from the yearly mean, with the months around
WITH monthly AS (
  SELECT i.category, i.brand, s.store_name, s.company, d.year, d.month, sum(f.sales_price) AS sales,
         avg(sum(f.sales_price)) OVER (PARTITION BY i.category, i.brand, s.store_name, s.company, d.year)
           AS mean_sales,
         rank() OVER (PARTITION BY i.category, i.brand, s.store_name, s.company
                      ORDER BY d.year, d.month) AS place
  FROM items i, store_sales f, days d, stores s
  WHERE f.item_id = i.item_id AND f.day_id = d.day_id AND f.store_id = s.store_id
    AND (d.year = 2024 OR d.year = 2023 AND d.month = 12 OR d.year = 2025 AND d.month = 1)
  GROUP BY i.category, i.brand, s.store_name, s.company, d.year, d.month
), around AS (
  SELECT v1.category, v1.brand, v1.store_name, v1.company, v1.year, v1.month, v1.mean_sales, v1.sales,
         v2.sales AS before, v3.sales AS behind
  FROM monthly v1, monthly v2, monthly v3
  WHERE v1.category = v2.category AND v1.category = v3.category AND v1.brand = v2.brand
    AND v1.brand = v3.brand AND v1.store_name = v2.store_name AND v1.store_name = v3.store_name
    AND v1.company = v2.company AND v1.company = v3.company AND v1.place = v2.place + 1
    AND v1.place = v3.place - 1
)
SELECT * FROM around
WHERE around.year = 2024 AND around.mean_sales > 0
  AND CASE WHEN around.mean_sales > 0 THEN abs(around.sales - around.mean_sales) / around.mean_sales END > 0.1
ORDER BY around.sales - around.mean_sales, around.store_name
LIMIT 100;

-- Profit and loss of three channels in one report
WITH shop AS (
  SELECT s.store_id AS place_id, sum(f.sales_price) AS sales, sum(f.profit) AS profit
  FROM store_sales f JOIN days d ON f.day_id = d.day_id JOIN stores s ON f.store_id = s.store_id
  WHERE d.day BETWEEN DATE '2024-08-23' AND DATE '2024-09-22'
  GROUP BY s.store_id
), shop_returns AS (
  SELECT s.store_id AS place_id, sum(r.amount) AS returned, sum(r.loss) AS loss
  FROM returns r JOIN days d ON r.day_id = d.day_id JOIN stores s ON r.store_id = s.store_id
  WHERE d.day BETWEEN DATE '2024-08-23' AND DATE '2024-09-22'
  GROUP BY s.store_id
), web AS (
  SELECT p.page_id AS place_id, sum(f.sales_price) AS sales, sum(f.profit) AS profit
  FROM web_sales f JOIN days d ON f.day_id = d.day_id JOIN pages p ON f.page_id = p.page_id
  WHERE d.day BETWEEN DATE '2024-08-23' AND DATE '2024-09-22'
  GROUP BY p.page_id
), web_returned AS (
  SELECT p.page_id AS place_id, sum(r.amount) AS returned, sum(r.loss) AS loss
  FROM web_returns r JOIN days d ON r.day_id = d.day_id JOIN pages p ON r.page_id = p.page_id
  WHERE d.day BETWEEN DATE '2024-08-23' AND DATE '2024-09-22'
  GROUP BY p.page_id
)
SELECT x.channel, x.place_id, sum(x.sales) AS sales, sum(x.returned) AS returned, sum(x.profit) AS profit
FROM (
  SELECT 'shop' AS channel, a.place_id, a.sales, coalesce(b.returned, 0) AS returned,
         a.profit - coalesce(b.loss, 0) AS profit
  FROM shop a LEFT JOIN shop_returns b ON a.place_id = b.place_id
  UNION ALL
  SELECT 'web' AS channel, a.place_id, a.sales, coalesce(b.returned, 0) AS returned,
         a.profit - coalesce(b.loss, 0) AS profit
  FROM web a LEFT JOIN web_returned b ON a.place_id = b.place_id
) AS x
GROUP BY x.channel, x.place_id
ORDER BY x.channel, x.place_id
LIMIT 100;

-- Sales by weekday, a year against the next
WITH weekly AS (
  SELECT d.week_number, f.store_id,
         sum(CASE WHEN d.day_name = 'Sunday' THEN f.sales_price END) AS sunday,
         sum(CASE WHEN d.day_name = 'Monday' THEN f.sales_price END) AS monday,
         sum(CASE WHEN d.day_name = 'Tuesday' THEN f.sales_price END) AS tuesday,
         sum(CASE WHEN d.day_name = 'Wednesday' THEN f.sales_price END) AS wednesday,
         sum(CASE WHEN d.day_name = 'Thursday' THEN f.sales_price END) AS thursday,
         sum(CASE WHEN d.day_name = 'Friday' THEN f.sales_price END) AS friday,
         sum(CASE WHEN d.day_name = 'Saturday' THEN f.sales_price END) AS saturday
  FROM store_sales f, days d
  WHERE d.day_id = f.day_id
  GROUP BY d.week_number, f.store_id
)
SELECT y.store_name, y.week_number, y.sunday / x.sunday AS sunday, y.monday / x.monday AS monday,
       y.tuesday / x.tuesday AS tuesday, y.wednesday / x.wednesday AS wednesday,
       y.thursday / x.thursday AS thursday, y.friday / x.friday AS friday, y.saturday / x.saturday AS saturday
FROM (
  SELECT s.store_name, w.week_number, s.store_id, w.sunday, w.monday, w.tuesday, w.wednesday, w.thursday,
         w.friday, w.saturday
  FROM weekly w, stores s, days d
  WHERE d.week_number = w.week_number AND w.store_id = s.store_id AND d.month_number BETWEEN 300 AND 311
) AS y, (
  SELECT s.store_name, w.week_number, s.store_id, w.sunday, w.monday, w.tuesday, w.wednesday, w.thursday,
         w.friday, w.saturday
  FROM weekly w, stores s, days d
  WHERE d.week_number = w.week_number AND w.store_id = s.store_id AND d.month_number BETWEEN 312 AND 323
) AS x
WHERE y.store_id = x.store_id AND y.week_number = x.week_number - 52
ORDER BY y.store_name, y.week_number
LIMIT 100;

-- Days to ship, in buckets
SELECT substr(w.name, 1, 20) AS warehouse, m.kind, p.name AS page,
       sum(CASE WHEN f.ship_day_id - f.day_id <= 30 THEN 1 ELSE 0 END) AS within_30,
       sum(CASE WHEN f.ship_day_id - f.day_id > 30 AND f.ship_day_id - f.day_id <= 60 THEN 1 ELSE 0 END) AS within_60,
       sum(CASE WHEN f.ship_day_id - f.day_id > 60 AND f.ship_day_id - f.day_id <= 90 THEN 1 ELSE 0 END) AS within_90,
       sum(CASE WHEN f.ship_day_id - f.day_id > 90 THEN 1 ELSE 0 END) AS later
FROM web_sales f, warehouses w, ship_modes m, pages p, days d
WHERE d.month_number BETWEEN 288 AND 299 AND f.ship_day_id = d.day_id AND f.warehouse_id = w.warehouse_id
  AND f.ship_mode_id = m.ship_mode_id AND f.page_id = p.page_id
GROUP BY substr(w.name, 1, 20), m.kind, p.name
ORDER BY substr(w.name, 1, 20), m.kind, p.name
LIMIT 100;
