-- Rates to EUR with weekends filled from the Friday before.
create or replace view staging.stg_fx_rates as
select
    d.rate_date,
    c.from_currency,
    last_value(r.rate ignore nulls) over (
        partition by c.from_currency
        order by d.rate_date
        rows between unbounded preceding and current row
    ) as rate_to_eur
from (select distinct rate_date from raw.finance.fx_rates) as d
cross join (select distinct from_currency from raw.finance.fx_rates where to_currency = 'EUR') as c
left join raw.finance.fx_rates as r
    on r.rate_date = d.rate_date
    and r.from_currency = c.from_currency
    and r.to_currency = 'EUR'

union all

select distinct rate_date, 'EUR', 1.0
from raw.finance.fx_rates;
