"""What a profile must not say though each of its keys is well formed."""

import difflib
from collections.abc import Iterator, Mapping

from shared.sync.events import CONTRACTS
from shared.sync.events.contract import Contract, Field
from shared.sync.events.dialect import ROOT, names_of, sources_of, translation
from shared.sync.events.times import TIME_FORMATS
from shared.sync.events.values import INSTANT
from shared.sync.profiles.model import Part, Profile, StreamProfile


def contradictions(profile: Profile) -> list[str]:
    """One sentence each: the key, what is wrong, what to do."""
    found = [
        f"{contract.stream}.{problem}"
        for contract in CONTRACTS
        for problem in _in_stream(contract, profile.of(contract.stream))
    ]
    if profile.ledger.hub == profile.payment_order.hub:
        found.append("ledger.hub and payment_order.hub are equal: each stream has its own hub")
    return found


def _in_stream(contract: Contract, profile: StreamProfile) -> Iterator[str]:
    fields = {field.name: field for field in contract.all_fields()}
    unknown = list(_unknown_fields(fields, profile))
    yield from unknown
    if unknown:
        return
    yield from _paths(profile)
    yield from _formats(contract, profile)
    yield from _values(fields, profile)
    for key, part in _parts(profile):
        constants = part.constants if part else profile.constants
        yield from _constants(fields, f"{key}constants" if part else "constants", constants)
        yield from _unread(contract, profile, key, part)
    yield from _names(fields, profile)
    if len(profile.split) == 1 or len({part.suffix for part in profile.split}) < len(profile.split):
        yield "split: an event is split into at least two parts, each with a suffix of its own"


def _parts(profile: StreamProfile) -> Iterator[tuple[str, Part | None]]:
    if not profile.split:
        yield "", None
        return
    for place, part in enumerate(profile.split):
        yield f"split[{place}].", part


def _unknown_fields(fields: Mapping[str, Field], profile: StreamProfile) -> Iterator[str]:
    told: list[tuple[str, Mapping[str, object]]] = [
        ("names", profile.names),
        ("fallbacks", profile.fallbacks),
        ("values", profile.values),
        ("constants", profile.constants),
    ]
    for place, part in enumerate(profile.split):
        told += [(f"split[{place}].names", part.names), (f"split[{place}].constants", part.constants)]
    for key, mapping in told:
        for name in mapping.keys() - fields.keys():
            near = difflib.get_close_matches(name, fields, n=1)
            hint = f"did you mean {near[0]}?" if near else f"fields are {', '.join(fields)}"
            yield f"{key}.{name}: the contract has no such field; {hint}"


def _paths(profile: StreamProfile) -> Iterator[str]:
    for path in profile.envelope:
        if path.startswith(ROOT):
            yield f"envelope: {path} begins at the message anyway; write {path.removeprefix(ROOT)}"
    for path in profile.operation.at if profile.operation else ():
        if not path.startswith(ROOT):
            yield f"operation.at: {path} is looked for in the whole message; write {ROOT}{path}"


def _formats(contract: Contract, profile: StreamProfile) -> Iterator[str]:
    read = {
        spelling.name
        for _, part in _parts(profile)
        for source in sources_of(contract, _without_values(profile), part)
        if source.field.kind is INSTANT
        for spelling in (*source.names, *source.fallbacks)
    }
    for name in profile.time_formats.keys() - read:
        yield f"time_formats.{name}: no time is read under that name; name it under names or fallbacks too"


def _without_values(profile: StreamProfile) -> StreamProfile:
    """Maps of values are looked at by themselves, and may be wrong here."""
    return StreamProfile(
        hub=profile.hub,
        key_case=profile.key_case,
        names=profile.names,
        fallbacks=profile.fallbacks,
        split=profile.split,
    )


def _values(fields: Mapping[str, Field], profile: StreamProfile) -> Iterator[str]:
    for name, values in profile.values.items():
        field = fields[name]
        if field.kind.is_number or field.kind.parse in TIME_FORMATS.values():
            yield f"values.{name}: amounts, versions and times have no words to map; remove the map"
            continue
        try:
            translation(field, values)
        except ValueError as error:
            yield f"values.{name}: a word or its meaning {error}; correct it"


def _constants(fields: Mapping[str, Field], key: str, constants: Mapping[str, str]) -> Iterator[str]:
    for name, text in constants.items():
        try:
            canonical = fields[name].kind.parse(text)
        except ValueError as error:
            yield f"{key}.{name} {error}; correct it"
            continue
        if canonical != text:
            yield f"{key}.{name} is {text!r}: write it as it is stored, {canonical!r}"


def _unread(contract: Contract, profile: StreamProfile, key: str, part: Part | None) -> Iterator[str]:
    constants = {**profile.constants, **(part.constants if part else {})}
    for field in contract.all_fields():
        named = names_of(field.name, profile, part) or field.name in profile.fallbacks
        if field.required and not named and field.name not in constants:
            yield f"{key}names.{field.name}: the field is required and read from nowhere; give it a name"
        if field.name == contract.key and field.name in constants:
            yield f"{key}constants.{field.name}: every record would have the same key; give it a name instead"


def _names(fields: Mapping[str, Field], profile: StreamProfile) -> Iterator[str]:
    for name in fields:
        names = [*names_of(name, profile), *profile.fallbacks.get(name, ())]
        if len(set(names)) < len(names):
            yield f"names.{name}: a name stands twice among its names and fallbacks; leave one of them"
