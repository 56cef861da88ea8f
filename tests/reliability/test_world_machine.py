"""Random worlds step by step: whatever is published, delivered and delivered again, the fold is never contradicted.

Hypothesis chooses the steps and, when a rule is broken, shrinks them to the few that break it.
"""

from datetime import timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from shared.runtime import Runtime
from tests.support.histories import FRESH
from tests.support.oracle import Oracle, folded
from tests.support.runtime import NOON
from tests.support.steady import STEADY
from tests.support.sync_events import ABSENT, Sent, entry, ingest, order, outcomes
from tests.support.sync_state import assert_converged, received, totals
from tests.support.worlds import PARTITIONS, SITES, TIMES

Owner = psycopg.Connection[Any]
ORDERS = [f"o-{number}" for number in range(50)]
FEW = st.sampled_from(ORDERS[:3]) | st.sampled_from(ORDERS)
COMMON: dict[str, st.SearchStrategy[Any]] = {
    "amount": st.sampled_from(["10", "10.00", "11"]),
    "currency": st.sampled_from([ABSENT, "EUR"]),
    "site_id": st.sampled_from([ABSENT, *SITES]),
    "version": st.sampled_from([ABSENT, 0, 1, 2]),
    "updated_at": st.sampled_from([ABSENT, *TIMES]),
}
ENTRY = st.fixed_dictionaries(
    {
        **COMMON,
        "entry_type": st.sampled_from(["PAYMENT", "RECEIVE", "FEE"]),
        "event_time": st.sampled_from(TIMES),
        "related_id": FEW | st.just(ABSENT),
        "related_type": st.sampled_from([ABSENT, "PAYMENT_ORDER", "INVOICE"]),
    }
)
ORDER = st.fixed_dictionaries(
    {**COMMON, "status": st.sampled_from(["CREATED", "settled", "Cancelled", "odd"])}
)
KEYS = st.builds("{}-{}".format, FEW, st.sampled_from(["P", "R", "P2"]))
EVENTS = st.lists(st.tuples(KEYS, ENTRY) | st.tuples(FEW, ORDER), min_size=1, max_size=8)


class WorldMachine(RuleBasedStateMachine):
    """Four partitions of both hubs, read in order and at least once."""

    def __init__(self, runtime: Runtime, owner: Owner) -> None:
        super().__init__()
        self._runtime, self._owner = runtime, owner
        self._oracle = Oracle()
        self._published: dict[str, list[Sent]] = {partition: [] for partition in PARTITIONS}
        self._taken = dict.fromkeys(PARTITIONS, 0)
        self._clock = NOON

    @initialize()
    def begin_anew(self) -> None:
        self._owner.execute(FRESH)

    @rule(partition=st.sampled_from(PARTITIONS), events=EVENTS)
    def publish(self, partition: str, events: list[tuple[str, dict[str, Any]]]) -> None:
        for key, fields in events:
            is_order = "status" in fields
            sent = order(0, key, **fields) if is_order else entry(0, key, wallet_id="w", **fields)
            number = 1 + sum(each.stream == sent.stream for each in self._published[partition])
            self._published[partition].append(Sent(sent.stream, number, sent.body, partition, self._clock))

    @rule(milliseconds=st.sampled_from([-700, 1, 500]))
    def move_the_brokers_clock(self, milliseconds: int) -> None:
        self._clock += timedelta(milliseconds=milliseconds)

    @rule(partition=st.sampled_from(PARTITIONS), size=st.integers(1, 8), again=st.integers(0, 4))
    def deliver(self, partition: str, size: int, again: int) -> None:
        taken = self._taken[partition]
        events = self._published[partition][max(0, taken - again) : taken + size]
        self._taken[partition] = min(taken + size, len(self._published[partition]))
        if events:
            assert outcomes(ingest(self._runtime, *events)) == self._oracle.take(events)

    @rule()
    def look(self) -> None:
        """What was delivered so far, and nothing else, is what stands."""
        told = [e for partition, events in self._published.items() for e in events[: self._taken[partition]]]
        assert_converged(self._owner, folded(told))
        assert totals(self._owner) == dict(+self._oracle.counts)
        assert received(self._owner) == len(told)

    def teardown(self) -> None:
        for partition in PARTITIONS:
            self.deliver(partition, len(self._published[partition]), 2)
        self.look()


def run(runtime: Runtime, owner: Owner, chosen: settings) -> None:
    class Machine(WorldMachine):
        def __init__(self) -> None:
            super().__init__(runtime, owner)

    run_state_machine_as_test(Machine, settings=chosen)


def test_no_step_contradicts_the_fold(runtime: Runtime, owner: Owner) -> None:
    run(runtime, owner, settings(STEADY, max_examples=100, stateful_step_count=40))


@pytest.mark.long
def test_no_step_of_many_contradicts_the_fold(runtime: Runtime, owner: Owner) -> None:
    many = settings(
        deadline=None,
        database=None,
        max_examples=1000,
        stateful_step_count=100,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
    run(runtime, owner, many)
