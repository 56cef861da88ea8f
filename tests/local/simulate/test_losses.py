"""Lost batches: read from the host's log, counted as long as they are missing, told in as few lines as possible."""

from pathlib import Path

import pytest

from infra.local.simulate.losses import Batch, Loss, LostBatches, Ranges, common, joined, missing, written
from infra.local.simulate.recovery import Gap, missing_of, open_gaps
from infra.local.simulate.watch import Sample

HUB, PLACE = "ledger.entry", ("ledger.entry", "0")
NUMBERS = range(14)


def line(function: str, partition: str, first: int, last: int) -> str:
    """As the host writes it."""
    what = f"{function}: {HUB}/{partition} events {first} to {last}"
    return f"2026-11-25T12:00:00.123Z WARNING host Skipping {what} without calling it, as the fault switch asks.\n"


def batch(first: int, last: int, fault: int = 1, partition: str = "0", at: float = 1.0) -> Batch:
    return Batch(fault, "ledger", HUB, partition, first, last, at)


def test_the_log_is_read_from_where_it_stood_and_in_whole_lines_only(tmp_path: Path) -> None:
    log = tmp_path / "host.log"
    log.write_text(line("stream_ledger", "0", 1, 5))
    lost = LostBatches(log)
    lost.skip()
    half = line("stream_ledger", "1", 30, 39)
    log.write_text(log.read_text() + line("stream_ledger", "0", 9, 12) + "something else\n" + half[:-9])
    lost.read(3, "ledger", 2.0)
    assert list(lost.batches) == [batch(9, 12, fault=3, at=2.0)]
    with log.open("a") as more:
        more.write(half[-9:])
    lost.read(3, "ledger", 4.0)
    lost.read(3, "ledger", 5.0)
    assert list(lost.batches[1:]) == [batch(30, 39, fault=3, partition="1", at=4.0)]
    assert lost.of(3) == list(lost.batches)
    assert lost.of(4) == []


def test_a_host_that_has_said_nothing_yet_has_lost_nothing(tmp_path: Path) -> None:
    lost = LostBatches(tmp_path / "host.log")
    lost.skip()
    assert lost.batches == ()


@pytest.mark.parametrize(
    "received",
    [(), ((0, 13),), ((0, 3),), ((4, 9),), ((2, 2), (4, 4), (9, 13)), ((0, 0), (12, 13)), ((5, 20),)],
)
def test_what_is_missing_and_what_ranges_share_is_what_sets_say(received: Ranges) -> None:
    held = {number for first, last in received for number in range(first, last + 1)}
    for first in NUMBERS:
        for last in range(first, len(NUMBERS)):
            wanted = set(range(first, last + 1))
            assert numbers(missing(received, first, last)) == wanted - held
            assert numbers(common(received, ((first, last),))) == wanted & held


def numbers(ranges: Ranges) -> set[int]:
    """The numbers of ranges that do not meet."""
    found = [number for first, last in ranges for number in range(first, last + 1)]
    assert found == sorted(set(found))
    return set(found)


def test_ranges_are_written_as_the_command_takes_them() -> None:
    assert written(((100, 199), (205, 205))) == "100-199,205-205"


def test_a_gap_lies_below_the_last_received_and_a_tail_beyond_it() -> None:
    held = {PLACE: 100, (HUB, "1"): 50, (HUB, "2"): 10, (HUB, "3"): 0}
    received = {PLACE: ((0, 19), (30, 79)), (HUB, "1"): ((0, 49),), (HUB, "2"): ((4, 9),)}
    found = missing_of(held, received)
    assert found.gaps == {PLACE: ((20, 29),), (HUB, "1"): (), (HUB, "2"): ((0, 3),), (HUB, "3"): ()}
    assert found.tails == {PLACE: ((80, 99),), (HUB, "1"): (), (HUB, "2"): (), (HUB, "3"): ()}
    assert found.is_anything
    assert not missing_of({PLACE: 50}, {PLACE: ((0, 49),)}).is_anything


def test_only_what_is_open_can_be_read_again() -> None:
    gaps = [
        Gap(PLACE, 2, 4, "OPEN", None, ((2, 4),)),
        Gap(PLACE, 8, 9, "CLOSED", "ada", ()),
        Gap(PLACE, 12, 19, "OPEN", None, ((12, 13), (19, 19))),
        Gap((HUB, "1"), 1, 1, "EXPIRED", None, ((1, 1),)),
    ]
    assert open_gaps(gaps) == {PLACE: ((2, 4), (12, 13), (19, 19))}


def test_a_lost_batch_counts_as_long_as_a_number_of_it_is_missing(tmp_path: Path) -> None:
    log = tmp_path / "host.log"
    log.write_text(line("stream_ledger", "0", 10, 19) + line("stream_ledger", "1", 0, 4))
    lost = LostBatches(log)
    lost.read(1, "ledger", 1.0)
    first, second = lost.batches
    assert lost.still_missing({}) == {first: 10, second: 5}
    assert lost.still_missing({PLACE: ((0, 13), (18, 30)), (HUB, "1"): ((0, 4),)}) == {first: 4}
    assert lost.still_missing({PLACE: ((0, 30),), (HUB, "1"): ((0, 4),)}) == {}


def test_other_faults_do_not_wait_for_what_was_lost() -> None:
    sample = Sample(1.0, 50, {PLACE: 50}, {PLACE: 40}, {batch(10, 17): 8})
    assert (sample.lag, sample.unexplained) == (10, 2)
    assert sample.has({PLACE: 48})
    assert not sample.has({PLACE: 49})
    assert Sample(1.0, 50, None, {PLACE: 40}).unexplained is None


def test_batches_that_follow_each_other_are_told_as_one() -> None:
    losses = [
        Loss(batch(20, 29), tail=((20, 29),), recovered_seconds=9.0),
        Loss(batch(10, 19, at=0.5), tail=((10, 19),), recovered_seconds=8.0),
        Loss(batch(30, 31, fault=2), tail=((30, 31),), recovered_seconds=9.0),
        Loss(batch(30, 39, partition="1")),
        Loss(batch(40, 49, partition="1"), recovered_seconds=3.0),
    ]
    found = joined(losses)
    assert [(loss.batch.fault, *loss.batch.place, loss.batch.first, loss.batch.last) for loss in found] == [
        (1, HUB, "0", 10, 29),
        (1, HUB, "1", 30, 49),
        (2, HUB, "0", 30, 31),
    ]
    assert [loss.recovered_seconds for loss in found] == [9.0, None, 9.0]
    assert found[0].batch.at_seconds == 0.5


@pytest.mark.parametrize(
    ("loss", "closed_by"),
    [
        (Loss(batch(1, 2)), None),
        (Loss(batch(1, 2), recovered_seconds=3.0), "delivered"),
        (Loss(batch(1, 2), gap=((1, 2),), recovered_seconds=3.0), "replay"),
        (Loss(batch(1, 2), tail=((1, 2),), recovered_seconds=3.0), "replay --ranges"),
        (Loss(batch(1, 2), gap=((1, 1),), tail=((2, 2),), recovered_seconds=3.0), "replay, replay --ranges"),
        (Loss(batch(1, 2), gap=((1, 2),), left=((2, 2),), recovered_seconds=3.0), None),
        (Loss(batch(1, 2), gap=((1, 2),)), None),
    ],
)
def test_how_a_loss_was_closed(loss: Loss, closed_by: str | None) -> None:
    assert loss.closed_by == closed_by
