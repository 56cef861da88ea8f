"""NCRONTAB: the platform's six-field schedules, in UTC."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from croniter import CroniterError, croniter

from infra.local.host.errors import StartError

_NUMBERS = "[0-9*,/-]|"
_MONTHS = "JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC"
# The platform counts Sunday as 0 only; a 7 would be a value out of range there.
_DAYS = "(?<![0-9])[0-6](?![0-9])|(?<=/)7|[*,/-]|SUN|MON|TUE|WED|THU|FRI|SAT"
_FIELDS = [
    re.compile(f"(?:{part})+", re.IGNORECASE) for part in (*["[0-9*,/-]"] * 4, _NUMBERS + _MONTHS, _DAYS)
]


@dataclass(frozen=True)
class Schedule:
    """`{second} {minute} {hour} {day} {month} {day of week}`; day and day of week must both match."""

    expression: str

    @classmethod
    def parse(cls, text: str, owner: str) -> "Schedule":
        """Raises StartError, naming the owner, for anything but six fields the platform accepts."""
        fields = text.split()
        if len(fields) != len(_FIELDS) or not all(map(re.Pattern.fullmatch, _FIELDS, fields)):
            raise StartError(f'{owner} must be six NCRONTAB fields like "0 */5 * * * *", not {text!r}.')
        schedule = cls(" ".join(fields))
        try:
            schedule.next_after(datetime(2026, 1, 1, tzinfo=UTC))
        except (CroniterError, ValueError, KeyError) as error:
            raise StartError(f"{owner} is not a schedule that ever comes due: {text!r} ({error}).") from error
        return schedule

    def next_after(self, moment: datetime) -> datetime:
        """The first due time strictly after the moment."""
        # Whole seconds: a fraction must not make the due time of this very second come up again.
        start = moment.astimezone(UTC).replace(microsecond=0)
        due = croniter(self.expression, start, second_at_beginning=True, day_or=False).get_next(datetime)
        assert isinstance(due, datetime)
        return due

    @property
    def below_a_minute(self) -> bool:
        """True when it may come due twice within a minute; the platform keeps no status for such timers."""
        first = self.next_after(datetime(2026, 1, 1, tzinfo=UTC))
        return self.next_after(first) - first < timedelta(minutes=1)
