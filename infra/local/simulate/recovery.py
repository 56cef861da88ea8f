"""After the drain: the watch must see what the platform lost, and the product's own command must bring it back.

What is missing is computed here from what the hubs hold and what was received, and held against what the watch
recorded, number by number, and against what the command names. Only then the command reads it again, as a process.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import psycopg

from infra.local.sample.model import Stream
from infra.local.simulate.judge import Check, Difference
from infra.local.simulate.losses import Batch, Loss, Place, Ranges, Received, common, missing, written
from infra.local.simulate.system import System
from infra.local.simulate.watch import Counts, fetch_held, fetch_received
from infra.local.stack.principals import principal_id_of
from shared.security.model import Role

TIMER = "timer_watch_sync"
COMMAND = "shared.sync.replay"
WHO = principal_id_of(Role.ADMINISTRATOR)
REASON = "the platform lost a batch"
# The timer is asked again as long as what it should do is not done.
ASK_AGAIN_SECONDS = 5.0
SEE_SECONDS = 40.0
REPLAY_SECONDS = 120.0
_GAPS = """
SELECT hub, partition_id, first_number, last_number, state, replayed_by, lower(part), upper(part) - 1
FROM sequence_gaps JOIN stream_positions USING (position_id) LEFT JOIN LATERAL unnest(missing) AS part ON true
WHERE consumer_group = %s ORDER BY hub, partition_id, first_number, 7
"""
# True when it happened in so many seconds.
Within = Callable[[float, Callable[[], bool]], bool]


@dataclass(frozen=True)
class Gap:
    """A gap as the product keeps it."""

    place: Place
    first: int
    last: int
    state: str
    replayed_by: str | None
    missing: Ranges


@dataclass(frozen=True)
class Missing:
    """What was not received of each partition: in gaps, and beyond the last number received."""

    gaps: Mapping[Place, Ranges]
    tails: Mapping[Place, Ranges]

    @property
    def is_anything(self) -> bool:
        return any(self.gaps.values()) or any(self.tails.values())


@dataclass(frozen=True)
class Replay:
    """One run of the command: its words, its exit status (None: it did not end), its account per partition."""

    words: tuple[str, ...]
    at_seconds: float
    seconds: float
    status: int | None
    partitions: tuple[Mapping[str, Any], ...]

    @property
    def taken(self) -> int:
        return sum(sum(each["events"].values()) for each in self.partitions)

    @property
    def named(self) -> dict[tuple[str, str], Ranges]:
        """By stream and partition, the numbers it names beyond the last received."""
        return {
            (each["stream"], each["partition_id"]): tuple((first, last) for first, last in each["unread"])
            for each in self.partitions
            if each["unread"]
        }


def missing_of(held: Counts, received: Received) -> Missing:
    """Per partition that holds anything; a gap lies below the highest number received."""
    gaps, tails = {}, {}
    for place, number in held.items():
        mine = received.get(place, ())
        highest = mine[-1][1] if mine else -1
        gaps[place] = missing(mine, 0, highest)
        tails[place] = missing(mine, highest + 1, number - 1)
    return Missing(gaps, tails)


def open_gaps(gaps: Sequence[Gap]) -> dict[Place, Ranges]:
    """What the product says can still be read again, by partition."""
    found: dict[Place, Ranges] = {}
    for gap in gaps:
        if gap.state == "OPEN":
            found[gap.place] = (*found.get(gap.place, ()), *gap.missing)
    return found


class Recovery:
    """Sees, replays and checks. What it did can be read while it works."""

    def __init__(self, system: System, within: Within, now: Callable[[], float]) -> None:
        self._system = system
        self._within = within
        self._now = now
        self._before = self._after = Missing({}, {})
        self.replays: list[Replay] = []

    def recover(self) -> list[Check]:
        """Everything, and the rules that hold for it."""
        with psycopg.connect(self._system.conninfo("auditor"), autocommit=True) as connection:
            self._before = self._look(connection)
            seen = self._see(connection)
            if self._before.is_anything:
                self._replay()
            closed = self._close(connection, seen)
            self._after = self._look(connection)
        return [
            _check("losses seen", "the watch records every hole as an open gap, number by number", self._seen(seen)),
            _check("losses named", "the replay names what lies beyond the last event received", self._named()),
            _check("losses read", "every replay ends with status 0", self._ended()),
            _check("losses closed", "every gap is closed, by the replay if it was seen open, and nothing is missing",
                   self._closed(seen, closed)),
        ]  # fmt: skip

    def losses(self, batches: Sequence[Batch], recovered: Mapping[Batch, float]) -> list[Loss]:
        """What became of every batch; `recovered` says when nothing of it was missing any more."""
        return [
            Loss(
                batch,
                common(((batch.first, batch.last),), self._before.gaps.get(batch.place, ())),
                common(((batch.first, batch.last),), self._before.tails.get(batch.place, ())),
                common(((batch.first, batch.last),), self._left(batch.place)),
                recovered.get(batch),
            )
            for batch in batches
        ]

    def _left(self, place: Place) -> Ranges:
        return (*self._after.gaps.get(place, ()), *self._after.tails.get(place, ()))

    def _look(self, connection: psycopg.Connection[Any]) -> Missing:
        received = fetch_received(connection, self._system.settings.event_consumer_group)
        return missing_of(fetch_held(self._system), received)

    def _gaps(self, connection: psycopg.Connection[Any]) -> list[Gap]:
        found: dict[tuple[Place, int], Gap] = {}
        group = self._system.settings.event_consumer_group
        for hub, partition_id, first, last, state, who, low, high in connection.execute(_GAPS, [group]):
            key = ((hub, partition_id), first)
            before = found[key].missing if key in found else ()
            parts = before if low is None else (*before, (int(low), int(high)))
            found[key] = Gap(key[0], first, last, state, who, parts)
        return list(found.values())

    def _see(self, connection: psycopg.Connection[Any]) -> list[Gap]:
        """The gaps once the watch has recorded every hole, or at the end of the patience."""
        wanted = {place: ranges for place, ranges in self._before.gaps.items() if ranges}
        return self._watched(connection, lambda gaps: open_gaps(gaps) == wanted)

    def _close(self, connection: psycopg.Connection[Any], seen: Sequence[Gap]) -> list[Gap]:
        """A gap whose events came by another way is closed by the watch, not by the replay."""
        if not seen:
            return self._gaps(connection)
        return self._watched(connection, lambda gaps: all(gap.state == "CLOSED" for gap in gaps))

    def _watched(
        self, connection: psycopg.Connection[Any], is_done: Callable[[list[Gap]], bool]
    ) -> list[Gap]:
        """Let the watch run until the gaps are as they should be; what they were last."""
        asked: list[float] = []

        def happened() -> bool:
            if is_done(self._gaps(connection)):
                return True
            if not asked or time.monotonic() - asked[-1] > ASK_AGAIN_SECONDS:
                asked.append(time.monotonic())
                # A host that just came up may not answer yet; it is asked again.
                try:
                    self._system.run_timer(TIMER)
                except httpx.HTTPError:
                    return False
            return False

        self._within(SEE_SECONDS, happened)
        return self._gaps(connection)

    def _replay(self) -> None:
        """All gaps first; then the tails, in the words with which the command names them."""
        first = self._run()
        for (stream, partition_id), ranges in first.named.items():
            self._run("--stream", stream, "--partition", partition_id, "--ranges", written(ranges))

    def _run(self, *words: str) -> Replay:
        began = self._now()
        output = self._system.layout.logs / f"replay-{len(self.replays) + 1}.json"
        token = ("--token-file", str(self._system.layout.admin_token))
        arguments = (*token, "--json", "--reason", REASON, *words)
        process = self._system.start_product(COMMAND, arguments, output)
        if not self._within(REPLAY_SECONDS, lambda: process.poll() is not None):
            process.kill()
            process.wait()
        ended = None if process.returncode < 0 else process.returncode
        said = "" if ended is None else output.read_text()
        partitions = tuple(json.loads(said)["partitions"]) if said else ()
        self.replays.append(Replay(words, began, self._now() - began, ended, partitions))
        return self.replays[-1]

    def _seen(self, seen: Sequence[Gap]) -> Iterator[Difference | None]:
        found = open_gaps(seen)
        for place in sorted(self._before.gaps.keys() | found.keys()):
            yield _compared(
                f"{'/'.join(place)} open gaps", self._before.gaps.get(place, ()), found.get(place, ())
            )

    def _named(self) -> Iterator[Difference | None]:
        streams: dict[str, Stream] = {hub: stream for stream, hub in self._system.hub_names.items()}
        named = self.replays[0].named if self.replays else {}
        for place, tail in sorted(self._before.tails.items()):
            found = named.get((streams[place[0]], place[1]), ())
            yield _compared(f"{'/'.join(place)} beyond the last", tail, found)

    def _ended(self) -> Iterator[Difference | None]:
        yield _compared("something was replayed", self._before.is_anything, bool(self.replays))
        for each in self.replays:
            yield _compared(f"replay {' '.join(each.words)}".strip(), 0, each.status)

    def _closed(self, seen: Sequence[Gap], closed: Sequence[Gap]) -> Iterator[Difference | None]:
        were_open = {(gap.place, gap.first) for gap in seen if gap.state == "OPEN"}
        for gap in closed:
            was_open = (gap.place, gap.first) in were_open
            wanted = ("CLOSED", WHO if was_open else gap.replayed_by, ())
            where = f"{'/'.join(gap.place)} gap {gap.first}-{gap.last}"
            yield _compared(where, wanted, (gap.state, gap.replayed_by, gap.missing))
        for place in sorted(self._after.gaps):
            yield _compared(f"{'/'.join(place)} missing", (), self._left(place))


def _compared(where: str, expected: Any, found: Any) -> Difference | None:
    return None if expected == found else Difference(where, expected, found)


def _check(name: str, rule: str, found: Iterator[Difference | None]) -> Check:
    all_found = list(found)
    return Check(name, rule, len(all_found), tuple(each for each in all_found if each is not None))
