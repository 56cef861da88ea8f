"""The members of a payload, read one by one; every problem names its member."""

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal

from shared.errors.request import FieldProblem, RequestInvalid

# Plain decimal text, with no more digits than an amount has.
_AMOUNT = re.compile(r"-?[0-9]{1,20}(?:\.[0-9]{1,8})?")


def refuse(name: str, message: str) -> RequestInvalid:
    """The refusal of one member of the payload."""
    return RequestInvalid(FieldProblem(f"payload.{name}" if name else "payload", message))


class Members:
    """An object of a payload. What is not asked for by name is refused: nobody approves what nobody reads."""

    def __init__(self, value: object, place: str = "") -> None:
        self._place = place
        if not isinstance(value, Mapping):
            raise refuse(place, "must be an object")
        self._value = value

    def __contains__(self, name: str) -> bool:
        return name in self._value

    def only(self, names: Iterable[str]) -> "Members":
        """Raises RequestInvalid for a member of another name."""
        known = sorted(names)
        for name in self._value:
            if name not in known:
                raise refuse(self._named(str(name)[:40]), f"is not known here; known are {', '.join(known)}")
        return self

    def text(self, name: str, characters_max: int) -> str:
        """A text that is there and not blank, without blanks around it."""
        value = self._value.get(name)
        if not isinstance(value, str) or not value.strip():
            raise refuse(self._named(name), "must be a text that is not blank")
        if len(value.strip()) > characters_max:
            raise refuse(self._named(name), f"has more than {characters_max} characters")
        return value.strip()

    def choice(self, name: str, choices: Iterable[str]) -> str:
        """One of these texts."""
        value = self._value.get(name)
        known = list(choices)
        if value not in known:
            raise refuse(self._named(name), f"must be one of {', '.join(known)}")
        return str(value)

    def amount(self, name: str) -> Decimal:
        """A decimal in a text, other than zero."""
        value = self._value.get(name)
        if not isinstance(value, str) or not _AMOUNT.fullmatch(value) or not Decimal(value):
            raise refuse(self._named(name), 'must be a decimal in a text, such as "-12.5", and not zero')
        return Decimal(value)

    def within(self, name: str) -> "Members":
        """An object in this one; an empty one where it is absent."""
        return Members(self._value.get(name, {}), self._named(name))

    def names(self, name: str, choices: Iterable[str]) -> list[str]:
        """A list of these texts, sorted, each once."""
        value = self._value.get(name)
        known = sorted(choices)
        if not isinstance(value, list) or not all(each in known for each in value):
            raise refuse(self._named(name), f"must be a list of any of {', '.join(known)}")
        return sorted(set(value))

    def _named(self, name: str) -> str:
        return f"{self._place}.{name}" if self._place else name
