-- Staff and loyalty members. Personal data: access by role raw_reader only.
CREATE TABLE raw.employees (
    employee_id  integer PRIMARY KEY,
    manager_id   integer,
    full_name    text,
    store_id     integer,
    hired_on     date,
    left_on      date
);

CREATE TABLE raw.loyalty_members (
    member_no    text,
    email        text,
    birth_date   date,
    home_store   integer,
    joined_at    timestamptz,
    updated_at   timestamptz,
    preferences  jsonb
);

CREATE TABLE raw.loyalty_events (
    event_id    bigint,
    member_no   text,
    happened_at timestamptz,
    payload     jsonb
);
