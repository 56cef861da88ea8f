"""The tables of the page on profiles: what a profile file can say, and what the profiles that are there say."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec

from infra.local.docs.tables import codes, markdown_table
from shared.sync.events import CONTRACTS
from shared.sync.events.contract import Contract
from shared.sync.events.dialect import names_of
from shared.sync.events.values import INSTANT
from shared.sync.profiles.load_profile import load_profile, profile_names
from shared.sync.profiles.model import Operation, Part, Profile, StreamProfile

# Each struct with the words for where its keys stand.
_PLACES: tuple[tuple[str, type[msgspec.Struct]], ...] = (
    ("", Profile),
    ("*stream*.", StreamProfile),
    ("*stream*.operation.", Operation),
    ("*stream*.split[].", Part),
)
_MEANINGS: Mapping[tuple[type[msgspec.Struct], str], str] = {
    (Profile, "name"): "the name `EVENT_PROFILE` says; the file is called the same, with `.json`",
    (Profile, "meaning"): "one line on whose events these are",
    (Profile, "ledger"): "how events of ledger entries are read",
    (Profile, "payment_order"): "how events of payment orders are read",
    (StreamProfile, "hub"): "the hub, unless a setting names another",
    (
        StreamProfile,
        "envelope",
    ): "where in the message the row stands; the first path that leads to an object",
    (
        StreamProfile,
        "operation",
    ): "where the message says what happened to the row, and which words are taken",
    (StreamProfile, "key_case"): "how the names of fields are written where `names` does not give them",
    (
        StreamProfile,
        "names",
    ): "field → its names, in order; the first present one wins, two that differ conflict; "
    "no name at all: the field is never read",
    (
        StreamProfile,
        "fallbacks",
    ): "field → names of *other* facts that stand in when it is absent; never a conflict",
    (StreamProfile, "time_format"): "how times are written",
    (
        StreamProfile,
        "time_formats",
    ): "name → how the times under that name are written, where it is otherwise",
    (
        StreamProfile,
        "values",
    ): "field → their word → ours; words compare as they are stored, others pass as they are",
    (StreamProfile, "constants"): "field → what every event has; the message is not asked",
    (StreamProfile, "split"): "one event becomes one record for each part",
    (StreamProfile, "ignored"): "keys that are known and not needed; all others are counted as unknown",
    (Operation, "at"): "paths from the message, such as `$.op`; the first that says something decides",
    (Operation, "taken"): "the operations whose row is taken; any other is refused, none at all is taken",
    (Part, "suffix"): "added to the key, so that the records of one event have keys of their own",
    (Part, "names"): "names that only this part reads",
    (Part, "constants"): "what every record of this part has",
}


def keys_table() -> str:
    """Every key a profile file can have. Raises LookupError for one nobody has described."""
    return markdown_table(("key", "takes", "default", "meaning"), list(_keys()))


def _keys() -> Iterator[Sequence[str]]:
    for place, kind in _PLACES:
        hints = get_type_hints(kind)
        for field in msgspec.structs.fields(kind):
            if (kind, field.name) not in _MEANINGS:
                raise LookupError(f"describe {kind.__name__}.{field.name} in infra/local/docs/profiles.py")
            default = "**required**" if field.required else _default(field)
            yield f"{place}`{field.name}`", _takes(hints[field.name]), default, _MEANINGS[kind, field.name]


def _default(field: msgspec.structs.FieldInfo) -> str:
    return f"`{field.default}`" if isinstance(field.default, str) else "none"


def _takes(hint: Any) -> str:
    if get_origin(hint) is Literal:
        return codes(get_args(hint))
    if get_origin(hint) is tuple:
        return "a list"
    return "text" if hint is str else "an object"


def profiles_table() -> str:
    """The profiles there are."""
    rows = []
    for name in profile_names():
        profile = load_profile(name)
        hubs = codes(dict.fromkeys((profile.ledger.hub, profile.payment_order.hub)))
        rows.append((f"`{name}`", profile.meaning, hubs))
    return markdown_table(("profile", "producers send", "hubs"), rows)


def names_table(contract: Contract) -> str:
    """Under which names each profile reads the fields of an event."""
    rows = [
        (f"`{field.name}`", *(_read(contract, field.name, name) for name in profile_names()))
        for field in contract.all_fields()
    ]
    return markdown_table(("field", *(f"`{name}`" for name in profile_names())), rows)


def _read(contract: Contract, field: str, name: str) -> str:
    profile = load_profile(name).of(contract.stream)
    if constant := profile.constants.get(field):
        return f"always `{constant}`"
    if profile.split and any(field in (*part.names, *part.constants) for part in profile.split):
        told = [(part.constants.get(field) or names_of(field, profile, part)[0]) for part in profile.split]
        return codes(told)
    words = [_spelt(contract, field, each, profile) for each in names_of(field, profile)]
    standing_in = [_spelt(contract, field, each, profile) for each in profile.fallbacks.get(field, ())]
    return ", ".join(words) + (f"; else {', '.join(standing_in)}" if standing_in else "")


def _spelt(contract: Contract, field: str, name: str, profile: StreamProfile) -> str:
    kind = next(each.kind for each in contract.all_fields() if each.name == field)
    form = profile.time_formats.get(name, profile.time_format) if kind is INSTANT else "iso8601"
    return f"`{name}`" + (f" ({form})" if form != "iso8601" else "")


def stream_tables() -> Iterator[tuple[str, Contract]]:
    """The names of the tables of names, and their contracts."""
    for contract in CONTRACTS:
        yield f"names {contract.stream}", contract
