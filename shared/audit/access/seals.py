"""A seal: an entry of the chain `access` that names access records by their ids, with their count and digest.

The ids are written as PostgreSQL writes a multirange: `{[1,4),[6,7)}`. A seal takes what was committed and older than
a few seconds; what is committed later, whatever its id, goes into the next one.
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from shared.audit.access.model import AccessRecord, lines_digest, record_line
from shared.audit.model import Action, Entry

TARGET = "access_records"
_RANGE = re.compile(r"\[([0-9]{1,19}),([0-9]{1,19})\)")
_IDS = re.compile(r"\{(?:\[[0-9]{1,19},[0-9]{1,19}\)(?:,(?!\}))?)*\}")
_HEX = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Seal:
    """What a seal says. No record that is not in it yet was recorded before `open_from`."""

    position: int
    ids: str
    count: int
    digest: bytes
    first_recorded_at: datetime
    last_recorded_at: datetime
    open_from: datetime

    @property
    def ranges(self) -> list[range]:
        """The ids, in order."""
        return ranges_of(self.ids)


def ranges_of(ids: str) -> list[range]:
    """The ranges of a multirange's text."""
    return [range(int(first), int(end)) for first, end in _RANGE.findall(ids)]


def ids_text(ids: Iterable[int]) -> str:
    """Sorted ids as a multirange's text."""
    runs = [
        [number for _, number in run] for _, run in groupby(enumerate(ids), lambda each: each[1] - each[0])
    ]
    return "{" + ",".join(f"[{run[0]},{run[-1] + 1})" for run in runs) + "}"


def seal_state(records: Sequence[AccessRecord], open_from: datetime) -> dict[str, object]:
    """What the entry of a seal says of these records, which are in the order of their ids."""
    times = [record.recorded_at for record in records]
    return {
        "count": len(records),
        "digest": lines_digest(map(record_line, records)).hex(),
        "first_recorded_at": min(times),
        "ids": ids_text(record.record_id for record in records),
        "last_recorded_at": max(times),
        "open_from": open_from,
    }


def seal_of(entry: Entry) -> Seal | None:
    """The seal an entry is; None for another entry, or for one that does not say what a seal says."""
    return read_seal(entry.position, entry.action, entry.after)


def read_seal(position: int, action: str, after: str | None) -> Seal | None:
    """The same from the values of an archived entry."""
    if action != Action.ACCESS_SEAL or after is None:
        return None
    try:
        said = json.loads(after)
        first, last, start = (
            datetime.fromisoformat(said[name])
            for name in ("first_recorded_at", "last_recorded_at", "open_from")
        )
        ids, count, digest = str(said["ids"]), int(said["count"]), str(said["digest"])
    except (KeyError, TypeError, ValueError):
        return None
    if not _IDS.fullmatch(ids) or not _HEX.fullmatch(digest) or sum(map(len, ranges_of(ids))) != count:
        return None
    return Seal(position, ids, count, bytes.fromhex(digest), first, last, start)


def union_text(seals: Iterable[Seal]) -> str:
    """The ids of many seals as one multirange's text; the server joins what touches."""
    return "{" + ",".join(seal.ids[1:-1] for seal in seals if seal.count) + "}"
