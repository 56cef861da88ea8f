"""Times as producers write them, each format read into the canonical text of its instant."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from shared.sync.events.values import BLANKS, Number, Parse, instant, instant_text, shown, type_name

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_COUNT = re.compile(r"(-?[0-9]{1,20})(?:\.([0-9]{1,12}))?", re.ASCII)


def _epoch(unit: str, digits: int) -> Parse:
    """Reads a count of a unit since 1970; `digits` is how many decimals of it make a microsecond."""

    def parse(raw: object) -> str | None:
        if type(raw) is not int and type(raw) is not str and type(raw) is not Number:
            raise ValueError(f"must be {unit} since 1970, not {type_name(raw)}")
        text = str(raw).strip(BLANKS)
        if not text:
            return None
        match = _COUNT.fullmatch(text)
        if match is None:
            raise ValueError(f"must be {unit} since 1970, not {shown(text)}")
        # What is finer than a microsecond is cut off, as it is of other times.
        fraction = (match[2] or "").ljust(digits, "0")[:digits]
        try:
            return instant_text(_EPOCH + timedelta(microseconds=int(match[1] + fraction)))
        except OverflowError as error:
            raise ValueError(f"is no time that a calendar has: {shown(text)}") from error

    return parse


TIME_FORMATS: Mapping[str, Callable[[object], str | None]] = {
    "iso8601": instant,
    "epoch_s": _epoch("seconds", 6),
    "epoch_ms": _epoch("milliseconds", 3),
    "epoch_us": _epoch("microseconds", 0),
}
