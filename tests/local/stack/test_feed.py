"""Feeding: what ends it early, and what it says then."""

from collections.abc import Iterator
from datetime import date

import pytest
from rich.console import Console

from infra.local.postgres.claims import free_port
from infra.local.sample import SampleEvent, generate_exactly
from infra.local.sample.lines import LineInvalid
from infra.local.stack.account import Counts
from infra.local.stack.errors import StackError
from infra.local.stack.feed import Fed, feed
from shared.runtime import Runtime

EVENTS = list(generate_exactly(1, 20, date(2024, 1, 2)))


def nowhere() -> str:
    """The connection string of a broker that is not there."""
    key = "SharedAccessKeyName=local;SharedAccessKey=k"
    return f"Endpoint=sb://127.0.0.1:{free_port()};{key};UseDevelopmentEmulator=true"


def test_a_cancelled_feed_publishes_nothing_more_and_does_not_wait(runtime: Runtime) -> None:
    events = iter(EVENTS)
    fed = feed(runtime, nowhere(), events, len(EVENTS), Console(), cancelled=lambda: True)
    assert fed == Fed(published=0, resent=0, counts=Counts(), accounted=False)
    assert len(list(events)) == len(EVENTS) - 1


def test_a_feed_of_nothing_is_accounted_for(runtime: Runtime) -> None:
    assert feed(runtime, nowhere(), [], 0, Console()) == Fed(0, 0, Counts(), accounted=True)


def test_a_connection_string_that_is_none_ends_it_at_once(runtime: Runtime) -> None:
    with pytest.raises(StackError):
        feed(runtime, "somewhere", EVENTS, len(EVENTS), Console())


def test_a_line_that_turns_bad_after_it_was_checked_ends_it(runtime: Runtime) -> None:
    def changed_meanwhile() -> Iterator[SampleEvent]:
        yield from ()
        raise LineInvalid("events.ndjson, line 1: this is not JSON.")

    with pytest.raises(StackError, match="line 1"):
        feed(runtime, nowhere(), changed_meanwhile(), 1, Console())
