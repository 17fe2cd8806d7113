create or replace view staging.stg_order_lines as
select
    l.* exclude (_loaded_at, discount_amount) rename (quantity as units),
    coalesce(l.discount_amount, 0)                              as discount_amount,
    l.quantity * l.unit_price                                   as gross_amount,
    l.quantity * l.unit_price - coalesce(l.discount_amount, 0)  as net_amount
from raw.shop.order_lines as l
where l.quantity > 0;
