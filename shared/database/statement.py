"""A hot statement, compiled once: its named parameters numbered, its values encoded as they travel."""

import re
from collections.abc import Mapping

Value = object
_PARAMETER = re.compile(r"%\((\w+)\)([sb])")


class Statement(str):
    """One statement as it is written, on one line; beside it as it is sent, compiled once.

    `compiled` has numbered parameters, `names` are theirs in that order, `formats` 1 where bytes travel.
    """

    compiled: bytes
    names: tuple[str, ...]
    formats: list[int]

    def __new__(cls, sql: str) -> "Statement":
        self = super().__new__(cls, " ".join(sql.split()))
        numbers: dict[str, int] = {}
        formats: list[int] = []

        def numbered(found: "re.Match[str]") -> str:
            if found[1] not in numbers:
                numbers[found[1]] = len(numbers) + 1
                formats.append(int(found[2] == "b"))
            return f"${numbers[found[1]]}"

        self.compiled = _PARAMETER.sub(numbered, self).replace("%%", "%").encode()
        self.names = tuple(numbers)
        self.formats = formats
        return self

    def with_locals(self, expressions: Mapping[str, str]) -> "Statement":
        """The same with some parameters taken from where the statement stands: a routine's own variables."""
        return Statement(_PARAMETER.sub(lambda found: expressions.get(found[1], found[0]), self))

    def encoded(self, values: Mapping[str, Value]) -> list[bytes | None]:
        """The parameters as they travel. Raises ValueError for a text that holds NUL: the server would cut it there."""
        found = [_encoded(values[name]) for name in self.names]
        for value, is_binary in zip(found, self.formats, strict=True):
            if value is not None and not is_binary and b"\0" in value:
                raise ValueError("a text holds NUL, which the database cannot store")
        return found


class Routine(Statement):
    """Statements that run as one call: a function of the session's own, made from the same texts.

    It answers no row, and leaves nothing behind, where the call is not one for it (see `OTHERWISE`). Its parameters
    are texts, so the statements in it say the types they mean.
    """

    definition: str

    def __new__(cls, name: str, answer: str, body: str) -> "Routine":
        """`answer` are the columns of the one row it returns; what it declares itself stands in the body as it is."""
        inner = Statement(body)
        kinds = ", ".join("bytea" if binary else "text" for binary in inner.formats)
        places = ", ".join(
            f"%({n})" + ("b" if f else "s") for n, f in zip(inner.names, inner.formats, strict=True)
        )
        self = super().__new__(cls, f"SELECT * FROM pg_temp.{name}({places})")
        assert isinstance(self, Routine)
        self.definition = (
            f"CREATE OR REPLACE FUNCTION pg_temp.{name}({kinds}) RETURNS TABLE ({answer}) LANGUAGE plpgsql "
            f"AS $routine$ #variable_conflict use_column\n{inner.compiled.decode()} $routine$"
        )
        return self


# What a routine raises, and nobody else, to take back what it wrote.
OTHERWISE = "CF001"


def _encoded(value: Value) -> bytes | None:
    if type(value) is str:
        return value.encode()
    if value is None or type(value) is bytes:
        return value
    return str(value).encode()
