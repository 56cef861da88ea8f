"""The final state a stream of sample events leads to, computed in plain Python from the contract's rules."""

import json
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from infra.local.sample.model import LEDGER, MALFORMED_PREFIX, SampleEvent

Record = dict[str, Any]


class FoldedState:
    """The greatest version of every record, and the pairs they form."""

    def __init__(self, events: Iterable[SampleEvent]) -> None:
        self.entries: dict[str, tuple[tuple[Any, ...], Record]] = {}
        self.orders: dict[str, tuple[tuple[Any, ...], Record]] = {}
        self._touched: set[str] = set()
        for place, event in enumerate(events):
            if not event.kind.startswith(MALFORMED_PREFIX):
                self._take(event, place)

    def pair_states(self) -> Counter[str]:
        states = Counter(self._state(legs) for legs in self._legs().values())
        states["OPEN"] += len((self.orders.keys() | self._touched) - self._legs().keys())
        return states

    def _take(self, event: SampleEvent, place: int) -> None:
        body = json.loads(event.body)
        record: Record = body["data"] if "specversion" in body else body
        rows, key = (self.entries, "tx_id") if event.stream == LEDGER else (self.orders, "order_id")
        revision = _revision(record, place)
        held = rows.get(record[key])
        if held is None or revision > held[0]:
            rows[record[key]] = (revision, record)
        if record.get("related_id"):
            self._touched.add(record["related_id"])

    def _legs(self) -> dict[str, set[str]]:
        legs: dict[str, set[str]] = {}
        for _, entry in self.entries.values():
            side = (entry.get("entry_type") or entry["type"]).upper()
            if side in ("PAYMENT", "RECEIVE") and entry.get("related_id"):
                legs.setdefault(entry["related_id"], set()).add(side)
        return legs

    @staticmethod
    def _state(sides: set[str]) -> str:
        return "COMPLETE" if len(sides) == 2 else "INCOMPLETE"


def _revision(record: Record, place: int) -> tuple[Any, ...]:
    updated = record.get("updated_at")
    stamp = datetime.fromisoformat(updated).timestamp() if updated else float("-inf")
    version = record.get("version", record.get("source_version"))
    return (stamp, -1 if version is None else version, place)
