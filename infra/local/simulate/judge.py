"""The verdict: what the events the hubs kept must lead to, against what stands in the database."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from infra.local.simulate.oracle import (
    KEYS,
    LEDGER,
    ORDERS,
    Defaults,
    Oracle,
    Place,
    Row,
    Version,
    version_of,
)
from infra.local.simulate.reading import Kept
from infra.local.simulate.stored import TABLES, Evidence, Stored

OUTCOMES = ("applied", "superseded", "duplicate", "dead_lettered")
NOTHING = "nothing"
# A row of a pair that nobody knows or points to any more.
_EMPTY_PAIR = {"state": "OPEN", "anomalies": frozenset()}

Body = tuple[str, bytes]


@dataclass(frozen=True)
class Difference:
    """One place where the two disagree; `stream` and `key` say whose history explains it."""

    where: str
    expected: Any
    found: Any
    stream: str = ""
    key: str = ""


@dataclass(frozen=True)
class Check:
    """One rule and where it is broken; `seen` is how many things were compared."""

    name: str
    rule: str
    seen: int
    differences: tuple[Difference, ...]

    @property
    def held(self) -> bool:
        return not self.differences


@dataclass
class Facts:
    """What was sent, what the hubs kept of it, and what stands in the database."""

    kept: Sequence[Kept]
    stored: Stored
    poison: set[Body]
    sent: Counter[Body]
    defaults: Defaults
    versions: dict[Place, Version] = field(default_factory=dict)
    oracle: Oracle = field(init=False)

    def __post_init__(self) -> None:
        """Fold every sound event."""
        told = [each.told() for each in self.kept if not self.is_poison(each)]
        self.oracle = Oracle(self.defaults)
        self.oracle.learn(told)
        self.versions = {each.place: version_of(each, self.defaults) for each in told}

    def is_poison(self, kept: Kept) -> bool:
        return (kept.stream, kept.body) in self.poison


def judge(facts: Facts) -> list[Check]:
    """Every rule, in the order a reader wants them."""
    rules = (
        ("O1 ledger entries", "equal the fold of all events", _rows(facts, LEDGER)),
        ("O1 payment orders", "equal the fold of all events", _rows(facts, ORDERS)),
        ("O1 pairs", "equal the meeting of the folded rows", _pairs(facts)),
        ("O2 outcomes", "applied + superseded + duplicate + dead-lettered = received", _outcomes(facts)),
        ("O2 no gaps", "received = what each partition of the hubs holds, one generation", _heads(facts)),
        ("O2 dead letters", "exactly the poison, byte for byte", _letters(facts)),
        ("evidence", "one trace per applied record, the last one is the row's content", _evidence(facts)),
        ("the hubs", "keep every event they acknowledged, and none that nobody sent", _hubs(facts)),
    )
    return [_check(name, rule, found) for name, rule, found in rules]


Found = Iterator[Difference | None]


def _check(name: str, rule: str, found: Found) -> Check:
    """Each thing compared gives None or a difference."""
    all_found = list(found)
    return Check(name, rule, len(all_found), tuple(each for each in all_found if each is not None))


def _compared(where: str, expected: Any, found: Any, stream: str = "", key: str = "") -> Difference | None:
    return None if expected == found else Difference(where, expected, found, stream, key)


def _rows(facts: Facts, stream: str) -> Found:
    table = TABLES[stream][0]
    yield from _mappings(table, facts.oracle.rows(stream), facts.stored.rows[stream], stream)


def _mappings(table: str, expected: Mapping[str, Row], found: Mapping[str, Row], stream: str) -> Found:
    for key in sorted(expected.keys() | found.keys()):
        wanted, stands = expected.get(key), found.get(key)
        if wanted is None or stands is None:
            yield Difference(f"{table} {key}", wanted or NOTHING, stands or NOTHING, stream, key)
        else:
            yield _compared(f"{table} {key}", *_where_they_differ(wanted, stands), stream, key)


def _where_they_differ(expected: Row, found: Row) -> tuple[Row, Row]:
    """Both sides, only the columns that differ."""
    names = [name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name)]
    return {n: expected.get(n) for n in sorted(names)}, {n: found.get(n) for n in sorted(names)}


def _pairs(facts: Facts) -> Found:
    """Pairs of orders that are neither known nor pointed to any more must be empty, and known from before."""
    expected, found = dict(facts.oracle.pairs()), {}
    for order_id, row in facts.stored.pairs.items():
        found[order_id], problems = _settled(row, facts.stored.entries)
        yield from problems
        if order_id not in expected and order_id in facts.oracle.related:
            expected[order_id] = dict.fromkeys(found[order_id]) | _EMPTY_PAIR
    yield from _mappings("pairs", expected, found, ORDERS)


def _settled(row: Row, entries: Mapping[str, Row]) -> tuple[Row, list[Difference]]:
    """The pair without the moments that hang on when entries came; those are held against the entries."""
    order_id = row["order_id"]
    legs = [entries.get(tx) for tx in (row["payment_tx_id"], row["receive_tx_id"]) if tx]
    came = [leg["first_ingested_at"] for leg in legs if leg]
    moments = {
        "completed_at": max(came) if len(came) == 2 else None,
        "incomplete_since": came[0] if len(came) == 1 else None,
    }
    wrong = [
        _compared(f"pairs {order_id} {n}", want, row[n], ORDERS, order_id) for n, want in moments.items()
    ]
    passing = {*moments, "overdue_at", "order_id"}
    kept = {name: value for name, value in row.items() if name not in passing}
    return kept | {"anomalies": frozenset(row["anomalies"])}, [each for each in wrong if each]


def _outcomes(facts: Facts) -> Found:
    for position in facts.stored.positions:
        where = f"{position['hub']}/{position['partition_id']}"
        counted = sum(position[name] for name in OUTCOMES)
        yield _compared(f"{where} outcomes", int(position["received"]), counted)


def _heads(facts: Facts) -> Found:
    """Per partition: from the first to the last event the hub keeps, in one piece, each counted once."""
    kept: dict[tuple[str, str], list[int]] = {}
    for each in facts.kept:
        kept.setdefault((each.hub, each.partition_id), []).append(each.sequence_number)
    found = Counter((row["hub"], row["partition_id"]) for row in facts.stored.positions)
    rows = {(row["hub"], row["partition_id"]): row for row in facts.stored.positions}
    for place in sorted(kept.keys() | rows.keys()):
        numbers, row = kept.get(place, []), rows.get(place)
        wanted = (min(numbers), max(numbers), len(numbers), 1, 1) if numbers else (None, None, 0, 0, 1)
        have = (
            (row["first"], row["last"], int(row["received"]), row["parts"], found[place]) if row else NOTHING
        )
        yield _compared(f"{place[0]}/{place[1]} first, last, events, pieces, generations", wanted, have)


def _letters(facts: Facts) -> Found:
    expected = {
        (each.stream, each.partition_id, each.sequence_number): each.body
        for each in facts.kept
        if facts.is_poison(each)
    }
    found = {(each.stream, each.partition_id, each.sequence_number): each for each in facts.stored.letters}
    for place in sorted(expected.keys() | found.keys()):
        letter = found.get(place)
        where = f"dead letter {'/'.join(map(str, place))}" + (f" {letter.error_code}" if letter else "")
        yield _compared(where, expected.get(place, NOTHING), bytes(letter.body) if letter else NOTHING)
    counted = sum(row["dead_lettered"] for row in facts.stored.positions)
    yield _compared("dead letters counted", len(facts.stored.letters), counted)


def _evidence(facts: Facts) -> Found:
    """Each trace has its event; no event has two; the newest trace of a key has the content of its row."""
    evidence = facts.stored.evidence
    times = Counter((each.stream, each.partition_id, each.sequence_number) for each in evidence)
    newest: dict[tuple[str, str], tuple[Any, bytes]] = {}
    for each in evidence:
        place = (each.stream, each.partition_id, each.sequence_number)
        version = facts.versions.get(place)
        stream = ORDERS if each.is_order else LEDGER
        told = (version.content[KEYS[stream]], version.digest, 1) if version else NOTHING
        trace = (each.record_key, bytes(each.content_digest), times[place])
        yield _compared(
            f"trace {'/'.join(map(str, place))} key, digest, times", told, trace, stream, each.record_key
        )
        if version is not None:
            mark = (stream, each.record_key)
            newest[mark] = max(newest.get(mark, (version.revision, version.digest)), _aged(version))
    for stream in KEYS:
        for key, row in facts.stored.rows[stream].items():
            content = newest.get((stream, key), (None, b""))[1]
            yield _compared(
                f"newest trace of {key}", bytes(row["content_digest"]).hex(), content.hex(), stream, key
            )
    counted = sum(row["records_applied"] for row in facts.stored.positions)
    yield _compared("traces counted", counted, len(evidence))


def _aged(version: Version) -> tuple[Any, bytes]:
    return version.revision, version.digest


def _hubs(facts: Facts) -> Found:
    """An event may stand in a hub twice when its acknowledgement was lost; the SDK then sent it again."""
    kept = Counter((each.stream, each.body) for each in facts.kept)
    for body in facts.sent.keys() | kept.keys():
        lost = kept[body] < facts.sent[body]
        strange = facts.sent[body] == 0
        if lost or strange:
            yield Difference(f"{body[0]} event {body[1][:80]!r}", facts.sent[body], kept[body])
        else:
            yield None


def history_of(facts: Facts, stream: str, key: str) -> list[str]:
    """Everything that happened to a key: its events in the order of the hubs' times, and which were applied."""
    applied = {(e.stream, e.partition_id, e.sequence_number): e for e in facts.stored.evidence}
    told = [
        each
        for each in facts.kept
        if (each.stream, each.partition_id, each.sequence_number) in facts.versions
        and _is_of(facts, each, stream, key)
    ]
    return [_line(each, applied) for each in sorted(told, key=lambda each: (each.enqueued_at, each.stream))]


def _is_of(facts: Facts, kept: Kept, stream: str, key: str) -> bool:
    content = facts.versions[kept.stream, kept.partition_id, kept.sequence_number].content
    if kept.stream == stream and content[KEYS[stream]] == key:
        return True
    # The history of a pair is that of its entries too.
    return stream == ORDERS and content.get("related_id") == key


def _line(kept: Kept, applied: Mapping[Place, Evidence]) -> str:
    trace = applied.get((kept.stream, kept.partition_id, kept.sequence_number))
    end = f"applied at {trace.applied_at.isoformat()}" if trace else "left no trace"
    place = f"{kept.hub}/{kept.partition_id} {kept.sequence_number}"
    return f"{kept.enqueued_at.isoformat()} {place} {kept.body.decode(errors='replace')} {end}"


def histories(facts: Facts, checks: Iterable[Check], keys_max: int) -> dict[str, list[str]]:
    """The histories behind the first differences of each check."""
    found: dict[str, list[str]] = {}
    for check in checks:
        for each in check.differences[:keys_max]:
            if each.key:
                found.setdefault(each.key, history_of(facts, each.stream, each.key))
    return found
