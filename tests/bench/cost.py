"""What a million events cost on the Flex Consumption plan, by batch size: `python -m tests.bench.cost` draws it.

An execution is billed for the instance's memory and its time, at least a second and then in steps of a tenth. Prices
are inputs, in USD, as published for pay as you go in 2026; the page that shows the picture says where they stand.
"""

import argparse
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.picture import OURS, REFERENCE, plain

MILLION = 1_000_000
DEFAULT_OUT = Path("docs/figures/cost.png")
BATCHES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000)


@dataclass(frozen=True)
class Prices:
    """Per GB and second of an instance that executes, and per million executions."""

    gb_second: float = 0.000026
    million_executions: float = 0.40
    instance_gb: float = 2.0
    seconds_min: float = 1.0
    seconds_step: float = 0.1


@dataclass(frozen=True)
class Work:
    """Seconds an execution takes: something once, something for each event."""

    per_batch: float
    per_event: float

    def seconds(self, batch: int) -> float:
        return self.per_batch + batch * self.per_event


# Measured through the worker runtime at batch 1,000, and a transaction's own round trips at batch 1.
LIBRARY = Work(0.0025, 1 / 5_500)
FAST = Work(0.0025, 1 / 20_000)


def billed_seconds(prices: Prices, seconds: float) -> float:
    """Rounded up as the bill does it."""
    steps = math.ceil(round(seconds / prices.seconds_step, 9))
    return max(prices.seconds_min, steps * prices.seconds_step)


def alone(prices: Prices, work: Work, batch: int) -> float:
    """USD per million events when every execution stands alone: the most it can be."""
    executions = MILLION / batch
    memory = executions * billed_seconds(prices, work.seconds(batch)) * prices.instance_gb * prices.gb_second
    return memory + executions / MILLION * prices.million_executions


def busy(prices: Prices, work: Work, batch: int) -> float:
    """USD per million events when an instance is never idle, so that its time is billed as it passes: the least."""
    executions = MILLION / batch
    memory = executions * work.seconds(batch) * prices.instance_gb * prices.gb_second
    return memory + executions / MILLION * prices.million_executions


def draw(path: Path, prices: Prices) -> None:
    """Write the PNG."""
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8.6, 4.4), layout="constrained")
    for work, colour, name in (
        (LIBRARY, REFERENCE, "the library's decode"),
        (FAST, OURS, "the faster decode"),
    ):
        axes.plot(
            BATCHES,
            [alone(prices, work, b) for b in BATCHES],
            color=colour,
            marker="o",
            label=f"alone, {name}",
        )
        values = [busy(prices, work, b) for b in BATCHES]
        axes.plot(BATCHES, values, color=colour, linestyle="--", label=f"never idle, {name}")
    for batch in (1, 100, 1000):
        value = alone(prices, FAST, batch)
        axes.annotate(f"{value:,.2f}", (batch, value), xytext=(6, 6), textcoords="offset points", fontsize=9)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("events per execution")
    axes.set_ylabel("USD per million events")
    axes.set_title("executions on Flex Consumption, 2 GB instances", fontsize=10)
    axes.legend(frameon=False, fontsize=9)
    plain(axes)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.cost", description=__doc__)
    parser.add_argument("--gb-second", type=float, default=Prices.gb_second, help="USD")
    parser.add_argument("--million-executions", type=float, default=Prices.million_executions, help="USD")
    parser.add_argument("--instance-gb", type=float, default=Prices.instance_gb, help="memory of an instance")
    parser.add_argument("--out", type=Path, default=DEFAULT_OUT, help="the PNG to write")
    chosen = parser.parse_args(arguments)
    prices = Prices(chosen.gb_second, chosen.million_executions, chosen.instance_gb)
    draw(chosen.out, prices)
    for batch in (1, 10, 100, 1000):
        least, most = busy(prices, LIBRARY, batch), alone(prices, LIBRARY, batch)
        print(f"batch {batch:>5,}: {least:.3f} to {most:.3f} USD per million events")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
