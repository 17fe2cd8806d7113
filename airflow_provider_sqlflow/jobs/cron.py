"""Cron expressions of schedules: checked, and brought from Quartz's spelling to the five fields of cron.

What a schedule keeps is what Airflow's timetables read (croniter's dialect: ``L``, ``5#2`` and ``L5`` too).
Quartz counts weekdays from 1 = Sunday and has fields for seconds and years; what has no counterpart is
refused, never guessed. Reference: Quartz's CronTrigger tutorial; crontab(5).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timezone
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from croniter import CroniterError, croniter  # type: ignore[import-untyped]

from airflow_provider_sqlflow.errors import ConfigError
from airflow_provider_sqlflow.jobs.model import Schedule

MACROS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
"""Names that stand for expressions."""

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_ANY = "*"
_OPEN = "?"
_SOME_DAY = datetime(2024, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True)
class _Field:
    name: str
    low: int
    high: int
    words: tuple[str, ...] = ()

    def number(self, text: str) -> int:
        """The value that a number or a name means."""
        if text.upper() in self.words:
            return self.words.index(text.upper()) + self.low
        if not re.fullmatch(r"[0-9]{1,2}", text) or not self.low <= int(text) <= self.high:
            names = f" or {self.words[0]} to {self.words[-1]}" if self.words else ""
            raise _refusal(self, f"{text!r} is not {self.low} to {self.high}{names}")
        return int(text)


_MINUTE = _Field("minute", 0, 59)
_HOUR = _Field("hour", 0, 23)
_DAY = _Field("day of month", 1, 31)
_MONTH = _Field("month", 1, 12, _MONTHS)
_WEEKDAY = _Field("day of week", 0, 7, _WEEKDAYS)
_QUARTZ_WEEKDAY = _Field("day of week", 1, 7, _WEEKDAYS)


def checked_schedule(schedule: Schedule) -> Schedule:
    """The schedule with its expression in five fields.

    Raises:
        ConfigError: the expression or the time zone cannot be used; the message says why.
    """
    if not schedule.timezone or schedule.timezone.startswith(("/", ".")):
        raise ConfigError(f"{schedule.timezone!r} is not a time zone such as Europe/Berlin")
    try:
        ZoneInfo(schedule.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ConfigError(f"{schedule.timezone!r} is not a time zone such as Europe/Berlin") from None
    return Schedule(to_five_fields(schedule.cron), schedule.timezone, schedule.is_paused)


def to_five_fields(expression: str) -> str:
    """A cron or Quartz expression as minute, hour, day of month, month and day of week.

    >>> to_five_fields("0 30 6 ? * 2-6")  # Quartz: from 2 = Monday
    '30 6 * * 1-5'

    Raises:
        ConfigError: it cannot be read, never comes true, or means something that five fields cannot say.
    """
    text = expression.strip()
    try:
        fields = _fields(MACROS.get(text.lower(), text))
        five = " ".join(fields)
        croniter(five, _SOME_DAY).get_next(datetime)
    except ConfigError as error:
        raise ConfigError(f"cron expression {expression!r}: {error}") from None
    except CroniterError as error:
        raise ConfigError(f"cron expression {expression!r} cannot be used: {error}") from None
    return five


def next_run(schedule: Schedule, after: datetime) -> datetime | None:
    """The next time after an aware time, in UTC; ``None`` while the schedule is paused.

    Where the clock is changed, what Airflow's cron timetables do counts: a time that is skipped comes an
    hour later, one that comes twice counts the second time, unless there is a run every hour.
    """
    if schedule.is_paused:
        return None
    import pendulum

    zone = pendulum.timezone(schedule.timezone)
    local = pendulum.instance(after).in_timezone(zone)
    on_clock = local.naive()
    cron = croniter(schedule.cron, on_clock)
    found: datetime = cron.get_next(datetime)
    if cron.expanded[1] == [_ANY]:
        return local.add(seconds=int((found - on_clock).total_seconds())).astimezone(timezone.utc)
    return zone.convert(found.replace(tzinfo=None, fold=1)).astimezone(timezone.utc)


def _fields(text: str) -> list[str]:
    if text.startswith("@"):
        raise ConfigError(f"known names are {', '.join(MACROS)}")
    parts = text.split()
    if len(parts) == 5:
        minute, hour, day, month, weekday = parts
        return [*_times(minute, hour), *_days(day, month, weekday, is_quartz=False)]
    if len(parts) not in (6, 7):
        raise ConfigError(
            f"{len(parts)} fields instead of five (minute, hour, day of month, month, day of week)"
        )
    second, minute, hour, day, month, weekday = parts[:6]
    if len(parts) == 7 and parts[6] not in (_ANY, _OPEN):
        raise ConfigError(f"the year {parts[6]!r} cannot be kept: five fields repeat every year")
    if second not in ("0", "00"):
        raise ConfigError(f"the second {second!r} cannot be kept: write 0, runs start at full minutes")
    if (day == _OPEN) == (weekday == _OPEN):
        if len(parts) == 6 and _ANY in (day, weekday) and not re.search(r"\d", weekday):
            return [*_times(minute, hour), *_days(day, month, weekday, is_quartz=False)]
        raise ConfigError(
            "Quartz wants ? for either the day of month or the day of week, and counts weekdays from "
            "1 = Sunday where others count from 0: write five fields, or one ?"
        )
    return [*_times(minute, hour), *_days(day, month, weekday, is_quartz=True)]


def _times(minute: str, hour: str) -> list[str]:
    return [_list(_MINUTE, minute), _list(_HOUR, hour)]


def _days(day: str, month: str, weekday: str, is_quartz: bool) -> list[str]:
    shown_weekday = _quartz_weekday(weekday) if is_quartz else _weekday(weekday)
    return [_day(day), _list(_MONTH, month), shown_weekday]


def _day(text: str) -> str:
    if text == _OPEN:
        return _ANY
    if "W" in text.upper():
        raise _refusal(_DAY, f"W (the nearest workday) has no counterpart in five fields: {text!r}")
    if re.fullmatch(r"L-\d+", text, re.IGNORECASE):
        raise _refusal(_DAY, f"days before the last one have no counterpart in five fields: {text!r}")
    return ",".join("L" if part.upper() == "L" else _range(_DAY, part, text) for part in text.split(","))


def _weekday(text: str) -> str:
    """The field as cron and croniter read it: 0 and 7 are Sunday, ``5#2``, ``L5``."""
    if text == _OPEN:
        return _ANY
    if re.fullmatch(r"\w{1,3}L", text, re.IGNORECASE):
        raise _refusal(_WEEKDAY, f"{text!r} is Quartz's: write L5 for the last Friday of the month")
    parts = []
    for part in text.split(","):
        number, hash_, week = part.partition("#")
        if hash_:
            parts.append(_nth(_WEEKDAY, number, week, 0))
        elif re.fullmatch(r"L[0-7]", part, re.IGNORECASE):
            parts.append(part.upper())
        else:
            parts.append(_range(_WEEKDAY, part, text))
    return ",".join(parts)


def _quartz_weekday(text: str) -> str:
    """The field with weekdays counted from 0 instead of 1."""
    if text == _OPEN:
        return _ANY
    parts = []
    for part in text.split(","):
        number, hash_, week = part.partition("#")
        last = re.fullmatch(r"(\w{1,3})L", part, re.IGNORECASE)
        if hash_:
            parts.append(_nth(_QUARTZ_WEEKDAY, number, week, 1))
        elif part.upper() == "L":
            parts.append("6")
        elif last:
            parts.append(f"L{_weekday_number(_QUARTZ_WEEKDAY, last[1], 1)}")
        else:
            _range(_QUARTZ_WEEKDAY, part, text)
            parts.append(_shifted(part))
    return ",".join(parts)


def _shifted(part: str) -> str:
    """A range of Quartz's weekdays, with its names kept and its numbers counted from 0."""
    days, slash, step = part.partition("/")
    ends = [str(int(end) - 1) if end.isdigit() else end.upper() for end in days.split("-")]
    if slash and len(ends) == 1 and ends[0] != _ANY:
        ends.append("6")  # from this day to Saturday
    return "-".join(ends) + slash + step


def _nth(field: _Field, number: str, week: str, first: int) -> str:
    if week not in ("1", "2", "3", "4", "5"):
        raise _refusal(field, f"{number}#{week}: a weekday comes 1 to 5 times a month")
    return f"{_weekday_number(field, number, first)}#{week}"


def _weekday_number(field: _Field, text: str, first: int) -> int:
    return (field.number(text) - first) % 7


def _list(field: _Field, text: str) -> str:
    if text == _OPEN:
        raise _refusal(field, "? may stand for days only")
    return ",".join(_range(field, part, text) for part in text.split(","))


def _range(field: _Field, part: str, whole: str) -> str:
    """One part of a list, checked: ``*``, ``a``, ``a-b``, each with a step ``/n``."""
    match = re.fullmatch(r"(\*|[^-/*]+)(?:-([^-/*]+))?(?:/([0-9]+))?", part)
    if match is None or (match[1] == _ANY and match[2]):
        raise _refusal(field, f"cannot read {whole!r}")
    for end in match.group(1, 2):
        if end is not None and end != _ANY:
            field.number(end)
    if match[3] is not None and not 1 <= int(match[3]) <= field.high:
        raise _refusal(field, f"the step of {part!r} is not 1 to {field.high}")
    return part.upper()


def _refusal(field: _Field, reason: str) -> ConfigError:
    return ConfigError(f"{field.name}: {reason}")
