"""What an event counts as when it was split into several records."""

from itertools import permutations

import pytest

from shared.sync.errors import BodyNotObject
from shared.sync.model import Outcome, Record, Rejection
from shared.sync.read_batch import ReadBatch
from shared.sync.store import Position
from shared.sync.write_batch import LETTERS, Written, told
from tests.support.sync_events import batches_of, entry, read

APPLIED, SUPERSEDED, DUPLICATE = Outcome.APPLIED, Outcome.SUPERSEDED, Outcome.DUPLICATE


def written(*outcomes: tuple[int, Outcome]) -> Written:
    """Records of the events 10, 11, …, by the event's place in the batch, with their outcomes."""
    found = read(*(entry(10 + n, f"t-{n}") for n in range(3)))
    made = Written.begun(found, Position(1, 1, None, None))
    for i, (n, outcome) in enumerate(outcomes):
        made.note([found.records[n]._replace(key=f"{i}")], outcome)
    return made


def event_outcomes(made: Written) -> dict[int, Outcome]:
    """Sequence number → outcome, as the position is told."""
    named = {letter: outcome for outcome, letter in LETTERS.items()}
    numbers, letters = told(made)
    return {number: named[letter] for number, letter in zip(numbers, letters, strict=True)}


@pytest.mark.parametrize(
    ("records", "outcome"),
    [
        ([APPLIED, SUPERSEDED], APPLIED),
        ([APPLIED, DUPLICATE], APPLIED),
        ([SUPERSEDED, DUPLICATE], SUPERSEDED),
        ([APPLIED, SUPERSEDED, DUPLICATE], APPLIED),
        ([DUPLICATE, DUPLICATE], DUPLICATE),
    ],
)
def test_applied_if_any_record_was_else_superseded_if_any_was(
    records: list[Outcome], outcome: Outcome
) -> None:
    for order in permutations(records):
        assert event_outcomes(written(*((0, each) for each in order))) == {10: outcome}


def test_events_are_decided_apart() -> None:
    found = event_outcomes(written((0, DUPLICATE), (1, APPLIED), (0, SUPERSEDED), (2, DUPLICATE)))
    assert found == {10: SUPERSEDED, 11: APPLIED, 12: DUPLICATE}


def test_a_refused_event_is_a_dead_letter() -> None:
    (batch,) = batches_of([entry(1), entry(2, "t-2")])
    (record,) = [r for r in read(entry(2, "t-2")).records if isinstance(r, Record)]
    read_batch = ReadBatch(batch, rejections=[Rejection(batch.events[0], BodyNotObject("no object"), None)])
    made = Written.begun(read_batch, Position(1, 1, None, None))
    made.note([record._replace(event_index=1)], APPLIED)
    assert event_outcomes(made) == {1: Outcome.DEAD_LETTERED, 2: APPLIED}
