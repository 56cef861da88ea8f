"""What a run will do: how many events, and which fault after how many of them. A pure function of seed and options."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from random import Random
from typing import Any

RATE = 250
ORDERS = 150
MINUTES = 2.0
SECONDS_PER_FAULT = 6.0
# Calm at both ends: the first events meet a healthy system, and the last faults still meet events.
FIRST_SHARE, LAST_SHARE = 0.06, 0.92
EVENTS_MIN = 200
LOSE, LOSE_TAIL = "lose", "lose-tail"
# Kinds whose events stay away until they are read again.
LOSING = (LOSE, LOSE_TAIL)
# How long before the end of publishing the tail begins to be lost.
TAIL_SECONDS = 3.0


class Target(StrEnum):
    """What a fault happens to; two faults of one target never overlap, those of different targets may."""

    HOST = "host"
    HUBS = "event hubs"
    DATABASE = "database"
    NETWORK = "network"
    EVENTS = "events"


@dataclass(frozen=True)
class Kind:
    """A kind of fault: what it does in few words, and between how many seconds it lasts."""

    name: str
    target: Target
    says: str
    lasts: tuple[float, float] = (0.0, 0.0)


KINDS = (
    Kind("kill-host", Target.HOST, "SIGKILL to the Functions host, started again later", (0.2, 3.0)),
    Kind("kill-hubs", Target.HUBS, "SIGKILL to Event Hubs, started again later", (0.5, 4.0)),
    Kind("kill-database", Target.DATABASE, "SIGKILL to PostgreSQL, started again later", (0.5, 4.0)),
    Kind("crash", Target.HOST, "the host dies after a batch was stored, before its checkpoint is"),
    Kind("rewind", Target.HOST, "the checkpoints of a hub are set back: its events come again"),
    Kind("fail", Target.HOST, "the next invocations of a function fail before they begin"),
    Kind("pause", Target.HOST, "a function is paused", (2.0, 6.0)),
    Kind(LOSE, Target.HOST, "the host loses the next batch of a function: its checkpoint moves on"),
    Kind(LOSE_TAIL, Target.HOST, "the host loses the last batches of a function: nothing comes after them"),
    Kind("cut", Target.NETWORK, "every connection to the database is reset at once"),
    Kind("commit", Target.NETWORK, "a transaction commits, and its answer never arrives"),
    Kind("flaky", Target.NETWORK, "connections to the database are cut inside random messages", (2.0, 5.0)),
    Kind("refuse", Target.NETWORK, "the database takes no connection", (2.0, 5.0)),
    Kind("backends", Target.DATABASE, "a random backend is terminated five times a second", (2.0, 5.0)),
    Kind("links", Target.HUBS, "every connection to Event Hubs is dropped"),
    Kind("poison", Target.EVENTS, "a handful of events that can never be applied"),
    Kind("reorder", Target.EVENTS, "the next events are sent in another order"),
    Kind("repeat", Target.EVENTS, "the last events are sent a second time"),
)
_BY_NAME = {kind.name: kind for kind in KINDS}


@dataclass(frozen=True)
class Fault:
    """One fault of the schedule; `choice` settles what the kind leaves open, such as which function."""

    number: int
    kind: str
    after_events: int
    lasts_seconds: float
    choice: int

    @property
    def target(self) -> Target:
        return _BY_NAME[self.kind].target

    @property
    def says(self) -> str:
        return _BY_NAME[self.kind].says


@dataclass(frozen=True)
class Options:
    """What may be chosen. `orders` are those that many events fight over: fewer make more ties and races."""

    minutes: float = MINUTES
    rate: int = RATE
    orders: int = ORDERS
    kinds: tuple[str, ...] = tuple(kind.name for kind in KINDS)


@dataclass(frozen=True)
class Plan:
    """The schedule of one run; `events` counts what is published, the poison and the repetitions included."""

    seed: int
    minutes: float
    rate: int
    orders: int
    events: int
    faults: tuple[Fault, ...]

    def of(self, target: Target) -> list[Fault]:
        """The faults of one target, in their order."""
        return [fault for fault in self.faults if fault.target is target]

    def document(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


class KindUnknown(ValueError):
    """The list of faults names one that does not exist."""


def chosen_kinds(text: str) -> tuple[str, ...]:
    """The kinds of a comma-separated list; a first part stands for all it begins (`kill`), `none` for none.

    Raises KindUnknown.
    """
    words = [word.strip() for word in text.split(",") if word.strip()]
    found: set[str] = set()
    for word in words:
        mine = {name for name in _BY_NAME if name == word or name.startswith(f"{word}-")}
        if not mine and word != "none":
            raise KindUnknown(f"there is no fault {word!r}; there are {', '.join(_BY_NAME)}")
        found |= mine
    return tuple(name for name in _BY_NAME if name in found)


def make_plan(seed: int, options: Options) -> Plan:
    """The schedule; the same arguments give the same one, on every machine."""
    events = max(EVENTS_MIN, round(options.minutes * 60 * options.rate))
    count = max(1, round(options.minutes * 60 / SECONDS_PER_FAULT)) if options.kinds else 0
    chance = Random(f"counterfoil faults {seed}")
    dealt, tail = [kind for kind in options.kinds if kind != LOSE_TAIL], LOSE_TAIL in options.kinds
    count = count - tail if dealt else 0
    names, places = _dealt(chance, dealt, count), _places(chance, events, count)
    if tail:
        names.append(LOSE_TAIL)
        places.append(_tail_place(events, options.rate))
    faults = tuple(
        _fault(chance, number, name, place)
        for number, (name, place) in enumerate(zip(names, places, strict=True), 1)
    )
    return Plan(seed, options.minutes, options.rate, options.orders, events, faults)


def _dealt(chance: Random, kinds: Sequence[str], count: int) -> list[str]:
    """Like cards: every kind comes once before any comes again."""
    names: list[str] = []
    while len(names) < count:
        names += chance.sample(kinds, len(kinds))
    return names[:count]


def _places(chance: Random, events: int, count: int) -> list[int]:
    """One place in each of as many equal parts, so that faults neither crowd nor stay away for long."""
    first, last = events * FIRST_SHARE, events * LAST_SHARE
    part = (last - first) / max(count, 1)
    return [int(first + part * (number + chance.random())) for number in range(count)]


def _tail_place(events: int, rate: int) -> int:
    """Behind every other fault, and so near the end that what is lost from there on is small."""
    return max(int(events * LAST_SHARE), round(events - TAIL_SECONDS * rate))


def _fault(chance: Random, number: int, name: str, place: int) -> Fault:
    low, high = _BY_NAME[name].lasts
    return Fault(number, name, place, round(low + (high - low) * chance.random(), 2), chance.getrandbits(31))
