"""Fields of a request: each is read by its rule, and all that is wrong is told at once."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from functions.edge.endpoint import Request
from shared.errors.request import FieldProblem, RequestInvalid

ID_CHARACTERS_MAX = 200
# The blanks the event contract trims from ids.
_BLANKS = " \t\r\n"
_PATH_ID = re.compile(r"[A-Za-z0-9._~:@-]{1,200}")
_INSTANT = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(?P<offset>[Zz]|[+-]\d\d:?\d\d)?", re.ASCII
)


# Without years and months, which are not always as long.
_DURATION = re.compile(
    r"P(?=.)(?:(?P<weeks>\d{1,4})W)?(?:(?P<days>\d{1,5})D)?"
    r"(?:T(?=.)(?:(?P<hours>\d{1,6})H)?(?:(?P<minutes>\d{1,8})M)?(?:(?P<seconds>\d{1,9})S)?)?",
    re.ASCII,
)
DURATION_DAYS_MAX = 3650
# The path segment that says "the id is in ?id="; an id of that very name is asked for without ?id=.
ID_IN_QUERY = "-"


class Fields:
    """Reads the query of one request; `close` raises RequestInvalid with every problem found on the way."""

    def __init__(self, query: Mapping[str, str]) -> None:
        self._query = query
        self._problems: list[FieldProblem] = []

    def refuse(self, field: str, message: str) -> None:
        self._problems.append(FieldProblem(field, message))

    def close(self) -> None:
        if self._problems:
            raise RequestInvalid(*self._problems)

    def text(self, name: str, characters_max: int) -> str | None:
        """A text without blanks around it, or None when the parameter is absent."""
        value = self._query.get(name)
        if value is None:
            return None
        value = value.strip(_BLANKS)
        if not value:
            self.refuse(name, "is blank; give a value or leave the parameter out")
        elif len(value) > characters_max:
            self.refuse(name, f"is longer than {characters_max} characters")
        elif any(unicodedata.category(each) in ("Cc", "Cs") for each in value):
            self.refuse(name, "has control characters; remove them")
        return value

    def choice(self, name: str, allowed: Sequence[str]) -> str | None:
        value = self._query.get(name)
        if value is not None and value not in allowed:
            self.refuse(name, f"must be one of {', '.join(allowed)}")
        return value

    def whole_number(self, name: str, low: int, high: int, default: int) -> int:
        value = self._query.get(name)
        if value is None:
            return default
        if not re.fullmatch(r"[0-9]{1,9}", value) or not low <= int(value) <= high:
            self.refuse(name, f"must be a whole number from {low} to {high}")
            return default
        return int(value)

    def instant(self, name: str) -> datetime | None:
        """An ISO 8601 date and time with its offset, as UTC."""
        value = self._query.get(name)
        if value is None:
            return None
        form = _INSTANT.fullmatch(value)
        if form is not None and form["offset"] is None:
            self.refuse(name, "has no offset; end it with Z or an offset such as +09:00 (in a URL: %2B09:00)")
            return None
        try:
            moment = datetime.fromisoformat(value.upper()).astimezone(UTC) if form else None
        except (ValueError, OverflowError):
            moment = None
        if moment is None:
            self.refuse(name, "must be a date and time such as 2026-01-31T09:30:00Z (in a URL, + is %2B)")
        return moment

    def duration(self, name: str) -> timedelta | None:
        """An ISO 8601 duration of weeks, days, hours, minutes and seconds."""
        value = self._query.get(name)
        if value is None:
            return None
        form = _DURATION.fullmatch(value.upper())
        lasts = timedelta(**{unit: int(n) for unit, n in form.groupdict("0").items()}) if form else None
        if lasts is None or lasts > timedelta(days=DURATION_DAYS_MAX):
            self.refuse(name, f"must be a duration such as PT15M or P1DT2H, at most P{DURATION_DAYS_MAX}D")
            return None
        return lasts


def identifier_within(request: Request, fields: Fields, name: str, elsewhere: str) -> str:
    """The id of a path that goes on behind it: `-` in its place says that it is in `?id=`."""
    if request.path.get(name) == ID_IN_QUERY and "id" in request.query:
        return fields.text("id", ID_CHARACTERS_MAX) or ""
    return identifier(request, fields, name, elsewhere)


def identifier(request: Request, fields: Fields, name: str, elsewhere: str) -> str:
    """The id of a path, or of `?id=` when the path names none.

    `elsewhere` is the request that takes any id, for ids that cannot travel in a path. Problems go to `fields`.
    """
    in_path = request.path.get(name)
    if not in_path:
        given = fields.text("id", ID_CHARACTERS_MAX)
        if given is None:
            fields.refuse("id", f"is missing; name the {name} in the path or ask {elsewhere}")
        return given or ""
    if "id" in request.query:
        fields.refuse("id", f"is given beside the {name} in the path; send only one of them")
    if not _PATH_ID.fullmatch(in_path) or in_path in (".", ".."):
        fields.refuse(
            name, f"cannot travel in a path (letters, digits and ._~:@- can, up to 200); ask {elsewhere}"
        )
    return in_path
