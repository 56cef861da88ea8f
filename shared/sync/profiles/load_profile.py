"""A profile's file becomes a Profile, or every mistake in it is named: the file, the key and what to do."""

import difflib
import json
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from shared.sync.errors import ProfileInvalid
from shared.sync.events import CONTRACTS
from shared.sync.events.contract import Contract
from shared.sync.events.dialect import spoken
from shared.sync.profiles.contradictions import contradictions
from shared.sync.profiles.model import Operation, Part, Profile, StreamProfile

FOLDER = Path(__file__).parent
CANONICAL = "canonical-v1"
_UNKNOWN_KEY = re.compile(r"unknown field `([^`]*)`")


def profile_names() -> list[str]:
    """The profiles there are: one file each."""
    return sorted(file.stem for file in FOLDER.glob("*.json"))


@lru_cache(maxsize=8)
def load_profile(name: str) -> Profile:
    """The profile of that name. Raises ProfileInvalid."""
    names = profile_names()
    if name not in names:
        near = difflib.get_close_matches(name, names, n=1)
        hint = f"did you mean {near[0]}?" if near else "choose one of them"
        raise ProfileInvalid(f"there is no profile {name!r}, only {', '.join(names)} ({hint})")
    return read_profile(FOLDER / f"{name}.json")


def read_profile(file: Path) -> Profile:
    """The profile of a file. Raises ProfileInvalid with every contradiction in it."""
    try:
        profile = msgspec.convert(json.loads(file.read_bytes(), object_pairs_hook=_unique), Profile)
    except OSError as error:
        raise ProfileInvalid(f"{file} cannot be read: {error.strerror}") from error
    except msgspec.ValidationError as error:
        raise ProfileInvalid(f"{file.name}: {_sentence(str(error))}") from error
    except (ValueError, RecursionError) as error:
        raise ProfileInvalid(f"{file.name} is no JSON object that can be read: {error}") from error
    problems = contradictions(profile)
    if profile.name != file.stem:
        problems.insert(0, f"name is {profile.name!r}: give the file that name, or the name {file.stem!r}")
    if problems:
        raise ProfileInvalid("; ".join(f"{file.name}: {problem}" for problem in problems))
    return profile


@lru_cache(maxsize=8)
def contracts_of(name: str) -> tuple[Contract, ...]:
    """The event contracts with the other names a profile reads. Raises ProfileInvalid."""
    profile = load_profile(name)
    return tuple(spoken(contract, profile.of(contract.stream)) for contract in CONTRACTS)


def _unique(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) != len(members):
        twice = next(name for place, (name, _) in enumerate(members) if name in dict(members[:place]))
        raise ValueError(f"the key {twice!r} stands twice in one object; remove one of the two")
    return found


def _sentence(message: str) -> str:
    """What msgspec says, with the nearest key that there is."""
    unknown = _UNKNOWN_KEY.search(message)
    if unknown is None:
        return f"{message}; see docs/profiles.md for what the key takes"
    near = difflib.get_close_matches(unknown[1], _keys_at(message), n=1)
    return f"{message}; " + (f"did you mean {near[0]}?" if near else "remove the key")


def _keys_at(message: str) -> tuple[str, ...]:
    """The keys of the place that msgspec names."""
    if ".split[" in message:
        return Part.__struct_fields__
    if ".operation" in message:
        return Operation.__struct_fields__
    return StreamProfile.__struct_fields__ if "`$." in message else Profile.__struct_fields__
