"""The fold of infra/local/simulate/oracle.py, fed with the events of tests."""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from infra.local.simulate import oracle
from infra.local.simulate.oracle import LEDGER, ORDERS, Row
from tests.support.runtime import BASE_SETTINGS, NOON
from tests.support.sync_events import Sent

__all__ = ["LEDGER", "ORDERS", "Oracle", "Row", "folded", "told_of"]

DEFAULTS = oracle.Defaults(BASE_SETTINGS["EVENT_DEFAULT_CURRENCY"], BASE_SETTINGS["EVENT_DEFAULT_SITE_ID"])


def told_of(sent: Sent) -> oracle.Told:
    """A sound event as the oracle takes it; enqueued when Sent says it was."""
    assert isinstance(sent.body, dict)
    enqueued_at = sent.enqueued_at or NOON + timedelta(seconds=sent.sequence_number)
    return oracle.Told(sent.stream, sent.partition_id, sent.sequence_number, enqueued_at, sent.body)


class Oracle(oracle.Oracle):
    """The state after some events, under the settings of tests."""

    def __init__(self) -> None:
        super().__init__(DEFAULTS)

    def take(self, sent: Sequence[Sent]) -> dict[str, int]:
        """One ingest call; what became of its events by outcome."""
        return self.learn([told_of(each) for each in sent])


def folded(sent: Iterable[Sent]) -> Oracle:
    """The state a multiset of events leads to."""
    end = Oracle()
    end.take(list(sent))
    return end
