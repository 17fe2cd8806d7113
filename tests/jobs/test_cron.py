"""Cron expressions: what is kept, what becomes of Quartz's, and what is refused with a reason."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from croniter import croniter

from airflow_provider_sqlflow.errors import ConfigError
from airflow_provider_sqlflow.jobs.cron import checked_schedule, next_run, to_five_fields
from airflow_provider_sqlflow.jobs.model import Schedule

JANUARY = datetime(2026, 1, 1, tzinfo=timezone.utc)  # a Thursday


@pytest.mark.parametrize(
    "expression",
    [
        "0 1 * * *",
        "*/15 * * * *",
        "5/15 * * * *",
        "0,30 9-17 * * 1-5",
        "0 0-23/2 1,15 */3 *",
        "0 0 1 JAN-MAR *",
        "0 0 * * MON,WED,FRI",
        "0 0 * * 0",
        "0 0 * * 7",
        "0 0 * * 5-7",
        "0 22-2 * * *",
        "0 0 1 * 1",
        "0 0 L * *",
        "0 0 1,L * *",
        "0 0 * * L5",
        "0 0 * * 5#2",
        "59 23 31 12 6",
        "0 0 29 2 *",
    ],
)
def test_five_fields_stay(expression: str) -> None:
    assert to_five_fields(f"  {expression} ") == expression
    assert to_five_fields(expression.lower()) == expression


@pytest.mark.parametrize(
    ("expression", "five"),
    [
        ("0 1 ? * MON", "0 1 * * MON"),
        ("0 1 1 * ?", "0 1 1 * *"),
        ("0\t1  * * *", "0 1 * * *"),
        ("@daily", "0 0 * * *"),
        ("@HOURLY", "0 * * * *"),
        ("@midnight", "0 0 * * *"),
        ("@weekly", "0 0 * * 0"),
        ("@monthly", "0 0 1 * *"),
        ("@yearly", "0 0 1 1 *"),
        ("@annually", "0 0 1 1 *"),
        # Quartz: seconds first, weekdays from 1 = Sunday.
        ("0 0 12 * * ?", "0 12 * * *"),
        ("00 15 10 ? * *", "15 10 * * *"),
        ("0 15 10 * * ? *", "15 10 * * *"),
        ("0 0/5 14,18 * * ?", "0/5 14,18 * * *"),
        ("0 15 10 ? * MON-FRI", "15 10 * * MON-FRI"),
        ("0 15 10 ? * 2-6", "15 10 * * 1-5"),
        ("0 0 0 ? * 1,7", "0 0 * * 0,6"),
        ("0 0 0 ? * 7-2", "0 0 * * 6-1"),
        ("0 0 0 ? * */2", "0 0 * * */2"),
        ("0 0 0 ? * 2/2", "0 0 * * 1-6/2"),
        ("0 0 0 ? * 2-6/2", "0 0 * * 1-5/2"),
        ("0 0 0 ? * MON/3", "0 0 * * MON-6/3"),
        ("0 0 0 ? * L", "0 0 * * 6"),
        ("0 15 10 ? * 6L", "15 10 * * L5"),
        ("0 15 10 ? * friL", "15 10 * * L5"),
        ("0 15 10 ? * 6#3", "15 10 * * 5#3"),
        ("0 15 10 ? * SUN#1", "15 10 * * 0#1"),
        ("0 15 10 L * ?", "15 10 L * *"),
        ("0 15 10 15 1/2 ?", "15 10 15 1/2 *"),
        # Six fields whose weekdays mean the same to everybody.
        ("0 0 1 * * *", "0 1 * * *"),
        ("0 0 1 * * MON", "0 1 * * MON"),
        ("0 0 1 15 * *", "0 1 15 * *"),
    ],
)
def test_other_spellings_become_five_fields(expression: str, five: str) -> None:
    assert to_five_fields(expression) == five
    assert croniter.is_valid(five)


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("", "0 fields instead of five"),
        ("0 1 * *", "4 fields instead of five"),
        ("0 0 1 1 1 1 1 1", "8 fields instead of five"),
        ("@never", "known names are @hourly"),
        ("60 * * * *", "minute: '60' is not 0 to 59"),
        ("* 24 * * *", "hour: '24' is not 0 to 23"),
        ("* * 0 * *", "day of month: '0' is not 1 to 31"),
        ("* * 32 * *", "day of month: '32' is not 1 to 31"),
        ("* * * 13 *", "month: '13' is not 1 to 12 or JAN to DEC"),
        ("* * * FOO *", "month: 'FOO' is not 1 to 12 or JAN to DEC"),
        ("* * * * 8", "day of week: '8' is not 0 to 7 or SUN to SAT"),
        ("* * * * MON-FRY", "'FRY' is not"),
        ("MON * * * *", "minute: 'MON' is not 0 to 59"),
        ("H * * * *", "minute: 'H' is not 0 to 59"),
        ("*/0 * * * *", "the step of '*/0' is not 1 to 59"),
        ("1-2-3 * * * *", "minute: cannot read '1-2-3'"),
        ("*-3 * * * *", "minute: cannot read '*-3'"),
        ("1, * * * *", "minute: cannot read '1,'"),
        ("1/ * * * *", "minute: cannot read '1/'"),
        ("-1 * * * *", "minute: cannot read '-1'"),
        ("1.5 * * * *", "'1.5' is not 0 to 59"),
        ("\u0661 * * * *", "'\u0661' is not 0 to 59"),
        ("? * * * *", "minute: ? may stand for days only"),
        ("0 ? * * *", "hour: ? may stand for days only"),
        ("0 10 ? * MON *", "hour: ? may stand for days only"),
        ("0 0 * ? *", "month: ? may stand for days only"),
        ("0 0 30 2 *", "cannot be used: failed to find next date"),
        ("0 0 15W * ?", "W (the nearest workday) has no counterpart"),
        ("0 0 0 15W * ?", "W (the nearest workday) has no counterpart"),
        ("0 0 0 LW * ?", "W (the nearest workday) has no counterpart"),
        ("0 0 0 L-3 * ?", "days before the last one have no counterpart"),
        ("0 0 * * 5L", "'5L' is Quartz's: write L5"),
        ("0 0 * * 5#6", "a weekday comes 1 to 5 times a month"),
        ("0 0 0 ? * 6#0", "a weekday comes 1 to 5 times a month"),
        ("0 0 0 ? * 0", "day of week: '0' is not 1 to 7"),
        ("0 0 0 ? * 8L", "day of week: '8' is not 1 to 7"),
        ("30 0 12 * * ?", "the second '30' cannot be kept"),
        ("* * * * * ?", "the second '*' cannot be kept"),
        ("0/10 * * * * ?", "the second '0/10' cannot be kept"),
        ("0 0 12 * * ? 2027", "the year '2027' cannot be kept"),
        ("0 0 12 * * ? 2026/2", "the year '2026/2' cannot be kept"),
        ("0 0 12 ? * ?", "Quartz wants ? for either"),
        ("0 0 12 * * 1", "counts weekdays from 1 = Sunday where others count from 0"),
        ("0 0 12 1 * MON", "Quartz wants ? for either"),
        ("0 0 12 * * * *", "Quartz wants ? for either"),
    ],
)
def test_what_cannot_be_kept_is_refused_with_the_reason(expression: str, reason: str) -> None:
    with pytest.raises(ConfigError) as caught:
        to_five_fields(expression)
    assert reason in str(caught.value)
    assert str(caught.value).startswith(f"cron expression {expression!r}")


@pytest.mark.parametrize(
    ("quartz", "days"),
    [
        ("0 0 0 ? * 2", [5, 12, 19, 26]),  # Mondays
        ("0 0 0 ? * 7-1", [3, 4, 10, 11, 17, 18, 24, 25, 31]),  # weekends
        ("0 0 0 ? * 6L", [30]),  # the last Friday
        ("0 0 0 ? * 6#2", [9]),  # the second Friday
        (
            "0 0 0 ? * 3/2",
            [1, 3, 6, 8, 10, 13, 15, 17, 20, 22, 24, 27, 29, 31],
        ),  # from Tuesday
        ("0 0 0 L * ?", [31]),
    ],
)
def test_converted_expressions_come_true_on_quartzs_days(quartz: str, days: list[int]) -> None:
    runs = croniter(to_five_fields(quartz), JANUARY - timedelta(seconds=1))
    found = [runs.get_next(datetime) for _ in range(len(days) + 1)]
    assert [run.day for run in found[:-1]] == days
    assert found[-1].month == 2


def test_next_run_is_told_in_utc() -> None:
    schedule = Schedule("30 2 * * *", "Europe/Berlin")
    assert next_run(schedule, JANUARY) == datetime(2026, 1, 1, 1, 30, tzinfo=timezone.utc)
    summer = datetime(2026, 7, 1, tzinfo=timezone.utc)
    assert next_run(schedule, summer) == datetime(2026, 7, 1, 0, 30, tzinfo=timezone.utc)
    assert next_run(Schedule("30 2 * * *", is_paused=True), JANUARY) is None


def test_schedule_is_kept_in_five_fields() -> None:
    given = Schedule("0 0 1 ? * 2", "Asia/Tokyo", is_paused=True)
    assert checked_schedule(given) == Schedule("0 1 * * 1", "Asia/Tokyo", is_paused=True)


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "../etc/passwd", "/etc/localtime", "UTC\0", "Europe"])
def test_time_zone_that_is_none(name: str) -> None:
    with pytest.raises(ConfigError, match="is not a time zone"):
        checked_schedule(Schedule("0 1 * * *", name))
