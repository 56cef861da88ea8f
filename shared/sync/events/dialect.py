"""A dialect: where each field of the contract stands in a producer's message, as its profile says."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

from shared.sync.events.contract import Contract, Field
from shared.sync.events.times import TIME_FORMATS
from shared.sync.events.values import INSTANT, Parse
from shared.sync.profiles.model import KeyCase, Part, StreamProfile

ROOT = "$."


class Spelling(NamedTuple):
    """One name under which a field may stand: the keys that lead to it, and how its value is read.

    `is_key` says that the name is a key of the row, as most are: it is then looked up without a walk.
    """

    name: str
    is_key: bool
    keys: tuple[str, ...]
    from_root: bool
    parse: Parse

    def find(self, root: Mapping[str, Any], row: Mapping[str, Any]) -> Any:
        """The raw value, None where there is none."""
        return value_at(root if self.from_root else row, self.keys)


@dataclass(frozen=True)
class Source:
    """How one field is read: names of the same fact, other facts that stand in, or a constant of the profile."""

    field: Field
    names: tuple[Spelling, ...]
    fallbacks: tuple[Spelling, ...]
    constant: str = ""
    suffix: str = ""


def value_at(node: Any, keys: tuple[str, ...]) -> Any:
    """What stands at the end of a path, None where the path breaks off."""
    for key in keys:
        if type(node) is not dict:
            return None
        node = node.get(key)
    return node


def keys_of(path: str) -> tuple[str, ...]:
    """The keys of a path, without the mark of the root."""
    return tuple(path.removeprefix(ROOT).split("."))


def in_case(field: str, case: KeyCase) -> str:
    """A field's name as producers of that habit write it."""
    words = field.split("_")
    match case:
        case "camelCase":
            return words[0] + "".join(word.capitalize() for word in words[1:])
        case "PascalCase":
            return "".join(word.capitalize() for word in words)
        case "kebab-case":
            return "-".join(words)
        case "UPPER_CASE":
            return field.upper()
        case _:
            return field


def names_of(field: str, profile: StreamProfile, part: Part | None = None) -> tuple[str, ...]:
    """The names of a field in their order; of a split event's part its own come before the stream's."""
    if part is not None and field in part.names:
        return part.names[field]
    return profile.names.get(field, (in_case(field, profile.key_case),))


def sources_of(contract: Contract, profile: StreamProfile, part: Part | None = None) -> tuple[Source, ...]:
    """How every field of a contract is read."""
    constants = {**profile.constants, **(part.constants if part else {})}
    found = []
    for field in contract.all_fields():
        spell = partial(_spelling, profile, field)
        names = tuple(map(spell, names_of(field.name, profile, part)))
        fallbacks = tuple(map(spell, profile.fallbacks.get(field.name, ())))
        suffix = part.suffix if part and field.name == contract.key else ""
        found.append(Source(field, names, fallbacks, constants.get(field.name, ""), suffix))
    return tuple(found)


def spoken(contract: Contract, profile: StreamProfile) -> Contract:
    """The contract with the other names a profile reads, as the published tables and schemas show it."""
    return replace(
        contract,
        fields=tuple(_named(field, profile) for field in contract.fields),
        revision_fields=tuple(_named(field, profile) for field in contract.revision_fields),
    )


def is_plain(contract: Contract, profile: StreamProfile) -> bool:
    """Whether events under the contract's own names say what they mean, so that they need no translation.

    Then a flat object of own names has one reading: no other name of a fact can stand in it, and nothing is read
    from a second place.
    """
    shaped = profile.envelope or profile.operation or profile.split or profile.values or profile.constants
    if shaped or profile.key_case != "snake_case" or profile.time_format != "iso8601":
        return False
    own = {field.name for field in contract.all_fields()}
    return all(_is_plain(field, profile, own) for field in contract.all_fields())


def known_keys(sources: tuple[Source, ...]) -> Iterator[str]:
    """The keys of the row that the fields are read from."""
    for source in sources:
        for spelling in (*source.names, *source.fallbacks):
            if not spelling.from_root:
                yield spelling.keys[0]


def _is_plain(field: Field, profile: StreamProfile, own: set[str]) -> bool:
    first, *others = names_of(field.name, profile) or ("",)
    told_apart = not own & set(others) and field.name not in profile.time_formats
    return first == field.name and told_apart and (field.required or field.name not in profile.fallbacks)


def _named(field: Field, profile: StreamProfile) -> Field:
    others = tuple(name for name in names_of(field.name, profile) if name != field.name)
    return replace(field, aliases=others, fallbacks=profile.fallbacks.get(field.name, ()))


def _spelling(profile: StreamProfile, field: Field, name: str) -> Spelling:
    parse = field.kind.parse
    if field.kind is INSTANT:
        parse = TIME_FORMATS[profile.time_formats.get(name, profile.time_format)]
    if field.name in profile.values:
        parse = partial(_translated, field.kind.parse, translation(field, profile.values[field.name]))
    return Spelling(name, "." not in name, keys_of(name), name.startswith(ROOT), parse)


def translation(field: Field, values: Mapping[str, str]) -> dict[str, str]:
    """A profile's map of values in canonical texts. Raises ValueError for one the field could not hold."""
    found = {}
    for theirs, ours in values.items():
        key, value = field.kind.parse(theirs), field.kind.parse(ours)
        if key is None or value is None:
            raise ValueError("is blank")
        found[key] = value
    return found


def _translated(parse: Parse, values: Mapping[str, str], raw: object) -> str | None:
    """Codes may be numbers or flags where a map says what they mean."""
    if type(raw) is int:
        raw = str(raw)
    elif type(raw) is bool:
        raw = str(raw).lower()
    text = parse(raw)
    return values.get(text, text) if text is not None else None
