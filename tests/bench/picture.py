"""The picture: ratios against floors and goals, rates against batch size and table size, where the time goes."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.bench.measure import Measured
from tests.bench.stages import Stages

# Settled before matplotlib is imported: no display, no cache in the home folder.
os.environ.setdefault("MPLBACKEND", "Agg")

OURS, REFERENCE, FLOOR, GOAL = "#1f4e79", "#b0b7bf", "#c0392b", "#1e8449"
STAGE_COLOURS = ("#1f4e79", "#8fb3d1", "#3c7ab0", "#5d8a66", "#c6a15b", "#b0b7bf")


def draw(results: Sequence[Measured], stages: Stages | None, path: Path) -> None:
    """Write the PNG; figures that were not measured are left out."""
    from matplotlib import pyplot

    measured = [result for result in results if result.rounds]
    if not measured:
        return
    growth: Any = next((r.notes["rate_by_rows"] for r in measured if "rate_by_rows" in r.notes), None)
    rows = 1 + (stages is not None or growth is not None)
    figure = pyplot.figure(figsize=(11, 2 + 0.3 * len(measured) + 4.2 * (rows - 1)), layout="constrained")
    grid = figure.add_gridspec(rows, 2, width_ratios=(1.35, 1))
    _ratios(figure.add_subplot(grid[0, 0]), measured)
    _rates(figure.add_subplot(grid[0, 1]), measured)
    if stages is not None:
        _stages(figure.add_subplot(grid[1, 0] if growth else grid[1, :]), stages)
    if growth is not None:
        _growth(figure.add_subplot(grid[1, 1] if stages else grid[1, :]), growth)
    figure.suptitle("Counterfoil: every figure beside its reference, measured in the same run")
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def _ratios(axes: Any, measured: Sequence[Measured]) -> None:
    """How far each figure is on the way from floor to goal; 0 is the floor, 1 the goal."""
    names = [result.figure.name for result in measured]
    places = range(len(names))
    axes.barh(places, [_standing(result) for result in measured], color=OURS, height=0.55)
    for place, result in zip(places, measured, strict=True):
        axes.text(max(0.02, _standing(result)) + 0.02, place, f"{result.ratio:.2f}", va="center", fontsize=9)
    axes.axvline(0, color=FLOOR, linewidth=1.5)
    axes.axvline(1, color=GOAL, linewidth=1.5, linestyle="--")
    axes.set_yticks(list(places), names, fontsize=9)
    axes.invert_yaxis()
    axes.set_xlim(-0.3, 2.2)
    axes.set_xticks([0, 1], ["floor", "goal"])
    axes.set_title("ratio to the reference, between floor and goal", fontsize=10)
    plain(axes)


def _standing(result: Measured) -> float:
    figure = result.figure
    return max(-0.25, min(1.9, (result.ratio - figure.floor) / (figure.goal - figure.floor)))


def _rates(axes: Any, measured: Sequence[Measured]) -> None:
    """Events per second against the batch size, ours and the reference."""
    points = sorted((result.notes["batch"], result) for result in measured if "batch" in result.notes)
    if not points:
        axes.set_axis_off()
        return
    sizes = [str(f"{size:,}") for size, _ in points]
    documents = [result.document() for _, result in points]
    for offset, side, colour, label in (
        (-0.2, "ours_median", OURS, "ours"),
        (0.2, "reference_median", REFERENCE, "REF"),
    ):
        values = [document[side] for document in documents]
        bars = axes.bar(
            [place + offset for place in range(len(sizes))], values, 0.38, color=colour, label=label
        )
        axes.bar_label(bars, [f"{value:,.0f}" for value in values], fontsize=8)
    axes.set_xticks(range(len(sizes)), sizes)
    axes.set_xlabel("events per batch")
    axes.set_ylabel("events/s")
    axes.legend(frameon=False, fontsize=9)
    axes.set_title("ingest core: rate against batch size", fontsize=10)
    plain(axes)


def _growth(axes: Any, rates: Mapping[int, Mapping[str, float]]) -> None:
    """Events per second against the rows already there."""
    sizes = [f"{rows:,}" for rows in rates]
    for side, colour, label in (("ours", OURS, "ours"), ("reference", REFERENCE, "REF")):
        values = [rate[side] for rate in rates.values()]
        axes.plot(sizes, values, color=colour, marker="o", label=label)
        for place, value in enumerate(values):
            axes.annotate(
                f"{value:,.0f}", (place, value), xytext=(0, 7), textcoords="offset points", fontsize=8
            )
    axes.set_ylim(bottom=0)
    axes.margins(x=0.25, y=0.2)
    axes.set_xlabel("ledger rows already there")
    axes.set_ylabel("events/s")
    axes.legend(frameon=False, fontsize=9, loc="lower left")
    axes.set_title("ingest core at batch 1,000: rate against table size", fontsize=10)
    plain(axes)


def _stages(axes: Any, stages: Stages) -> None:
    left = 0.0
    for (name, value), colour in zip(stages.microseconds.items(), STAGE_COLOURS, strict=False):
        axes.barh(0, value, left=left, color=colour, height=0.5, label=f"{name} {value:.1f}")
        left += value
    axes.set_yticks([])
    axes.set_ylim(-0.5, 1.1)
    axes.set_xlabel("µs per event")
    axes.set_title("where the time goes at batch 1,000", fontsize=10)
    axes.legend(frameon=False, ncols=3, loc="upper left", fontsize=9)
    plain(axes)


def plain(axes: Any) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
