"""Route templates of HTTP functions: parameters, constraints, optional and catch-all parts."""

import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from infra.local.host.errors import StartError

RESERVED_PREFIXES = ("admin", "runtime")
_PARAMETER = re.compile(r"\{(\*{0,2})([A-Za-z_][A-Za-z0-9_]*)((?::[a-z]+(?:\([^{}]*\))?)*)(\?)?\}")
_CONSTRAINT = re.compile(r":([a-z]+)(?:\((.*?)\))?(?=:|$)")


def _is_guid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True


def _is_integer(bits: int) -> Callable[[str], bool]:
    limit = 2 ** (bits - 1)
    return lambda text: re.fullmatch(r"[+-]?\d+", text) is not None and -limit <= int(text) < limit


def _bounds(argument: str) -> tuple[int, int]:
    low, _, high = argument.partition(",")
    return int(low), int(high or low)


_CONSTRAINTS: Mapping[str, Callable[[str], Callable[[str], bool]]] = {
    "int": lambda _: _is_integer(32),
    "long": lambda _: _is_integer(64),
    "bool": lambda _: lambda text: text.lower() in {"true", "false"},
    "alpha": lambda _: lambda text: re.fullmatch(r"[A-Za-z]*", text) is not None,
    "guid": lambda _: _is_guid,
    "decimal": lambda _: lambda text: re.fullmatch(r"[+-]?\d+(\.\d+)?", text) is not None,
    "required": lambda _: lambda text: text != "",
    "minlength": lambda argument: lambda text: len(text) >= int(argument),
    "maxlength": lambda argument: lambda text: len(text) <= int(argument),
    "length": lambda argument: lambda text: _bounds(argument)[0] <= len(text) <= _bounds(argument)[1],
    "min": lambda argument: lambda text: _is_integer(64)(text) and int(text) >= int(argument),
    "max": lambda argument: lambda text: _is_integer(64)(text) and int(text) <= int(argument),
    "range": lambda argument: (
        lambda text: _is_integer(64)(text) and _bounds(argument)[0] <= int(text) <= _bounds(argument)[1]
    ),
    "regex": lambda argument: lambda text: re.search(argument, text, re.IGNORECASE) is not None,
}


@dataclass(frozen=True)
class Route:
    """A parsed template; without methods it answers every method."""

    template: str
    methods: frozenset[str]
    pattern: re.Pattern[str]
    checks: Mapping[str, tuple[Callable[[str], bool], ...]]

    @classmethod
    def parse(cls, function: str, template: str, methods: frozenset[str]) -> "Route":
        """Raises StartError for a reserved prefix or a template this host does not know."""
        bare = template.strip("/")
        if bare.lower().startswith(RESERVED_PREFIXES):
            raise StartError(
                "The specified route conflicts with one or more built in routes. "
                f"(function '{function}', route '{template}')"
            )
        checks: dict[str, tuple[Callable[[str], bool], ...]] = {}
        parts = [_segment(function, template, each, checks) for each in bare.split("/")]
        return cls(bare, methods, re.compile("".join(parts) + "/?", re.IGNORECASE), checks)

    def match(self, method: str, path: str) -> dict[str, str] | None:
        """The route parameters when method and path (percent-encoded, with leading slash) fit, else None."""
        if self.methods and method not in self.methods:
            return None
        found = self.pattern.fullmatch(path)
        if found is None:
            return None
        values = {name: unquote(text) for name, text in found.groupdict().items() if text is not None}
        fits = all(check(values[name]) for name in values for check in self.checks[name])
        return values if fits else None

    def conflicts_with(self, other: "Route") -> bool:
        same = self.template.lower() == other.template.lower()
        return same and (not self.methods or not other.methods or bool(self.methods & other.methods))


def _segment(
    function: str, template: str, segment: str, checks: dict[str, tuple[Callable[[str], bool], ...]]
) -> str:
    """The segment as a regular expression that begins with its slash; constraints go to `checks`."""
    whole = _PARAMETER.fullmatch(segment)
    pattern, end = "", 0
    for found in _PARAMETER.finditer(segment):
        stars, name, constraints, optional = found.groups()
        if (stars or optional) and whole is None:
            raise StartError(f"The route '{template}' of {function} has an optional part inside a segment.")
        checks[name] = _checks(function, template, constraints)
        pattern += re.escape(segment[end : found.start()])
        pattern += f"(?P<{name}>{'.*' if stars else '[^/]+'})"
        end = found.end()
    rest = segment[end:]
    if "{" in rest or "}" in rest:
        raise StartError(
            f"The route '{template}' of {function} has a part this host does not know: '{segment}'."
        )
    pattern = "/" + pattern + re.escape(rest)
    return f"(?:{pattern})?" if whole is not None and (whole[1] or whole[4]) else pattern


def _checks(function: str, template: str, constraints: str) -> tuple[Callable[[str], bool], ...]:
    checks = []
    for name, argument in _CONSTRAINT.findall(constraints):
        if name not in _CONSTRAINTS:
            raise StartError(f"The route '{template}' of {function} has the unknown constraint '{name}'.")
        check = _CONSTRAINTS[name](argument)
        try:
            check("1")
        except (ValueError, re.error) as error:
            raise StartError(f"The route '{template}' of {function} has a bad '{name}' ({error}).") from error
        checks.append(check)
    return tuple(checks)
