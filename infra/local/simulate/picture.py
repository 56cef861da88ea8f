"""The picture of a run: rates, lag and faults over one time axis, and the verdict in the title."""

import os
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from infra.local.simulate.losses import joined
from infra.local.simulate.outcome import OK, Outcome
from infra.local.simulate.plan import LOSING, Target
from infra.local.simulate.watch import Sample

# Settled before matplotlib is imported: no display.
os.environ.setdefault("MPLBACKEND", "Agg")

PUBLISHED, RECEIVED, LAG, FAULT, FELT = "#b0b7bf", "#1f4e79", "#c6a15b", "#c0392b", "#f2d7d3"
LOST, MISSED = "#6c3483", "#d7bde2"
GOOD, BAD = "#1e8449", "#c0392b"
RATE_SECONDS = 2.0
# Of one lost batch, where a target's row has the height 1.
LOSS_HEIGHT = 0.4


def draw(outcome: Outcome, path: Path) -> None:
    """Write the PNG; a run without a sample has no picture."""
    from matplotlib import pyplot

    if not outcome.samples:
        return
    figure, (rates, lag, faults) = pyplot.subplots(
        3,
        1,
        figsize=(12, 8),
        sharex=True,
        layout="constrained",
        height_ratios=(1.2, 1, _faults_share(outcome)),
    )
    _rates(rates, outcome.samples)
    _lag(lag, outcome.samples)
    _faults(faults, outcome)
    _losses(faults, outcome)
    for replay in outcome.replays:
        for axes in (rates, lag, faults):
            axes.axvline(replay.at_seconds, color=LOST, linestyle=":", linewidth=1)
    for axes in (rates, lag):
        for done in outcome.injected:
            if _is_felt(done):
                axes.axvspan(done.began, _felt_until(outcome, done), color=FELT, alpha=0.5, linewidth=0)
    faults.set_xlabel("seconds since the first event")
    faults.set_xlim(0, outcome.seconds)
    figure.suptitle(_title(outcome), color=GOOD if outcome.verdict == OK else BAD, fontsize=13)
    figure.savefig(path, dpi=100)
    pyplot.close(figure)


def _faults_share(outcome: Outcome) -> float:
    """The lower third, and more where many lost batches are to be seen."""
    return 1 + min(1.5, LOSS_HEIGHT * len(joined(outcome.losses)) / len(Target))


def _title(outcome: Outcome) -> str:
    return (
        f"Seed {outcome.plan.seed}: {outcome.verdict} — {outcome.received:,} events, "
        f"{len(outcome.injected)} faults, apply delay p95 {outcome.delays_calm.p95:.1f} s in calm, "
        f"{outcome.delays_disturbed.p95:.1f} s under faults"
    )


def _felt_until(outcome: Outcome, done: Any) -> float:
    return outcome.seconds if done.caught_up is None else float(done.caught_up)


def _is_felt(done: Any) -> bool:
    """Whether others than its own events had to wait for it."""
    return done.fault.target is not Target.EVENTS and done.fault.kind not in LOSING


def _rates(axes: Any, samples: Sequence[Sample]) -> None:
    known = [s for s in samples if s.received is not None]
    published = [(s.at_seconds, s.acknowledged) for s in samples]
    received = [(s.at_seconds, sum((s.received or {}).values())) for s in known]
    for points, colour, label in ((published, PUBLISHED, "published"), (received, RECEIVED, "received")):
        times, values = rate_of(points)
        axes.plot(times, values, color=colour, label=label, linewidth=1.8)
    axes.set_ylabel("events/s")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False, loc="upper left", ncols=2, fontsize=9)
    _plain(axes)


def rate_of(points: Sequence[tuple[float, int]]) -> tuple[list[float], list[float]]:
    """Growth per second over steps of about two seconds, at the end of each step."""
    times, values = [], []
    kept = points[:1]
    for point in points[1:]:
        if point[0] - kept[-1][0] >= RATE_SECONDS:
            kept = [*kept, point]
    for (before, low), (at, high) in pairwise(kept):
        times.append(at)
        values.append((high - low) / (at - before))
    return times, values


def _lag(axes: Any, samples: Sequence[Sample]) -> None:
    """Where nobody answered there is no line: unknown is not zero."""
    times = [sample.at_seconds for sample in samples]
    values = [float("nan") if sample.lag is None else sample.lag for sample in samples]
    axes.fill_between(times, 0, values, color=LAG, alpha=0.35, linewidth=0)
    axes.plot(times, values, color=LAG, linewidth=1.5)
    axes.set_ylabel("events not yet received")
    axes.set_ylim(bottom=0)
    _plain(axes)


def _faults(axes: Any, outcome: Outcome) -> None:
    """One row per target: dark while the fault lasted, light until it was made up for."""
    targets = list(Target)
    for done in outcome.injected:
        row = targets.index(done.fault.target)
        ended = outcome.seconds if done.ended is None else done.ended
        if _is_felt(done):
            axes.barh(row, _felt_until(outcome, done) - done.began, left=done.began, height=0.34, color=FELT)
        axes.barh(
            row, max(ended - done.began, outcome.seconds / 300), left=done.began, height=0.34, color=FAULT
        )
        height = 0.24 if done.fault.number % 2 else -0.24
        axes.text(
            done.began,
            row - height,
            done.fault.kind,
            fontsize=7.5,
            va="bottom" if height > 0 else "top",
            ha="right" if done.began > 0.93 * outcome.seconds else "left",
        )
    rows = [target.value for target in targets] + ["lost batches"] * bool(outcome.losses)
    axes.set_yticks(range(len(rows)), rows, fontsize=9)
    lost = LOSS_HEIGHT * len(joined(outcome.losses))
    axes.set_ylim(len(targets) - 0.4 + lost + LOSS_HEIGHT * bool(lost), -0.6)
    _plain(axes)


def _losses(axes: Any, outcome: Outcome) -> None:
    """A row of their own: dark when a batch was lost, light until its last event was there after all."""
    for number, loss in enumerate(joined(outcome.losses)):
        row = len(Target) + LOSS_HEIGHT * number
        began = loss.batch.at_seconds
        until = outcome.seconds if loss.recovered_seconds is None else loss.recovered_seconds
        height = 0.7 * LOSS_HEIGHT
        axes.barh(row, until - began, left=began, height=height, color=MISSED)
        axes.barh(row, outcome.seconds / 300, left=began, height=height, color=LOST)
        before = f"{loss.batch.written} "
        axes.text(began, row, before, fontsize=6, va="center", ha="right")


def _plain(axes: Any) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
