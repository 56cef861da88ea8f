"""The arithmetic of the cost page, and that its picture and its table come from it."""

from pathlib import Path

import pytest

from tests.bench.cost import FAST, LIBRARY, Prices, Work, alone, billed_seconds, busy, main

PRICES = Prices()


@pytest.mark.parametrize(
    ("seconds", "billed"), [(0.003, 1.0), (1.0, 1.0), (1.01, 1.1), (1.1, 1.1), (2.34, 2.4), (60.0, 60.0)]
)
def test_an_execution_is_billed_a_second_at_least_and_then_in_tenths(seconds: float, billed: float) -> None:
    assert billed_seconds(PRICES, seconds) == pytest.approx(billed)


def test_single_events_cost_a_billed_second_each() -> None:
    assert alone(PRICES, LIBRARY, 1) == pytest.approx(1_000_000 * 1.0 * 2 * 0.000026 + 0.40)


@pytest.mark.parametrize("work", [LIBRARY, FAST])
def test_the_batch_is_the_cost(work: Work) -> None:
    """Up to the batch that fills a second, a batch ten times as large costs a tenth."""
    assert alone(PRICES, work, 100) == pytest.approx(alone(PRICES, work, 1) / 100)
    assert alone(PRICES, work, 1000) == pytest.approx(alone(PRICES, work, 1) / 1000)


@pytest.mark.parametrize("batch", [1, 100, 1000, 10_000])
def test_a_busy_instance_never_costs_more_than_executions_that_stand_alone(batch: int) -> None:
    assert busy(PRICES, FAST, batch) <= alone(PRICES, FAST, batch)
    assert busy(PRICES, FAST, batch) < busy(PRICES, LIBRARY, batch)


def test_the_command_draws_and_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = tmp_path / "cost.png"
    assert main(["--out", str(picture), "--instance-gb", "4"]) == 0
    assert picture.read_bytes().startswith(b"\x89PNG")
    shown = capsys.readouterr().out
    assert f"{alone(Prices(instance_gb=4), LIBRARY, 100):.3f}" in shown
