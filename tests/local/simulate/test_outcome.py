"""What a run tells: delays in calm and under faults, unknown lag, rates, and a picture."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from infra.local.simulate.faults import Injected
from infra.local.simulate.judge import Check, Difference, Facts
from infra.local.simulate.losses import Batch, Loss
from infra.local.simulate.oracle import Defaults
from infra.local.simulate.outcome import NOT_JUDGED, OK, VIOLATED, Delays, Outcome
from infra.local.simulate.picture import draw, rate_of
from infra.local.simulate.plan import Fault, Options, make_plan
from infra.local.simulate.stored import Evidence, Stored
from infra.local.simulate.watch import Sample

BEGAN = datetime(2026, 11, 23, 12, tzinfo=UTC)
PLACE = ("hub", "0")


def outcome(*injected: Injected) -> Outcome:
    return Outcome(make_plan(1, Options()), BEGAN, injected=injected, seconds=60.0)


def injected(kind: str, began: float, ended: float, caught_up: float | None) -> Injected:
    return Injected(Fault(1, kind, 10, 1.0, 7), began, ended, caught_up)


def applied(came: float, after: float) -> Evidence:
    at = BEGAN + timedelta(seconds=came)
    return Evidence("ledger", "0", 1, "t", False, None, None, at, b"", at + timedelta(seconds=after))


def judged(evidence: list[Evidence], *faults: Injected) -> Outcome:
    found = outcome(*faults)
    facts = Facts([], Stored(evidence=evidence), set(), Counter(), Defaults("EUR", "X"))
    found.judged(facts, [Check("c", "r", 1, ())])
    return found


@pytest.mark.parametrize(
    ("came", "after", "calm"),
    [
        (1.0, 0.5, True),
        (9.0, 2.0, False),
        (15.0, 0.1, False),
        (19.9, 9.0, False),
        (20.5, 0.1, True),
        (1.0, 30.0, False),
    ],
)
def test_an_event_is_disturbed_when_its_wait_meets_a_fault(came: float, after: float, calm: bool) -> None:
    found = judged([applied(came, after)], injected("cut", 10.0, 12.0, 20.0))
    assert (found.delays_calm.count, found.delays_disturbed.count) == ((1, 0) if calm else (0, 1))


def test_a_fault_nobody_made_up_for_is_felt_to_the_end_and_one_in_the_events_never() -> None:
    assert judged([applied(50.0, 1.0)], injected("cut", 10.0, 12.0, None)).delays_disturbed.count == 1
    assert judged([applied(50.0, 1.0)], injected("poison", 10.0, 12.0, None)).delays_calm.count == 1


def test_a_lost_batch_disturbs_its_own_events_and_no_others() -> None:
    found = outcome(injected("lose", 10.0, 12.0, 60.0))
    found.losses = [Loss(Batch(1, "ledger", "hub", "0", 1, 1, 10.5), gap=((1, 1),), recovered_seconds=60.0)]
    mine = applied(5.0, 50.0)
    others = [
        mine._replace(sequence_number=2),
        mine._replace(partition_id="1"),
        mine._replace(stream="payment_order"),
    ]
    facts = Facts([], Stored(evidence=[mine, *others]), set(), Counter(), Defaults("EUR", "X"))
    found.judged(facts, [Check("c", "r", 1, ())])
    assert (found.delays_disturbed.count, found.delays_calm.count) == (1, 3)


def test_a_lost_batch_is_there_again_at_the_first_sample_without_it() -> None:
    lost, never = (Batch(1, "ledger", "hub", str(n), 10, 19, 2.0) for n in range(2))
    found = outcome()
    found.samples = [
        Sample(1.0, 0, {PLACE: 0}, {PLACE: 0}),
        Sample(2.5, 9, {PLACE: 20}, {PLACE: 10}, {lost: 10, never: 10}),
        Sample(3.0, 9, {PLACE: 20}, None),
        Sample(4.0, 9, {PLACE: 20}, {PLACE: 20}, {never: 3}),
    ]
    assert found.recovered_at([lost, never]) == {lost: 4.0}


def test_percentiles_are_values_that_occurred() -> None:
    hundred = Delays.of([float(n) for n in range(100, 0, -1)])
    assert hundred == Delays(100, 50.0, 95.0, 99.0)
    assert Delays.of([2.0]) == Delays(1, 2.0, 2.0, 2.0)
    assert Delays.of([]) == Delays(0, 0.0, 0.0, 0.0)


def test_the_verdict_is_that_of_all_checks() -> None:
    found = outcome()
    assert found.verdict == NOT_JUDGED
    found.checks = [Check("a", "r", 1, ()), Check("b", "r", 1, ())]
    assert found.verdict == OK
    found.checks = [Check("a", "r", 1, ()), Check("b", "r", 1, (Difference("w", 1, 2),))]
    assert found.verdict == VIOLATED
    assert [check["held"] for check in found.document()["checks"]] == [True, False]


def test_lag_is_unknown_when_either_side_is_silent() -> None:
    assert Sample(1.0, 5, {PLACE: 5}, {PLACE: 3}).lag == 2
    assert Sample(1.0, 5, None, {PLACE: 3}).lag is None
    assert Sample(1.0, 5, {PLACE: 5}, None).lag is None


def test_caught_up_means_every_partition() -> None:
    sample = Sample(1.0, 9, None, {PLACE: 5, ("hub", "1"): 4})
    assert sample.has({PLACE: 5, ("hub", "1"): 4})
    assert not sample.has({PLACE: 4, ("hub", "1"): 5})
    assert not sample.has({("hub", "2"): 1})
    assert not Sample(1.0, 9, None, None).has({})


def test_rates_are_growth_over_time() -> None:
    assert rate_of([(0.0, 0), (1.0, 100), (2.0, 200), (4.0, 200), (5.0, 500)]) == ([2.0, 4.0], [100.0, 0.0])
    assert rate_of([]) == ([], [])


def test_a_picture_is_drawn_and_none_without_a_sample(tmp_path: Path) -> None:
    found = outcome(injected("cut", 10.0, 12.0, 20.0), injected("poison", 30.0, 30.0, None))
    draw(found, tmp_path / "none.png")
    assert not (tmp_path / "none.png").exists()
    found.samples = [
        Sample(n / 2, n * 50, {PLACE: n * 50}, None if n == 9 else {PLACE: n * 40}) for n in range(40)
    ]
    draw(found, tmp_path / "some.png")
    assert (tmp_path / "some.png").stat().st_size > 10_000
    found.losses = [Loss(Batch(1, "ledger", "hub", "0", 9, 12, 10.5), gap=((9, 12),), recovered_seconds=19.0)]
    draw(found, tmp_path / "lost.png")
    assert (tmp_path / "lost.png").read_bytes() != (tmp_path / "some.png").read_bytes()
