"""NCRONTAB: the platform's six-field schedules, in UTC."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from croniter import CroniterError, croniter

from infra.local.host.errors import StartError

_FIELD = re.compile(r"[0-9A-Za-z*,/-]+")
_FIELD_COUNT = 6


@dataclass(frozen=True)
class Schedule:
    """`{second} {minute} {hour} {day} {month} {day of week}`; day and day of week must both match."""

    expression: str

    @classmethod
    def parse(cls, text: str, owner: str) -> "Schedule":
        """Raises StartError, naming the owner, for anything but six fields the platform accepts."""
        fields = text.split()
        plausible = len(fields) == _FIELD_COUNT and all(_FIELD.fullmatch(each) for each in fields)
        # The platform counts Sunday as 0 only and knows no "last" or "nearest weekday" letters.
        if not plausible or re.search(r"(?<![0-9])7(?![0-9])|\b[lL]\b|\b[wW]\b", fields[5]):
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
