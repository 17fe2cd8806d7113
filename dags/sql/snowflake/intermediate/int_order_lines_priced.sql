-- Order lines in euro with cost and margin: the grain of every sales report.
-- Owner: finance-analytics
--
-- Tax and shipping stay out; finance books them from the ledger.
create or replace table intermediate.int_order_lines_priced as
with orders as (

    select * from staging.stg_orders
    where order_status not in ('cancelled', 'draft')

),

lines as (

    select * from staging.stg_order_lines

),

returned as (

    select
        order_id,
        line_no,
        sum(returned_units)  as returned_units,
        listagg(distinct reason_group, ', ') within group (order by reason_group) as return_reasons
    from staging.stg_returns
    group by order_id, line_no

),

converted as (

    select
        lines.order_id,
        lines.line_no,
        lines.sku,
        orders.customer_id,
        orders.order_date,
        orders.channel,
        orders.ship_country,
        orders.promo_code,
        lines.units,
        lines.gross_amount * fx.rate_to_eur     as gross_eur,
        lines.discount_amount * fx.rate_to_eur  as discount_eur,
        lines.net_amount * fx.rate_to_eur       as net_eur
    from lines
    inner join orders on orders.order_id = lines.order_id
    left join staging.stg_fx_rates as fx
        on fx.from_currency = orders.currency
        and fx.rate_date = orders.order_date

)

select
    converted.*,
    coalesce(returned.returned_units, 0)                            as returned_units,
    returned.return_reasons,
    div0(converted.net_eur, converted.units) * zeroifnull(returned.returned_units) as refunded_eur,
    converted.net_eur - converted.units * products.unit_cost        as margin_eur,
    products.department,
    products.brand
from converted
left join returned using (order_id, line_no)
left join staging.stg_products as products on products.sku = converted.sku;
