-- Net sales a month with a column a channel, for the planning sheet.
create or replace table intermediate.int_channel_months as
select *
from (
    select
        date_trunc('month', order_date) as sales_month,
        channel,
        net_eur
    from intermediate.int_order_lines_priced
)
    pivot (sum(net_eur) for channel in ('web', 'app', 'call_centre'))
    as p (sales_month, web_eur, app_eur, call_centre_eur);
