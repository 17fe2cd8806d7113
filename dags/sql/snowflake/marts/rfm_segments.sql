-- Recency / frequency / monetary segments for the e-mail team.
-- Owner: crm-analytics
create or replace table marts.rfm_segments as
with per_customer as (
    select
        customer_id,
        datediff(day, max(ordered_at), current_timestamp()) as recency_days,
        max(order_no)                                       as frequency,
        sum(order_value_eur)                                as monetary_eur
    from intermediate.int_customer_orders
    group by customer_id
    having sum(order_value_eur) > 0
),
scored as (
    with ntiles as (
        select
            customer_id,
            ntile(5) over (order by recency_days desc) as r,
            ntile(5) over (order by frequency)         as f,
            ntile(5) over (order by monetary_eur)      as m
        from per_customer
    )
    select *, r || f || m as rfm_code
    from ntiles
)
select
    d.customer_key,
    d.country_code,
    s.rfm_code,
    case
        when s.r >= 4 and s.f >= 4 then 'champion'
        when s.r >= 4 then 'new or returning'
        when s.f >= 4 and s.r <= 2 then 'at risk'
        when s.m = 5 then 'big spender'
        else 'regular'
    end as segment,
    p.monetary_eur
from scored as s
join per_customer as p using (customer_id)
join marts.dim_customer as d
    on d.customer_id = s.customer_id
    and d.customer_id not in (select customer_id from marts.dim_customer where is_deleted);
