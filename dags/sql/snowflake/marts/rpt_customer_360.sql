/*
 * Customer 360: one wide row a customer, for the service desk's screen.
 *
 * Owner    crm-analytics
 * Consumer service desk application, reads by customer_key
 * History  grown over three years; split it before adding another block
 */
create or replace table marts.rpt_customer_360 as
with

customers as (
    select *
    from marts.dim_customer
    where not coalesce(is_deleted, false)
),

-- what they bought -----------------------------------------------------------
lines as (
    select
        customer_id,
        department,
        brand,
        order_id,
        order_date,
        net_eur,
        returned_units,
        units
    from intermediate.int_order_lines_priced
    where customer_id is not null
),

purchases as (
    select
        customer_id,
        count(distinct order_id)                            as orders,
        sum(net_eur)                                        as net_eur,
        sum(iff(order_date >= dateadd(month, -12, current_date), net_eur, 0)) as net_eur_12m,
        sum(returned_units) / nullif(sum(units), 0)         as return_rate,
        max(order_date)                                     as last_order_date
    from lines
    group by customer_id
),

favourite_department as (
    select customer_id, department
    from lines
    group by customer_id, department
    qualify row_number() over (partition by customer_id order by sum(net_eur) desc, department) = 1
),

brands as (
    select
        customer_id,
        array_agg(distinct brand) within group (order by brand) as brands
    from lines
    where brand is not null
    group by customer_id
),

-- what they did on the site --------------------------------------------------
web as (
    select
        customer_id,
        count(*)                                            as sessions,
        sum(engaged_seconds)                                as engaged_seconds,
        max_by(landing_page, started_at)                    as last_landing_page,
        max_by(first_campaign, started_at)                  as last_campaign
    from intermediate.int_web_sessions
    where customer_id is not null
    group by customer_id
),

open_carts as (
    select
        e.customer_id,
        sum(e.quantity * p.list_price)                      as cart_value
    from staging.stg_web_events as e
    inner join staging.stg_products as p on p.sku = e.sku
    where e.event_name = 'add_to_cart'
        and not exists (
            select 1
            from staging.stg_orders as o
            where o.customer_id = e.customer_id
                and o.ordered_at > e.received_at
        )
    group by e.customer_id
)

select
    c.customer_key,
    c.display_name,
    c.country_code,
    seg.segment,
    seg.rfm_code,
    coalesce(purchases.orders, 0)                           as orders,
    coalesce(purchases.net_eur, 0)                          as net_eur,
    coalesce(purchases.net_eur_12m, 0)                      as net_eur_12m,
    purchases.last_order_date,
    case
        when purchases.return_rate is null then null
        when purchases.return_rate > 0.5 then 'high'
        when purchases.return_rate > 0.2 then 'normal'
        else 'low'
    end                                                     as return_behaviour,
    favourite_department.department                         as favourite_department,
    brands.brands,
    web.sessions,
    web.engaged_seconds / 60                                as engaged_minutes,
    web.last_landing_page,
    web.last_campaign,
    open_carts.cart_value                                   as open_cart_value,
    '{{ ds }}'::date                                        as as_of_date
from customers as c
left join purchases on purchases.customer_id = c.customer_id
left join favourite_department on favourite_department.customer_id = c.customer_id
left join brands on brands.customer_id = c.customer_id
left join web on web.customer_id = c.customer_id
left join open_carts on open_carts.customer_id = c.customer_id
left join marts.rfm_segments as seg on seg.customer_key = c.customer_key;
