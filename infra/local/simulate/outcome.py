"""What a run has shown: faults, counts, delays, verdict; as JSON has it too."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from infra.local.simulate.faults import Injected
from infra.local.simulate.judge import Check, Facts, histories
from infra.local.simulate.losses import Batch, Loss
from infra.local.simulate.plan import LOSING, Plan, Target
from infra.local.simulate.recovery import Replay
from infra.local.simulate.stored import Evidence
from infra.local.simulate.watch import Sample

OK, VIOLATED, NOT_JUDGED = "ok", "violated", "not judged"
SHOWN_DIFFERENCES = 5
COUNTS = ("applied", "superseded", "duplicate", "dead_lettered", "redelivered")


@dataclass(frozen=True)
class Delays:
    """How long events waited until they were applied, in seconds: percentiles of so many."""

    count: int
    p50: float
    p95: float
    p99: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> "Delays":
        """All zero when there are none."""
        ordered = sorted(seconds)

        def at(share: float) -> float:
            return round(ordered[math.ceil(share * len(ordered)) - 1], 3) if ordered else 0.0

        return cls(len(ordered), at(0.50), at(0.95), at(0.99))


@dataclass
class Outcome:
    """One run. `checks` are empty when it was ended before it could be judged."""

    plan: Plan
    began_at: datetime
    injected: Sequence[Injected] = ()
    samples: Sequence[Sample] = ()
    published: int = 0
    resent: int = 0
    restarts: int = 0
    interrupted: bool = False
    counts: dict[str, int] = field(default_factory=dict)
    checks: Sequence[Check] = ()
    losses: Sequence[Loss] = ()
    replays: Sequence[Replay] = ()
    histories: dict[str, list[str]] = field(default_factory=dict)
    delays_calm: Delays = field(default_factory=lambda: Delays.of(()))
    delays_disturbed: Delays = field(default_factory=lambda: Delays.of(()))
    seconds: float = 0.0

    @property
    def verdict(self) -> str:
        if not self.checks:
            return NOT_JUDGED
        return OK if all(check.held for check in self.checks) else VIOLATED

    @property
    def received(self) -> int:
        return sum(self.counts.get(name, 0) for name in COUNTS[:4])

    @property
    def throughput(self) -> float:
        """Events per second from the first to the last, faults included."""
        return self.received / self.seconds if self.seconds else 0.0

    def recovered_at(self, batches: Iterable[Batch]) -> dict[Batch, float]:
        """When nothing of a lost batch was missing any more, by the samples; of what still is, nothing."""
        found: dict[Batch, float] = {}
        for batch in batches:
            later = (s for s in self.samples if s.at_seconds >= batch.at_seconds and s.received is not None)
            whole = next((sample.at_seconds for sample in later if batch not in sample.lost), None)
            if whole is not None:
                found[batch] = whole
        return found

    def judged(self, facts: Facts, checks: Sequence[Check]) -> None:
        """Take over the verdict and what the database says of counts and delays."""
        self.checks = checks
        self.histories = histories(facts, checks, SHOWN_DIFFERENCES)
        self.counts = {name: sum(int(row[name]) for row in facts.stored.positions) for name in COUNTS}
        calm: list[float] = []
        disturbed: list[float] = []
        for each in facts.stored.evidence:
            seconds = (each.applied_at - each.enqueued_at).total_seconds()
            (disturbed if self._is_disturbed(each) else calm).append(max(0.0, seconds))
        self.delays_calm, self.delays_disturbed = Delays.of(calm), Delays.of(disturbed)

    def _is_disturbed(self, evidence: Evidence) -> bool:
        """Whether any of its wait lay between the beginning of a fault and the moment it was made up for.

        A lost batch disturbs its own events and no others.
        """
        if any(_is_in(loss.batch, evidence) for loss in self.losses):
            return True
        came = (evidence.enqueued_at - self.began_at).total_seconds()
        applied = (evidence.applied_at - self.began_at).total_seconds()
        return any(
            applied >= done.began and came <= (math.inf if done.caught_up is None else done.caught_up)
            for done in self.injected
            if done.fault.target is not Target.EVENTS and done.fault.kind not in LOSING
        )

    def document(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "seed": self.plan.seed,
            "verdict": self.verdict,
            "interrupted": self.interrupted,
            "began_at": self.began_at.isoformat(timespec="milliseconds"),
            "seconds": round(self.seconds, 2),
            "published": self.published,
            "resent": self.resent,
            "received": self.received,
            "counts": self.counts,
            "events_per_second": round(self.throughput, 1),
            "unplanned_restarts": self.restarts,
            "apply_delay_seconds": {
                "without_faults": vars(self.delays_calm),
                "with_faults": vars(self.delays_disturbed),
            },
            "faults": [_fault_document(done) for done in self.injected],
            "losses": [_loss_document(loss) for loss in self.losses],
            "replays": [_replay_document(each) for each in self.replays],
            "checks": [_check_document(check) for check in self.checks],
            "histories": self.histories,
            "plan": self.plan.document(),
            "samples": [_sample_document(sample) for sample in self.samples],
        }


def _is_in(batch: Batch, evidence: Evidence) -> bool:
    place = (batch.stream, batch.partition_id)
    is_there = (evidence.stream, evidence.partition_id) == place
    return is_there and batch.first <= evidence.sequence_number <= batch.last


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 2)


def _loss_document(loss: Loss) -> dict[str, Any]:
    batch = loss.batch
    return {
        "fault": batch.fault,
        "stream": batch.stream,
        "hub": batch.hub,
        "partition_id": batch.partition_id,
        "first": batch.first,
        "last": batch.last,
        "at_seconds": _rounded(batch.at_seconds),
        "in_gap": loss.gap,
        "in_tail": loss.tail,
        "still_missing": loss.left,
        "closed_by": loss.closed_by,
        "recovered_seconds": _rounded(loss.recovered_seconds),
    }


def _replay_document(replay: Replay) -> dict[str, Any]:
    return {
        "words": replay.words,
        "at_seconds": _rounded(replay.at_seconds),
        "seconds": _rounded(replay.seconds),
        "status": replay.status,
        "partitions": replay.partitions,
    }


def _fault_document(done: Injected) -> dict[str, Any]:
    return {
        "number": done.fault.number,
        "kind": done.fault.kind,
        "after_events": done.fault.after_events,
        "began_seconds": _rounded(done.began),
        "ended_seconds": _rounded(done.ended),
        "caught_up_seconds": _rounded(done.caught_up),
        "note": done.note,
    }


def _check_document(check: Check) -> dict[str, Any]:
    return {
        "name": check.name,
        "rule": check.rule,
        "compared": check.seen,
        "held": check.held,
        "differences": len(check.differences),
        "first_differences": [
            {"where": each.where, "expected": str(each.expected), "found": str(each.found)}
            for each in check.differences[:SHOWN_DIFFERENCES]
        ],
    }


def _sample_document(sample: Sample) -> dict[str, Any]:
    return {
        "at_seconds": round(sample.at_seconds, 2),
        "acknowledged": sample.acknowledged,
        "held": None if sample.held is None else sum(sample.held.values()),
        "received": None if sample.received is None else sum(sample.received.values()),
        "lost": sum(sample.lost.values()),
    }
