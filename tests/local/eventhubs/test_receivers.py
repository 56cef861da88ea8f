"""Which receivers may read a partition together."""

import pytest

from infra.local.eventhubs.errors import AmqpError, Condition
from infra.local.eventhubs.receivers import PLAIN_RECEIVERS_MAX, ReaderIdentity, Readers
from tests.support.amqp_client import refusal


class _Reader:
    def __init__(self, readers: Readers, identity: ReaderIdentity) -> None:
        self.identity = identity
        self.error: AmqpError | None = None
        self._readers = readers

    def pump(self) -> None:
        pass

    def disconnect(self, error: AmqpError) -> None:
        self.error = error
        self._readers.remove(self)


def _join(readers: Readers, epoch: int | None, group: str = "g") -> _Reader:
    reader = _Reader(readers, ReaderIdentity(group, epoch))
    readers.admit(reader.identity)
    readers.add(reader)
    return reader


@pytest.mark.parametrize(("first", "second"), [(0, 0), (0, 5), (None, 0)])
def test_an_equal_or_higher_epoch_takes_over(first: int | None, second: int) -> None:
    readers = Readers()
    old, other_group = _join(readers, first), _join(readers, first, "other")
    _join(readers, second)
    assert old.error is not None
    assert old.error.condition == Condition.LINK_STOLEN
    assert other_group.error is None
    assert len(readers) == 2


@pytest.mark.parametrize("second", [None, 4])
def test_below_an_epoch_nobody_gets_in(second: int | None) -> None:
    readers = Readers()
    old = _join(readers, 5)
    with refusal(Condition.LINK_STOLEN):
        _join(readers, second)
    assert old.error is None


def test_five_plain_receivers_per_group() -> None:
    readers = Readers()
    for _ in range(PLAIN_RECEIVERS_MAX):
        _join(readers, None)
    _join(readers, None, "other")
    with refusal(Condition.RESOURCE_LIMIT):
        _join(readers, None)
